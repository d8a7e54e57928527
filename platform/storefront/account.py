"""Signing in as one of the shop's households, and out again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from commerce.external_sign_in import leaving
from commerce.identity import service as identity
from commerce.policies import areas
from commerce.sessions import api as sessions
from commerce.sessions.schemas import SignIn
from pages.forms import Button, read
from storefront import balances
from storefront.forms import ComingFrom, SignInForm
from storefront.signing_in import asking, leave
from storefront.visit import VisitDep

HOUSEHOLDS = 12
HOME = "/"
_UNTOLD = {"", "none", "unknown", "null"}
router = APIRouter(route_class=areas.within(areas.PRESENCE))


@dataclass(frozen=True, slots=True)
class Household:
    """A customer to sign in as."""

    reference: str
    name: str
    facts: Sequence[str]


@router.get("/account")
async def show(visit: VisitDep, query: Annotated[ComingFrom, Query()]) -> Response:
    """Who is signed in, and who else one may be."""
    by_reference = visit.shop.settings.get("sign_in") == "reference" and visit.core.settings.environment != "production"
    opened = by_reference and visit.shopper.acting is None
    households: list[Household] = []
    if opened:
        async with visit.core.database.tx(visit.shop.id, read_only=True) as tx:
            found = await identity.sample_customers(tx, HOUSEHOLDS)
        households = [Household(one.reference, one.display_name, facts(one.traits)) for one in found]
    if not opened and visit.shopper.customer_id is None and visit.shopper.account_id is None:
        onward = f"?{urlencode({'next': query.next})}" if query.next != HOME else ""
        return visit.redirect(f"/sign-in{onward}")
    credit = await balances.all_credit_of(visit)
    return visit.page("account.html", households=households, opened=opened, credit=credit, onward=query.next)


@router.post("/account/sign-in")
@areas.about(areas.AUTHENTICATION)
async def sign_in(request: Request, visit: VisitDep) -> Response:
    """Become a household; the cart comes along."""
    form = await read(request, SignInForm)
    await sessions.open_session(SignIn(reference=form.reference), visit.cookies, visit.core, visit.shop, visit.shopper)
    return visit.redirect(form.next, "signed-in")


@router.post("/account/sign-out")
async def sign_out(request: Request, visit: VisitDep) -> Response:
    """End the session, here and at the provider that it was opened by."""
    await read(request, Button)
    url = await leaving.leave_at(visit.core, visit.shop, asking(request, visit), visit.shopper, "/account")
    await sessions.end_session(visit.cookies, visit.core, visit.shop, visit.shopper)
    if url is not None:
        return leave(visit, url, "sign out", "You are signed out here. The next page ends it where you signed in, too.")
    return visit.redirect("/account", "signed-out")


def facts(traits: Mapping[str, Any]) -> list[str]:
    """What is known of a household, in a few words; what nobody told is left out."""
    told = {name: str(value).strip() for name, value in traits.items() if str(value).strip().lower() not in _UNTOLD}
    said = []
    if "age" in told:
        said.append(f"Age {told['age']}")
    if "income" in told:
        said.append(f"Income {told['income']}")
    if "household_size" in told:
        size = told["household_size"]
        said.append("1 person" if size == "1" else f"{size} people")
    if told.get("kids_count", "0") != "0":
        said.append("1 child" if told["kids_count"] == "1" else f"{told['kids_count']} children")
    if "home_ownership" in told:
        said.append(told["home_ownership"])
    return said
