"""The tree: where each category is, what is below it, how many products that makes.

A path is made of labels from the top down (Postgres's ltree). A label is the category's own id, so that a new name or
address leaves every path as it is; what came from elsewhere may have labels of its own. Whoever changes the tree, or
counts products into it, holds the shop's tree alone: two moves that are each right could make a cycle together.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any
from uuid import UUID

import asyncpg
from sqlalchemy import text

from commerce.catalog import indexing
from commerce.catalog.categories.schemas import (
    CategoriesQuery,
    CategoryChange,
    CategoryDetail,
    CategoryIn,
    CategoryNode,
)
from commerce.catalog.words import slug_of
from foundation.database import HotStatement, Tx, hot
from foundation.errors import Conflict, NotFound, Unprocessable
from foundation.events import CategoryChanged, record
from foundation.ids import new_id
from foundation.outbox import announce
from foundation.turns import in_turn

MOST = 20_000
DEEPEST = 50
"""Levels below the top: an index entry holds no more labels."""
_OF_NAME = 100
"""Characters of an address that are made of a name."""


class CategoryNotFound(NotFound):
    """There is no such category in this shop."""

    code = "catalog.category_not_found"


class CategorySlugTaken(Conflict):
    """Another category of the shop has this address."""

    code = "catalog.category_slug_taken"

    slug: str


class CategoryCycle(Unprocessable):
    """A category can't be moved below itself."""

    code = "catalog.category_cycle"


class CategoryTooDeep(Unprocessable):
    """The tree would have too many levels."""

    code = "catalog.category_too_deep"

    most: int


class TooManyCategories(Unprocessable):
    """The shop has as many categories as one can have."""

    code = "catalog.too_many_categories"

    limit: int


class CategoryNotEmpty(Conflict):
    """There are categories or products in it: move them first."""

    code = "catalog.category_not_empty"

    children: int
    products: int


_NODE = """
    c.id, c.parent_id, c.name, c.slug, c.depth, c.product_count,
    (SELECT count(*) FROM category d WHERE d.tenant_id = c.tenant_id AND d.parent_id = c.id) AS children
"""

_PAGE = hot(
    text(
        f"""
        SELECT {_NODE} FROM category c
        WHERE c.tenant_id = :tenant_id AND (c.depth, c.id) > (CAST(:depth AS bigint), CAST(:id AS uuid))
          AND (CAST(:parent_id AS uuid) IS NULL OR c.parent_id = :parent_id) AND (NOT :roots OR c.parent_id IS NULL)
        ORDER BY c.depth, c.id LIMIT :limit
        """  # noqa: S608  (the fragment is a literal)
    )
)

_LINE = hot(
    text(
        f"""
        SELECT {_NODE} FROM category own
        JOIN category c ON c.tenant_id = own.tenant_id AND own.path <@ c.path
        WHERE own.tenant_id = :tenant_id AND own.id = :id ORDER BY c.depth
        """  # noqa: S608  (the fragment is a literal)
    )
)

_BY_SLUG = hot(text("SELECT id FROM category WHERE tenant_id = :tenant_id AND slug = :slug"))

_SLUGS = hot(text("SELECT id, slug FROM category WHERE tenant_id = :tenant_id AND id = ANY(CAST(:ids AS uuid[]))"))

_PLACE = hot(
    text(
        """
        SELECT id, parent_id, path::text AS path, depth, name, slug, product_count FROM category
        WHERE tenant_id = :tenant_id AND id = :id
        """
    )
)

_COUNT = hot(text("SELECT count(*) FROM category WHERE tenant_id = :tenant_id"))

_ADD = hot(
    text(
        """
        INSERT INTO category (tenant_id, id, parent_id, path, name, slug, depth)
        VALUES (:tenant_id, :id, CAST(:parent_id AS uuid),
                text2ltree(:above) || text2ltree(replace(CAST(CAST(:id AS uuid) AS text), '-', '')),
                :name, :slug, :depth)
        """
    )
)

_NAME = hot(text("UPDATE category SET name = :name, slug = :slug WHERE tenant_id = :tenant_id AND id = :id"))

_PRODUCTS = hot(
    text("SELECT id FROM product WHERE tenant_id = :tenant_id AND category_id = :id AND status = 'published'")
)

