"""Who works here: a list, invitations, and what each of them may do."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Path, Request
from pydantic import BeforeValidator, Field
from starlette.responses import Response

from backoffice.desk import Desk, desk
from backoffice.limits import LimitsForm, WarehousesForm, shown
from commerce.http import home_of
from commerce.oauth import clients
from commerce.oauth.clients import Client
from commerce.policies.limits import PER_DAY, PER_ORDER, Said
from commerce.staffing import roles, service
from commerce.staffing.granting import grant_of
from commerce.staffing.schemas import MemberOut, RoleList, RoleName
from foundation.database import Tx
from foundation.types import Email, Id, Input
from pages.forms import read, whole

router = APIRouter(prefix="/back-office/people")
Reader = Annotated[Desk, Depends(desk("staff:read"))]
Writer = Annotated[Desk, Depends(desk("staff:write"))]
MemberId = Annotated[Id, Path()]
_LISTS = ("roles", "role_ids", "warehouses")


class GrantForm(WarehousesForm):
    """The roles that are ticked, and the warehouses."""

    roles: Annotated[list[RoleName], Field(default_factory=list, max_length=50)]
    role_ids: Annotated[list[Id], Field(default_factory=list, max_length=50)]


class InviteForm(GrantForm):
    """Somebody to invite."""

    email: Email


class ChangeForm(GrantForm, LimitsForm):
    """Other roles and limits in place of those of a version."""

    version: Annotated[int, BeforeValidator(whole)]


class StatusForm(Input):
    """A button."""

    to: Literal["active", "suspended", "removed"]


@router.get("")
async def show(desk: Reader) -> Response:
    """Who works here."""
    async with desk.tx(read_only=True) as tx:
        members = await service.every(tx, None)
        known = await roles.every(tx, None)
    return desk.page("people.html", members=members, titles=_titles(known), roles=known.items)


@router.post("")
async def invite(request: Request, desk: Writer) -> Response:
    """Invite somebody."""
    form = await read(request, InviteForm, lists=_LISTS)
    async with desk.tx() as tx:
        await service.invite(
            tx,
            desk.staff,
            None,
            email=form.email,
            grant=grant_of(form.roles, form.role_ids, Said(warehouses=form.bound_to)),
            home=home_of(request),
            locale=desk.shop.locale,
        )
    return desk.redirect("/back-office/people", "invited")


@router.get("/{member_id}")
async def show_one(desk: Reader, member_id: MemberId) -> Response:
    """One of them, and what they may do."""
    async with desk.tx(read_only=True) as tx:
        member = await service.one(tx, member_id)
        known = await roles.every(tx, member.vendor_id)
        warehouses = await service.warehouses(tx, limits=desk.staff.limits)
        registered = await _programs_of(desk, tx, member)
    return desk.page(
        "person.html",
        member=member,
        roles=known.items,
        warehouses=warehouses,
        mine=_is_mine(desk, member),
        programs=registered,
        refunds=shown(member.limits, desk.shop.currency),
        usual=(PER_ORDER, PER_DAY),
    )


@router.post("/{member_id}")
async def change(request: Request, desk: Writer, member_id: MemberId) -> Response:
    """Give them other roles."""
    form = await read(request, ChangeForm, lists=_LISTS)
    async with desk.tx() as tx:
        before = await service.said_of(tx, member_id)
        grant = grant_of(form.roles, form.role_ids, form.said(before, desk.shop.currency))
        await service.change(tx, desk.staff, None, member_id, grant, form.version)
    return desk.redirect(f"/back-office/people/{member_id}", "changed")


@router.post("/{member_id}/status")
async def set_status(request: Request, desk: Writer, member_id: MemberId) -> Response:
    """Keep them out, let them back in, or remove them."""
    form = await read(request, StatusForm)
    async with desk.tx() as tx:
        left = await _programs_of(desk, tx, await service.one(tx, member_id)) if form.to == "removed" else []
        await service.set_status(tx, desk.staff, None, member_id, form.to)
    if left:
        return desk.redirect("/back-office/programs", "removed-programs")
    return desk.redirect("/back-office/people", {"active": "let-back"}.get(form.to, form.to))


@router.post("/{member_id}/invitation")
async def invite_again(request: Request, desk: Writer, member_id: MemberId) -> Response:
    """Send the invitation once more."""
    async with desk.tx() as tx:
        await service.invite_again(tx, desk.staff, None, member_id, home=home_of(request), locale=desk.shop.locale)
    return desk.redirect("/back-office/people", "invited")


async def _programs_of(desk: Desk, tx: Tx, member: MemberOut) -> list[Client]:
    """The programs that somebody registered and that are let in still, for whoever may see programs."""
    if "programs:read" not in desk.staff.scopes:
        return []
    principal = f"account:{member.account_id}"
    return [one for one in await clients.clients(tx) if one.created_by == principal and one.disabled_at is None]


def _titles(known: RoleList) -> dict[str, str]:
    """What roles are called, by name and by id."""
    return {str(role.id or role.name): role.title for role in known.items}


def _is_mine(desk: Desk, member: MemberOut) -> bool:
    return member.id == desk.staff.membership_id
