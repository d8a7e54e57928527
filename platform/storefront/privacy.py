"""What somebody agrees to, asked for on whatever page they come to; and what the shop keeps about them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path, Query, Request
from starlette.responses import Response

from commerce.archives.handing_out import require_storage
from commerce.consent import service as consenting
from commerce.consent.wording import PURPOSES
from commerce.http import home_of
from commerce.identity import proofs
from commerce.identity.proofs import Purpose
from commerce.policies import areas
from commerce.privacy import asking, exports, farewells
from commerce.privacy.asking import LinkOver, NothingKept, Person
from commerce.privacy.exports import PersonExportRunning
from commerce.privacy.exports_api import download
from commerce.privacy.farewells_api import asked_for
from commerce.privacy.schemas import FORGET_ME, FarewellState
from commerce.recently import ProveAgain
from commerce.sessions.sending import evenly
from foundation.access import CUSTOMER, needs
from foundation.database import Tx
from foundation.errors import Problem, Unauthenticated
from foundation.events import Consent
from pages.forms import Button, read
from storefront.forms import ComingFrom, ConsentChoiceForm, ConsentForm, FarewellForm
from storefront.identity_forms import DataForm, EmailForm
from storefront.second_factors import prove_again
from storefront.security import to_sign_in
from storefront.signing_in import check_mail, sending, shown
from storefront.visit import Visit, VisitDep

PAGE = asking.PAGE
MINE = f"{PAGE}#your-data"
"""The part of the page that is about what is kept."""
PROOF = "tradewind_personal_data"
"""The cookie of somebody who has shown a link, good for these pages."""
SHOWN = 20
"""Answers of the past that the page lists."""
router = APIRouter(route_class=areas.within(areas.PERSONAL_DATA))


@router.get(PAGE)
async def show(visit: VisitDep, query: Annotated[ComingFrom, Query()]) -> Response:
    """What one agrees to, and every answer one gave; to whoever has proved who they are, what is kept of them."""
    return await _page(visit, onward=query.next)


async def _page(visit: Visit, problem: Problem | None = None, onward: str = "/") -> Response:
    person = await _known(visit)
    async with visit.core.database.tx(visit.shop.id, read_only=True) as tx:
        consent = await consenting.standing(tx, visit.shopper)
        answers, _ = await consenting.history(tx, visit.shopper, limit=SHOWN, before=None)
        archives = (await exports.every(tx, person.id)).items if person else None
        farewell = await _farewell(tx, person.id) if person else None
    return shown(
        visit,
        "privacy.html",
        problem,
        consent=consent,
        answers=answers,
        titles={one.purpose: one.title for one in consent.purposes},
        archives=archives,
        farewell=farewell,
        onward=onward,
    )


@router.post("/consent")
@areas.about(areas.CONSENT)
async def answer(request: Request, visit: VisitDep) -> Response:
    """Agree to everything, or refuse it: the banner's two buttons."""
    form = await read(request, ConsentForm)
    said: Mapping[Consent, bool] = dict.fromkeys(PURPOSES, form.answer == "accept")
    async with visit.core.database.tx(visit.shop.id) as tx:
        await consenting.answer(tx, visit.shopper, said, source="banner", text_version=form.text_version)
    return visit.redirect(form.next, "consent-kept")


@router.post(PAGE)
@areas.about(areas.CONSENT)
async def choose(request: Request, visit: VisitDep) -> Response:
    """What is marked is agreed to, and what isn't marked is refused."""
    form = await read(request, ConsentChoiceForm)
    async with visit.core.database.tx(visit.shop.id) as tx:
        await consenting.answer(tx, visit.shopper, form.said(), source="account", text_version=form.text_version)
    return visit.redirect(PAGE if form.next == "/" else form.next, "consent-kept")


@router.post(f"{PAGE}/links")
async def send_link(request: Request, visit: VisitDep) -> Response:
    """Have a link sent by which somebody without an account gets to their data."""
    try:
        form = await read(request, EmailForm)
        async with evenly():
            await asking.send_link(sending(request, visit), email=form.email)
    except Problem as problem:
        return await _page(visit, problem)
    return check_mail(visit, form.email, "a link to your data. It is good for half an hour")


@router.get(f"{PAGE}/proof")
async def show_proof(visit: VisitDep, token: Annotated[str, Query(max_length=100)] = "") -> Response:
    """The page that the link leads to."""
    return _proof_page(visit, token)


