"""What the catalogue says of its products now, in the order in which it changed.

A product's words are written in the transaction that changes it, and the row says which one that was. Rows are read in
the order (transaction, tenant, product) and only below the oldest transaction still running, as those of the outbox:
nothing can appear behind the place that was reached.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple
from uuid import UUID

import psycopg
from psycopg.rows import class_row

BATCH = 500

_PRODUCT = """
    SELECT d.changed_in::text AS changed_in, d.tenant_id, d.product_id, p.status = 'published' AS published, p.title,
           coalesce(p.brand, '') AS brand, p.description, p.attributes,
           ARRAY(SELECT above.name FROM category own JOIN category above ON above.tenant_id = own.tenant_id
                 AND own.path <@ above.path
                 WHERE (own.tenant_id, own.id) = (p.tenant_id, p.category_id) ORDER BY above.depth) AS category,
           ARRAY(SELECT v.sku FROM variant v WHERE (v.tenant_id, v.product_id) = (p.tenant_id, p.id)
                 ORDER BY v.position) AS skus,
           ARRAY(SELECT v.gtin FROM variant v WHERE (v.tenant_id, v.product_id) = (p.tenant_id, p.id)
                 AND v.gtin IS NOT NULL ORDER BY v.position) AS gtins
    FROM search_document d JOIN product p ON (p.tenant_id, p.id) = (d.tenant_id, d.product_id)
"""
# ix_search_document_changed
_CHANGED = f"""{_PRODUCT}
    WHERE (d.changed_in, d.tenant_id, d.product_id) > (%(changed_in)s::text::xid8, %(tenant_id)s, %(product_id)s)
      AND d.changed_in < pg_snapshot_xmin(pg_current_snapshot())
    ORDER BY d.changed_in, d.tenant_id, d.product_id LIMIT %(limit)s
"""
_ALL = f"""{_PRODUCT}
    WHERE d.tenant_id = %(tenant_id)s AND d.product_id > %(product_id)s AND p.status = 'published'
      AND d.changed_in >= %(since)s::text::xid8
    ORDER BY d.product_id LIMIT %(limit)s
"""


class Place(NamedTuple):
    """Up to where the changes were read."""

    changed_in: str
    tenant_id: UUID
    product_id: UUID


BEGINNING = Place("0", UUID(int=0), UUID(int=0))


@dataclass(frozen=True, slots=True)
class Product:
    """A product as the catalogue has it now."""

    changed_in: str
    tenant_id: UUID
    product_id: UUID
    published: bool
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


def changed(connection: psycopg.Connection[Any], after: Place, limit: int = BATCH) -> Sequence[Product]:
    """The next products that changed, of any tenant, those that changed longest ago first."""
    with connection.cursor(row_factory=class_row(Product)) as cursor:
        return cursor.execute(_CHANGED, {**after._asdict(), "limit": limit}).fetchall()


def published(
    connection: psycopg.Connection[Any], tenant_id: UUID, batch: int = BATCH, *, since: str = "0"
) -> Iterator[Sequence[Product]]:
    """Every product of a tenant that can be found, a batch at a time: written by transaction `since` or a later one.

    What a running transaction writes is not there yet: `changed` has it in its time.
    """
    last = UUID(int=0)
    while True:
        values = {"tenant_id": tenant_id, "product_id": last, "since": since, "limit": batch}
        with connection.cursor(row_factory=class_row(Product)) as cursor:
            rows = cursor.execute(_ALL, values).fetchall()
        if not rows:
            return
        yield rows
        last = rows[-1].product_id


def still_running(connection: psycopg.Connection[Any]) -> str:
    """The oldest transaction that is still running: whatever it and later ones write is not read yet."""
    row = connection.execute("SELECT pg_snapshot_xmin(pg_current_snapshot())::text").fetchone()
    return "0" if row is None else str(row[0])
