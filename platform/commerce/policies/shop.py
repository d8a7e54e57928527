"""The shop's own settings."""

from __future__ import annotations

from commerce.policies.permission import Permission

READ = Permission("settings:read", "See how the shop is set up.")
WRITE = Permission("settings:write", "Set the shop up: taxes, delivery, documents, order rules.")
CLOSE = Permission(
    "settings:close",
    "Close the shop for good, and undo that.",
    rule="The shop's name must be typed; everything is deleted only after a time of grace.",
)
EXPORT = Permission(
    "settings:export",
    "Take everything of the shop along: customers' data, orders, the books, files.",
    rule="A person must have proved just now who they are; each time is in the audit log.",
)
PERMISSIONS = (READ, WRITE, CLOSE, EXPORT)
