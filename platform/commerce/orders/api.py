"""A shopper's orders over HTTP."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path, Query, Request, Response, status

from commerce.catalog.schemas import Page
from commerce.http import Core, CoreDep, KeyDep, ShopDep, ShopperDep, address_of, decode_cursor, encode_cursor, once
from commerce.identity.service import Shopper
from commerce.orders import cancelling, editing, reading, reordering
from commerce.orders.answering import OrderId, change_order
from commerce.orders.change_schemas import ChangeOut, ConfirmIn, ShopperEditAction, ShopperEditIn
from commerce.orders.held import by_shopper
from commerce.orders.schemas import Look, OrderList, OrderOut, ReorderOut, ShopperCancelIn
from commerce.orders.taxing import asking
from commerce.policies import areas
from commerce.taxes import engines
from commerce.taxes.quotes import Quote
from commerce.tenancy.service import Shop
from commerce.throttling import service as throttling
from commerce.throttling.service import Limit
from foundation.access import SIGNED, needs
from foundation.database import Tx
from foundation.http import json_bytes, model_bytes

router = APIRouter(prefix="/v1/store/orders", tags=["orders"], route_class=areas.within(areas.ORDERS))
BY_CALLER = Limit("order look-up by caller", burst=20, every=timedelta(seconds=10))
BY_NUMBER = Limit("order look-up by number", burst=5, every=timedelta(minutes=1))


@router.get("")
async def list_orders(core: CoreDep, shop: ShopDep, shopper: ShopperDep, query: Annotated[Page, Query()]) -> OrderList:
    """The shopper's orders, newest first."""
    after = decode_cursor(query.cursor)[1] if query.cursor else None
    async with core.database.tx(shop.id, read_only=True) as tx:
        page = await reading.page(tx, shopper, after=after, limit=query.limit)
    cursor = encode_cursor(0, page.last) if page.has_more else None
    return OrderList(items=list(page.orders), has_more=page.has_more, next_cursor=cursor)


@router.post("/lookup")
@needs(SIGNED)
async def look_up(request: Request, core: CoreDep, shop: ShopDep, body: Look) -> OrderOut:
    """A guest's order, by its number and the address it was placed with. Asked too often, it answers no more."""
    await throttling.take(core.database, shop.id, BY_CALLER, address_of(request))
    await throttling.take(core.database, shop.id, BY_NUMBER, body.number.upper())
    async with core.database.tx(shop.id, read_only=True) as tx:
        return await reading.of_guest(tx, number=body.number, email=body.email)


@router.get("/{order_id}")
async def get_order(core: CoreDep, shop: ShopDep, shopper: ShopperDep, order_id: OrderId) -> OrderOut:
    """One order."""
    async with core.database.tx(shop.id, read_only=True) as tx:
        return await reading.get(tx, shopper, order_id)


@router.post("/{order_id}/cancel", response_model=OrderOut)
async def cancel(
    request: Request,
    core: CoreDep,
    shopper: ShopperDep,
    key: KeyDep,
    order_id: OrderId,
    body: ShopperCancelIn,
) -> Response:
    """Cancel an order of which nothing has left."""
    return await cancel_once(request, core, shopper, key, order_id, body.reason)


@router.post("/{order_id}/edits", status_code=status.HTTP_201_CREATED, response_model=ChangeOut)
async def draft_edit(
    request: Request,
    core: CoreDep,
    shopper: ShopperDep,
    key: KeyDep,
    order_id: OrderId,
    body: ShopperEditIn,
) -> Response:
    """Think an edit out: what it would make of the order. Confirming it does that, or nothing."""
    return await draft_edit_once(request, core, shopper, key, order_id, body.actions)


@router.get("/{order_id}/edits/{edit_id}")
async def get_edit(
    core: CoreDep,
    shop: ShopDep,
    shopper: ShopperDep,
    order_id: OrderId,
    edit_id: Annotated[UUID, Path()],
) -> ChangeOut:
    """An edit with its preview."""
    async with core.database.tx(shop.id, read_only=True) as tx:
        await reading.get(tx, shopper, order_id)
        return await editing.read(tx, order_id, edit_id)


