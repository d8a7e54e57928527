"""Gift cards sold as goods, over HTTP."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Request, Response, status

from commerce.http import Core, CoreDep, KeyDep, ShopperDep, once, staff
from commerce.identity.service import Shopper
from commerce.identity.staff import Staff
from commerce.orders import gift_sales
from commerce.orders.answering import OrderId, by_staff, change_order
from commerce.orders.held import by_shopper
from commerce.orders.schemas import CodeOut, StaffOrderOut
from commerce.policies import areas
from foundation.database import Tx
from foundation.http import json_bytes, model_bytes
from foundation.types import Slug

router = APIRouter(tags=["gift cards and store credit"], route_class=areas.within(areas.STORED_VALUE))
Writer = Annotated[Staff, Depends(staff("stored_value:write"))]
CardId = Annotated[UUID, Path()]
PRODUCT = "/v1/admin/gift-card-products/{handle}"


@router.put(PRODUCT, status_code=status.HTTP_204_NO_CONTENT)
async def sell(core: CoreDep, by: Writer, handle: Annotated[Slug, Path()]) -> Response:
    """Say that a product is a gift card: whoever buys one gets a code that is good for its price."""
    async with core.database.tx(by.tenant_id) as tx:
        await gift_sales.mark(tx, handle, gift_card=True)
    return Response(status_code=status.HTTP_204_NO_CONTENT)


@router.delete(PRODUCT, status_code=status.HTTP_204_NO_CONTENT)
async def stop_selling(core: CoreDep, by: Writer, handle: Annotated[Slug, Path()]) -> Response:
    """Say that a product is no gift card any more; cards that were sold stay good."""
    async with core.database.tx(by.tenant_id) as tx:
        await gift_sales.mark(tx, handle, gift_card=False)
    return Response(status_code=status.HTTP_204_NO_CONTENT)


@router.post("/v1/store/orders/{order_id}/gift-cards/{card_id}/code", response_model=CodeOut)
async def show(
    request: Request, core: CoreDep, shopper: ShopperDep, key: KeyDep, order_id: OrderId, card_id: CardId
) -> Response:
    """The code of a card that the shopper bought. It is in this answer alone, not even kept to repeat the answer."""
    return json_bytes(model_bytes(CodeOut(code=await show_once(request, core, shopper, key, order_id, card_id))))


@router.post("/v1/admin/orders/{order_id}/gift-cards/{card_id}/renewal", response_model=StaffOrderOut)
async def renew(
    request: Request, core: CoreDep, by: Writer, key: KeyDep, order_id: OrderId, card_id: CardId
) -> Response:
    """Let its buyer see a code once more: a new one, with which the former is good for nothing."""
    by.require("orders:read")

    async def do(tx: Tx) -> None:
        await gift_sales.let_show(tx, order_id, card_id, by_staff(by))

    return await change_order(request, core, by, key, order_id, do)


async def show_once(
    request: Request, core: Core, shopper: Shopper, key: str, order_id: UUID, card_id: UUID
) -> str | None:
    """The code of a card that a shopper bought; `None` when the key's first answer had it."""
    shown: list[str] = []

    async def work() -> Response:
        async with core.database.tx(shopper.tenant_id) as tx:
            code = await gift_sales.show(tx, order_id, card_id, by_shopper(shopper), owner=shopper)
        shown.append(code)
        return json_bytes(model_bytes(CodeOut(code=None)))

    await once(request, core, shopper, key, work)
    return shown[0] if shown else None
