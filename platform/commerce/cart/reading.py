"""Carts as they are read: what is in them, at today's prices, and what can be had."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from commerce.cart import hot
from commerce.cart.contents import Cart, Line
from commerce.cart.destinations import where_of
from commerce.cart.rules import CartNotFound
from commerce.cart.schemas import (
    GiftOut,
    GiftWrapOut,
)
from commerce.catalog.variants import VariantRef, sold_as
from commerce.identity.service import Shopper
from commerce.inventory.bundles import needs_of
from commerce.inventory.supply import Need, Share, share_out
from commerce.pricing.engine import at_list, price_of
from commerce.pricing.offers import read_offers
from commerce.pricing.schemas import ItemPrice
from commerce.promotions.codes import Presented, read_codes
from foundation import clock
from foundation.database import Tx


async def current(tx: Tx, shopper: Shopper) -> Cart | None:
    """The shopper's open cart, if they have one."""
    cart_id = await current_id(tx, shopper)
    return await get(tx, shopper, cart_id) if cart_id else None


async def get(tx: Tx, shopper: Shopper, cart_id: UUID) -> Cart:
    """A cart of the shopper's.

    Raises:
        CartNotFound: there is none, or it is somebody else's.
    """
    now = clock.now()
    rows = await tx.rows(hot.READ, {**owner(shopper), "cart_id": cart_id, "now": now})
    if not rows:
        raise CartNotFound
    first = rows[0]
    lines = _lines(rows, now)
    goods = sum(line.unit_price * line.quantity for line in lines)
    where = await where_of(tx, first)
    return Cart(
        tenant_id=tx.tenant_id,
        id=first["id"],
        visitor_id=first["visitor_id"],
        customer_id=first["customer_id"],
        currency=first["currency"],
        channel=first["channel"],
        status=first["status"],
        version=first["version"],
        lines=lines,
        codes=[Presented(code, code.standing(goods, at=now)) for code in read_codes(first["codes"])],
        note=first["note"],
        gift=GiftOut.model_validate_json(first["gift"]) if first["gift"] else None,
        wrap=GiftWrapOut.model_validate_json(first["wrap"]) if first["wrap"] else None,
        where=where.downloaded() if lines and all(line.digital for line in lines) else where,
        rule=first["rule"] or "fewest_parcels",
    )


async def product_ids(tx: Tx, shopper: Shopper) -> list[UUID]:
    """The products in the shopper's open cart."""
    cart = await current(tx, shopper)
    return [line.variant.product_id for line in cart.lines] if cart else []


def _lines(rows: Iterable[Mapping[str, Any]], now: datetime) -> list[Line]:
    found = [(row, needs_of(row)) for row in rows if row["line_id"] is not None]
    shares = share_out(((row["quantity"], needs) for row, needs in found), now.date())
    return [_line(row, now, needs, share) for (row, needs), share in zip(found, shares, strict=True)]


def _line(row: Mapping[str, Any], now: datetime, needs: Sequence[Need], share: Share) -> Line:
    said = row["explanation"]
    variant = VariantRef(
        id=row["variant_id"],
        product_id=row["product_id"],
        sku=row["sku"],
        title=sold_as(row["product_title"], row["variant_title"]),
        handle=row["handle"],
        image=row["image"],
        for_sale=row["for_sale"],
        vendor_id=row["vendor_id"],
    )
    return Line(
        id=row["line_id"],
        variant=variant,
        quantity=row["quantity"],
        unit_price=row["unit_price"],
        decision_id=row["decision_id"],
        accepted=ItemPrice.model_validate_json(said) if said else at_list(row["unit_price"]),
        today=priced(row, row["quantity"], now),
        available=share.available,
        promised_on=share.promised_on,
        needs=needs,
        tax_class=row["tax_class"],
        gift=GiftOut.model_validate_json(row["line_gift"]) if row["line_gift"] else None,
    )


def priced(row: Mapping[str, Any], quantity: int, now: datetime) -> ItemPrice | None:
    """Today's price of a variant for somebody who takes so many, and why; `None` when it has none."""
    if row["list_price"] is None:
        return None
    return price_of(row["list_price"], read_offers(row["offers"]), quantity=quantity, at=now)


def owner(shopper: Shopper) -> dict[str, UUID | None]:
    """Whose cart it has to be, as statements name it."""
    return {"customer_id": shopper.customer_id, "visitor_id": shopper.visitor_id}


async def current_id(tx: Tx, shopper: Shopper) -> UUID | None:
    """The id of the shopper's open cart on the channel they are on, if they have one."""
    row = await tx.one(hot.CURRENT, {**owner(shopper), "channel": shopper.channel})
    return row["id"] if row else None
