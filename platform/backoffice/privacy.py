"""What customers asked for of their data, and staff for them."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Request
from starlette.responses import Response

from backoffice.customers import PAGE as CUSTOMERS
from backoffice.desk import Desk, desk
from backoffice.typed import NOTHING, Typed, refused
from commerce.archives.handing_out import require_storage
from commerce.http import decode_cursor, encode_cursor, front_of
from commerce.identity import makers
from commerce.privacy import asking, exports, requests
from commerce.privacy.exports import PersonExportRunning
from commerce.privacy.farewells_api import asked_for, withdrawn
from commerce.privacy.schemas import ErasureIn, FarewellIn, PersonExportIn, PrivacyRequestsQuery, WithdrawalIn
from commerce.sessions.answering import asking_of
from commerce.sessions.schemas import LinkRequest
from commerce.sessions.sending import Sending
from foundation.errors import Problem
from foundation.types import Id
from pages.forms import read

PAGE = "/back-office/privacy"
SHOWN = 25
router = APIRouter(prefix=PAGE)
Reader = Annotated[Desk, Depends(desk("privacy:read"))]
Writer = Annotated[Desk, Depends(desk("privacy:write"))]
ProvedWriter = Annotated[Desk, Depends(desk("privacy:write", proved_anew=True))]
CustomerId = Annotated[Id, Path()]


class ForgetForm(ErasureIn, FarewellIn):
    """Why somebody is forgotten, and what is typed by whoever means it."""


@router.get("")
async def show(desk: Reader, query: Annotated[PrivacyRequestsQuery, Query()]) -> Response:
    """What was asked for, the latest first."""
    return await _page(desk, query.cursor)


@router.post("/links")
async def send_link(request: Request, desk: Writer) -> Response:
    """Send a guest the link by which they ask for themselves."""
    try:
        form = await read(request, LinkRequest)
        await asking.send_link(Sending(desk.core, desk.shop, asking_of(request, desk.shop, None)), email=form.email)
    except Problem as problem:
        return await _page(desk, None, await refused(request, problem, field="email"))
    return desk.redirect(PAGE, "data-link-sent")


@router.post("/customers/{customer_id}/archive")
async def ask_for_archive(request: Request, desk: ProvedWriter, customer_id: CustomerId) -> Response:
    """Have a customer's data put together for them."""
    form = await read(request, PersonExportIn)
    require_storage(desk.core.settings)
    by, home = desk.staff.principal, front_of(request, desk.shop)
    try:
        async with desk.tx() as tx:
            await exports.ask(tx, customer_id, by=by, home=home, reason=form.reason)
    except PersonExportRunning:
        return desk.redirect(PAGE, "person-archive-made")
    return desk.redirect(PAGE, "person-archive-asked")


@router.post("/customers/{customer_id}/erasure")
async def ask_for_erasure(request: Request, desk: ProvedWriter, customer_id: CustomerId) -> Response:
    """Have a customer forgotten in a week."""
    form = await read(request, ForgetForm)
    by, home = desk.staff.principal, front_of(request, desk.shop)
    await asked_for(desk.core, desk.shop, customer_id, by=by, home=home, reason=form.reason)
    return desk.redirect(PAGE, "erasure-asked")


@router.post("/customers/{customer_id}/erasure/withdrawal")
async def withdraw_erasure(request: Request, desk: ProvedWriter, customer_id: CustomerId) -> Response:
    """Have a customer stay after all."""
    form = await read(request, WithdrawalIn)
    by, home = desk.staff.principal, front_of(request, desk.shop)
    await withdrawn(desk.core, desk.shop, customer_id, by=by, home=home, reason=form.reason)
    return desk.redirect(PAGE, "erasure-withdrawn")


async def _page(desk: Desk, cursor: str | None, typed: Typed = NOTHING) -> Response:
    before = decode_cursor(cursor)[1] if cursor else None
    async with desk.tx(read_only=True) as tx:
        asked, has_more = await requests.latest(tx, limit=SHOWN, before=before)
        askers = await makers.named(tx, (one.requested_by for one in asked))
    following = encode_cursor(0, asked[-1].id) if has_more else None
    return desk.page(
        "privacy.html", typed=typed, asked=asked, askers=askers, next_cursor=following, customers=CUSTOMERS
    )
