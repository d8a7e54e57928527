"""The rows of a product: what it says, put where shoppers, carts and stock read it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg
import orjson
from sqlalchemy import text

from commerce.catalog.products.checking import title_of
from commerce.catalog.products.schemas import ProductContent, VariantContent
from commerce.catalog.refusals import SkuTaken
from commerce.pricing import service as pricing
from commerce.pricing.service import ListPrice
from foundation import clock
from foundation.database import HotStatement, Tx, hot
from foundation.errors import Conflict
from foundation.ids import new_id


class HandleTaken(Conflict):
    """Another product of the shop has this handle."""

    code = "catalog.handle_taken"


_SAID = """
    SELECT t.id, t.category_id, t.handle, t.title, t.description, t.brand, t.tax_class, y.id AS type_id,
           CAST(t.attributes AS jsonb) AS attributes, string_to_array(t.tags, ' ') AS tags, t.country_of_origin,
           t.hs_code, CAST(t.options AS jsonb) AS options
    FROM unnest(CAST(:ids AS uuid[]), CAST(:category_ids AS uuid[]), CAST(:handles AS text[]), CAST(:titles AS text[]),
                CAST(:descriptions AS text[]), CAST(:brands AS text[]), CAST(:tax_classes AS text[]),
                CAST(:types AS text[]), CAST(:attributes AS text[]), CAST(:tags AS text[]),
                CAST(:countries_of_origin AS text[]), CAST(:hs_codes AS text[]), CAST(:options AS text[]))
         AS t (id, category_id, handle, title, description, brand, tax_class, type, attributes, tags,
               country_of_origin, hs_code, options)
    LEFT JOIN product_type y ON y.tenant_id = :tenant_id AND y.code = t.type
