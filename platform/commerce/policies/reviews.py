"""What customers say of products."""

from __future__ import annotations

from commerce.policies.permission import Permission

READ = Permission(
    "reviews:read",
    "See reviews, also those that wait for a decision or were rejected, and who reported them why.",
    vendors="See what is published of the vendor's own products.",
)
WRITE = Permission(
    "reviews:write",
    "Publish and reject reviews, and answer them.",
    vendors="Answer what is published of the vendor's own products.",
)
PERMISSIONS = (READ, WRITE)
