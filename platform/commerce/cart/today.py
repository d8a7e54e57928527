"""A variant as it is sold today: what it is called, what it costs, and how many can be had."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, TypedDict
from uuid import UUID

from commerce.cart.hot import TO_BE_HAD
from commerce.catalog.variants import sold_as
from commerce.pricing.engine import price_of
from commerce.pricing.offers import offers_of, read_offers
from commerce.pricing.schemas import ItemPrice

COLUMNS = f"""
    v.id AS variant_id, v.product_id, v.sku, v.title AS variant_title, p.title AS product_title, p.handle, p.image,
    p.status = 'published' AND NOT v.discontinued AS for_sale,
    r.amount AS list_price, {offers_of("v", "r.currency")} AS offers,
    {TO_BE_HAD} AS available
"""
"""What `sold` reads; for a statement that has `TABLES`."""

TABLES = """
    JOIN variant v ON v.tenant_id = l.tenant_id AND v.id = l.variant_id
    JOIN product p ON p.tenant_id = v.tenant_id AND p.id = v.product_id
    LEFT JOIN price r ON r.tenant_id = v.tenant_id AND r.variant_id = v.id AND r.currency = :currency
"""
"""The tables of `COLUMNS`, beside an `l` that has a tenant_id and a variant_id."""


class Sold(TypedDict):
    """A variant as whoever looks at a list of them sees it."""

    variant_id: UUID
    product_id: UUID
    handle: str
    sku: str
    title: str
    image: str | None
    price: ItemPrice | None
    available: int


def price_today(row: Mapping[str, Any], *, quantity: int, at: datetime) -> ItemPrice | None:
    """The price of one of so many at that moment; `None` when it is not sold any more."""
    if row["list_price"] is None or not row["for_sale"]:
        return None
    return price_of(row["list_price"], read_offers(row["offers"]), quantity=quantity, at=at)


def sold(row: Mapping[str, Any], price: ItemPrice | None) -> Sold:
    """What a row of `COLUMNS` says, at a price."""
    return Sold(
        variant_id=row["variant_id"],
        product_id=row["product_id"],
        handle=row["handle"],
        sku=row["sku"],
        title=sold_as(row["product_title"], row["variant_title"]),
        image=row["image"],
        price=price,
        available=row["available"],
    )
