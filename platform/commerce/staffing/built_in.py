"""The platform's roles in a shop: what they hold is the platform's to say, what bounds them is the shop's."""

from __future__ import annotations

import asyncpg
import orjson
from sqlalchemy import text

from commerce.identity.staff import Staff
from commerce.policies.limits import SILENT, HeldRole, Said
from commerce.policies.roles import ADMIN, ROLES, Role
from commerce.staffing.granting import may_change, require_warehouses, said_in
from commerce.staffing.refusals import RoleNotFound, RoleWithoutLimits, Stale
from commerce.staffing.schemas import LimitsOut, RoleOut
from foundation import audit
from foundation.database import Tx, hot
from foundation.ids import new_id

# uq_built_in_role_name
_FOUND = "SELECT name, CAST(limits AS text) AS limits, version FROM built_in_role WHERE tenant_id = :tenant_id"
_LIST = hot(text(_FOUND))
_HOLD = hot(text(f"{_FOUND} AND name = :name FOR UPDATE"))
_ADD = hot(
    text(
        """
        INSERT INTO built_in_role (tenant_id, id, name, limits) VALUES (:tenant_id, :id, :name, CAST(:limits AS jsonb))
        """
    )
)
_CHANGE = hot(
    text(
        """
        UPDATE built_in_role SET limits = CAST(:limits AS jsonb), version = version + 1
        WHERE tenant_id = :tenant_id AND name = :name
        """
    )
)


async def every(tx: Tx, *, of_vendor: bool) -> list[RoleOut]:
    """The platform's roles for people of the shop, or of a vendor, as they are in this shop."""
    said = {row["name"]: row for row in await tx.rows(_LIST)}
    return [_out(role, said.get(role.name)) for role in ROLES.values() if role.for_vendors == of_vendor]


async def said_of(tx: Tx, name: str) -> Said:
    """What the shop says of the bounds of a role of the platform's."""
    row = await tx.one(_HOLD, {"name": name})
    return said_in(row) if row else SILENT


async def limit(tx: Tx, by: Staff, name: str, said: Said, version: int) -> RoleOut:
    """Bound all who have a role of the platform's and are given no limits of their own.

    Raises:
        RoleNotFound, RoleWithoutLimits, UnknownWarehouse, Stale.
        CannotGrant, WiderLimits: it is, or becomes, more than whoever asks may do.
    """
    role = ROLES.get(name)
    if role is None:
        raise RoleNotFound
    if not _can_be_bounded(role):
        raise RoleWithoutLimits
    await require_warehouses(tx, said)
    row = await tx.one(_HOLD, {"name": name})
    if version != (row["version"] if row else 0):
        raise Stale(version=row["version"] if row else 0)
    may_change(by, HeldRole.built_in(name, said_in(row) if row else SILENT), HeldRole.built_in(name, said))
    values = {"name": name, "limits": orjson.dumps(said.kept()).decode()}
    if row is not None:
        await tx.rows(_CHANGE, values)
    else:
        await _add(tx, values)
    await audit.record(tx, actor=by.principal, action="roles.limited", object=f"role:{name}", details=said.told())
    return _out(role, await tx.one(_HOLD, {"name": name}))


async def _add(tx: Tx, values: dict[str, str]) -> None:
    try:
        await tx.rows(_ADD, {"id": new_id(), **values})
    except asyncpg.UniqueViolationError as fault:
        raise Stale(version=1) from fault


def _can_be_bounded(role: Role) -> bool:
    return role != ADMIN and not role.for_vendors


def _out(role: Role, row: asyncpg.Record | None) -> RoleOut:
    bounded = _can_be_bounded(role)
    return RoleOut(
        id=None,
        name=role.name,
        title=role.title,
        meaning=role.meaning,
        permissions=tuple(sorted(role.permissions)),
        limits=LimitsOut.of(said_in(row) if row else SILENT) if bounded else None,
        version=(row["version"] if row else 0) if bounded else None,
    )
