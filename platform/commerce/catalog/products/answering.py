"""What the routes of staff and of vendors share: something is done to a product, which is shown as it is then."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

from commerce.catalog.products import reading
from commerce.catalog.products.history import Author
from commerce.catalog.products.schemas import ProductOut
from commerce.http import Core
from commerce.tenancy.service import Shop


async def made(core: Core, shop: Shop, by: Author, make: Callable[..., Awaitable[UUID]], of: Any) -> ProductOut:
    """A new product, as `make` makes it of `of`."""
    async with core.database.tx(shop.id) as tx:
        product_id = await make(tx, by, of, currency=shop.currency)
        return await reading.read(tx, product_id, currency=shop.currency, vendor_id=by.vendor_id)


async def done(
    core: Core,
    shop: Shop,
    by: Author,
    step: Callable[..., Awaitable[None]],
    product_id: UUID,
    version: int,
    *what: Any,
    **more: Any,
) -> ProductOut:
    """A product after a step was taken with it, if it is of that version still."""
    async with core.database.tx(shop.id) as tx:
        await step(tx, by, product_id, version, *what, currency=shop.currency, **more)
        return await reading.read(tx, product_id, currency=shop.currency, vendor_id=by.vendor_id)