_DEEPEST = hot(
    text(
        """
        SELECT max(depth) AS depth FROM category
        WHERE tenant_id = :tenant_id AND path <@ text2ltree(CAST(:path AS text))
        """
    )
)

# It takes its own id for a label, as it might find that of its old place taken in the new one.
_MOVE = hot(
    text(
        """
        UPDATE category c
        SET parent_id = CASE WHEN c.id = :id THEN CAST(:parent_id AS uuid) ELSE c.parent_id END,
            depth = c.depth + :deeper,
            path = text2ltree(:above) || text2ltree(replace(CAST(CAST(:id AS uuid) AS text), '-', ''))
                || CASE WHEN c.id = :id THEN '' ELSE subpath(c.path, nlevel(text2ltree(CAST(:path AS text)))) END
        WHERE c.tenant_id = :tenant_id AND c.path <@ text2ltree(CAST(:path AS text))
        """
    )
)

_CONTENTS = hot(
    text(
        """
        SELECT (SELECT count(*) FROM category d WHERE d.tenant_id = :tenant_id AND d.parent_id = :id) AS children,
               (SELECT count(*) FROM product p WHERE p.tenant_id = :tenant_id AND p.category_id = :id) AS products
        """
    )
)
_REMOVE = hot(text("DELETE FROM category WHERE tenant_id = :tenant_id AND id = :id"))

# Up from each of them by the primary key: asked by paths, every category would be compared with every one of them.
_COUNTED = hot(
    text(
        """
        WITH RECURSIVE up AS (
            SELECT c.id, c.parent_id, given.more
            FROM unnest(CAST(:ids AS uuid[]), CAST(:more AS bigint[])) AS given (id, more)
            JOIN category c ON c.tenant_id = :tenant_id AND c.id = given.id
            UNION ALL
            SELECT c.id, c.parent_id, up.more
            FROM up JOIN category c ON c.tenant_id = :tenant_id AND c.id = up.parent_id)
        UPDATE category c SET product_count = c.product_count + t.more
        FROM (SELECT id, sum(more)::bigint AS more FROM up GROUP BY id) t
        WHERE c.tenant_id = :tenant_id AND c.id = t.id AND t.more <> 0
        """
    )
)


async def page(tx: Tx, query: CategoriesQuery, after: tuple[int, UUID] | None) -> list[CategoryNode]:
    """Categories level by level, one more than asked for when there are more."""
    depth, last = after or (-1, UUID(int=0))
    values = {
        "depth": depth,
        "id": last,
        "parent_id": query.parent_id,
        "roots": query.roots,
        "limit": query.limit + 1,
    }
    return [CategoryNode(**row) for row in await tx.rows(_PAGE, values)]


async def read(tx: Tx, category_id: UUID) -> CategoryDetail:
    """A category, and those above it.

    Raises:
        CategoryNotFound: there is none.
    """
    *above, own = await tx.rows(_LINE, {"id": category_id}) or [None]
    if own is None:
        raise CategoryNotFound
    return CategoryDetail(**own, ancestors=[CategoryNode(**row) for row in above])


async def id_of(tx: Tx, slug: str) -> UUID:
    """The category at an address.

    Raises:
        CategoryNotFound: there is none.
    """
    row = await tx.one(_BY_SLUG, {"slug": slug})
    if row is None:
        raise CategoryNotFound
    found: UUID = row["id"]
    return found


async def slugs_of(tx: Tx, category_ids: Collection[UUID]) -> dict[UUID, str]:
    """The addresses of categories; none of one that is gone."""
    return {row["id"]: row["slug"] for row in await tx.rows(_SLUGS, {"ids": list(category_ids)})}


async def add(tx: Tx, body: CategoryIn) -> UUID:
    """A new category, below every other of its parent; its id.

    Raises:
        CategoryNotFound: there is no such parent.
        CategorySlugTaken, CategoryTooDeep, TooManyCategories.
    """
    await alone(tx)
    row = await tx.one(_COUNT)
    if row and row[0] >= MOST:
        raise TooManyCategories(limit=MOST)
    above, depth = await _below(tx, body.parent_id)
    _check_depth(depth)
    made = new_id()
    slug = body.slug or await _free_slug(tx, body.name, made)
    values = {"id": made, "parent_id": body.parent_id, "above": above, "name": body.name, "slug": slug, "depth": depth}
    await _write(tx, _ADD, values)
    return made


