"""The audit log, and what is kept about people."""

from __future__ import annotations

from commerce.policies.permission import Permission

AUDIT_READ = Permission("audit:read", "See who did what and why, and check that nobody changed the log.")
PRIVACY_READ = Permission("privacy:read", "See who asked for their data or to be forgotten, and what became of it.")
PRIVACY_WRITE = Permission(
    "privacy:write",
    "Have a customer's data put together, or the customer forgotten.",
    rule="With a reason; nobody is forgotten while an order, claim, return, dispute or payment of theirs is open.",
)
PERMISSIONS = (AUDIT_READ, PRIVACY_READ, PRIVACY_WRITE)
