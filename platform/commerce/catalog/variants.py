"""Variants, as the contexts that sell them need them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from commerce.catalog.models import Product, Variant


@dataclass(frozen=True, slots=True)
class VariantRef:
    """What a line of a cart or an order says of its variant."""

    id: UUID
    product_id: UUID
    sku: str
    title: str
    handle: str
    image: str | None
    for_sale: bool


async def by_id(session: AsyncSession, variant_ids: Iterable[UUID]) -> dict[UUID, VariantRef]:
    """The variants that exist among these."""
    rows = await session.execute(
        select(
            Variant.id,
            Variant.product_id,
            Variant.sku,
            Variant.title,
            Product.title.label("product_title"),
            Product.handle,
            Product.image,
            Product.status,
        )
        .join(Product, (Product.tenant_id == Variant.tenant_id) & (Product.id == Variant.product_id))
        .where(Variant.id.in_(set(variant_ids)))
    )
    return {
        row.id: VariantRef(
            id=row.id,
            product_id=row.product_id,
            sku=row.sku,
            title=sold_as(row.product_title, row.title),
            handle=row.handle,
            image=row.image,
            for_sale=row.status == "published",
        )
        for row in rows
    }


def sold_as(product: str, variant: str) -> str:
    """What a line is called: the product, and which of its variants unless its own title says so already."""
    return product if not variant or product.endswith(variant) else f"{product}, {variant}"
