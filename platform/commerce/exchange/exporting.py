"""The catalogue as a file of the columns that an import reads: taken in again, it changes nothing.

It is written as it is read, some products at a time, so its size is nobody's memory.
"""

from __future__ import annotations

import asyncio
import csv
import io
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from typing import IO, Any, Literal
from uuid import UUID

import orjson
from sqlalchemy import text

from commerce.catalog.products.reading import CONTENT
from commerce.catalog.products.schemas import ProductContent
from commerce.exchange import paths
from commerce.exchange.bodies import spelt
from commerce.exchange.columns import ATTRIBUTE, HANDLE, OPTION_NAMES, OPTION_VALUES, PRODUCT, SKU, VARIANT, escaped
from commerce.paging import FIRST
from foundation import workbooks
from foundation.database import Database, hot
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

# pk_product, uq_image_link_url, and up the tree by the primary key
_PAGE = hot(
    text(
        f"""
        SELECT p.id, p.status, {CONTENT},
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


async def pieces(
    database: Database, tenant_id: UUID, kind: Format, *, currency: str, seen: Callable[[int], None] = _unseen
) -> AsyncIterator[bytes]:
    """The file, in the order in which products were made; `seen` is told how many products more are in it."""
    if kind == "csv":
        yield _MARK.encode()
        async for rows in _sheet(database, tenant_id, currency, seen):
            yield _csv(rows).encode()
    else:
        async for found in _pages(database, tenant_id, currency):
            yield b"".join(_line(one) for one in found)
            seen(len(found))


async def write(
    database: Database,
    tenant_id: UUID,
    kind: FileFormat,
    out: IO[bytes],
    *,
    currency: str,
    seen: Callable[[int], None] = _unseen,
) -> None:
    """The same into a file, also as a workbook.

    Raises:
        TooLarge: it has more rows than a sheet has room for.
        OSError.
    """
    if kind == "xlsx":
        await _write_workbook(_sheet(database, tenant_id, currency, seen), out)
        return
    async for piece in pieces(database, tenant_id, kind, currency=currency, seen=seen):
        await asyncio.to_thread(out.write, piece)


async def _pages(database: Database, tenant_id: UUID, currency: str) -> AsyncIterator[Sequence[Mapping[str, Any]]]:
    after = FIRST
    while True:
        async with database.tx(tenant_id, read_only=True) as tx:
            found = await tx.rows(_PAGE, {"after": after, "currency": currency})
        if not found:
            return
        after = found[-1]["id"]
        yield found


async def _sheet(
    database: Database, tenant_id: UUID, currency: str, seen: Callable[[int], None]
) -> AsyncIterator[list[list[str]]]:
    """The rows, some at a time; the first is the columns' names."""
    async with database.tx(tenant_id, read_only=True) as tx:
        codes = [row["code"] for row in await tx.rows(_CODES)]
    yield [_columns(codes)]
    async for found in _pages(database, tenant_id, currency):
        yield [row for one in found for row in _rows(one, codes, currency)]
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


def _columns(codes: Sequence[str]) -> list[str]:
    options = [name for pair in zip(OPTION_NAMES, OPTION_VALUES, strict=True) for name in pair]
    return [*_OF_PRODUCT, *(f"{ATTRIBUTE}{code}" for code in codes), *options, *_OF_VARIANT]


def _rows(found: Mapping[str, Any], codes: Sequence[str], currency: str) -> Iterator[list[str]]:
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
    attributes = said.attributes
    product += [escaped(f"{ATTRIBUTE}{one}", spelt(attributes[one])) if one in attributes else "" for one in codes]
    for one in said.variants:
        options = [cell for name in said.options for cell in (name, one.options.get(name, ""))]
        options += [""] * (2 * len(OPTION_NAMES) - len(options))
        prices = ["" if amount is None else str(to_decimal(amount, currency)) for amount in (one.price, one.compare_at)]
        yield [disarmed(cell) for cell in (*product, *options, one.sku, one.gtin or "", *prices)]


def _line(found: Mapping[str, Any]) -> bytes:
    said = ProductContent.model_validate(orjson.loads(found["content"]))
    if not said.variants:
        return b""
    document = said.model_dump(exclude={"category_id", "options", "variants"}) | {
        "category": paths.written(found["category"]) if found["category"] else None,
        "status": found["status"],
        "images": found["images"],
        "variants": [one.model_dump(exclude={"id"}) for one in said.variants],
    }
    return orjson.dumps(document) + b"\n"


def _csv(rows: Sequence[Sequence[str]]) -> str:
    written = io.StringIO()
    csv.writer(written).writerows(rows)
    return written.getvalue()