@router.post(f"{PAGE}/proof")
async def prove(request: Request, visit: VisitDep) -> Response:
    """Somebody without an account has their mail: they get to their data for as long as the link is good."""
    try:
        form = await read(request, DataForm)
        await asking.by_token(visit.core, visit.shop, form.token)
    except Problem as problem:
        return _proof_page(visit, "", problem)
    visit.cookies.set_cookie(
        PROOF,
        form.token,
        max_age=int(proofs.LIVES[Purpose.PERSONAL_DATA].total_seconds()),
        httponly=True,
        samesite="lax",
        secure=visit.core.settings.environment == "production",
        path=PAGE,
    )
    return visit.redirect(MINE)


def _proof_page(visit: Visit, token: str, problem: Problem | None = None) -> Response:
    return shown(
        visit,
        "press.html",
        problem,
        token=token,
        title="Your data",
        text=f"See what {visit.shop.name} keeps about you, take it along, or be forgotten.",
        action=f"{PAGE}/proof",
        button="Go on",
        again=(MINE, "Send me another link"),
    )


@router.post(f"{PAGE}/exports")
async def ask_for_archive(request: Request, visit: VisitDep) -> Response:
    """Have an archive made of what the shop keeps about one."""
    await read(request, Button)
    require_storage(visit.core.settings)
    try:
        person = await _proved(visit)
        async with visit.core.database.tx(visit.shop.id) as tx:
            await exports.ask(tx, person.id, by=person.principal, home=home_of(request))
    except PersonExportRunning:
        return visit.redirect(PAGE, "archive-made")
    except Unauthenticated as refused:
        return _refused(visit, refused)
    return visit.redirect(PAGE, "archive-asked")


@router.get(f"{PAGE}/exports/{{export_id}}")
@needs(CUSTOMER)
async def take_archive(visit: VisitDep, export_id: Annotated[UUID, Path()]) -> Response:
    """An archive of one's own."""
    try:
        person = await _proved(visit)
    except Unauthenticated as refused:
        return _refused(visit, refused)
    return visit.with_cookies(await download(visit.core, visit.shop, person, export_id))


@router.post(f"{PAGE}/erasure")
async def ask_to_be_forgotten(request: Request, visit: VisitDep) -> Response:
    """Ask to be forgotten in a week."""
    form = await read(request, FarewellForm)
    if (form.confirmation or "").strip().upper() != FORGET_ME:
        return visit.redirect(PAGE, "farewell-not-typed")
    try:
        person = await _proved(visit)
        await asked_for(visit.core, visit.shop, person.id, by=person.principal, home=home_of(request))
    except Unauthenticated as refused:
        return _refused(visit, refused)
    return visit.redirect(PAGE, "farewell-asked")


@router.post(f"{PAGE}/erasure/keep")
async def stay(request: Request, visit: VisitDep) -> Response:
    """Stay after all."""
    await read(request, Button)
    person = await _known(visit)
    if person is None:
        return to_sign_in(visit, PAGE)
    async with visit.core.database.tx(visit.shop.id) as tx:
        await farewells.keep(tx, person.id, by=person.principal)
    return visit.redirect(PAGE, "farewell-kept")


async def _known(visit: Visit) -> Person | None:
    """Whoever has signed in to an account that buys; else whoever has shown a link that is good."""
    if visit.shopper.account_id is not None and visit.shopper.customer_id is not None:
        return asking.person_of(visit.shopper)
    token = visit.request.cookies.get(PROOF)
    try:
        return await asking.by_token(visit.core, visit.shop, token) if token else None
    except (LinkOver, NothingKept):
        return None


async def _proved(visit: Visit) -> Person:
    """The same, if they have proved lately who they are.

    Raises:
        SignInRequired, ProveAgain.
    """
    person = None if visit.shopper.account_id is not None else await _known(visit)
    return person or await asking.recent(visit.core, visit.shopper)


def _refused(visit: Visit, refused: Unauthenticated) -> Response:
    return prove_again(visit, PAGE) if isinstance(refused, ProveAgain) else to_sign_in(visit, PAGE)


async def _farewell(tx: Tx, customer_id: UUID) -> FarewellState:
    asked = await farewells.pending(tx, customer_id)
    return FarewellState(asked=asked, stays=await farewells.what_stays(tx, customer_id))
