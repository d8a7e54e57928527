"""Stock and the warehouses it lies in."""

from __future__ import annotations

from commerce.policies.permission import Permission

_OWN = "Whoever is bound to warehouses has to do with those only; a warehouse manager always is."
READ = Permission(
    "inventory:read",
    "See stock, its movements, lots, warehouses and promises.",
    rule=_OWN,
)
WRITE = Permission(
    "inventory:write",
    "Receive, count, move and write off stock, and set the rules it is kept by.",
    rule=_OWN,
)
PERMISSIONS = (READ, WRITE)