"""
_ADD = hot(
    text(
        f"""
        INSERT INTO product (tenant_id, id, category_id, handle, title, description, brand, tax_class, type_id,
                             attributes, tags, country_of_origin, hs_code, options, status, vendor_id, created_at,
                             updated_at, published_at)
        SELECT :tenant_id, said.*, u.status, CAST(:vendor_id AS uuid), :now, :now,
               CASE WHEN u.status = 'published' THEN CAST(:now AS timestamptz) END
        FROM ({_SAID}) said
        JOIN unnest(CAST(:ids AS uuid[]), CAST(:statuses AS text[])) AS u (id, status) ON u.id = said.id
        """  # noqa: S608  (the fragment is a literal)
    )
)
_CHANGE = hot(
    text(
        f"""
        UPDATE product p SET
            category_id = said.category_id, handle = said.handle, title = said.title, description = said.description,
            brand = said.brand, tax_class = said.tax_class, type_id = said.type_id, attributes = said.attributes,
            tags = said.tags, country_of_origin = said.country_of_origin, hs_code = said.hs_code,
            options = said.options
        FROM ({_SAID}) said WHERE p.tenant_id = :tenant_id AND p.id = said.id
        """  # noqa: S608  (the fragment is a literal)
    )
)

_ADVANCE = hot(
    text(
        """
        UPDATE product p SET
            version = p.version + 1, status = t.status, publish_at = t.publish_at, updated_at = :now,
            published_at = CASE WHEN t.status = 'published' THEN coalesce(p.published_at, :now)
                                ELSE p.published_at END
        FROM unnest(CAST(:ids AS uuid[]), CAST(:statuses AS text[]), CAST(:publish_at AS timestamptz[]))
             AS t (id, status, publish_at)
        WHERE p.tenant_id = :tenant_id AND p.id = t.id RETURNING p.id, p.version
        """
    )
)

# ix_variant_product
_THERE = hot(
    text(
        """
        SELECT id, product_id, sku, gtin, title, position, options::text AS options, discontinued FROM variant
        WHERE tenant_id = :tenant_id AND product_id = ANY(CAST(:product_ids AS uuid[]))
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
_INSERT = """
    INSERT INTO variant (tenant_id, id, product_id, sku, gtin, title, position, options)
    SELECT :tenant_id, t.id, t.product_id, t.sku, t.gtin, t.title, t.position, CAST(t.options AS jsonb)
    FROM unnest(CAST(:ids AS uuid[]), CAST(:product_ids AS uuid[]), CAST(:skus AS text[]), CAST(:gtins AS text[]),
                CAST(:titles AS text[]), CAST(:positions AS smallint[]), CAST(:options AS text[]))
         AS t (id, product_id, sku, gtin, title, position, options)
"""
_PUT_NEW = hot(text(_INSERT))
_PUT = hot(
    text(
        f"""
        {_INSERT}
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
    tx: Tx,
    said: Mapping[UUID, ProductContent],
    statuses: Mapping[UUID, str],
    *,
    currency: str,
    by: str,
    vendor_id: UUID | None = None,
) -> dict[UUID, ProductContent]:
    """New products, by their ids. What they say, their variants with their ids.

    Raises:
        HandleTaken, SkuTaken.
    """
    kept = {product_id: _with_ids(one, {}) for product_id, one in said.items()}
    try:
        await tx.in_step(_adding(kept, statuses, vendor_id, currency, by))
    except asyncpg.UniqueViolationError as fault:
        raise (HandleTaken if fault.constraint_name == "uq_product_handle" else SkuTaken) from fault
    return kept


def _adding(
    said: Mapping[UUID, ProductContent], statuses: Mapping[UUID, str], vendor_id: UUID | None, currency: str, by: str
) -> Iterator[tuple[HotStatement, Mapping[str, Any]]]:
    product = {"statuses": [statuses[one] for one in said], "vendor_id": vendor_id, "now": clock.now()}
    yield _ADD, _values(said) | product
    yield _PUT_NEW, _columns(_rows(said, {}))
    prices = {
        one.id: ListPrice(one.price, one.compare_at)
        for content in said.values()
        for one in content.variants
        if one.id is not None and one.price is not None
    }
    yield from pricing.first_prices(prices, currency, by=by)


async def put(tx: Tx, said: Mapping[UUID, ProductContent], *, currency: str, by: str) -> dict[UUID, ProductContent]:
    """Have products say this. The same, their variants with their ids.

    A variant that is not said any more is discontinued; it comes back when its SKU does.

    Raises:
        HandleTaken, SkuTaken.
    """
    if not said:
        return {}
    await _write_products(tx, _CHANGE, _values(said))
    there: dict[UUID, dict[UUID, Mapping[str, Any]]] = {one: {} for one in said}
    for row in await tx.rows(_THERE, {"product_ids": list(said)}):
        there[row["product_id"]][row["id"]] = row
    kept = {
        product_id: _with_ids(one, {row["sku"]: found for found, row in there[product_id].items()})
        for product_id, one in said.items()
    }
    await _put_variants(tx, kept, there)
    await _price(tx, [one for content in kept.values() for one in content.variants], currency, by)
    return kept


async def advance(tx: Tx, product_id: UUID, status: str, publish_at: datetime | None = None) -> int:
    """Have a product be so far, at a version of its own; which that is."""
    return (await advance_all(tx, {product_id: (status, publish_at)}))[product_id]


async def advance_all(tx: Tx, reached: Mapping[UUID, tuple[str, datetime | None]]) -> dict[UUID, int]:
    """Have products that are held be so far, each at a version of its own; which those are."""
    values = {
        "ids": list(reached),
        "statuses": [status for status, _ in reached.values()],
        "publish_at": [publish_at for _, publish_at in reached.values()],
        "now": clock.now(),
    }
    found = {row["id"]: row["version"] for row in await tx.rows(_ADVANCE, values)}
    if len(found) < len(reached):
        raise RuntimeError("a product that was held is gone")
    return found


def _values(said: Mapping[UUID, ProductContent]) -> dict[str, Any]:
    contents = said.values()
    return {
        "ids": list(said),
        "category_ids": [one.category_id for one in contents],
        "handles": [one.handle for one in contents],
        "titles": [one.title for one in contents],
        "descriptions": [one.description for one in contents],
        "brands": [one.brand for one in contents],
        "tax_classes": [one.tax_class for one in contents],
        "types": [one.type for one in contents],
        "attributes": [_json(one.attributes) for one in contents],
        "tags": [" ".join(one.tags) for one in contents],
        "countries_of_origin": [one.country_of_origin for one in contents],
        "hs_codes": [one.hs_code for one in contents],
        "options": [_json(one.options) for one in contents],
    }


def _with_ids(said: ProductContent, by_sku: Mapping[str, UUID]) -> ProductContent:
    named = {one.id for one in said.variants}
    variants = [
        one if one.id else one.model_copy(update={"id": _free(by_sku.get(one.sku), named) or new_id()})
        for one in said.variants
    ]
    return said.model_copy(update={"variants": variants})


def _free(there: UUID | None, named: set[UUID | None]) -> UUID | None:
    return None if there in named else there


async def _put_variants(
    tx: Tx, said: Mapping[UUID, ProductContent], there: Mapping[UUID, Mapping[UUID, Mapping[str, Any]]]
) -> None:
    before = {found: row for rows in there.values() for found, row in rows.items()}
    rows = _rows(said, before)
    gone = [found for found, row in before.items() if found not in rows and not row["discontinued"]]
    if gone:
        await _take_away(tx, gone)
    changed = [found for found, row in rows.items() if found not in before or _told(before[found]) != _told(row)]
    if not changed:
        return
    cleared = [found for found in changed if found in before]
    if cleared:
        await tx.rows(_CLEAR, {"ids": cleared})
    try:
        await tx.rows(_PUT if cleared else _PUT_NEW, _columns({found: rows[found] for found in changed}))
    except asyncpg.UniqueViolationError as fault:
        raise SkuTaken from fault


def _rows(said: Mapping[UUID, ProductContent], there: Mapping[UUID, Mapping[str, Any]]) -> dict[UUID, dict[str, Any]]:
    """The rows of variants, by their ids."""
    return {
        one.id: _row(one, place, product_id, content, there.get(one.id))
        for product_id, content in said.items()
        for place, one in enumerate(content.variants)
        if one.id is not None
    }


def _columns(rows: Mapping[UUID, Mapping[str, Any]]) -> dict[str, Any]:
    """The same as the statements take them."""
    return {
        "ids": list(rows),
        "product_ids": [row["product_id"] for row in rows.values()],
        "skus": [row["sku"] for row in rows.values()],
        "gtins": [row["gtin"] for row in rows.values()],
        "titles": [row["title"] for row in rows.values()],
        "positions": [row["position"] for row in rows.values()],
        "options": [row["options"] for row in rows.values()],
    }


def _row(
    one: VariantContent, place: int, product_id: UUID, said: ProductContent, there: Mapping[str, Any] | None
) -> dict[str, Any]:
    return {
        "product_id": product_id,
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


async def _price(tx: Tx, variants: Sequence[VariantContent], currency: str, by: str) -> None:
    """Say what those cost that cost something else, or nothing yet."""
    rows = await tx.rows(_PRICES, {"ids": [one.id for one in variants], "currency": currency})
    costs = {row["variant_id"]: (row["amount"], row["compare_at"]) for row in rows}
    prices = {
        one.id: ListPrice(one.price, one.compare_at)
        for one in variants
        if one.id is not None and one.price is not None and costs.get(one.id) != (one.price, one.compare_at)
    }
    await pricing.set_list_prices(tx, prices, currency, by=by)


# uq_price_variant
_PRICES = hot(
    text(
        """
        SELECT variant_id, amount, compare_at FROM price
        WHERE tenant_id = :tenant_id AND variant_id = ANY(CAST(:ids AS uuid[])) AND currency = :currency
        """
    )
)


async def _write_products(tx: Tx, statement: HotStatement, values: Mapping[str, Any]) -> None:
    try:
        await tx.rows(statement, values)
    except asyncpg.UniqueViolationError as fault:
        raise HandleTaken from fault


def _json(value: object) -> str:
    return orjson.dumps(value).decode()
