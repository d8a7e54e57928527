"""Roles: the platform's, and those that the shop has made."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Request
from pydantic import BeforeValidator, Field
from starlette.responses import Response

from backoffice.desk import Desk, desk
from commerce.staffing import roles
from commerce.staffing.refusals import RoleNotFound
from commerce.staffing.schemas import PermissionName, RoleIn, RoleList, RoleOut
from foundation.types import Id, Input, Note, Text
from pages.forms import Button, read, whole

router = APIRouter(prefix="/back-office/roles")
Reader = Annotated[Desk, Depends(desk("staff:read"))]
Writer = Annotated[Desk, Depends(desk("roles:write"))]
RoleId = Annotated[Id, Path()]
_MANY = 250


class RoleForm(Input):
    """A role, by the permissions that are ticked."""

    name: Text
    meaning: Note
    permissions: Annotated[list[PermissionName], Field(min_length=1, max_length=200)]

    def asked(self) -> RoleIn:
        """As the service takes it."""
        return RoleIn(name=self.name, meaning=self.meaning, permissions=self.permissions)


class ChangeForm(RoleForm):
    """A role in place of that of a version."""

    version: Annotated[int, BeforeValidator(whole)]


@router.get("")
async def show(desk: Reader) -> Response:
    """The roles there are."""
    return desk.page("roles.html", known=await _known(desk), role=None)


@router.get("/{role_id}")
async def show_one(desk: Reader, role_id: RoleId) -> Response:
    """One of the shop's own, to change."""
    known = await _known(desk)
    return desk.page("roles.html", known=known, role=_one(known, role_id))


@router.post("")
async def make(request: Request, desk: Writer) -> Response:
    """A new role."""
    form = await read(request, RoleForm, lists=("permissions",), most=_MANY)
    async with desk.tx() as tx:
        await roles.make(tx, desk.staff, None, form.asked())
    return desk.redirect("/back-office/roles", "role-made")


@router.post("/{role_id}")
async def change(request: Request, desk: Writer, role_id: RoleId) -> Response:
    """Change a role for all who have it."""
    form = await read(request, ChangeForm, lists=("permissions",), most=_MANY)
    async with desk.tx() as tx:
        await roles.change(tx, desk.staff, None, role_id, form.asked(), form.version)
    return desk.redirect("/back-office/roles", "changed")


@router.post("/{role_id}/deletion")
async def delete(request: Request, desk: Writer, role_id: RoleId) -> Response:
    """Delete a role that nobody has."""
    await read(request, Button)
    async with desk.tx() as tx:
        await roles.delete(tx, desk.staff, None, role_id)
    return desk.redirect("/back-office/roles", "role-deleted")


async def _known(desk: Desk) -> RoleList:
    async with desk.tx(read_only=True) as tx:
        return await roles.every(tx, None)


def _one(known: RoleList, role_id: object) -> RoleOut:
    found = next((role for role in known.items if role.id == role_id), None)
    if found is None:
        raise RoleNotFound
    return found
