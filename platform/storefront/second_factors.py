"""Pages where somebody shows a second factor: to finish signing in, and to prove once more who they are."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from commerce import recently
from commerce.accounts import proving
from commerce.accounts.proving import CodeShown, Shown
from commerce.external_sign_in.claiming import BY_ANOTHERS_WORD
from commerce.factors import service as factors
from commerce.http import Member, set_session_cookie
from commerce.identity.proofs import ProofNotGood
from commerce.policies import areas
from commerce.sessions import signing_in
from foundation.access import CUSTOMER, needs
from foundation.errors import Problem
from pages.forms import read
from storefront.forms import LocalPath
from storefront.identity_forms import HOME
from storefront.passkey_forms import AgainForm, FactorForm, PasskeyAsked, PasskeyForm
from storefront.signing_in import SECOND_FACTOR, TICKET, arrived, asking, shown
from storefront.visit import Visit, VisitDep

CONFIRM = "/account/confirm"
router = APIRouter(route_class=areas.within(areas.AUTHENTICATION))
Next = Annotated[LocalPath, Query()]


@router.post("/sign-in/passkey")
async def sign_in_by_passkey(request: Request, visit: VisitDep) -> Response:
    """Sign in by a passkey, without a name."""
    form = await read(request, PasskeyForm)
    outcome = await proving.by_passkey(visit.core, visit.shop, asking(request, visit), form.shown())
    return arrived(visit, outcome, form.next)


@router.get(SECOND_FACTOR)
async def show_second_factor(request: Request, visit: VisitDep, next: Next = HOME) -> Response:  # noqa: A002
    """The second factor is asked for."""
    return await _second_factor_page(request, visit, next)


@router.post(SECOND_FACTOR)
async def show_code(request: Request, visit: VisitDep) -> Response:
    """Finish signing in by a code."""
    form = await read(request, FactorForm)
    return await _finish(request, visit, CodeShown(form.code.strip()), form.next)


@router.post(f"{SECOND_FACTOR}/passkey")
async def show_passkey(request: Request, visit: VisitDep) -> Response:
    """Finish signing in by a passkey."""
    form = await read(request, PasskeyForm)
    return await _finish(request, visit, form.shown(), form.next)


async def _finish(request: Request, visit: Visit, second: Shown, onward: str) -> Response:
    ticket = request.cookies.get(TICKET, "")
    try:
        outcome = await proving.second_factor(visit.core, visit.shop, asking(request, visit), ticket, second)
    except ProofNotGood:
        return _begin_again(visit)
    except Problem as problem:
        return await _second_factor_page(request, visit, onward, problem)
    visit.cookies.delete_cookie(TICKET, path=SECOND_FACTOR)
    return arrived(visit, outcome, onward)


def _begin_again(visit: Visit) -> Response:
    visit.cookies.delete_cookie(TICKET, path=SECOND_FACTOR)
    return visit.redirect("/sign-in", "sign-in-again")


async def _second_factor_page(request: Request, visit: Visit, onward: str, problem: Problem | None = None) -> Response:
    ticket, asked = request.cookies.get(TICKET, ""), None
    asker = asking(request, visit)
    try:
        async with visit.core.database.tx(visit.shop.id, read_only=True) as tx:
            account = await signing_in.waiting(tx, ticket, asker)
            kinds = await factors.required_factors(tx, account.id)
        if factors.PASSKEY in kinds:
            asked = PasskeyAsked.of(await proving.ask_for_second_passkey(visit.core, visit.shop, asker, ticket))
    except ProofNotGood:
        return _begin_again(visit)
    return shown(
        visit,
        "second_factor.html",
        problem,
        title="One more step",
        text="Your account asks for a second proof that it is you.",
        kinds=kinds,
        asked=asked,
        action=SECOND_FACTOR,
        next=onward,
        providers=(),
    )


def prove_again(visit: Visit, path: str) -> Response:
    """Prove first who one is, then go on to a page."""
    return visit.redirect(f"{CONFIRM}?{urlencode({'next': path})}")


@router.get(CONFIRM)
@needs(CUSTOMER)
async def show_confirm(request: Request, visit: VisitDep, next: Next = HOME) -> Response:  # noqa: A002
    """Somebody is asked to prove once more who they are."""
    return await confirm_page(request, visit, next)


@router.post(CONFIRM)
async def confirm_by_code(request: Request, visit: VisitDep) -> Response:
    """Prove it by a code."""
    form = await read(request, FactorForm)
    return await _confirm(request, visit, CodeShown(form.code.strip()), form.next)


@router.post(f"{CONFIRM}/passkey")
async def confirm_by_passkey(request: Request, visit: VisitDep) -> Response:
    """Prove it by a passkey."""
    form = await read(request, PasskeyForm)
    return await _confirm(request, visit, form.shown(), form.next)


@router.post(f"{CONFIRM}/password")
async def confirm_by_password(request: Request, visit: VisitDep) -> Response:
    """Prove it by the password."""
    form = await read(request, AgainForm)
    return await _confirm(request, visit, form.password, form.next)


async def _confirm(request: Request, visit: Visit, proof: Shown | str, onward: str) -> Response:
    member = _member(visit)
    if member is None:
        return visit.redirect("/sign-in")
    try:
        if isinstance(proof, str):
            token = await proving.step_up_by_password(visit.core, visit.shop, member, proof)
        else:
            token = await proving.step_up(visit.core, visit.shop, asking(request, visit), member, proof)
    except Problem as problem:
        return await confirm_page(request, visit, onward, problem)
    set_session_cookie(visit.cookies, token, visit.core.settings)
    return visit.redirect(onward, "proved")


async def confirm_page(request: Request, visit: Visit, onward: str, problem: Problem | None = None) -> Response:
    """The page to prove once more who one is, with what went wrong."""
    member = _member(visit)
    if member is None:
        return visit.redirect(f"/sign-in?{urlencode({'next': onward})}")
    async with visit.core.database.tx(visit.shop.id, read_only=True) as tx:
        kinds = await recently.ways(tx, member.account_id)
        known_at = await recently.step_up_providers(tx, member.account_id) if recently.PROVIDER in kinds else []
    if kinds == (recently.SIGN_IN,):
        notice = "prove-otherwise" if BY_ANOTHERS_WORD in visit.shopper.amr else "prove-again"
        return visit.redirect(f"/sign-in?{urlencode({'next': onward})}", notice)
    asked = None
    if factors.PASSKEY in kinds:
        asked = PasskeyAsked.of(await proving.ask_to_step_up(visit.core, visit.shop, asking(request, visit), member))
    return shown(
        visit,
        "second_factor.html",
        problem,
        title="Is it still you?",
        text="Before we change how you sign in, prove once more who you are. It holds for fifteen minutes.",
        kinds=kinds,
        asked=asked,
        action=CONFIRM,
        next=onward,
        providers=known_at,
    )


def _member(visit: Visit) -> Member | None:
    account_id = visit.shopper.account_id
    return Member(account_id, visit.shopper) if account_id is not None else None
