"""Carts over HTTP."""

from __future__ import annotations

from typing import Annotated, cast
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Query, Request, Response, status

from commerce.cart import codes, consigning, service
from commerce.cart.contents import Cart
from commerce.cart.quoting import quote
from commerce.cart.schemas import AddLine, CartOut, ChangeLine, ConsignmentsIn, GiveCode
from commerce.delivery.schemas import AddressIn, DeliveryChoice, DeliveryOptions, SlotOffers
from commerce.http import CoreDep, ShopDep, ShopperDep, address_of, here, shopper_of
from commerce.identity.service import Shopper
from commerce.policies import areas
from commerce.promotions import guessing
from commerce.promotions.schemas import CodeName
from commerce.taxes import engines
from commerce.taxes.schemas import VatIdIn
from commerce.taxes.vat_ids import Register, verified, well_formed
from foundation import clock
from foundation.access import SHOPPER, needs
from foundation.database import Tx
from foundation.http import json_bytes, model_bytes
from foundation.types import Slug

router = APIRouter(prefix="/v1/store/carts", tags=["carts"], route_class=areas.within(areas.CART))
CartId = Annotated[UUID, Path()]
LineId = Annotated[UUID, Path()]


def _register(request: Request) -> Register:
    return cast("Register", request.app.state.vat_register)


RegisterDep = Annotated[Register, Depends(_register)]


@router.post("", status_code=status.HTTP_201_CREATED, response_model=CartOut)
@needs(SHOPPER)
async def open_cart(request: Request) -> Response:
    """The shopper's open cart, made if need be."""
    core, shop = await here(request)
    async with core.database.tx(shop.id) as tx:
        shopper = await shopper_of(tx, request)
        cart_id = await service.opened(tx, shop, shopper)
        return await answer(tx, shopper, cart_id, status=status.HTTP_201_CREATED)


@router.get("/{cart_id}", response_model=CartOut)
@needs(SHOPPER)
async def get_cart(request: Request, cart_id: CartId) -> Response:
    """A cart, priced and checked now."""
    core, shop = await here(request)
    async with core.database.tx(shop.id, read_only=True) as tx:
        return await answer(tx, await shopper_of(tx, request), cart_id)


@router.post("/{cart_id}/lines", status_code=status.HTTP_201_CREATED, response_model=CartOut)
@needs(SHOPPER)
async def add_line(request: Request, cart_id: CartId, body: AddLine) -> Response:
    """Put something in."""
    core, shop = await here(request)
    async with core.database.tx(shop.id) as tx:
        shopper = await shopper_of(tx, request)
        await service.add(
            tx,
            shopper,
            cart_id,
            variant_id=body.variant_id,
            quantity=body.quantity,
            decision_id=body.decision_id,
        )
        return await answer(tx, shopper, cart_id, status=status.HTTP_201_CREATED)


@router.patch("/{cart_id}/lines/{line_id}", response_model=CartOut)
@needs(SHOPPER)
async def change_line(request: Request, cart_id: CartId, line_id: LineId, body: ChangeLine) -> Response:
    """Change how many."""
    core, shop = await here(request)
    async with core.database.tx(shop.id) as tx:
        shopper = await shopper_of(tx, request)
        await service.change(tx, shopper, cart_id, line_id, body.quantity)
        return await answer(tx, shopper, cart_id)


@router.delete("/{cart_id}/lines/{line_id}", response_model=CartOut)
@needs(SHOPPER)
async def remove_line(request: Request, cart_id: CartId, line_id: LineId) -> Response:
    """Take a line out."""
    core, shop = await here(request)
    async with core.database.tx(shop.id) as tx:
        shopper = await shopper_of(tx, request)
        await service.change(tx, shopper, cart_id, line_id, 0)
        return await answer(tx, shopper, cart_id)


@router.post("/{cart_id}/accept-prices", response_model=CartOut)
@needs(SHOPPER)
async def accept_prices(request: Request, cart_id: CartId) -> Response:
    """Take the prices as they are today."""
    core, shop = await here(request)
    async with core.database.tx(shop.id) as tx:
        shopper = await shopper_of(tx, request)
        await service.accept_prices(tx, shopper, cart_id)
        return await answer(tx, shopper, cart_id)


@router.post("/{cart_id}/codes", response_model=CartOut)
async def give_code(
    request: Request, core: CoreDep, shop: ShopDep, shopper: ShopperDep, cart_id: CartId, body: GiveCode
) -> Response:
    """Give a discount code. After too many that are none, by shopper or by address, none is looked at for a while."""
    async with guessing.counted(core.database, shopper, address_of(request)), core.database.tx(shop.id) as tx:
        await codes.give(tx, shopper, cart_id, body.code)
        return await answer(tx, shopper, cart_id)


