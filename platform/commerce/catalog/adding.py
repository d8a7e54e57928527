"""New products: several at once, in as many statements as for one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

import asyncpg
from sqlalchemy import text

from commerce.catalog import counting, indexing
from commerce.catalog.brands import service as brands
from commerce.catalog.categories import service as tree
from commerce.catalog.refusals import SkuTaken
from commerce.catalog.words import slug_of
from commerce.plans import service as plans
from commerce.plans.catalogue import Metric
from foundation.database import Tx, hot
from foundation.events import Event, ProductPublished, record
from foundation.ids import new_id
from foundation.outbox import announce


@dataclass(frozen=True, slots=True)
class NewProduct:
    """A product of one variant."""

    sku: str
    title: str
    category: str | None = None
    brand: str | None = None
    description: str = ""


# uq_category_slug
_CATEGORIES = hot(
    text(
        """
        INSERT INTO category AS c (tenant_id, id, path, name, slug, depth)
        SELECT :tenant_id, t.id, text2ltree(replace(t.id::text, '-', '')), t.name, t.slug, 0
        FROM unnest(CAST(:ids AS uuid[]), CAST(:names AS text[]), CAST(:slugs AS text[])) AS t(id, name, slug)
        ON CONFLICT (tenant_id, slug) DO UPDATE SET name = c.name
        RETURNING c.id, c.slug
        """
    )
)
_PRODUCTS = hot(
    text(
        """
        INSERT INTO product (tenant_id, id, category_id, handle, title, description, brand, rank)
        SELECT :tenant_id, t.id, t.category_id, t.handle, t.title, t.description, t.brand, t.rank
        FROM unnest(CAST(:ids AS uuid[]), CAST(:categories AS uuid[]), CAST(:handles AS text[]),
                    CAST(:titles AS text[]), CAST(:descriptions AS text[]), CAST(:brands AS text[]),
                    CAST(:ranks AS bigint[]))
             AS t(id, category_id, handle, title, description, brand, rank)
        """
    )
)
_VARIANTS = hot(
    text(
        """
        INSERT INTO variant (tenant_id, id, product_id, sku)
        SELECT :tenant_id, t.id, t.product_id, t.sku
        FROM unnest(CAST(:ids AS uuid[]), CAST(:products AS uuid[]), CAST(:skus AS text[])) AS t(id, product_id, sku)
        """
    )
)


async def add(tx: Tx, products: Sequence[NewProduct]) -> list[UUID]:
    """Add products, published and found by search, in the order in which they are listed. The ids of their variants.

    Raises:
        SkuTaken.
        PlanLimitReached: the shop's plan has no room for all of them, so none was added.
    """
    if not products:
        return []
    await plans.alone(tx, Metric.PRODUCTS)
    await plans.make_room(tx, Metric.PRODUCTS, there=await counting.products(tx), more=len(products))
    await tree.alone(tx)
    categories = await _categories(tx, {one.category for one in products if one.category})
    named = await brands.known(tx, {one.brand for one in products if one.brand}, add=True)
    ids, variants = [new_id() for _ in products], [new_id() for _ in products]
    within = [categories.get(slug_of(one.category)) if one.category else None for one in products]
    values = {
        "ids": ids,
        "categories": within,
        # The end of an id tells two of the same title apart.
        "handles": [f"{slug_of(one.title)[:80]}-{made.hex[-8:]}" for one, made in zip(products, ids, strict=True)],
        "titles": [one.title for one in products],
        "descriptions": [one.description for one in products],
        "brands": [named[one.brand] if one.brand else None for one in products],
        "ranks": list(range(len(products))),
    }
    await tx.rows(_PRODUCTS, values)
    try:
        await tx.rows(_VARIANTS, {"ids": variants, "products": ids, "skus": [one.sku for one in products]})
    except asyncpg.UniqueViolationError as fault:
        raise SkuTaken from fault
    await tree.counted(tx, Counter(found for found in within if found is not None))
    await indexing.index(tx, ids)
    await announce(tx, [_published(tx, made) for made in ids])
    return variants


def _published(tx: Tx, product_id: UUID) -> Event:
    event = ProductPublished(product_id=product_id, product_version=1)
    return record(event, tenant_id=tx.tenant_id, aggregate_id=product_id)


async def _categories(tx: Tx, names: set[str]) -> dict[str, UUID]:
    by_slug = {slug_of(name): name for name in sorted(names)}
    if not by_slug:
        return {}
    values = {"ids": [new_id() for _ in by_slug], "names": list(by_slug.values()), "slugs": list(by_slug)}
    return {row["slug"]: row["id"] for row in await tx.rows(_CATEGORIES, values)}
