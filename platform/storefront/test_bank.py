"""The page of the test bank on which a cardholder confirms a payment: 3-D Secure without a bank."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import RedirectResponse, Response

from commerce.payments.providers import TestProvider, UnknownProvider, configured
from commerce.payments.providers.test.provider import CHALLENGE_PAGE
from commerce.policies import areas
from foundation.errors import NotFound
from pages.forms import read
from storefront.forms import ChallengeForm
from storefront.visit import Visit, VisitDep

router = APIRouter(route_class=areas.within(areas.CHECKOUT))


@router.get(CHALLENGE_PAGE)
async def ask(visit: VisitDep, state: Annotated[str, Query(max_length=200)]) -> Response:
    """Ask whether it is really the cardholder who pays."""
    found = await _bank(visit).challenged(visit.shop.id, state)
    if found is None:
        raise NotFound
    _, account = found
    return visit.page("challenge.html", state=state, account=account, last=account.card[-4:])


@router.post(CHALLENGE_PAGE)
async def decide(request: Request, visit: VisitDep) -> Response:
    """Tell the bank, and go back to the shop."""
    form = await read(request, ChallengeForm)
    bank = _bank(visit)
    found = await bank.challenged(visit.shop.id, form.state)
    if found is None:
        raise NotFound
    payment_id, account = found
    await bank.decide(visit.shop.id, payment_id, approved=form.answer == "approve")
    return RedirectResponse(account.return_url or "/cart", status_code=303)


def _bank(visit: Visit) -> TestProvider:
    try:
        provider = configured(visit.core.database, visit.core.settings).named(TestProvider.name)
    except UnknownProvider:
        raise NotFound from None
    if not isinstance(provider, TestProvider):
        raise NotFound
    return provider