@router.post("/{order_id}/edits/{edit_id}/confirm", response_model=OrderOut)
async def confirm_edit(
    request: Request,
    core: CoreDep,
    shopper: ShopperDep,
    key: KeyDep,
    order_id: OrderId,
    edit_id: Annotated[UUID, Path()],
    body: ConfirmIn,
) -> Response:
    """Do what the preview says."""
    return await confirm_edit_once(request, core, shopper, key, order_id, edit_id, body.version)


@router.post("/{order_id}/edits/{edit_id}/cancel", response_model=OrderOut)
async def cancel_edit(
    request: Request,
    core: CoreDep,
    shopper: ShopperDep,
    key: KeyDep,
    order_id: OrderId,
    edit_id: Annotated[UUID, Path()],
) -> Response:
    """Give up an edit that is not confirmed, or not paid."""
    return await drop_edit_once(request, core, shopper, key, order_id, edit_id)


async def draft_edit_once(
    request: Request, core: Core, shopper: Shopper, key: str, order_id: UUID, actions: Sequence[ShopperEditAction]
) -> Response:
    """Draft an edit of a shopper's order, once for the key; the edit with its preview."""

    async def drafted(quote: Quote | None) -> ChangeOut:
        async with core.database.tx(shopper.tenant_id) as tx:
            edit_id = await editing.draft(tx, order_id, by_shopper(shopper), actions, owner=shopper, quote=quote)
            return await editing.read(tx, order_id, edit_id)

    async def work() -> Response:
        edit = await asking(engines.configured(core.settings), drafted)
        return json_bytes(model_bytes(edit), status=status.HTTP_201_CREATED)

    return await once(request, core, shopper, key, work)


async def confirm_edit_once(
    request: Request, core: Core, shopper: Shopper, key: str, order_id: UUID, edit_id: UUID, version: int
) -> Response:
    """Do what the preview of a shopper's edit says, once for the key; the order as it stands then."""

    async def do(tx: Tx) -> None:
        await editing.confirm(tx, order_id, edit_id, by_shopper(shopper), version=version, owner=shopper)

    return await change_order(request, core, shopper, key, order_id, do)


async def drop_edit_once(
    request: Request, core: Core, shopper: Shopper, key: str, order_id: UUID, edit_id: UUID
) -> Response:
    """Give up an edit of a shopper's order, once for the key; the order as it stands then."""

    async def do(tx: Tx) -> None:
        await editing.drop(tx, order_id, edit_id, by_shopper(shopper), owner=shopper)

    return await change_order(request, core, shopper, key, order_id, do)


@router.post("/{order_id}/reorder", status_code=status.HTTP_201_CREATED, response_model=ReorderOut)
async def reorder(
    request: Request, core: CoreDep, shop: ShopDep, shopper: ShopperDep, key: KeyDep, order_id: OrderId
) -> Response:
    """Put what of the order can still be had into the open cart, and name the rest."""
    return await reorder_once(request, core, shop, shopper, key, order_id)


async def reorder_once(
    request: Request, core: Core, shop: Shop, shopper: Shopper, key: str, order_id: UUID
) -> Response:
    """The same again, once for the key; the cart, and what could not be had."""

    async def work() -> Response:
        async with core.database.tx(shop.id) as tx:
            done = await reordering.reorder(tx, shop, shopper, order_id)
        return json_bytes(model_bytes(done), status=status.HTTP_201_CREATED)

    return await once(request, core, shopper, key, work)


async def cancel_once(
    request: Request, core: Core, shopper: Shopper, key: str, order_id: UUID, reason: str
) -> Response:
    """Cancel all of a shopper's order, once for the key; the order as it stands then."""

    async def do(tx: Tx) -> None:
        await cancelling.cancel(tx, order_id, by_shopper(shopper), reason=reason, owner=shopper)

    return await change_order(request, core, shopper, key, order_id, do)
