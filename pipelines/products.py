"""What the catalogue says of its products now, in the order in which it changed.

A product's words are written in the transaction that changes it, and the row says which one that was. Rows are read in
the order (transaction, tenant, product) and only below the oldest transaction still running, as those of the outbox:
nothing can appear behind the place that was reached.

What a product costs and whether it can be had changes without its words: `facts_of` reads that, and Postgres tells when
to (migration 0016).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, LiteralString, NamedTuple, TypeVar
from uuid import UUID

import psycopg
from psycopg.rows import class_row

BATCH = 500

# As the cards of the catalogue have it: `commerce/catalog/hot.py`; a test holds the two to each other.
# An EXISTS would be planned as a look through all the stock there is.
_AVAILABLE = """
    coalesce((
        SELECT bool_or(s.available > s.kept_back OR y.promised < y.backorder_limit
                       OR (w.bundle AND NOT EXISTS (
                           SELECT FROM bundle_component b
                           WHERE (b.tenant_id, b.variant_id) = (w.tenant_id, w.id)
                             AND (SELECT coalesce(sum(greatest(u.available - u.kept_back, 0)), 0) FROM stock u
                                  WHERE (u.tenant_id, u.variant_id) = (b.tenant_id, b.component_id))
                               + coalesce((SELECT greatest(o.backorder_limit - o.promised, 0) FROM stock_policy o
                                           WHERE (o.tenant_id, o.variant_id) = (b.tenant_id, b.component_id)), 0)
                               < b.quantity)))
        FROM variant w
        LEFT JOIN stock s ON (s.tenant_id, s.variant_id) = (w.tenant_id, w.id)
        LEFT JOIN stock_policy y ON (y.tenant_id, y.variant_id) = (w.tenant_id, w.id)
        WHERE (w.tenant_id, w.product_id) = (p.tenant_id, p.id) AND NOT w.discontinued), false)
"""
# uq_category_path: a look-up for each of those above, as many as a path is long.
_ABOVE = """
    ARRAY(SELECT (SELECT above.{column} FROM category above
                  WHERE above.tenant_id = own.tenant_id AND above.path = subpath(own.path, 0, step.at))
          FROM category own CROSS JOIN generate_series(1, nlevel(own.path)) AS step (at)
          WHERE (own.tenant_id, own.id) = (p.tenant_id, p.category_id) ORDER BY step.at)
"""
# pk_product_rating; ix_collection_product_product
_RATED = "LEFT JOIN product_rating w ON (w.tenant_id, w.product_id) = (p.tenant_id, p.id)"
_FACTS = f"""
    p.tenant_id, p.id AS product_id, p.status = 'published' AS published,
    (SELECT min(r.amount) FROM variant v JOIN price r ON (r.tenant_id, r.variant_id) = (v.tenant_id, v.id)
     WHERE (v.tenant_id, v.product_id) = (p.tenant_id, p.id) AND NOT v.discontinued
       AND r.currency = (SELECT t.currency FROM tenant t WHERE t.id = p.tenant_id)) AS price,
    {_AVAILABLE} AS available,
    (extract(epoch FROM coalesce(p.published_at, p.created_at)) * 1000)::bigint AS published_ms, -p.rank AS sold,
    coalesce(w.average, 0) AS stars, coalesce(w.rank, 0) AS rating_rank,
    p.brand AS brand_name, p.vendor_id,
    {_ABOVE.format(column="id")} AS category_ids,
    (SELECT jsonb_object_agg(a.code, p.attributes -> a.code) FROM product_type_attribute o
     JOIN attribute a ON (a.tenant_id, a.id) = (o.tenant_id, o.attribute_id)
     WHERE (o.tenant_id, o.type_id) = (p.tenant_id, p.type_id) AND a.kind IN ('choice', 'colour', 'boolean', 'number')
       AND NOT a.retired AND p.attributes ? a.code) AS typed,
    ARRAY(SELECT m.collection_id FROM collection_product m
          WHERE (m.tenant_id, m.product_id) = (p.tenant_id, p.id) ORDER BY m.collection_id) AS collection_ids,
    ARRAY(SELECT v.options FROM variant v
          WHERE (v.tenant_id, v.product_id) = (p.tenant_id, p.id) AND NOT v.discontinued AND v.options <> '{{}}'
          ORDER BY v.position) AS options
"""  # noqa: S608  (the fragment is a literal)
_PRODUCT = f"""
    SELECT d.changed_in::text AS changed_in, p.title,
           coalesce(p.brand, '') AS brand, p.description, p.attributes,
           {_ABOVE.format(column="name")} AS category,
           ARRAY(SELECT v.sku FROM variant v WHERE (v.tenant_id, v.product_id) = (p.tenant_id, p.id)
                 ORDER BY v.position) AS skus,
           ARRAY(SELECT v.gtin FROM variant v WHERE (v.tenant_id, v.product_id) = (p.tenant_id, p.id)
                 AND v.gtin IS NOT NULL ORDER BY v.position) AS gtins,
           {_FACTS}
    FROM search_document d JOIN product p ON (p.tenant_id, p.id) = (d.tenant_id, d.product_id)
    {_RATED}
