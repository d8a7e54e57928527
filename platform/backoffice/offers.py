"""What a product's variants cost beside their list price: in a sale, from a quantity, for a group, on a channel."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Request
from starlette.responses import Response

from backoffice import offer_form
from backoffice.desk import Desk, desk
from backoffice.typed import NOTHING, Typed, refused
from backoffice.variants import variant_of
from commerce.catalog.products import reading
from commerce.channels import service as channels
from commerce.pricing import history, service
from commerce.pricing.schemas import PriceSaid
from foundation.errors import Problem
from foundation.http import InvalidFields
from foundation.types import Id
from pages.forms import fields

router = APIRouter(prefix="/back-office/products/{product_id}/offers")
Reader = Annotated[Desk, Depends(desk("prices:read"))]
Writer = Annotated[Desk, Depends(desk("prices:write"))]
ProductId = Annotated[Id, Path()]
VariantId = Annotated[Id, Path()]


@router.get("")
async def show(desk: Reader, product_id: ProductId) -> Response:
    """The variants, each with what it costs."""
    async with desk.tx(read_only=True) as tx:
        product = await reading.read(tx, product_id, currency=desk.shop.currency)
        said = await history.said(tx, [one.id for one in product.variants if one.id], desk.shop.currency)
    prices = {variant_id: PriceSaid.model_validate_json(one.body) for variant_id, one in said.items()}
    return desk.page("offers.html", product=product, prices=prices)


@router.get("/{variant_id}")
async def show_one(desk: Reader, product_id: ProductId, variant_id: VariantId) -> Response:
    """The offers of a variant, and a form for them."""
    return await _one(desk, product_id, variant_id)


@router.post("/{variant_id}")
async def put(request: Request, desk: Writer, product_id: ProductId, variant_id: VariantId) -> Response:
    """Put offers in place of those that were looked at."""
    try:
        sent = await fields(request, offer_form.MOST_FIELDS)
        body = offer_form.read(sent, currency=desk.shop.currency, zone=desk.shop.zone)
        seen = offer_form.read_seen(sent.get("seen", ""))
        async with desk.tx() as tx:
            variant = variant_of(await reading.read(tx, product_id, currency=desk.shop.currency), variant_id)
            await service.set_offers(tx, variant.sku, body, seen=seen)
    except Problem as problem:
        field = None if isinstance(problem, InvalidFields) else "offers"
        return await _one(desk, product_id, variant_id, await refused(request, problem, field=field))
    return desk.redirect(f"/back-office/products/{product_id}/offers", "changed")


async def _one(desk: Desk, product_id: UUID, variant_id: UUID, typed: Typed = NOTHING) -> Response:
    async with desk.tx(read_only=True) as tx:
        product = await reading.read(tx, product_id, currency=desk.shop.currency)
        variant = variant_of(product, variant_id)
        prices = await service.read(tx, variant.sku)
        sold_on = await channels.channels(tx)
    held = [one for one in prices.offers if one.currency == desk.shop.currency]
    values = offer_form.fields_of(held, zone=desk.shop.zone)
    if typed.problem is not None:
        values = {name: found[-1] for name, found in typed.values.items()}
    return desk.page(
        "offer_form.html",
        typed=typed,
        product=product,
        variant=variant,
        listed=next((one for one in prices.list_prices if one.currency == desk.shop.currency), None),
        channels=sold_on,
        values=values,
        rows=offer_form.rows_of(values),
        seen=offer_form.seen_of(held),
    )
