"""What somebody agrees to, asked for on whatever page they come to; and what the shop keeps about them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path, Query, Request
from starlette.responses import Response

from commerce.consent import service as consenting
from commerce.consent.wording import PURPOSES
from commerce.http import home_of
from commerce.policies import areas
from commerce.privacy import exports, farewells
from commerce.privacy.exports import PersonExportRunning
from commerce.privacy.exports_api import buyer_of, download, require_storage
from commerce.privacy.farewells_api import asked_by
from commerce.privacy.schemas import FORGET_ME, FarewellState
from commerce.recently import ProveAgain, require
from foundation.access import CUSTOMER, needs
from foundation.database import Tx
from foundation.events import Consent
from pages.forms import Button, read
from storefront.forms import ComingFrom, ConsentChoiceForm, ConsentForm, FarewellForm
from storefront.second_factors import prove_again
from storefront.security import member_of, to_sign_in
from storefront.visit import Visit, VisitDep

PAGE = "/account/privacy"
SHOWN = 20
"""Answers of the past that the page lists."""
router = APIRouter(route_class=areas.within(areas.PERSONAL_DATA))


@router.get(PAGE)
async def show(visit: VisitDep, query: Annotated[ComingFrom, Query()]) -> Response:
    """What one agrees to, and every answer one gave."""
    async with visit.core.database.tx(visit.shop.id, read_only=True) as tx:
        consent = await consenting.standing(tx, visit.shopper)
        answers, _ = await consenting.history(tx, visit.shopper, limit=SHOWN, before=None)
        kept = await exports.every(tx, visit.shopper.customer_id) if visit.shopper.customer_id else None
        farewell = await _farewell(tx, visit)
    titles = {one.purpose: one.title for one in consent.purposes}
    archives = kept.items if kept is not None and member_of(visit) is not None else None
    return visit.page(
        "privacy.html",
        consent=consent,
        answers=answers,
        titles=titles,
        archives=archives,
        farewell=farewell,
        onward=query.next,
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


@router.post(f"{PAGE}/exports")
async def ask_for_archive(request: Request, visit: VisitDep) -> Response:
    """Have an archive made of what the shop keeps about one."""
    await read(request, Button)
    member = member_of(visit)
    if member is None:
        return to_sign_in(visit, PAGE)
    require_storage(visit.core.settings)
    by = f"account:{member.account_id}"
    try:
        await require(visit.core, member)
        async with visit.core.database.tx(visit.shop.id) as tx:
            await exports.ask(tx, buyer_of(member), by=by, home=home_of(request))
    except ProveAgain:
        return prove_again(visit, PAGE)
    except PersonExportRunning:
        return visit.redirect(PAGE, "archive-made")
    return visit.redirect(PAGE, "archive-asked")


@router.get(f"{PAGE}/exports/{{export_id}}")
@needs(CUSTOMER)
async def take_archive(visit: VisitDep, export_id: Annotated[UUID, Path()]) -> Response:
    """An archive of one's own."""
    member = member_of(visit)
    if member is None:
        return to_sign_in(visit, PAGE)
    try:
        await require(visit.core, member)
    except ProveAgain:
        return prove_again(visit, PAGE)
    by = f"account:{member.account_id}"
    return visit.with_cookies(await download(visit.core, visit.shop, buyer_of(member), export_id, by=by))


@router.post(f"{PAGE}/erasure")
async def ask_to_be_forgotten(request: Request, visit: VisitDep) -> Response:
    """Ask to be forgotten in a week."""
    form = await read(request, FarewellForm)
    member = member_of(visit)
    if member is None:
        return to_sign_in(visit, PAGE)
    if (form.confirmation or "").strip().upper() != FORGET_ME:
        return visit.redirect(PAGE, "farewell-not-typed")
    try:
        await require(visit.core, member)
        await asked_by(visit.core, visit.shop, member, home_of(request))
    except ProveAgain:
        return prove_again(visit, PAGE)
    return visit.redirect(PAGE, "farewell-asked")


@router.post(f"{PAGE}/erasure/keep")
async def stay(request: Request, visit: VisitDep) -> Response:
    """Stay after all."""
    await read(request, Button)
    member = member_of(visit)
    if member is None:
        return to_sign_in(visit, PAGE)
    async with visit.core.database.tx(visit.shop.id) as tx:
        await farewells.keep(tx, buyer_of(member), by=f"account:{member.account_id}")
    return visit.redirect(PAGE, "farewell-kept")


async def _farewell(tx: Tx, visit: Visit) -> FarewellState | None:
    customer_id = visit.shopper.customer_id
    if customer_id is None or member_of(visit) is None:
        return None
    asked = await farewells.pending(tx, customer_id)
    return FarewellState(asked=asked, stays=await farewells.what_stays(tx, customer_id))
