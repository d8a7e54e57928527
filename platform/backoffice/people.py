"""Who works here: a list, invitations, and what each of them may do."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Path, Request
from pydantic import BeforeValidator, Field, StringConstraints
from starlette.responses import Response

from backoffice.desk import Desk, desk
from commerce.http import home_of
from commerce.oauth import clients
from commerce.oauth.clients import Client
from commerce.policies.limits import PER_DAY, PER_ORDER, RefundLimit, Said
from commerce.staffing import roles, service
from commerce.staffing.granting import Grant, grant_of
from commerce.staffing.schemas import MemberOut, RoleList, RoleName
from foundation.database import Tx
from foundation.errors import Unprocessable
from foundation.money import exponent, from_decimal, to_decimal
from foundation.types import Email, Id, Input
from pages.forms import read, whole

router = APIRouter(prefix="/back-office/people")
Reader = Annotated[Desk, Depends(desk("staff:read"))]
Writer = Annotated[Desk, Depends(desk("staff:write"))]
MemberId = Annotated[Id, Path()]
_LISTS = ("roles", "role_ids", "warehouses")
Amount = Annotated[str, StringConstraints(pattern=r"^([0-9]{1,12}([.,][0-9]{1,4})?)?$", strip_whitespace=True)]
"""What is typed of an amount of money; empty where nothing is."""


class LimitUnclear(Unprocessable):
    """A limit is two amounts in the shop's currency, for an order and for a day, or none."""

    code = "backoffice.limit_unclear"


class GrantForm(Input):
    """The roles that are ticked, and the warehouses."""

    roles: Annotated[list[RoleName], Field(default_factory=list, max_length=50)]
    role_ids: Annotated[list[Id], Field(default_factory=list, max_length=50)]
    warehouses: Annotated[list[Id], Field(default_factory=list, max_length=50)]

    def grant(self, refunds: Mapping[str, RefundLimit] | None = None) -> Grant:
        """What is to be given, with the limits of refunds by currency."""
        warehouses = frozenset(self.warehouses) if self.warehouses else None
        return grant_of(self.roles, self.role_ids, Said(refunds, warehouses))


class InviteForm(GrantForm):
    """Somebody to invite."""

    email: Email


class ChangeForm(GrantForm):
    """Other roles and limits in place of those of a version."""

    version: Annotated[int, BeforeValidator(whole)]
    per_order: Amount = ""
    per_day: Amount = ""

    def refunds(self, before: Said, currency: str) -> Mapping[str, RefundLimit] | None:
        """The limits of refunds: those of the shop's currency as they were typed, the others as they were.

        Raises:
            LimitUnclear: only one of the two is there, or it is finer than the currency.
        """
        others = {name: limit for name, limit in (before.refunds or {}).items() if name != currency}
        if not self.per_order and not self.per_day:
            return others or None
        return {**others, currency: RefundLimit(_minor(self.per_order, currency), _minor(self.per_day, currency))}


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
            grant=form.grant(),
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
        refunds=_shown(member, desk.shop.currency),
        usual=(PER_ORDER, PER_DAY),
    )


@router.post("/{member_id}")
async def change(request: Request, desk: Writer, member_id: MemberId) -> Response:
    """Give them other roles."""
    form = await read(request, ChangeForm, lists=_LISTS)
    async with desk.tx() as tx:
        before = await service.said_of(tx, member_id)
        grant = form.grant(form.refunds(before, desk.shop.currency))
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


def _minor(typed: str, currency: str) -> int:
    amount = Decimal(typed.replace(",", ".") or "NaN")
    if amount.is_nan() or -int(amount.as_tuple().exponent) > exponent(currency):
        raise LimitUnclear
    return from_decimal(amount, currency)


def _shown(member: MemberOut, currency: str) -> tuple[str, str] | None:
    """The limits of refunds as they are typed, for an order and for a day."""
    limit = (member.limits.refunds or {}).get(currency)
    return None if limit is None else (_typed(limit.per_order, currency), _typed(limit.per_day, currency))


def _typed(amount: int, currency: str) -> str:
    return f"{to_decimal(amount, currency):.{exponent(currency)}f}"


def _is_mine(desk: Desk, member: MemberOut) -> bool:
    return member.id == desk.staff.membership_id
