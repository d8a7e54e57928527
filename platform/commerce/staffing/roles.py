"""The roles that a shop, or one of its vendors, makes for itself."""

from __future__ import annotations

from uuid import UUID

import asyncpg
import orjson
from sqlalchemy import text

from commerce.identity.staff import Staff
from commerce.policies.limits import HeldRole, Said
from commerce.policies.registry import PERMISSIONS, VENDOR_SCOPES
from commerce.staffing import built_in
from commerce.staffing.granting import may_change, require_warehouses, said_in
from commerce.staffing.refusals import NoSuchPermission, RoleInUse, RoleNameTaken, RoleNotFound, Stale, TooManyRoles
from commerce.staffing.schemas import LimitsOut, PermissionOut, RoleIn, RoleList, RoleOut
from foundation import audit
from foundation.database import Tx, hot
from foundation.ids import new_id

MOST = 100
"""Roles of a shop, or of a vendor."""

_COLUMNS = "id, name, meaning, permissions, CAST(limits AS text) AS limits, version"
_OF = "tenant_id = :tenant_id AND vendor_id IS NOT DISTINCT FROM CAST(:vendor_id AS uuid)"
# uq_role_name
_LIST = hot(text(f"SELECT {_COLUMNS} FROM role WHERE {_OF} ORDER BY name"))  # noqa: S608
_HOLD = hot(text(f"SELECT {_COLUMNS} FROM role WHERE {_OF} AND id = :id FOR UPDATE"))  # noqa: S608
_MAKE = hot(
    text(
        """
        INSERT INTO role (tenant_id, id, vendor_id, name, meaning, permissions, limits)
        VALUES (:tenant_id, :id, CAST(:vendor_id AS uuid), :name, :meaning, :permissions, CAST(:limits AS jsonb))
        """
    )
)
_CHANGE = hot(
    text(
        """
        UPDATE role SET name = :name, meaning = :meaning, permissions = :permissions, limits = CAST(:limits AS jsonb),
               version = version + 1
        WHERE tenant_id = :tenant_id AND id = :id
        """
    )
)
_USED = hot(
    text(
        """
        SELECT FROM membership WHERE tenant_id = :tenant_id AND :id = ANY (role_ids) AND status <> 'removed' LIMIT 1
        """
    )
)
_DELETE = hot(text("DELETE FROM role WHERE tenant_id = :tenant_id AND id = :id"))


async def every(tx: Tx, vendor_id: UUID | None) -> RoleList:
    """The roles that people of the shop, or of a vendor, can have, and the permissions they can be made of."""
    own = [_out(row) for row in await tx.rows(_LIST, {"vendor_id": vendor_id})]
    of_vendor = vendor_id is not None
    ready = await built_in.every(tx, of_vendor=of_vendor)
    permissions = [
        PermissionOut(name=one.name, meaning=one.vendors or one.meaning if of_vendor else one.meaning, rule=one.rule)
        for one in PERMISSIONS.values()
        if not of_vendor or one.vendors
    ]
    return RoleList(items=[*ready, *own], permissions=permissions)


async def said_of(tx: Tx, role_id: UUID) -> Said:
    """What a role of the shop's says of the bounds of those who have it.

    Raises:
        RoleNotFound.
    """
    return said_in(await _held(tx, role_id, None))


async def make(tx: Tx, by: Staff, vendor_id: UUID | None, asked: RoleIn) -> RoleOut:
    """A new role, of no more than whoever makes it may do.

    Raises:
        NoSuchPermission, UnknownWarehouse, CannotGrant, WiderLimits, RoleNameTaken, TooManyRoles.
    """
    await _require(tx, by, vendor_id, asked)
    if len(await tx.rows(_LIST, {"vendor_id": vendor_id})) >= MOST:
        raise TooManyRoles(limit=MOST)
    role_id = new_id()
    values = {"id": role_id, "vendor_id": vendor_id, **_values(asked)}
    try:
        await tx.rows(_MAKE, values)
    except asyncpg.UniqueViolationError as fault:
        raise RoleNameTaken from fault
    await _note(tx, by, "roles.made", role_id, _asked(asked))
    return _out(await _held(tx, role_id, vendor_id))


async def change(tx: Tx, by: Staff, vendor_id: UUID | None, role_id: UUID, asked: RoleIn, version: int) -> RoleOut:
    """Another role in its place, for all who have it.

    Raises:
        RoleNotFound, Stale, NoSuchPermission, UnknownWarehouse, RoleNameTaken.
        CannotGrant, WiderLimits: it is, or becomes, more than whoever asks may do.
    """
    row = await _held(tx, role_id, vendor_id)
    if row["version"] != version:
        raise Stale(version=row["version"])
    await _require(tx, by, vendor_id, asked)
    may_change(by, _kept(row), _asked(asked))
    try:
        await tx.rows(_CHANGE, {"id": role_id, **_values(asked)})
    except asyncpg.UniqueViolationError as fault:
        raise RoleNameTaken from fault
    await _note(tx, by, "roles.changed", role_id, _asked(asked))
    return _out(await _held(tx, role_id, vendor_id))


async def delete(tx: Tx, by: Staff, vendor_id: UUID | None, role_id: UUID) -> None:
    """There is no such role any more.

    Raises:
        RoleNotFound, RoleInUse, CannotGrant, WiderLimits.
    """
    row = await _held(tx, role_id, vendor_id)
    may_change(by, _kept(row), _kept(row))
    if await tx.one(_USED, {"id": role_id}) is not None:
        raise RoleInUse
    await tx.rows(_DELETE, {"id": role_id})
    await _note(tx, by, "roles.deleted", role_id, _kept(row))


async def _require(tx: Tx, by: Staff, vendor_id: UUID | None, asked: RoleIn) -> None:
    known = VENDOR_SCOPES if vendor_id is not None else PERMISSIONS.keys()
    for permission in asked.permissions:
        if permission not in known:
            raise NoSuchPermission(permission=permission)
    await require_warehouses(tx, asked.limits.said())
    may_change(by, _asked(asked), _asked(asked))


async def _held(tx: Tx, role_id: UUID, vendor_id: UUID | None) -> asyncpg.Record:
    row = await tx.one(_HOLD, {"id": role_id, "vendor_id": vendor_id})
    if row is None:
        raise RoleNotFound
    return row


def _values(asked: RoleIn) -> dict[str, object]:
    return {
        "name": asked.name,
        "meaning": asked.meaning,
        "permissions": sorted(set(asked.permissions)),
        "limits": orjson.dumps(asked.limits.said().kept()).decode(),
    }


def _asked(asked: RoleIn) -> HeldRole:
    return HeldRole(frozenset(asked.permissions), asked.limits.said())


def _kept(row: asyncpg.Record) -> HeldRole:
    return HeldRole(frozenset(row["permissions"]), said_in(row))


def _out(row: asyncpg.Record) -> RoleOut:
    return RoleOut(
        id=row["id"],
        name=row["name"],
        title=row["name"],
        meaning=row["meaning"],
        permissions=tuple(row["permissions"]),
        limits=LimitsOut.of(said_in(row)),
        version=row["version"],
    )


async def _note(tx: Tx, by: Staff, action: str, role_id: UUID, role: HeldRole) -> None:
    details = {"permissions": sorted(role.permissions), **role.said.told()}
    await audit.record(tx, actor=by.principal, action=action, object=f"role:{role_id}", details=details)
