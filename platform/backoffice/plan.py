"""The shop's plan, what it uses of it, and what it was billed."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from pydantic import StringConstraints
from starlette.responses import Response

from backoffice.desk import Desk, desk
from backoffice.typed import NOTHING, Typed, refused
from commerce.billing import api, showing
from commerce.billing.schemas import PlanIn
from foundation.errors import Problem
from foundation.ids import new_id
from foundation.types import Email, Input
from pages.forms import Button, FormKey, read

router = APIRouter(prefix="/back-office/plan")
Reader = Annotated[Desk, Depends(desk("billing:read"))]
Writer = Annotated[Desk, Depends(desk("billing:write"))]
HERE = "/back-office/plan"


class PlanForm(Input):
    """The plan that is wanted, and where its bills go; the key makes a second press do nothing."""

    key: FormKey
    plan: Annotated[str, StringConstraints(pattern=r"^[a-z]{1,40}$")]
    email: Email


class EndForm(Input):
    """A button; the key makes a second press do nothing."""

    key: FormKey


@router.get("")
async def show(desk: Reader, request: Request) -> Response:
    """As it stands."""
    return await _page(request, desk)


@router.post("")
async def choose(request: Request, desk: Writer) -> Response:
    """Take a plan, or another."""
    try:
        form = await read(request, PlanForm)
        body = PlanIn(plan=form.plan, email=form.email)
        await api.choose_plan(request, desk.core, desk.shop, desk.staff, form.key, body)
    except Problem as problem:
        return await _page(request, desk, await refused(request, problem))
    return desk.redirect(HERE, "plan-changed")


@router.post("/end")
async def end(request: Request, desk: Writer) -> Response:
    """End it when what is paid for is over."""
    return await _end(request, desk, ends=True)


@router.post("/going-on")
async def go_on(request: Request, desk: Writer) -> Response:
    """Go on with one that was to end."""
    return await _end(request, desk, ends=False)


@router.post("/portal")
async def open_portal(request: Request, desk: Writer) -> Response:
    """Go on to Stripe's pages about cards and bills. A page leads there: browsers follow no redirect of a form to a
    host that its page's policy doesn't name.
    """
    try:
        await read(request, Button)
        url = await api.portal(request, desk.shop, desk.staff)
    except Problem as problem:
        return await _page(request, desk, await refused(request, problem))
    page = desk.page("portal.html", url=url)
    page.headers["Refresh"] = f"0; url={url}"
    return page


async def _end(request: Request, desk: Desk, *, ends: bool) -> Response:
    try:
        form = await read(request, EndForm)
        asked = api.cancel if ends else api.go_on
        await asked(request, desk.core, desk.shop, desk.staff, form.key)
    except Problem as problem:
        return await _page(request, desk, await refused(request, problem))
    return desk.redirect(HERE, "plan-ends" if ends else "plan-goes-on")


async def _page(request: Request, desk: Desk, typed: Typed = NOTHING) -> Response:
    async with desk.tx(read_only=True) as tx:
        plan = await showing.plan(tx, billed=api.billing_of(request).stripe is not None)
        usage = await showing.usage(tx)
        invoices = await showing.invoices(tx)
    return desk.page("plan.html", typed=typed, plan=plan, usage=usage, invoices=invoices.items, key=str(new_id()))
