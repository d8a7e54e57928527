"""Orders: looked at, sent, changed, refunded."""

from __future__ import annotations

from commerce.policies.permission import Permission

READ = Permission(
    "orders:read",
    "See every order with its documents, returns and claims.",
    vendors="See the vendor's own lines of orders, and what it has earned.",
)
FULFIL = Permission(
    "orders:fulfil",
    "Send parcels and say how far they are.",
    vendors="Send the vendor's own lines.",
)
WRITE = Permission("orders:write", "Cancel, edit and annotate orders, and decide on returns.")
REFUND = Permission("orders:refund", "Give money back, and decide on claims.")
PERMISSIONS = (READ, FULFIL, WRITE, REFUND)
