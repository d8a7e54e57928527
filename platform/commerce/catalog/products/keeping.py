"""The rows of a product: what it says, put where shoppers, carts and stock read it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

import asyncpg
import orjson
from sqlalchemy import text

from commerce.catalog.products.checking import title_of
from commerce.catalog.products.schemas import ProductContent, VariantContent
from commerce.catalog.refusals import SkuTaken
from commerce.pricing import service as pricing
from commerce.pricing.schemas import ListPriceIn
from foundation import clock
from foundation.database import HotStatement, Tx, hot
from foundation.errors import Conflict
from foundation.ids import new_id


class HandleTaken(Conflict):
    """Another product of the shop has this handle."""

    code = "catalog.handle_taken"


_SAID = """
    category_id = CAST(:category_id AS uuid), handle = :handle, title = :title, description = :description,
    brand = CAST(:brand AS text), tax_class = :tax_class,
    type_id = (SELECT t.id FROM product_type t WHERE t.tenant_id = :tenant_id AND t.code = CAST(:type AS text)),
    attributes = CAST(CAST(:attributes AS text) AS jsonb), tags = CAST(:tags AS text[]),
    country_of_origin = CAST(:country_of_origin AS text), hs_code = CAST(:hs_code AS text),
    options = CAST(CAST(:options AS text) AS jsonb)
