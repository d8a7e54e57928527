"""Accepting an invitation. A link in a mail leads to a page with a button: programs that look at mails open links, and
must not use them up.
"""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request
from pydantic import BeforeValidator, StringConstraints
from starlette.responses import RedirectResponse, Response

from backoffice.rendering import PAGES
from commerce.http import Core, CoreDep, PresentShopper, ShopDep
from commerce.policies import areas
from commerce.sessions.answering import asking_of, give_cookies
from commerce.sessions.signing_in import SignedIn
from commerce.staffing import accepting
from commerce.staffing.schemas import InvitationOut, Secret
from commerce.tenancy.service import Shop
from foundation.access import SIGNED, needs
from foundation.errors import Problem
from foundation.types import Input, Text
from pages.forms import blank, read

router = APIRouter(route_class=areas.within(areas.AUTHENTICATION))


class AcceptForm(Input):
    """An invitation, and, for a new account, a name and a password."""

    token: Secret
    name: Annotated[Text | None, BeforeValidator(blank)] = None
    password: Annotated[Annotated[str, StringConstraints(max_length=1_000)] | None, BeforeValidator(blank)] = None


@router.get("/back-office/invitation")
@needs(SIGNED)
async def look(core: CoreDep, shop: ShopDep, token: Annotated[Secret, Query()]) -> Response:
    """What the invitation is for."""
    async with core.database.tx(shop.id, read_only=True) as tx:
        invited = await accepting.look(tx, token)
    return _page(shop, invited, token)


@router.post("/back-office/invitation")
@needs(SIGNED)
async def accept(request: Request, core: CoreDep, shop: ShopDep, current: PresentShopper) -> Response:
    """Begin to work here."""
    form = await read(request, AcceptForm)
    try:
        outcome = await accepting.accept(
            core,
            shop,
            asking_of(request, shop, current),
            token=form.token,
            display_name=form.name,
            password=form.password,
        )
    except Problem as problem:
        return await _again(core, shop, form, problem)
    if not isinstance(outcome, SignedIn):
        return RedirectResponse("/sign-in?next=/back-office", status_code=303)
    response = RedirectResponse("/back-office", status_code=303)
    give_cookies(response, outcome, core)
    return response


async def _again(core: Core, shop: Shop, form: AcceptForm, problem: Problem) -> Response:
    """The page once more, with what was wrong. An invitation that is over has none, which is said then."""
    async with core.database.tx(shop.id, read_only=True) as tx:
        invited = await accepting.look(tx, form.token)
    return _page(shop, invited, form.token, problem)


def _page(shop: Shop, invited: InvitationOut, token: str, problem: Problem | None = None) -> Response:
    return PAGES.html(
        "invitation.html",
        status=problem.status if problem else 200,
        shop=shop,
        staff=None,
        navigation=(),
        here="",
        notice=None,
        invited=invited,
        token=token,
        problem=problem,
    )
