"""A shopper's returns over HTTP: asked for, with photos, and thought out first when they are exchanges."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path, Request, Response, status

from commerce.http import Core, CoreDep, KeyDep, ShopperDep
from commerce.identity.service import Shopper
from commerce.orders import returning
from commerce.orders.answering import OrderId, change_order
from commerce.orders.change_schemas import Preview
from commerce.orders.held import by_shopper
from commerce.orders.photos import RETURNS
from commerce.orders.photos_api import add_once, shown
from commerce.orders.return_schemas import ReturnIn
from commerce.orders.returning import Announced
from commerce.orders.schemas import OrderOut
from commerce.orders.taxing import asking
from commerce.policies import areas
from commerce.taxes import engines
from commerce.taxes.quotes import Quote
from foundation.database import Tx
from foundation.pictures import PICTURE_BODY

router = APIRouter(prefix="/v1/store/orders", tags=["orders"], route_class=areas.within(areas.ORDERS))


@router.post("/{order_id}/returns", status_code=status.HTTP_201_CREATED, response_model=OrderOut)
async def request_return(
    request: Request,
    core: CoreDep,
    shopper: ShopperDep,
    key: KeyDep,
    order_id: OrderId,
    body: ReturnIn,
) -> Response:
    """Ask to send units back, for their money or for other units."""
    announced = [Announced(line.line_id, line.quantity, line.reason) for line in body.lines]
    return await request_return_once(
        request,
        core,
        shopper,
        key,
        order_id,
        announced,
        note=body.note,
        wanted=body.by_variant(),
        expected=body.expected_difference,
    )


@router.post("/{order_id}/returns/preview")
async def preview_return(core: CoreDep, shopper: ShopperDep, order_id: OrderId, body: ReturnIn) -> Preview:
    """What an exchange would make of an order; nothing is asked for yet."""
    announced = [Announced(line.line_id, line.quantity, line.reason) for line in body.lines]
    return await preview_exchange(core, shopper, order_id, announced, body.by_variant())


@router.post("/{order_id}/returns/{return_id}/photos", status_code=status.HTTP_201_CREATED, openapi_extra=PICTURE_BODY)
async def add_photo(
    request: Request,
    core: CoreDep,
    shopper: ShopperDep,
    key: KeyDep,
    order_id: OrderId,
    return_id: Annotated[UUID, Path()],
) -> Response:
    """Add a photo to a return: the body is a JPEG, PNG or WebP, of which nothing but the picture is kept."""
    body = await request.body()

    return await add_once(request, core, shopper, key, RETURNS, (order_id, return_id), body)


@router.get("/{order_id}/returns/{return_id}/photos/{photo_id}", response_class=Response)
async def get_photo(
    core: CoreDep,
    shopper: ShopperDep,
    order_id: OrderId,
    return_id: Annotated[UUID, Path()],
    photo_id: Annotated[UUID, Path()],
) -> Response:
    """A photo of the shopper's return."""
    return await shown(core, shopper, RETURNS, (order_id, return_id, photo_id))


async def request_return_once(
    request: Request,
    core: Core,
    shopper: Shopper,
    key: str,
    order_id: UUID,
    announced: Sequence[Announced],
    *,
    note: str = "",
    wanted: Mapping[UUID, int] | None = None,
    expected: int | None = None,
) -> Response:
    """Ask to send units of a shopper's order back, once for the key; the order as it stands then."""

    async def requested(quote: Quote | None) -> Response:
        async def do(tx: Tx) -> None:
            await returning.request(
                tx,
                order_id,
                by_shopper(shopper),
                announced,
                note=note,
                wanted=wanted,
                expected=expected,
                owner=shopper,
                quote=quote,
            )

        return await change_order(request, core, shopper, key, order_id, do, status.HTTP_201_CREATED)

    return await asking(engines.configured(core.settings), requested)


async def preview_exchange(
    core: Core, shopper: Shopper, order_id: UUID, announced: Sequence[Announced], wanted: Mapping[UUID, int]
) -> Preview:
    """What an exchange would make of a shopper's order."""

    async def previewed(quote: Quote | None) -> Preview:
        async with core.database.tx(shopper.tenant_id) as tx:
            actor = by_shopper(shopper)
            return await returning.preview(tx, order_id, actor, announced, wanted, owner=shopper, quote=quote)

    return await asking(engines.configured(core.settings), previewed)