async def change(tx: Tx, category_id: UUID, body: CategoryChange) -> None:
    """Give a category a name, an address and a place; what is below it goes along.

    Raises:
        CategoryNotFound: there is no such category, or no such parent.
        CategorySlugTaken, CategoryCycle, CategoryTooDeep.
    """
    await alone(tx)
    own = await _place(tx, category_id)
    await _write(tx, _NAME, {"id": category_id, "name": body.name, "slug": body.slug})
    if body.parent_id != own["parent_id"]:
        await _move(tx, own, body.parent_id)
    if (body.name, body.slug, body.parent_id) != (own["name"], own["slug"], own["parent_id"]):
        event = CategoryChanged(category_id=category_id)
        await announce(tx, [record(event, tenant_id=tx.tenant_id, aggregate_id=category_id)])
    if body.name != own["name"]:
        await indexing.index(tx, [row["id"] for row in await tx.rows(_PRODUCTS, {"id": category_id})])


async def remove(tx: Tx, category_id: UUID) -> None:
    """Take a category away that nothing is in.

    Raises:
        CategoryNotFound: there is none.
        CategoryNotEmpty.
    """
    await alone(tx)
    await _place(tx, category_id)
    row = await tx.one(_CONTENTS, {"id": category_id})
    if row and (row["children"] or row["products"]):
        raise CategoryNotEmpty(**row)
    await tx.rows(_REMOVE, {"id": category_id})


async def alone(tx: Tx) -> None:
    """Nobody else changes the shop's tree, or counts products into it, until the transaction ends."""
    await in_turn(tx, str(tx.tenant_id), seed=40)


async def counted(tx: Tx, more: Mapping[UUID, int]) -> None:
    """So many more published products are in each of these categories (fewer, below zero), and in all above them.

    Whoever asks is `alone`.
    """
    await tx.rows(_COUNTED, {"ids": list(more), "more": list(more.values())})


async def _move(tx: Tx, own: Mapping[str, Any], parent_id: UUID | None) -> None:
    above, depth = await _below(tx, parent_id)
    if f"{above}.".startswith(f"{own['path']}."):
        raise CategoryCycle
    deeper = depth - own["depth"]
    deepest = await tx.one(_DEEPEST, {"path": own["path"]})
    _check_depth((deepest["depth"] if deepest else 0) + deeper)
    if own["parent_id"] is not None:
        await counted(tx, {own["parent_id"]: -own["product_count"]})
    values = {"id": own["id"], "parent_id": parent_id, "above": above, "path": own["path"], "deeper": deeper}
    await tx.rows(_MOVE, values)
    if parent_id is not None:
        await counted(tx, {parent_id: own["product_count"]})


async def _free_slug(tx: Tx, name: str, made: UUID) -> str:
    """An address made of a name; the end of the id tells it from that of another category."""
    slug = slug_of(name)[:_OF_NAME]
    return slug if await tx.one(_BY_SLUG, {"slug": slug}) is None else f"{slug}-{made.hex[-8:]}"


async def _below(tx: Tx, parent_id: UUID | None) -> tuple[str, int]:
    """The path above what is put below a parent, and its depth."""
    if parent_id is None:
        return "", 0
    parent = await _place(tx, parent_id)
    return parent["path"], parent["depth"] + 1


async def _place(tx: Tx, category_id: UUID) -> Mapping[str, Any]:
    row: Mapping[str, Any] | None = await tx.one(_PLACE, {"id": category_id})
    if row is None:
        raise CategoryNotFound
    return row


def _check_depth(depth: int) -> None:
    if depth > DEEPEST:
        raise CategoryTooDeep(most=DEEPEST)


async def _write(tx: Tx, statement: HotStatement, values: Mapping[str, Any]) -> None:
    try:
        await tx.rows(statement, values)
    except asyncpg.UniqueViolationError as fault:
        raise CategorySlugTaken(slug=values["slug"]) from fault
