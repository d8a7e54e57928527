"""Orders: looked at, sent, changed, refunded."""

from __future__ import annotations

from commerce.policies.permission import Permission

_GIVES = (
    "What is given away has a limit for each order and each day, where the membership or a role says one; a support "
    "agent always has one."
)
READ = Permission(
    "orders:read",
    "See every order with its documents, returns and claims.",
    vendors="See the vendor's own lines of orders, and what it has earned.",
    rule="Whoever is bound to warehouses sees parcels and stock of those only.",
)
FULFIL = Permission(
    "orders:fulfil",
    "Send parcels and say how far they are.",
    vendors="Send the vendor's own lines.",
    rule="Whoever is bound to warehouses sends from those only.",
)
WRITE = Permission("orders:write", "Cancel, edit and annotate orders, and decide on returns.", rule=_GIVES)
REFUND = Permission("orders:refund", "Give money back, and decide on claims.", rule=_GIVES)
PERMISSIONS = (READ, FULFIL, WRITE, REFUND)
