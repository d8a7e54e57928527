"""Staff's list of products: every one, whatever its status, the newest first."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import text

from commerce.catalog.products.schemas import ProductRow, ProductsQuery
from commerce.catalog.service import words_of
from foundation.database import HotStatement, Tx, hot

MOST_FOUND = 1_000
"""Products that words are looked for in at most, the best matches; a longer list is narrowed by other words."""

# A condition for each filter, so that each statement is planned for the index that it needs: the primary key,
# ix_product_status, ix_product_category, ix_product_brand, ix_product_type, ix_product_vendor,
# ix_product_media_proposed.
_FILTERS = {
    "status": "p.status = :status",
    "review": """p.id IN (
        SELECT q.id FROM product q WHERE q.tenant_id = :tenant_id AND q.status = 'in_review'
        UNION SELECT o.product_id FROM product_proposal o WHERE o.tenant_id = :tenant_id AND o.status = 'in_review'
        UNION SELECT m.product_id FROM product_media m WHERE m.tenant_id = :tenant_id AND NOT m.approved)""",
    "category": """p.category_id IN (
        SELECT below.id FROM category above JOIN category below ON below.path <@ above.path
        WHERE above.tenant_id = :tenant_id AND above.slug = :category AND below.tenant_id = above.tenant_id)""",
    "brand": "p.brand = (SELECT b.name FROM brand b WHERE b.tenant_id = :tenant_id AND b.slug = :brand)",
    "type": "p.type_id = (SELECT t.id FROM product_type t WHERE t.tenant_id = :tenant_id AND t.code = :type)",
    "vendor": "p.vendor_id = (SELECT w.id FROM vendor w WHERE w.tenant_id = :tenant_id AND w.code = :vendor)",
    "vendor_id": "p.vendor_id = :vendor_id",
    "q": f"""p.id IN (
        SELECT v.product_id FROM variant v WHERE v.tenant_id = :tenant_id AND v.sku = :q
        UNION SELECT v.product_id FROM variant v WHERE v.tenant_id = :tenant_id AND v.gtin = :q
        UNION SELECT h.id FROM product h WHERE h.tenant_id = :tenant_id AND h.handle = :q
        UNION SELECT f.product_id FROM search_products(to_tsquery('english', :words), NULL, NULL, {MOST_FOUND}) f
        UNION SELECT d.id FROM product d
              WHERE d.tenant_id = :tenant_id AND d.status = ANY('{{draft,in_review,approved,rejected,archived}}')
                AND strpos(lower(d.title), lower(CAST(:q AS text))) > 0)""",  # noqa: S608  (a number)
}

_ROWS = """
    SELECT p.id, p.handle, p.title, p.brand, p.status, p.publish_at, p.image, p.version, p.updated_at,
           (SELECT t.code FROM product_type t WHERE (t.tenant_id, t.id) = (p.tenant_id, p.type_id)) AS type,
           (SELECT json_build_object('name', c.name, 'slug', c.slug)::text
            FROM category c WHERE (c.tenant_id, c.id) = (p.tenant_id, p.category_id)) AS category,
           (SELECT w.code FROM vendor w WHERE (w.tenant_id, w.id) = (p.tenant_id, p.vendor_id)) AS vendor,
           (SELECT o.status FROM product_proposal o
            WHERE o.tenant_id = p.tenant_id AND o.product_id = p.id) AS proposal,
           (SELECT count(*) FROM product_media m
            WHERE m.tenant_id = p.tenant_id AND m.product_id = p.id AND NOT m.approved) AS proposed_media,
           sold.variants, sold.sku, sold.amount
    FROM (SELECT * FROM product p WHERE p.tenant_id = :tenant_id AND p.id < :before {conditions}
          ORDER BY p.id DESC LIMIT :limit) p
    CROSS JOIN LATERAL (
        SELECT count(*) AS variants, min(r.amount) AS amount, (array_agg(v.sku ORDER BY v.position, v.id))[1] AS sku
        FROM variant v LEFT JOIN price r
            ON (r.tenant_id, r.variant_id, r.currency) = (v.tenant_id, v.id, CAST(:currency AS text))
        WHERE (v.tenant_id, v.product_id) = (p.tenant_id, p.id) AND NOT v.discontinued) sold
    ORDER BY p.id DESC
"""


_WAITING = hot(
    text(
        f"""
        SELECT count(*) FROM product p WHERE p.tenant_id = :tenant_id AND {_FILTERS["review"]}
          AND (CAST(:vendor_id AS uuid) IS NULL OR p.vendor_id = :vendor_id)
        """  # noqa: S608  (a literal)
    )
)


async def page(
    tx: Tx, query: ProductsQuery, before: UUID, *, currency: str, vendor_id: UUID | None = None
) -> list[tuple[UUID, ProductRow]]:
    """Products before one, one more than asked for when there are more; with a vendor, only theirs."""
    asked = {**query.model_dump(exclude={"cursor", "limit"}, exclude_none=True)}
    if vendor_id is not None:
        asked["vendor_id"] = vendor_id
    if asked.get("status") == "in_review":
        asked["review"] = asked.pop("status")
    if "q" in asked:
        asked["words"] = words_of(asked["q"])
    statement = _statement(tuple(name for name in _FILTERS if name in asked))
    values = {**asked, "before": before, "limit": query.limit + 1, "currency": currency}
    return [(row["id"], _row(row, currency)) for row in await tx.rows(statement, values)]


async def waiting(tx: Tx, *, vendor_id: UUID | None = None) -> int:
    """How many products wait for a review, by themselves, by a proposal or by their media; with a vendor, of theirs."""
    row = await tx.one(_WAITING, {"vendor_id": vendor_id})
    return int(row[0]) if row else 0


@cache
def _statement(filters: tuple[str, ...]) -> HotStatement:
    return hot(text(_ROWS.format(conditions="".join(f" AND {_FILTERS[name]}" for name in filters))))


def _row(row: Mapping[str, Any], currency: str) -> ProductRow:
    said = dict(row)
    amount = said.pop("amount")
    said["price"] = None if amount is None else {"amount": amount, "currency": currency}
    said["category"] = said["category"] and orjson.loads(said["category"])
    return ProductRow.model_validate(said)
