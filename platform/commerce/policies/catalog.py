"""What is sold: categories, and what belongs to them."""

from __future__ import annotations

from commerce.policies.permission import Permission

READ = Permission(
    "catalog:read",
    "See the catalogue as staff keep it, what shoppers don't see too.",
    vendors="See the vendor's own products, whatever their status.",
)
WRITE = Permission(
    "catalog:write",
    "Keep categories, brands, attributes and types; write products, and propose changes of those that are live.",
    vendors="Write the vendor's own products, and propose changes of those that are live.",
)
PUBLISH = Permission(
    "catalog:publish",
    "Agree to what is written of products, publish them, and archive them; change those that are live.",
    rule="Whoever changes what a live product costs needs `prices:write`, too.",
)
PERMISSIONS = (READ, WRITE, PUBLISH)