"""  # noqa: S608
# ix_search_document_changed
_CHANGED = f"""{_PRODUCT}
    WHERE (d.changed_in, d.tenant_id, d.product_id) > (%(changed_in)s::text::xid8, %(tenant_id)s, %(product_id)s)
      AND d.changed_in < pg_snapshot_xmin(pg_current_snapshot())
    ORDER BY d.changed_in, d.tenant_id, d.product_id LIMIT %(limit)s
"""
_WRITTEN = f"""{_PRODUCT}
    WHERE d.tenant_id = %(tenant_id)s AND d.product_id > %(product_id)s AND d.changed_in >= %(since)s::text::xid8
    ORDER BY d.product_id LIMIT %(limit)s
"""
_ALL = f"""{_PRODUCT}
    WHERE d.tenant_id = %(tenant_id)s AND d.product_id > %(product_id)s AND p.status = 'published'
    ORDER BY d.product_id LIMIT %(limit)s
"""
_SAID = """
    SELECT p.id AS product_id, p.title, coalesce(c.name, '') AS category, left(p.description, %(most)s) AS description
    FROM product p LEFT JOIN category c ON (c.tenant_id, c.id) = (p.tenant_id, p.category_id)
    WHERE p.tenant_id = %(tenant_id)s AND p.status = 'published'
"""
_DESCRIBED = f"{_SAID} AND p.id > %(product_id)s ORDER BY p.id LIMIT %(limit)s"
# ix_product_listing has the first; what comes of the second is the same each time.
_SAMPLE = f"""
    SELECT * FROM ({_SAID} ORDER BY p.rank, p.id LIMIT %(limit)s) best
    UNION SELECT * FROM ({_SAID} ORDER BY md5(p.id::text) LIMIT %(limit)s) others
    ORDER BY product_id
"""  # noqa: S608  (the fragment is a literal)
_COUNT = "SELECT count(*) FROM product WHERE tenant_id = %(tenant_id)s AND status = 'published'"
_NAMED = f"{_PRODUCT} WHERE d.tenant_id = %(tenant_id)s AND d.product_id = ANY(%(ids)s)"
_SOME = f"SELECT {_FACTS} FROM product p {_RATED} WHERE p.tenant_id = %(tenant_id)s AND p.id = ANY(%(ids)s)"  # noqa: S608
_NEXT = f"""
    SELECT {_FACTS} FROM product p {_RATED}
    WHERE p.tenant_id = %(tenant_id)s AND p.id > %(product_id)s AND p.status = 'published'
    ORDER BY p.id LIMIT %(limit)s
"""  # noqa: S608
_REPRICED = """
    SELECT DISTINCT v.product_id FROM price r JOIN variant v ON (v.tenant_id, v.id) = (r.tenant_id, r.variant_id)
    WHERE r.tenant_id = %(tenant_id)s AND r.updated_at > clock_timestamp() - %(within)s LIMIT %(limit)s
"""
_HERE = """
    SELECT one.id FROM unnest(%(ids)s::uuid[]) one (id)
    WHERE EXISTS (SELECT FROM product p WHERE p.tenant_id = one.id)
"""


class Place(NamedTuple):
    """Up to where the changes were read."""

    changed_in: str
    tenant_id: UUID
    product_id: UUID


BEGINNING = Place("0", UUID(int=0), UUID(int=0))


@dataclass(frozen=True, slots=True)
class Sold:
    """What a product can be narrowed down and put in order by, as it is now."""

    tenant_id: UUID
    product_id: UUID
    published: bool
    price: int | None
    """The lowest list price of its variants in the shop's currency, in minor units; `None` where it has none."""
    available: bool
    published_ms: int
    """When it was made, in milliseconds since 1970."""
    sold: int
    """Units sold."""
    stars: float
    """The average of its published reviews; 0 without any."""
    rating_rank: float
    """What "best rated first" goes by, the higher the better; 0 without reviews."""
    brand_name: str | None
    vendor_id: UUID | None
    category_ids: list[UUID]
    """Of its category and those above it, from the root down."""
    typed: dict[str, Any] | None
    """Its choices, colours, booleans and numbers by the codes of its type's attributes."""
    collection_ids: list[UUID]
    """Of the collections that it is kept in, whether or not shoppers see them."""
    options: list[dict[str, str]]
    """What each variant is of the product's options."""


@dataclass(frozen=True, slots=True)
class Product(Sold):
    """A product as the catalogue has it now, with its words."""

    changed_in: str
    title: str
    brand: str
    description: str
    attributes: dict[str, Any]
    category: list[str]
    skus: list[str]
    gtins: list[str]

    @property
    def place(self) -> Place:
        """Where the changes go on after it."""
        return Place(self.changed_in, self.tenant_id, self.product_id)


