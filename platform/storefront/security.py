"""Pages about one's own account: what it is reached by, its password, and where it is signed in."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from commerce.accounts import changing
from commerce.acting import service as acting
from commerce.acting.schemas import CATEGORIES
from commerce.external_sign_in import linking
from commerce.external_sign_in.linking import Waiting
from commerce.factors import service as factors
from commerce.federation.refusals import ProviderNotFound
from commerce.http import Member, set_session_cookie
from commerce.identity import accounts, devices
from commerce.identity.passwords import SHORTEST
from commerce.identity.proofs import ProofNotGood
from commerce.policies import areas
from commerce.recently import ProveAgain, require
from foundation.access import CUSTOMER, needs
from foundation.errors import Problem
from pages.forms import Button, read
from storefront.identity_forms import ChangePasswordForm, CodeForm, EmailForm, NameForm, PhoneForm, TokenForm
from storefront.second_factors import prove_again
from storefront.signing_in import asking, check_mail, code_page, sending, shown
from storefront.visit import Visit, VisitDep

PAGE = "/account/security"
DEVICES = "/account/devices"
IDENTITY = "tradewind_identity"
"""The cookie with the ticket of an identity that waits to be linked."""
router = APIRouter(route_class=areas.within(areas.CREDENTIALS))


def member_of(visit: Visit) -> Member | None:
    """Who looks at the page, if they have signed in to an account."""
    account_id = visit.shopper.account_id
    return Member(account_id, visit.shopper) if account_id is not None else None


def to_sign_in(visit: Visit, path: str, notice: str | None = None) -> Response:
    """Sign in first, then go on to a page."""
    return visit.redirect(f"/sign-in?next={path}", notice)


@router.get(PAGE)
@needs(CUSTOMER)
async def show(visit: VisitDep) -> Response:
    """What one's account is reached by."""
    return await page(visit)


@router.post(f"{PAGE}/name")
@needs(CUSTOMER)
async def change_name(request: Request, visit: VisitDep) -> Response:
    """Be called otherwise."""
    member = member_of(visit)
    if member is None:
        return to_sign_in(visit, PAGE)
    try:
        form = await read(request, NameForm)
        async with visit.core.database.tx(visit.shop.id) as tx:
            await accounts.rename(tx, member.account_id, form.display_name)
    except Problem as problem:
        return await page(visit, problem)
    return visit.redirect(PAGE, "name-changed")


@router.post(f"{PAGE}/password")
@needs(CUSTOMER)
async def change_password(request: Request, visit: VisitDep) -> Response:
    """Keep another password."""
    member = member_of(visit)
    if member is None:
        return to_sign_in(visit, PAGE)
    try:
        form = await read(request, ChangePasswordForm)
        token = await changing.change_password(
            visit.core, visit.shop, asking(request, visit), member, current=form.current, new=form.new
        )
    except ProveAgain:
        return prove_again(visit, PAGE)
    except Problem as problem:
        return await page(visit, problem)
    set_session_cookie(visit.cookies, token, visit.core.settings)
    return visit.redirect(PAGE, "password-changed")


@router.post(f"{PAGE}/email")
@needs(CUSTOMER)
async def change_email(request: Request, visit: VisitDep) -> Response:
    """Have a link sent to another address."""
    member = member_of(visit)
    if member is None:
        return to_sign_in(visit, PAGE)
    try:
        form = await read(request, EmailForm)
        await require(visit.core, member)
        await changing.ask_for_email(sending(request, visit), member, email=form.email)
    except ProveAgain:
        return prove_again(visit, PAGE)
    except Problem as problem:
        return await page(visit, problem)
    return check_mail(visit, form.email, "a link that makes this your address. It is good for an hour")


@router.get("/account/email/confirm")
async def show_confirm_email(visit: VisitDep, token: Annotated[str, Query(max_length=100)] = "") -> Response:
    """The page that the link leads to."""
    return _confirm_page(visit, token)


@router.post("/account/email/confirm")
async def confirm_email(request: Request, visit: VisitDep) -> Response:
    """Make the address the account's."""
    try:
        form = await read(request, TokenForm)
        async with visit.core.database.tx(visit.shop.id) as tx:
            await changing.confirm_email(tx, form.token, asking(request, visit))
    except Problem as problem:
        return _confirm_page(visit, "", problem)
    return visit.redirect(PAGE if visit.shopper.account_id else "/sign-in", "email-confirmed")