@router.delete("/{cart_id}/codes/{code}", response_model=CartOut)
@needs(SHOPPER)
async def take_code_out(request: Request, cart_id: CartId, code: Annotated[CodeName, Path()]) -> Response:
    """Take a discount code out."""
    core, shop = await here(request)
    async with core.database.tx(shop.id) as tx:
        shopper = await shopper_of(tx, request)
        await codes.take_out(tx, shopper, cart_id, code)
        return await answer(tx, shopper, cart_id)


@router.put("/{cart_id}/address", response_model=CartOut)
@needs(SHOPPER)
async def set_address(request: Request, cart_id: CartId, body: AddressIn) -> Response:
    """Say where to send it."""
    core, shop = await here(request)
    async with core.database.tx(shop.id) as tx:
        shopper = await shopper_of(tx, request)
        await service.set_address(tx, shopper, cart_id, body)
        return await answer(tx, shopper, cart_id)


@router.put("/{cart_id}/vat-id", response_model=CartOut)
@needs(SHOPPER)
async def set_vat_id(request: Request, register: RegisterDep, cart_id: CartId, body: VatIdIn) -> Response:
    """Say which business buys: a number in force frees what goes to another member state of the EU from its VAT."""
    core, shop = await here(request)
    number = well_formed(body.vat_id)
    async with core.database.tx(shop.id, read_only=True) as tx:
        await service.get(tx, await shopper_of(tx, request), cart_id)
    vat_id = await verified(register, number, at=clock.now())
    async with core.database.tx(shop.id) as tx:
        shopper = await shopper_of(tx, request)
        await service.set_vat_id(tx, shopper, cart_id, vat_id)
        return await answer(tx, shopper, cart_id)


@router.delete("/{cart_id}/vat-id", response_model=CartOut)
@needs(SHOPPER)
async def forget_vat_id(request: Request, cart_id: CartId) -> Response:
    """No business buys."""
    core, shop = await here(request)
    async with core.database.tx(shop.id) as tx:
        shopper = await shopper_of(tx, request)
        await service.set_vat_id(tx, shopper, cart_id, None)
        return await answer(tx, shopper, cart_id)


@router.put("/{cart_id}/consignments", response_model=CartOut)
@needs(SHOPPER)
async def consign(request: Request, cart_id: CartId, body: ConsignmentsIn) -> Response:
    """Split the cart: which units go to which address, and how."""
    core, shop = await here(request)
    async with core.database.tx(shop.id) as tx:
        shopper = await shopper_of(tx, request)
        await consigning.consign(tx, shopper, cart_id, body.consignments)
        return await answer(tx, shopper, cart_id)


@router.post("/{cart_id}/taxes", response_model=CartOut)
@needs(SHOPPER)
async def ask_taxes(request: Request, cart_id: CartId) -> Response:
    """Ask the shop's tax engine, if it has one outside, what completing would ask it."""
    core, shop = await here(request)
    async with core.database.tx(shop.id, read_only=True) as tx:
        shopper = await shopper_of(tx, request)
    await quote(core.database, engines.configured(core.settings), shop.id, shopper, cart_id)
    async with core.database.tx(shop.id, read_only=True) as tx:
        return await answer(tx, shopper, cart_id)


@router.get("/{cart_id}/delivery-options")
@needs(SHOPPER)
async def delivery_options(
    request: Request,
    cart_id: CartId,
    consignment: Annotated[int | None, Query(ge=1, le=20)] = None,
) -> DeliveryOptions:
    """The ways in which it, or one of its consignments, can be delivered."""
    core, shop = await here(request)
    async with core.database.tx(shop.id, read_only=True) as tx:
        return await service.delivery_options(tx, await shopper_of(tx, request), cart_id, consignment=consignment)


@router.get("/{cart_id}/delivery-slots")
@needs(SHOPPER)
async def delivery_slots(request: Request, cart_id: CartId, code: Annotated[Slug, Query()]) -> SlotOffers:
    """The windows of the next days in which a way to deliver has room."""
    core, shop = await here(request)
    async with core.database.tx(shop.id, read_only=True) as tx:
        return await service.delivery_slots(tx, await shopper_of(tx, request), cart_id, code)


@router.put("/{cart_id}/delivery", response_model=CartOut)
@needs(SHOPPER)
async def set_delivery(request: Request, cart_id: CartId, body: DeliveryChoice) -> Response:
    """Choose how it is delivered."""
    core, shop = await here(request)
    async with core.database.tx(shop.id) as tx:
        shopper = await shopper_of(tx, request)
        return _answer(await service.set_delivery(tx, shopper, cart_id, body.code, body.slot))


async def answer(tx: Tx, shopper: Shopper, cart_id: UUID, *, status: int = status.HTTP_200_OK) -> Response:
    """The cart, priced and checked as it is now."""
    return _answer(await service.get(tx, shopper, cart_id), status=status)


def _answer(cart: Cart, *, status: int = status.HTTP_200_OK) -> Response:
    return json_bytes(model_bytes(service.check(cart).out()), status=status)
