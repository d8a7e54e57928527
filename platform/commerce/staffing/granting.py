"""What may be given: never more than whoever gives it holds."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import text

from commerce.identity.staff import Staff
from commerce.policies.limits import Limits, Said, limits_of
from commerce.policies.roles import ROLES, held
from commerce.staffing.refusals import CannotGrant, UnknownRole, UnknownWarehouse, WiderLimits
from foundation.database import Tx, hot


@dataclass(frozen=True, slots=True)
class Grant:
    """What somebody is to be given: roles, and the bounds of what they hold by them."""

    roles: tuple[str, ...]
    """The platform's, by name."""
    role_ids: tuple[UUID, ...]
    """The shop's own."""
    said: Said


@dataclass(frozen=True, slots=True)
class Held:
    """What a grant comes to."""

    permissions: frozenset[str]
    limits: Limits


# pk_role. They stay as they are until this transaction ends: what is given is what was looked at.
_ROLES = hot(
    text(
        """
        SELECT id, permissions FROM role
        WHERE tenant_id = :tenant_id AND id = ANY (CAST(:ids AS uuid[]))
          AND vendor_id IS NOT DISTINCT FROM CAST(:vendor_id AS uuid)
        ORDER BY id FOR SHARE
        """
    )
)
_WAREHOUSES = hot(
    text("SELECT count(*) FROM warehouse WHERE tenant_id = :tenant_id AND id = ANY (CAST(:ids AS uuid[]))")
)


async def grantable(tx: Tx, by: Staff, grant: Grant, vendor_id: UUID | None) -> None:
    """Stop whoever gives somebody, of the shop or of a vendor, more than they hold themselves.

    Raises:
        UnknownRole, UnknownWarehouse: something of it isn't there, or isn't for these people.
        CannotGrant, WiderLimits: it is more than whoever gives it has.
    """
    for role in grant.roles:
        if role not in ROLES or ROLES[role].for_vendors != (vendor_id is not None):
            raise UnknownRole(role=role)
    if grant.said.warehouses:
        (found,) = await tx.rows(_WAREHOUSES, {"ids": list(grant.said.warehouses)})
        if found[0] != len(grant.said.warehouses):
            raise UnknownWarehouse
    within(by, await come_to(tx, grant, vendor_id))


async def come_to(tx: Tx, grant: Grant, vendor_id: UUID | None) -> Held:
    """What a grant comes to. A role that it names stays as it is until `tx` ends.

    Raises:
        UnknownRole: one isn't there.
    """
    own = {
        row["id"]: row["permissions"] for row in await tx.rows(_ROLES, {"ids": grant.role_ids, "vendor_id": vendor_id})
    }
    for role_id in grant.role_ids:
        if role_id not in own:
            raise UnknownRole(role=str(role_id))
    permissions = [permission for held_by in own.values() for permission in held_by]
    return Held(
        held(grant.roles, permissions, of_vendor=vendor_id is not None),
        limits_of(grant.said, grant.roles, frozenset(permissions)),
    )


def within(by: Staff, wanted: Held) -> None:
    """Stop whoever would give, or take from somebody, more than they hold.

    Raises:
        CannotGrant, WiderLimits.
    """
    require_all(by, wanted.permissions)
    if not wanted.limits.within(by.limits, wanted.permissions):
        raise WiderLimits


def require_all(by: Staff, permissions: Iterable[str]) -> None:
    """Stop whoever lacks one of the permissions.

    Raises:
        CannotGrant.
    """
    for permission in sorted(permissions):
        if permission not in by.scopes:
            raise CannotGrant(permission=permission)


def grant_of(roles: Sequence[str], role_ids: Sequence[UUID], said: Said) -> Grant:
    """A grant without repetitions, in order."""
    return Grant(tuple(sorted(set(roles))), tuple(sorted(set(role_ids))), said)
