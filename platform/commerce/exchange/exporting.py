"""The catalogue as a file of the columns that an import reads: taken in again, it changes nothing.

It is written as it is read, some products at a time, so its size is nobody's memory.
"""

from __future__ import annotations

import asyncio
import csv
import io
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import IO, Any, Literal
from uuid import UUID

import orjson
from sqlalchemy import text

from commerce.catalog.products.reading import CONTENT
from commerce.catalog.products.schemas import ProductContent
from commerce.exchange import internal, paths
from commerce.exchange.bodies import spelt
from commerce.exchange.columns import (
    ATTRIBUTE,
    COST,
    HANDLE,
    OPTION_NAMES,
    OPTION_VALUES,
    PRICE_ON,
    PRODUCT,
    SKU,
    VARIANT,
    escaped,
)
from commerce.exchange.drafting import CHANNEL_PRICES
from commerce.paging import FIRST
from commerce.pricing.channel_prices import PLAIN
from foundation import workbooks
from foundation.database import Database, HotStatement, hot
from foundation.money import to_decimal
from foundation.spreadsheets import disarmed

Format = Literal["csv", "jsonl"]
FileFormat = Literal["csv", "jsonl", "xlsx"]
MEDIA_TYPES: Mapping[FileFormat, str] = {
    "csv": "text/csv; charset=utf-8",
    "jsonl": "application/jsonl",
    "xlsx": workbooks.MEDIA_TYPE,
}
_MARK = "\ufeff"
_AT_ONCE = 500
"""Products that are read at a time."""
_OF_PRODUCT = (HANDLE, *(column for column in PRODUCT if column != "image_alt"))
_OF_VARIANT = (SKU, *VARIANT)

_NOTHING_INTERNAL = "NULL"
# uq_variant_cost, ix_price_offer_variant
_INTERNAL = f"""
    (SELECT jsonb_object_agg(v.sku, jsonb_build_object(
        '{COST}', (SELECT c.amount FROM variant_cost c
                   WHERE (c.tenant_id, c.variant_id, c.currency) = (v.tenant_id, v.id, CAST(:currency AS text))),
        '{CHANNEL_PRICES}', (
            SELECT jsonb_object_agg(channel, amount) FROM (
                SELECT o.channel, min(o.amount) AS amount FROM price_offer o
                WHERE (o.tenant_id, o.variant_id, o.currency) = (v.tenant_id, v.id, CAST(:currency AS text))
                  AND {PLAIN}
                GROUP BY o.channel) o)))
     FROM variant v WHERE (v.tenant_id, v.product_id) = (p.tenant_id, p.id))::text
"""  # noqa: S608  (literals)


# pk_product, uq_image_link_url, and up the tree by the primary key
def _page(told: str) -> HotStatement:
    """A page of products with what is `told` of their variants to staff alone."""
    return hot(
        text(
            f"""
        SELECT p.id, p.status, {CONTENT}, {told} AS internal,
               (WITH RECURSIVE up AS (
                    SELECT c.parent_id, ARRAY[c.name] AS names FROM category c
                    WHERE c.tenant_id = p.tenant_id AND c.id = p.category_id
                    UNION ALL
                    SELECT c.parent_id, c.name || up.names FROM up JOIN category c
                        ON c.tenant_id = p.tenant_id AND c.id = up.parent_id)
                SELECT names FROM up WHERE parent_id IS NULL) AS category,
               ARRAY(SELECT l.url FROM image_link l WHERE l.tenant_id = p.tenant_id AND l.product_id = p.id
                     ORDER BY l.position, l.id) AS images
        FROM product p WHERE p.tenant_id = :tenant_id AND p.id > CAST(:after AS uuid) ORDER BY p.id LIMIT {_AT_ONCE}
            """  # noqa: S608  (literals)
        )
    )


_WITHOUT_COSTS, _WITH_COSTS = _page(_NOTHING_INTERNAL), _page(_INTERNAL)
_CODES = hot(
    text(
        """
        SELECT DISTINCT code FROM product p, jsonb_object_keys(p.attributes) AS code
        WHERE p.tenant_id = :tenant_id ORDER BY code
        """
    )
)


class TooLarge(Exception):
    """The catalogue does not fit into a file of the format; the text says why."""


def _unseen(_: int) -> None:
    """Nobody asks how far it is."""


@dataclass(frozen=True, slots=True)
class Asked:
    """Of which shop a file is, and what of it."""

    tenant_id: UUID
    currency: str
    costs: bool = False
    """Whether it has what variants cost the shop and on which channel: for those who may see prices."""


async def pieces(
    database: Database, asked: Asked, kind: Format, *, seen: Callable[[int], None] = _unseen
) -> AsyncIterator[bytes]:
    """The file, in the order in which products were made; `seen` is told how many products more are in it."""
    if kind == "csv":
        yield _MARK.encode()
        async for rows in _sheet(database, asked, seen):
            yield _csv(rows).encode()
    else:
        channels = await _channels(database, asked)
        async for found in _pages(database, asked):
            yield b"".join(_line(one, channels) for one in found)
            seen(len(found))


async def write(
    database: Database, asked: Asked, kind: FileFormat, out: IO[bytes], *, seen: Callable[[int], None] = _unseen
) -> None:
    """The same into a file, also as a workbook.

    Raises:
        TooLarge: it has more rows than a sheet has room for.
        OSError.
    """
    if kind == "xlsx":
        await _write_workbook(_sheet(database, asked, seen), out)
        return
    async for piece in pieces(database, asked, kind, seen=seen):
        await asyncio.to_thread(out.write, piece)


