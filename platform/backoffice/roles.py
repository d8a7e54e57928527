"""Roles: the platform's, and those that the shop has made."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Request
from pydantic import BeforeValidator, Field
from starlette.responses import Response

from backoffice.desk import Desk, desk
from backoffice.limits import LimitsForm, shown
from commerce.policies.limits import PER_DAY, PER_ORDER, SILENT, Said
from commerce.staffing import built_in, roles, service
from commerce.staffing.refusals import RoleNotFound
from commerce.staffing.schemas import LimitsIn, PermissionName, RoleIn, RoleList, RoleName, RoleOut
from foundation.types import Id, Note, Text
from pages.forms import Button, read, whole

router = APIRouter(prefix="/back-office/roles")
Reader = Annotated[Desk, Depends(desk("staff:read"))]
Writer = Annotated[Desk, Depends(desk("roles:write"))]
RoleId = Annotated[Id, Path()]
_MANY = 250
_LISTS = ("permissions", "warehouses")
Name = Annotated[RoleName, Path()]


class RoleForm(LimitsForm):
    """A role, by the permissions that are ticked."""

    name: Text
    meaning: Note
    permissions: Annotated[list[PermissionName], Field(min_length=1, max_length=200)]

    def asked(self, before: Said, currency: str) -> RoleIn:
        """As the service takes it.

        Raises:
            LimitUnclear.
        """
        limits = LimitsIn.of(self.said(before, currency))
        return RoleIn(name=self.name, meaning=self.meaning, permissions=self.permissions, limits=limits)


class ChangeForm(RoleForm):
    """A role in place of that of a version."""

    version: Annotated[int, BeforeValidator(whole)]


class BuiltInForm(LimitsForm):
    """Other limits of a role of the platform's in place of those of a version."""

    version: Annotated[int, BeforeValidator(whole)]


@router.get("")
async def show(desk: Reader) -> Response:
    """The roles there are."""
    return await _page(desk, None)


@router.get("/{role_id}")
async def show_one(desk: Reader, role_id: RoleId) -> Response:
    """One of the shop's own, to change."""
    return await _page(desk, role_id)


@router.get("/built-in/{name}")
async def show_built_in(desk: Reader, name: Name) -> Response:
    """One of the platform's, to limit."""
    return await _page(desk, name)


@router.post("/built-in/{name}")
async def limit(request: Request, desk: Writer, name: Name) -> Response:
    """Bound all who have a role of the platform's and are given no limits of their own."""
    form = await read(request, BuiltInForm, lists=("warehouses",))
    async with desk.tx() as tx:
        before = await built_in.said_of(tx, name)
        await built_in.limit(tx, desk.staff, name, form.said(before, desk.shop.currency), form.version)
    return desk.redirect("/back-office/roles", "changed")


@router.post("")
async def make(request: Request, desk: Writer) -> Response:
    """A new role."""
    form = await read(request, RoleForm, lists=_LISTS, most=_MANY)
    async with desk.tx() as tx:
        await roles.make(tx, desk.staff, None, form.asked(SILENT, desk.shop.currency))
    return desk.redirect("/back-office/roles", "role-made")


@router.post("/{role_id}")
async def change(request: Request, desk: Writer, role_id: RoleId) -> Response:
    """Change a role for all who have it."""
    form = await read(request, ChangeForm, lists=_LISTS, most=_MANY)
    async with desk.tx() as tx:
        asked = form.asked(await roles.said_of(tx, role_id), desk.shop.currency)
        await roles.change(tx, desk.staff, None, role_id, asked, form.version)
    return desk.redirect("/back-office/roles", "changed")


@router.post("/{role_id}/deletion")
async def delete(request: Request, desk: Writer, role_id: RoleId) -> Response:
    """Delete a role that nobody has."""
    await read(request, Button)
    async with desk.tx() as tx:
        await roles.delete(tx, desk.staff, None, role_id)
    return desk.redirect("/back-office/roles", "role-deleted")


async def _page(desk: Desk, wanted: UUID | str | None) -> Response:
    async with desk.tx(read_only=True) as tx:
        known = await roles.every(tx, None)
        warehouses = await service.warehouses(tx, limits=desk.staff.limits)
    role = _one(known, wanted) if wanted is not None else None
    return desk.page(
        "roles.html",
        known=known,
        role=role,
        warehouses=warehouses,
        refunds={str(one.id or one.name): shown(one.limits, desk.shop.currency) for one in known.items},
        usual=(PER_ORDER, PER_DAY),
    )


def _one(known: RoleList, wanted: UUID | str) -> RoleOut:
    """One of the shop's own by its id, or of the platform's that can be limited by its name."""
    limited = (role for role in known.items if role.limits is not None)
    found = next((role for role in limited if (role.id or role.name) == wanted), None)
    if found is None:
        raise RoleNotFound
    return found