@dataclass(frozen=True, slots=True)
class Described:
    """What a product that can be found is said to be, in as few words as its meaning is told by."""

    product_id: UUID
    title: str
    category: str
    """The name of its own category; empty where it has none."""
    description: str
    """How it begins."""


Read = TypeVar("Read", Sold, Product, Described)


def changed(connection: psycopg.Connection[Any], after: Place, limit: int = BATCH) -> Sequence[Product]:
    """The next products that changed, of any tenant, those that changed longest ago first."""
    with connection.cursor(row_factory=class_row(Product)) as cursor:
        return cursor.execute(_CHANGED, {**after._asdict(), "limit": limit}).fetchall()


def published(connection: psycopg.Connection[Any], tenant_id: UUID, batch: int = BATCH) -> Iterator[Sequence[Product]]:
    """Every product of a tenant that can be found, a batch at a time.

    What a running transaction writes is not there yet: `changed` has it in its time.
    """
    yield from _batches(connection, Product, _ALL, {"tenant_id": tenant_id, "limit": batch})


def described(
    connection: psycopg.Connection[Any], tenant_id: UUID, *, most: int, batch: int = BATCH
) -> Iterator[Sequence[Described]]:
    """What every product of a tenant that can be found is said to be, a batch at a time; `most` characters of each
    description.
    """
    yield from _batches(connection, Described, _DESCRIBED, {"tenant_id": tenant_id, "limit": batch, "most": most})


def sample(connection: psycopg.Connection[Any], tenant_id: UUID, *, most: int, limit: int) -> Sequence[Described]:
    """Some of what `described` gives: `limit` of those that sell best, and as many as if by chance."""
    with connection.cursor(row_factory=class_row(Described)) as cursor:
        return cursor.execute(_SAMPLE, {"tenant_id": tenant_id, "limit": limit, "most": most}).fetchall()


def count(connection: psycopg.Connection[Any], tenant_id: UUID) -> int:
    """How many products of a tenant can be found."""
    row = connection.execute(_COUNT, {"tenant_id": tenant_id}).fetchone()
    return int(row[0]) if row else 0


def written(
    connection: psycopg.Connection[Any], tenant_id: UUID, *, since: str, batch: int = BATCH
) -> Iterator[Sequence[Product]]:
    """The products of a tenant whose words transaction `since` or a later one wrote, also those that are withdrawn."""
    yield from _batches(connection, Product, _WRITTEN, {"tenant_id": tenant_id, "since": since, "limit": batch})


def some(connection: psycopg.Connection[Any], tenant_id: UUID, product_ids: Sequence[UUID]) -> Sequence[Product]:
    """Some of a tenant's products."""
    with connection.cursor(row_factory=class_row(Product)) as cursor:
        return cursor.execute(_NAMED, {"tenant_id": tenant_id, "ids": list(product_ids)}).fetchall()


def facts_of(connection: psycopg.Connection[Any], tenant_id: UUID, product_ids: Sequence[UUID]) -> Sequence[Sold]:
    """What some of a tenant's products are sold as now."""
    with connection.cursor(row_factory=class_row(Sold)) as cursor:
        return cursor.execute(_SOME, {"tenant_id": tenant_id, "ids": list(product_ids)}).fetchall()


def facts(connection: psycopg.Connection[Any], tenant_id: UUID, batch: int = BATCH) -> Iterator[Sequence[Sold]]:
    """What every product of a tenant that can be found is sold as now, a batch at a time."""
    yield from _batches(connection, Sold, _NEXT, {"tenant_id": tenant_id, "limit": batch})


def repriced(connection: psycopg.Connection[Any], tenant_id: UUID, *, within: timedelta, limit: int) -> list[UUID]:
    """Products of a tenant whose prices were written within so long."""
    values = {"tenant_id": tenant_id, "within": within, "limit": limit}
    rows = connection.execute(_REPRICED, values).fetchall()
    return [row[0] for row in rows]


def tenants(connection: psycopg.Connection[Any], among: Iterable[UUID]) -> set[UUID]:
    """Those tenants that have products in this database."""
    rows = connection.execute(_HERE, {"ids": list(among)}).fetchall()
    return {row[0] for row in rows}


def still_running(connection: psycopg.Connection[Any]) -> str:
    """The oldest transaction that is still running: whatever it and later ones write is not read yet."""
    row = connection.execute("SELECT pg_snapshot_xmin(pg_current_snapshot())::text").fetchone()
    return "0" if row is None else str(row[0])


def _batches(
    connection: psycopg.Connection[Any], kind: type[Read], statement: LiteralString, values: dict[str, Any]
) -> Iterator[Sequence[Read]]:
    last = UUID(int=0)
    while True:
        with connection.cursor(row_factory=class_row(kind)) as cursor:
            rows = cursor.execute(statement, {**values, "product_id": last}).fetchall()
        if not rows:
            return
        yield rows
        last = rows[-1].product_id
