"""What somebody may do by their membership, read where whoever acts is found: permissions, and the bounds of them."""

from __future__ import annotations

import orjson

from commerce.policies.holding import Held, comes_to
from commerce.policies.limits import HeldRole, Said

# pk_role, uq_built_in_role_name
COLUMN = """
    CASE WHEN m.id IS NOT NULL THEN CAST(jsonb_build_object(
        'roles', m.roles, 'limits', m.limits, 'of_vendor', m.vendor_id IS NOT NULL,
        'own', ARRAY(SELECT jsonb_build_object('permissions', r.permissions, 'limits', r.limits) FROM role r
                     WHERE r.tenant_id = m.tenant_id AND r.id = ANY (m.role_ids)),
        'of_built_in', (SELECT coalesce(jsonb_object_agg(b.name, b.limits), '{}') FROM built_in_role b
                        WHERE b.tenant_id = m.tenant_id AND b.name = ANY (m.roles))) AS text) END AS membership
"""
"""What `held_by` reads, of the row `m` of a membership."""


def held_by(membership: str) -> Held:
    """What a membership comes to, of what `COLUMN` found."""
    found = orjson.loads(membership)
    own = [HeldRole(frozenset(role["permissions"]), Said.of(role["limits"])) for role in found["own"]]
    said = {name: Said.of(limits) for name, limits in found["of_built_in"].items()}
    return comes_to(Said.of(found["limits"]), found["roles"], said, own, of_vendor=found["of_vendor"])