async def _pages(database: Database, asked: Asked) -> AsyncIterator[Sequence[Mapping[str, Any]]]:
    after = FIRST
    statement = _WITH_COSTS if asked.costs else _WITHOUT_COSTS
    while True:
        async with database.tx(asked.tenant_id, read_only=True) as tx:
            found = await tx.rows(statement, {"after": after, "currency": asked.currency})
        if not found:
            return
        after = found[-1]["id"]
        yield found


async def _channels(database: Database, asked: Asked) -> list[str] | None:
    """The channels whose prices are told; `None` where nothing of the kind is."""
    if not asked.costs:
        return None
    async with database.tx(asked.tenant_id, read_only=True) as tx:
        return await internal.open_channels(tx)


async def _sheet(database: Database, asked: Asked, seen: Callable[[int], None]) -> AsyncIterator[list[list[str]]]:
    """The rows, some at a time; the first is the columns' names."""
    async with database.tx(asked.tenant_id, read_only=True) as tx:
        codes = [row["code"] for row in await tx.rows(_CODES)]
    channels = await _channels(database, asked)
    yield [_columns(codes, channels)]
    async for found in _pages(database, asked):
        yield [row for one in found for row in _rows(one, codes, channels, asked.currency)]
        seen(len(found))


async def _write_workbook(sheet: AsyncIterator[list[list[str]]], out: IO[bytes]) -> None:
    """Row by row, through a file on this machine's disk: what it has room for is no matter of memory."""
    book = await asyncio.to_thread(workbooks.Writing)
    try:
        async for rows in sheet:
            await asyncio.to_thread(book.add, rows)
        await asyncio.to_thread(book.save, out)
    except workbooks.TooManyRows as fault:
        raise TooLarge(f"A sheet has room for {workbooks.MOST_ROWS:,} rows: take the catalogue as CSV.") from fault
    finally:
        await asyncio.to_thread(book.close)


def _columns(codes: Sequence[str], channels: Sequence[str] | None) -> list[str]:
    options = [name for pair in zip(OPTION_NAMES, OPTION_VALUES, strict=True) for name in pair]
    told = [] if channels is None else [COST, *(f"{PRICE_ON}{code}" for code in channels)]
    return [*_OF_PRODUCT, *(f"{ATTRIBUTE}{code}" for code in codes), *options, *_OF_VARIANT, *told]


def _rows(
    found: Mapping[str, Any], codes: Sequence[str], channels: Sequence[str] | None, currency: str
) -> Iterator[list[str]]:
    """A row a variant; what is said of the product stands in each of them."""
    said = ProductContent.model_validate(orjson.loads(found["content"]))
    told: dict[str, Any] = {
        **dict(said),
        "category": paths.written(found["category"]) if found["category"] else "",
        "tags": ", ".join(said.tags),
        "status": found["status"],
        "images": " ".join(found["images"]),
    }
    product = [escaped(name, told[name] or "") for name in _OF_PRODUCT]
    attributes, known = said.attributes, _internal(found)
    product += [escaped(f"{ATTRIBUTE}{one}", spelt(attributes[one])) if one in attributes else "" for one in codes]
    for one in said.variants:
        options = [cell for name in said.options for cell in (name, one.options.get(name, ""))]
        options += [""] * (2 * len(OPTION_NAMES) - len(options))
        amounts = [one.price, one.compare_at, *_amounts(known.get(one.sku, {}), channels).values()]
        prices = ["" if amount is None else str(to_decimal(amount, currency)) for amount in amounts]
        yield [disarmed(cell) for cell in (*product, *options, one.sku, one.gtin or "", *prices)]


def _internal(found: Mapping[str, Any]) -> Mapping[str, Any]:
    """By the SKU, what staff alone may know."""
    known: Mapping[str, Any] = orjson.loads(found["internal"] or b"{}")
    return known


def _amounts(said: Mapping[str, Any], channels: Sequence[str] | None) -> dict[str, int | None]:
    """By the column, what a variant costs the shop and on channels."""
    if channels is None:
        return {}
    own = said.get(CHANNEL_PRICES) or {}
    return {COST: said.get(COST), **{f"{PRICE_ON}{code}": own.get(code) for code in channels}}


def _line(found: Mapping[str, Any], channels: Sequence[str] | None) -> bytes:
    said = ProductContent.model_validate(orjson.loads(found["content"]))
    if not said.variants:
        return b""
    known = _internal(found)
    document = said.model_dump(exclude={"category_id", "options", "variants"}) | {
        "category": paths.written(found["category"]) if found["category"] else None,
        "status": found["status"],
        "images": found["images"],
        "variants": [
            one.model_dump(exclude={"id"}) | _documented(_amounts(known.get(one.sku, {}), channels))
            for one in said.variants
        ],
    }
    return orjson.dumps(document) + b"\n"


def _documented(told: Mapping[str, int | None]) -> dict[str, Any]:
    if not told:
        return {}
    own = {name.removeprefix(PRICE_ON): amount for name, amount in told.items() if name != COST and amount is not None}
    return {COST: told[COST], CHANNEL_PRICES: own}


def _csv(rows: Sequence[Sequence[str]]) -> str:
    written = io.StringIO()
    csv.writer(written).writerows(rows)
    return written.getvalue()
