"""What somebody agrees to: asked for on whatever page they come to, and changed on a page of its own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from commerce.consent import service as consenting
from commerce.consent.wording import PURPOSES
from foundation.events import Consent
from pages.forms import read
from storefront.forms import ComingFrom, ConsentChoiceForm, ConsentForm
from storefront.visit import VisitDep

PAGE = "/account/privacy"
SHOWN = 20
"""Answers of the past that the page lists."""
router = APIRouter()


@router.get(PAGE)
async def show(visit: VisitDep, query: Annotated[ComingFrom, Query()]) -> Response:
    """What one agrees to, and every answer one gave."""
    async with visit.core.database.tx(visit.shop.id, read_only=True) as tx:
        consent = await consenting.standing(tx, visit.shopper)
        answers, _ = await consenting.history(tx, visit.shopper, limit=SHOWN, before=None)
    titles = {one.purpose: one.title for one in consent.purposes}
    return visit.page("privacy.html", consent=consent, answers=answers, titles=titles, onward=query.next)


@router.post("/consent")
async def answer(request: Request, visit: VisitDep) -> Response:
    """Agree to everything, or refuse it: the banner's two buttons."""
    form = await read(request, ConsentForm)
    said: Mapping[Consent, bool] = dict.fromkeys(PURPOSES, form.answer == "accept")
    async with visit.core.database.tx(visit.shop.id) as tx:
        await consenting.answer(tx, visit.shopper, said, source="banner", text_version=form.text_version)
    return visit.redirect(form.next, "consent-kept")


@router.post(PAGE)
async def choose(request: Request, visit: VisitDep) -> Response:
    """What is marked is agreed to, and what isn't marked is refused."""
    form = await read(request, ConsentChoiceForm)
    async with visit.core.database.tx(visit.shop.id) as tx:
        await consenting.answer(tx, visit.shopper, form.said(), source="account", text_version=form.text_version)
    return visit.redirect(PAGE if form.next == "/" else form.next, "consent-kept")
