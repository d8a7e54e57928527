"""What is sold: categories, and what belongs to them."""

from __future__ import annotations

from commerce.policies.permission import Permission

READ = Permission("catalog:read", "See the catalogue as staff keep it, what shoppers don't see too.")
WRITE = Permission("catalog:write", "Make, change, move and remove categories.")
PERMISSIONS = (READ, WRITE)