"""
_ADD = hot(
    text(
        """
        INSERT INTO product (tenant_id, id, handle, title, status, vendor_id, created_at, updated_at)
        VALUES (:tenant_id, :id, :handle, :title, 'draft', CAST(:vendor_id AS uuid), :now, :now)
        """
    )
)
_CHANGE = hot(text(f"UPDATE product SET {_SAID} WHERE tenant_id = :tenant_id AND id = :id"))  # noqa: S608

_ADVANCE = hot(
    text(
        """
        UPDATE product SET version = version + 1, status = :status, publish_at = CAST(:publish_at AS timestamptz),
                           published_at = CASE WHEN :status = 'published' THEN coalesce(published_at, :now)
                                               ELSE published_at END,
                           updated_at = :now
        WHERE tenant_id = :tenant_id AND id = :id RETURNING version
        """
    )
)

# ix_variant_product
_THERE = hot(
    text(
        """
        SELECT id, sku, gtin, title, position, options::text AS options, discontinued FROM variant
        WHERE tenant_id = :tenant_id AND product_id = :product_id
        """
    )
)

# So that two may change places: a SKU, and what a variant is of its options, are one variant's at any moment.
_CLEAR = hot(
    text(
        """
        UPDATE variant SET sku = concat(id, ':', sku), options = '{}'
        WHERE tenant_id = :tenant_id AND id = ANY(CAST(:ids AS uuid[]))
        """
    )
)
_PUT = hot(
    text(
        """
        INSERT INTO variant AS v (tenant_id, id, product_id, sku, gtin, title, position, options)
        SELECT :tenant_id, t.id, :product_id, t.sku, t.gtin, t.title, t.position, CAST(t.options AS jsonb)
        FROM unnest(CAST(:ids AS uuid[]), CAST(:skus AS text[]), CAST(:gtins AS text[]), CAST(:titles AS text[]),
                    CAST(:positions AS smallint[]), CAST(:options AS text[]))
             AS t (id, sku, gtin, title, position, options)
        ON CONFLICT (tenant_id, id) DO UPDATE SET
            sku = excluded.sku, gtin = excluded.gtin, title = excluded.title, position = excluded.position,
            options = excluded.options, discontinued = false
        """
    )
)

# One that was neither sold nor stocked nor asked for is as if it had never been; its list price goes with it.
_FORGET_PRICES = hot(text("DELETE FROM price WHERE tenant_id = :tenant_id AND variant_id = ANY(CAST(:ids AS uuid[]))"))
_FORGET = hot(text("DELETE FROM variant WHERE tenant_id = :tenant_id AND id = ANY(CAST(:ids AS uuid[]))"))
_DISCONTINUE = hot(
    text(
        """
        UPDATE variant SET discontinued = true WHERE tenant_id = :tenant_id AND id = ANY(CAST(:ids AS uuid[]))
        """
    )
)


async def add(
    tx: Tx, product_id: UUID, said: ProductContent, *, currency: str, vendor_id: UUID | None
) -> ProductContent:
    """A new product, a draft. What it says, its variants with their ids.

    Raises:
        HandleTaken, SkuTaken.
    """
    values = {"id": product_id, "handle": said.handle, "title": said.title, "vendor_id": vendor_id, "now": clock.now()}
    await _write_product(tx, _ADD, values)
    return await put(tx, product_id, said, currency=currency)


async def put(tx: Tx, product_id: UUID, said: ProductContent, *, currency: str) -> ProductContent:
    """Have a product say this. The same, its variants with their ids.

    A variant that is not said any more is discontinued; it comes back when its SKU does.

    Raises:
        HandleTaken, SkuTaken.
    """
    values = said.model_dump(exclude={"variants"})
    for name in ("attributes", "options"):
        values[name] = _json(values[name])
    await _write_product(tx, _CHANGE, {**values, "id": product_id})
    there = {row["id"]: row for row in await tx.rows(_THERE, {"product_id": product_id})}
    by_sku = {row["sku"]: row["id"] for row in there.values()}
    named = {one.id for one in said.variants}
    variants = [
        one if one.id else one.model_copy(update={"id": _free(by_sku.get(one.sku), named) or new_id()})
        for one in said.variants
    ]
    kept = said.model_copy(update={"variants": variants})
    await _put_variants(tx, product_id, kept, there)
    await _price(tx, variants, currency)
    return kept


async def advance(tx: Tx, product_id: UUID, status: str, publish_at: Any = None) -> int:
    """Have a product be so far, at a version of its own; which that is."""
    values = {"id": product_id, "status": status, "publish_at": publish_at, "now": clock.now()}
    row = await tx.one(_ADVANCE, values)
    if row is None:
        raise RuntimeError("a product that was held is gone")
    version: int = row["version"]
    return version


def _free(there: UUID | None, named: set[UUID | None]) -> UUID | None:
    return None if there in named else there


async def _put_variants(
    tx: Tx, product_id: UUID, said: ProductContent, there: Mapping[UUID, Mapping[str, Any]]
) -> None:
    rows = {
        one.id: _row(one, place, said, there.get(one.id))
        for place, one in enumerate(said.variants)
        if one.id is not None
    }
    gone = [found for found, row in there.items() if found not in rows and not row["discontinued"]]
    if gone:
        await _take_away(tx, gone)
    changed = [found for found, row in rows.items() if found not in there or _told(there[found]) != _told(row)]
    if not changed:
        return
    if cleared := [found for found in changed if found in there]:
        await tx.rows(_CLEAR, {"ids": cleared})
    values: dict[str, Any] = {
        f"{name}s" if name != "options" else name: [rows[found][name] for found in changed]
        for name in ("sku", "gtin", "title", "position", "options")
    }
    try:
        await tx.rows(_PUT, {**values, "ids": changed, "product_id": product_id})
    except asyncpg.UniqueViolationError as fault:
        raise SkuTaken from fault


def _row(one: VariantContent, place: int, said: ProductContent, there: Mapping[str, Any] | None) -> dict[str, Any]:
    return {
        "sku": one.sku,
        "gtin": one.gtin,
        "title": title_of(one, said.options) or (there["title"] if there else ""),
        "position": place,
        "options": _json(one.options),
        "discontinued": False,
    }


def _told(row: Mapping[str, Any]) -> tuple[Any, ...]:
    same = ("sku", "gtin", "title", "position", "discontinued")
    return (*(row[name] for name in same), orjson.loads(row["options"]))


async def _take_away(tx: Tx, ids: list[UUID]) -> None:
    try:
        async with tx.attempt():
            await tx.rows(_FORGET_PRICES, {"ids": ids})
            await tx.rows(_FORGET, {"ids": ids})
    except asyncpg.ForeignKeyViolationError:
        await tx.rows(_DISCONTINUE, {"ids": ids})


async def _price(tx: Tx, variants: list[VariantContent], currency: str) -> None:
    """Say what those cost that cost something else, or nothing yet."""
    rows = await tx.rows(_PRICES, {"ids": [one.id for one in variants], "currency": currency})
    costs = {row["variant_id"]: (row["amount"], row["compare_at"]) for row in rows}
    for one in variants:
        if one.price is not None and costs.get(one.id) != (one.price, one.compare_at):
            price = ListPriceIn(currency=currency, amount=one.price, compare_at=one.compare_at)
            await pricing.set_list_price(tx, one.sku, price)


# uq_price_variant
_PRICES = hot(
    text(
        """
        SELECT variant_id, amount, compare_at FROM price
        WHERE tenant_id = :tenant_id AND variant_id = ANY(CAST(:ids AS uuid[])) AND currency = :currency
        """
    )
)


async def _write_product(tx: Tx, statement: HotStatement, values: Mapping[str, Any]) -> None:
    try:
        await tx.rows(statement, values)
    except asyncpg.UniqueViolationError as fault:
        raise HandleTaken from fault


def _json(value: object) -> str:
    return orjson.dumps(value).decode()
