"""Brands as staff keep them.

A product is of a brand by its name, which is what shoppers see and what search finds it by. So a brand that is named
anew names its products anew.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID

import asyncpg
from sqlalchemy import text

from commerce.catalog import indexing
from commerce.catalog.brands.schemas import BrandChange, BrandIn, BrandOut
from commerce.catalog.categories import service as tree
from commerce.catalog.refusals import CatalogueStale
from commerce.catalog.words import slug_of
from foundation.database import Tx, hot
from foundation.errors import Conflict, NotFound
from foundation.events import Event, ProductChanged, record
from foundation.ids import new_id
from foundation.outbox import announce

_OF_NAME = 100
"""Characters of an address that are made of a name."""


class BrandNotFound(NotFound):
    """There is no such brand in this shop."""

    code = "catalog.brand_not_found"

    brand: str


class BrandTaken(Conflict):
    """Another brand of the shop has this name or this address."""

    code = "catalog.brand_taken"


class BrandInUse(Conflict):
    """Products are of this brand: give them another first."""

    code = "catalog.brand_in_use"


_PAGE = hot(
    text(
        """
        SELECT id, name, slug, version FROM brand
        WHERE tenant_id = :tenant_id AND id > :after ORDER BY id LIMIT :limit
        """
    )
)

# uq_brand_slug
_ONE = hot(text("SELECT id, name, slug, version FROM brand WHERE tenant_id = :tenant_id AND slug = :slug"))

_ADD = hot(text("INSERT INTO brand (tenant_id, id, name, slug) VALUES (:tenant_id, :id, CAST(:name AS text), :slug)"))

# What has the name, or else the address, is the brand. By uq_brand_name, and by uq_brand_slug: in one join each is
# compared with each until the table is analysed.
_KNOWN = hot(
    text(
        """
        WITH given AS (
            SELECT * FROM unnest(CAST(:ids AS uuid[]), CAST(:names AS text[]), CAST(:slugs AS text[]))
                     AS t (id, name, slug)),
        there AS (
            SELECT given.slug, coalesce(named.name, placed.name) AS name
            FROM given
            LEFT JOIN LATERAL (
                SELECT name FROM brand WHERE tenant_id = :tenant_id AND name = given.name LIMIT 1) named ON true
            LEFT JOIN LATERAL (
                SELECT name FROM brand WHERE tenant_id = :tenant_id AND slug = given.slug LIMIT 1) placed ON true
            WHERE named.name IS NOT NULL OR placed.name IS NOT NULL),
        made AS (
            INSERT INTO brand (tenant_id, id, name, slug)
            SELECT :tenant_id, id, name, slug FROM given
            WHERE :add AND NOT EXISTS (SELECT FROM there WHERE there.slug = given.slug)
            RETURNING slug, name)
        SELECT slug, name FROM there UNION ALL SELECT slug, name FROM made
        """
    )
)

_CHANGE = hot(
    text("UPDATE brand SET name = :name, slug = :new, version = version + 1 WHERE tenant_id = :tenant_id AND id = :id")
)

# ix_product_brand
_RENAME = hot(
    text(
        """
        UPDATE product SET brand = :name, version = version + 1, updated_at = now()
        WHERE tenant_id = :tenant_id AND brand = :old RETURNING id, version
        """
    )
)

_USED = hot(text("SELECT 1 FROM product WHERE tenant_id = :tenant_id AND brand = :name LIMIT 1"))

_REMOVE = hot(text("DELETE FROM brand WHERE tenant_id = :tenant_id AND id = :id"))


async def page(tx: Tx, after: UUID, limit: int) -> list[tuple[UUID, BrandOut]]:
    """Brands after one, as they were added."""
    return [(row["id"], _out(row)) for row in await tx.rows(_PAGE, {"after": after, "limit": limit})]


async def read(tx: Tx, slug: str) -> BrandOut:
    """The brand at an address.

    Raises:
        BrandNotFound.
    """
    return _out(await _row(tx, slug))


async def add(tx: Tx, body: BrandIn) -> BrandOut:
    """A new brand; products that have its name already are of it.

    Raises:
        BrandTaken.
    """
    await tree.alone(tx)
    slug = body.slug or slug_of(body.name)[:_OF_NAME]
    try:
        await tx.rows(_ADD, {"id": new_id(), "name": body.name, "slug": slug})
    except asyncpg.UniqueViolationError as fault:
        raise BrandTaken from fault
    return await read(tx, slug)


async def known(tx: Tx, names: Iterable[str], *, add: bool = False) -> dict[str, str]:
    """What the brands of these names are called, by the name given: `ACME` is Acme, when that is there.

    Those that are not there are made with `add`, for which whoever asks is alone; without it they are left out.
    """
    by_slug = {slug_of(name)[:_OF_NAME]: name for name in sorted(set(names), reverse=True)}
    if not by_slug:
        return {}
    values = {"ids": [new_id() for _ in by_slug], "names": list(by_slug.values()), "slugs": list(by_slug), "add": add}
    found = {row["slug"]: row["name"] for row in await tx.rows(_KNOWN, values)}
    return {name: found[slug_of(name)[:_OF_NAME]] for name in names if slug_of(name)[:_OF_NAME] in found}


async def change(tx: Tx, slug: str, body: BrandChange) -> BrandOut:
    """Name a brand and all its products anew, or give it another address.

    Raises:
        BrandNotFound, CatalogueStale, BrandTaken.
    """
    await tree.alone(tx)
    row = await _row(tx, slug)
    if row["version"] != body.version:
        raise CatalogueStale(version=row["version"])
    try:
        await tx.rows(_CHANGE, {"id": row["id"], "name": body.name, "new": body.slug})
    except asyncpg.UniqueViolationError as fault:
        raise BrandTaken from fault
    if body.name != row["name"]:
        renamed = await tx.rows(_RENAME, {"name": body.name, "old": row["name"]})
        await indexing.index(tx, [one["id"] for one in renamed])
        await announce(tx, [_told(tx, one["id"], one["version"]) for one in renamed])
    return await read(tx, body.slug)


async def remove(tx: Tx, slug: str) -> None:
    """Take a brand away that no product is of.

    Raises:
        BrandNotFound, BrandInUse.
    """
    await tree.alone(tx)
    row = await _row(tx, slug)
    if await tx.one(_USED, {"name": row["name"]}) is not None:
        raise BrandInUse
    await tx.rows(_REMOVE, {"id": row["id"]})


async def _row(tx: Tx, slug: str) -> Mapping[str, Any]:
    row: Mapping[str, Any] | None = await tx.one(_ONE, {"slug": slug})
    if row is None:
        raise BrandNotFound(brand=slug)
    return row


def _told(tx: Tx, product_id: UUID, version: int) -> Event:
    event = ProductChanged(product_id=product_id, product_version=version, fields=["brand"])
    return record(event, tenant_id=tx.tenant_id, aggregate_id=product_id)


def _out(row: Mapping[str, Any]) -> BrandOut:
    return BrandOut(name=row["name"], slug=row["slug"], version=row["version"])