@router.post(f"{PAGE}/phone")
@needs(CUSTOMER)
async def change_phone(request: Request, visit: VisitDep) -> Response:
    """Have a code sent to another number."""
    member = member_of(visit)
    if member is None:
        return to_sign_in(visit, PAGE)
    try:
        form = await read(request, PhoneForm)
        await require(visit.core, member)
        sent = await changing.ask_for_phone(sending(request, visit), member, phone=form.phone)
    except ProveAgain:
        return prove_again(visit, PAGE)
    except Problem as problem:
        return await page(visit, problem)
    return code_page(visit, f"{PAGE}/phone/confirm", str(sent.id), next=PAGE)


@router.post(f"{PAGE}/phone/confirm")
@needs(CUSTOMER)
async def confirm_phone(request: Request, visit: VisitDep) -> Response:
    """Make the number the account's."""
    member = member_of(visit)
    if member is None:
        return to_sign_in(visit, PAGE)
    form = await read(request, CodeForm)
    try:
        await changing.confirm_phone(visit.core, visit.shop, member, proof_id=form.id, code=form.code)
    except Problem as problem:
        return code_page(visit, f"{PAGE}/phone/confirm", str(form.id), problem, next=PAGE)
    return visit.redirect(PAGE, "phone-confirmed")


@router.get(DEVICES)
@needs(CUSTOMER)
async def show_devices(visit: VisitDep) -> Response:
    """Where one's account is signed in."""
    member = member_of(visit)
    if member is None:
        return to_sign_in(visit, DEVICES)
    async with visit.core.database.tx(visit.shop.id, read_only=True) as tx:
        found = await devices.signed_in_with(tx, member.account_id)
        customer_id = member.shopper.customer_id
        helped = (await acting.visits(tx, customer_id)).items if customer_id else []
    return visit.page("devices.html", devices=found, current=visit.shopper.session_id, helped=helped, about=CATEGORIES)


@router.post(f"{DEVICES}/others/sign-out")
@needs(CUSTOMER)
async def sign_out_others(request: Request, visit: VisitDep) -> Response:
    """Sign out everywhere else."""
    member = member_of(visit)
    if member is None:
        return to_sign_in(visit, DEVICES)
    await read(request, Button)
    async with visit.core.database.tx(visit.shop.id) as tx:
        await devices.sign_out_others(
            tx, member.account_id, visit.shopper.customer_id, except_id=visit.shopper.session_id
        )
    return visit.redirect(DEVICES, "others-signed-out")


@router.post(f"{DEVICES}/{{device_id}}/sign-out")
@needs(CUSTOMER)
async def sign_out(request: Request, visit: VisitDep, device_id: UUID) -> Response:
    """Sign out one of them."""
    member = member_of(visit)
    if member is None:
        return to_sign_in(visit, DEVICES)
    await read(request, Button)
    async with visit.core.database.tx(visit.shop.id) as tx:
        await devices.sign_out(tx, member.account_id, device_id)
    return visit.redirect(DEVICES, "device-signed-out")


async def page(visit: Visit, problem: Problem | None = None) -> Response:
    """What one's account is reached by, with what went wrong."""
    member = member_of(visit)
    if member is None:
        return to_sign_in(visit, PAGE)
    async with visit.core.database.tx(visit.shop.id, read_only=True) as tx:
        account = await accounts.by_id(tx, member.account_id)
        kept = await factors.of(tx, member.account_id)
        linked = await linking.every(tx, member.account_id)
        linkable = await linking.linkable(tx, member.account_id, linked)
    return shown(
        visit,
        "security.html",
        problem,
        account=account,
        factors=kept,
        shortest=SHORTEST,
        linked=linked,
        linkable=linkable,
        waiting=await _waiting(visit, member),
    )


async def _waiting(visit: Visit, member: Member) -> Waiting | None:
    """An identity that this browser brought before its owner signed in."""
    ticket = visit.request.cookies.get(IDENTITY, "")
    try:
        return await linking.waiting(visit.core, visit.shop, member, ticket) if ticket else None
    except (ProofNotGood, ProviderNotFound):
        return None


def _confirm_page(visit: Visit, token: str, problem: Problem | None = None) -> Response:
    return shown(
        visit,
        "press.html",
        problem,
        token=token,
        title="Confirm your new address",
        text=f"One click, and your account at {visit.shop.name} is reached by it.",
        action="/account/email/confirm",
        button="Confirm my address",
        again=(PAGE, "Start again"),
    )
