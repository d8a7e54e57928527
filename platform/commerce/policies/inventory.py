"""Stock and the warehouses it lies in."""

from __future__ import annotations

from commerce.policies.permission import Permission

READ = Permission(
    "inventory:read",
    "See stock, its movements, lots, warehouses and promises.",
)
WRITE = Permission(
    "inventory:write",
    "Receive, count, move and write off stock, and set the rules it is kept by.",
)
PERMISSIONS = (READ, WRITE)
