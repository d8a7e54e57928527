"""The shop's own settings."""

from __future__ import annotations

from commerce.policies.permission import Permission

READ = Permission("settings:read", "See how the shop is set up.")
WRITE = Permission("settings:write", "Set the shop up: taxes, delivery, payment providers, documents, order rules.")
PERMISSIONS = (READ, WRITE)
