"""What providers tell us, over HTTP, and what staff see of it."""

from __future__ import annotations

import asyncio
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Query, Request, Response, status
from pydantic import Field

from commerce.checkout.api import checkout_of
from commerce.checkout.notifications import Notifications
from commerce.http import CoreDep, KeyDep, ShopDep, decode_cursor, once, staff
from commerce.identity.staff import Staff
from commerce.paging import page_of
from commerce.payments import inbox
from commerce.payments.schemas import ProviderEventList
from foundation.access import SIGNED, needs
from foundation.types import Input

router = APIRouter(tags=["payments"])
Reader = Annotated[Staff, Depends(staff("payments:read"))]
Writer = Annotated[Staff, Depends(staff("payments:write"))]


class EventPage(Input):
    """A page of events."""

    status: Literal["received", "handled", "failed"] | None = None
    cursor: Annotated[str, Field(max_length=200)] | None = None
    limit: Annotated[int, Field(strict=False, ge=1, le=100)] = 50


@router.post("/v1/webhooks/{provider}", status_code=status.HTTP_204_NO_CONTENT)
@needs(SIGNED)
async def webhook(
    request: Request, core: CoreDep, shop: ShopDep, provider: Annotated[str, Path(max_length=50)]
) -> Response:
    """Where a provider notifies this shop. An event that is its own is kept before it is answered, and handled once."""
    headers = {name.lower(): value for name, value in request.headers.items()}
    body = await request.body()
    taken = Notifications(checkout_of(core)).take(shop.id, provider, headers, body)
    await asyncio.shield(asyncio.ensure_future(taken))
    return Response(status_code=status.HTTP_204_NO_CONTENT)


@router.get("/v1/admin/payments/events")
async def events(core: CoreDep, shop: ShopDep, _: Reader, query: Annotated[EventPage, Query()]) -> ProviderEventList:
    """What providers told the shop, the last first; `failed` are those that nobody tries again by themselves."""
    after = decode_cursor(query.cursor)[1] if query.cursor else None
    async with core.database.tx(shop.id, read_only=True) as tx:
        found = await inbox.page(tx, status=query.status, after=after, limit=query.limit + 1)
    return ProviderEventList(**page_of([(one.id, one) for one in found], query.limit))


@router.post("/v1/admin/payments/events/{event_id}/retry", status_code=status.HTTP_204_NO_CONTENT)
async def retry(
    request: Request, core: CoreDep, by: Writer, key: KeyDep, event_id: Annotated[UUID, Path()]
) -> Response:
    """Try an event again that could not be handled."""

    async def work() -> Response:
        await Notifications(checkout_of(core)).again(by.tenant_id, event_id)
        return Response(status_code=status.HTTP_204_NO_CONTENT)

    return await once(request, core, by, key, work)
