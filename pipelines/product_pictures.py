"""What the products of a catalogue look like: where their pictures lie in the object store, as pages show them.

Of each image or 360-degree set that shoppers see, the first picture counts; of a product that never had any, the image
it came with. A picture's path is named after what it shows, so another path is another picture.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import psycopg
from psycopg.rows import class_row

BATCH = 500

# ix_product_media_product, ix_media_picture_media
_PICTURES = """
    SELECT p.id AS product_id, p.category_id, p.status = 'published' AS published,
           CASE WHEN p.picture IS NULL AND p.image LIKE 'tenants/%%' THEN ARRAY[p.image] ELSE
               ARRAY(SELECT first.thumbnail FROM product_media m CROSS JOIN LATERAL (
                         SELECT i.thumbnail FROM media_picture i
                         WHERE (i.tenant_id, i.media_id) = (m.tenant_id, m.id) AND i.thumbnail IS NOT NULL
                         ORDER BY i.position, i.id LIMIT 1) first
                     WHERE (m.tenant_id, m.product_id) = (p.tenant_id, p.id) AND m.kind <> 'video' AND m.approved
                     ORDER BY m.position, m.id)
           END AS paths
    FROM product p WHERE p.tenant_id = %(tenant_id)s
"""
_SOME = f"{_PICTURES} AND p.id = ANY(%(ids)s) ORDER BY p.id"
_ALL = f"{_PICTURES} AND p.status = 'published' AND p.id > %(after)s ORDER BY p.id LIMIT %(limit)s"


@dataclass(frozen=True, slots=True)
class Pictured:
    """A product and its pictures, by their paths in the object store, the one that lists show first."""

    product_id: UUID
    category_id: UUID | None
    published: bool
    paths: list[str]


def some(connection: psycopg.Connection[Any], tenant_id: UUID, product_ids: Sequence[UUID]) -> list[Pictured]:
    """These products of a tenant, as they are now."""
    with connection.cursor(row_factory=class_row(Pictured)) as cursor:
        return cursor.execute(_SOME, {"tenant_id": tenant_id, "ids": list(product_ids)}).fetchall()


def published(connection: psycopg.Connection[Any], tenant_id: UUID, batch: int = BATCH) -> Iterator[list[Pictured]]:
    """Every product of a tenant that can be found, a batch at a time."""
    last = UUID(int=0)
    while True:
        values = {"tenant_id": tenant_id, "after": last, "limit": batch}
        with connection.cursor(row_factory=class_row(Pictured)) as cursor:
            rows = cursor.execute(_ALL, values).fetchall()
        if not rows:
            return
        yield rows
        last = rows[-1].product_id
