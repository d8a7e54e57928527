"""What may be given: never more than whoever gives it holds."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from uuid import UUID

import asyncpg
import orjson
from sqlalchemy import text

from commerce.identity.staff import Staff
from commerce.policies.holding import Held, comes_to
from commerce.policies.limits import HeldRole, Said
from commerce.policies.roles import ROLES
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


# pk_role. They stay as they are until this transaction ends: what is given is what was looked at.
_ROLES = hot(
    text(
        """
        SELECT id, permissions, CAST(limits AS text) AS limits FROM role
        WHERE tenant_id = :tenant_id AND id = ANY (CAST(:ids AS uuid[]))
          AND vendor_id IS NOT DISTINCT FROM CAST(:vendor_id AS uuid)
        ORDER BY id FOR SHARE
        """
    )
)
# uq_built_in_role_name
_OF_BUILT_IN = hot(
    text(
        """
        SELECT name, CAST(limits AS text) AS limits FROM built_in_role
        WHERE tenant_id = :tenant_id AND name = ANY (:names) ORDER BY name FOR SHARE
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
    await require_warehouses(tx, grant.said)
    within(by, await come_to(tx, grant, vendor_id))


async def require_warehouses(tx: Tx, said: Said) -> None:
    """Stop a bound by a warehouse that there isn't.

    Raises:
        UnknownWarehouse.
    """
    if said.warehouses:
        (found,) = await tx.rows(_WAREHOUSES, {"ids": list(said.warehouses)})
        if found[0] != len(said.warehouses):
            raise UnknownWarehouse


async def come_to(tx: Tx, grant: Grant, vendor_id: UUID | None) -> Held:
    """What a grant comes to. A role that it names stays as it is until `tx` ends.

    Raises:
        UnknownRole: one isn't there.
    """
    own = {row["id"]: row for row in await tx.rows(_ROLES, {"ids": grant.role_ids, "vendor_id": vendor_id})}
    for role_id in grant.role_ids:
        if role_id not in own:
            raise UnknownRole(role=str(role_id))
    said = {row["name"]: said_in(row) for row in await tx.rows(_OF_BUILT_IN, {"names": grant.roles})}
    roles = [HeldRole(frozenset(row["permissions"]), said_in(row)) for row in own.values()]
    return comes_to(grant.said, grant.roles, said, roles, of_vendor=vendor_id is not None)


def said_in(row: asyncpg.Record) -> Said:
    """What a row of a membership or a role says of bounds."""
    return Said.of(orjson.loads(row["limits"]))


def within(by: Staff, wanted: Held) -> None:
    """Stop whoever would give, or take from somebody, more than they hold.

    Raises:
        CannotGrant, WiderLimits.
    """
    require_all(by, wanted.permissions)
    if not wanted.limits.within(by.limits, wanted.permissions):
        raise WiderLimits


def may_change(by: Staff, before: HeldRole, after: HeldRole) -> None:
    """Stop whoever would change a role that is, or becomes, more than they hold: it is changed for all who have it.

    Raises:
        CannotGrant, WiderLimits.
    """
    concerned = before.concerns | after.concerns
    for role in (before, after):
        require_all(by, role.permissions)
        if not role.limits.within(by.limits, concerned):
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
