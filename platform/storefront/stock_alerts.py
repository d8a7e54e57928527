"""Waiting for what is sold out: a form on the product's page, and the page that the link in the mail leads to."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path, Query, Request
from pydantic import BeforeValidator
from starlette.responses import Response

from commerce.identity.service import SignInRequired
from commerce.policies import areas
from commerce.sessions.sending import evenly
from commerce.stock_alerts import service
from foundation.errors import Problem
from foundation.types import Email, Id
from pages.forms import Button, blank, read
from storefront.identity_forms import NextForm, TokenForm
from storefront.signing_in import asking, check_mail, sending, shown
from storefront.visit import Visit, VisitDep

router = APIRouter(prefix=service.PAGE, route_class=areas.within(areas.CONSENT))
LISTED = "/wishlists"
_AGAIN = ("/", "Look around")


class AlertForm(NextForm):
    """What somebody waits for, and where they are told."""

    variant_id: Id
    email: Annotated[Email | None, BeforeValidator(blank)] = None


@router.post("")
async def ask(request: Request, visit: VisitDep) -> Response:
    """Wait for it, or have a link sent that says so."""
    form = await read(request, AlertForm)
    async with evenly():
        became = await service.ask(
            sending(request, visit), form.variant_id, customer_id=visit.shopper.customer_id, email=form.email
        )
    if became == "waiting" or form.email is None:
        return visit.redirect(form.next, "alert-waiting")
    return check_mail(visit, form.email, "a link: press it, and we tell you when it is back")


@router.get("/link")
async def show_link(visit: VisitDep, token: Annotated[str, Query(max_length=100)] = "") -> Response:
    """The page that the link leads to: to wait, or to wait no longer."""
    async with visit.core.database.tx(visit.shop.id, read_only=True) as tx:
        waits = await service.is_waiting(tx, token)
    return _waiting_page(visit, token) if waits else _confirm_page(visit, token)


@router.post("/link")
async def confirm(request: Request, visit: VisitDep) -> Response:
    """Wait."""
    try:
        form = await read(request, TokenForm)
        said = asking(request, visit)
        async with visit.core.database.tx(visit.shop.id) as tx:
            await service.confirm(tx, form.token, locale=said.locale, home=said.home)
    except Problem as problem:
        return _confirm_page(visit, "", problem)
    return _waiting_page(visit, form.token)


@router.post("/stop")
async def stop(request: Request, visit: VisitDep) -> Response:
    """Wait no longer, by the link."""
    form = await read(request, TokenForm)
    async with visit.core.database.tx(visit.shop.id) as tx:
        await service.stop_by_link(tx, form.token)
    return visit.redirect("/", "alert-stopped")


@router.post("/{variant_id}/stop")
async def stop_one(request: Request, visit: VisitDep, variant_id: Annotated[UUID, Path()]) -> Response:
    """A customer waits for it no longer."""
    await read(request, Button)
    if visit.shopper.customer_id is None:
        raise SignInRequired
    async with visit.core.database.tx(visit.shop.id) as tx:
        await service.stop(tx, visit.shopper.customer_id, variant_id)
    return visit.redirect(LISTED, "alert-stopped")


def _confirm_page(visit: Visit, token: str, problem: Problem | None = None) -> Response:
    return shown(
        visit,
        "press.html",
        problem,
        token=token,
        title="Tell you when it is back?",
        text="One click, and we write to you once, as soon as there is one for you.",
        action=f"{service.PAGE}/link",
        button="Tell me when it is back",
        again=_AGAIN,
    )


def _waiting_page(visit: Visit, token: str) -> Response:
    return shown(
        visit,
        "press.html",
        token=token,
        title="You are on the list",
        text="We write to you once, as soon as there is one for you. Keep the link if you may change your mind.",
        action=f"{service.PAGE}/stop",
        button="Take me off the list",
        again=_AGAIN,
    )
