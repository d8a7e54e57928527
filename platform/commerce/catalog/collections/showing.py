"""Collections as shoppers see them: those that are published, in the time that they are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import text

from commerce.catalog import service as catalog
from commerce.catalog.collections.schemas import ShownCollection
from commerce.catalog.collections.service import CollectionNotFound
from commerce.catalog.facet_names import OPEN
from commerce.catalog.finding import Kept
from commerce.catalog.hot import said
from commerce.catalog.service import Place
from commerce.tenancy.service import Shop
from foundation import clock
from foundation.database import Tx, hot

_LAST_IN_MENU = 2**31

# ix_collection_product_place finds the first product that is in the shop; uq_collection_picture_collection its own
# picture.
_SHOWN = f"""
    SELECT c.id, c.handle, {said("c", "'title'", "c.title")} AS title,
           {said("c", "'description'", "c.description")} AS description, c.product_count, c.menu_position,
           coalesce(jsonb_build_object('alt', own.alt) || own.cover, stands.picture)::text AS picture,
           (jsonb_build_object('alt', own.alt) || own.shown)::text AS own_picture,
           coalesce(own.thumbnail, stands.image) AS image, stands.id AS picture_of
    FROM collection c
    LEFT JOIN collection_picture own
        ON (own.tenant_id, own.collection_id) = (c.tenant_id, c.id) AND own.shown IS NOT NULL
    LEFT JOIN LATERAL (
        SELECT p.id, p.picture, p.image FROM (
            SELECT c.picture_of AS product_id, -1::bigint AS place WHERE c.picture_of IS NOT NULL
            UNION ALL (
                SELECT m.product_id, 0 FROM collection_product m
                CROSS JOIN LATERAL (
                    SELECT FROM product q
                    WHERE (q.tenant_id, q.id) = (m.tenant_id, m.product_id) AND q.status = 'published' OFFSET 0) q
                WHERE (m.tenant_id, m.collection_id) = (c.tenant_id, c.id)
                ORDER BY m.place, m.product_id LIMIT 1)) o
        JOIN product p ON (p.tenant_id, p.id) = (c.tenant_id, o.product_id) AND p.status = 'published'
        ORDER BY o.place LIMIT 1) stands ON true
"""  # noqa: S608  (the fragments are literals)
_PAGE = hot(
    text(
        f"""
        {_SHOWN}
        WHERE c.tenant_id = :tenant_id AND {OPEN}
          AND (coalesce(c.menu_position, {_LAST_IN_MENU}), c.id) > (CAST(:place AS bigint), CAST(:after AS uuid))
        ORDER BY coalesce(c.menu_position, {_LAST_IN_MENU}), c.id LIMIT :limit
        """
    )
)
# uq_collection_handle
_ONE = hot(text(f"{_SHOWN} WHERE c.tenant_id = :tenant_id AND c.handle = :handle AND {OPEN}"))
# ix_collection_product_place: only what somebody picks has an order by hand, a thousand at most.
_KEPT = hot(
    text(
        f"""
        SELECT c.id, c.sort, CASE WHEN CAST(:arranged AS boolean) AND c.sort = 'by_hand' THEN ARRAY(
            SELECT m.product_id FROM collection_product m
            WHERE (m.tenant_id, m.collection_id) = (c.tenant_id, c.id) ORDER BY m.place, m.product_id) END AS arranged
        FROM collection c WHERE c.tenant_id = :tenant_id AND c.handle = :handle AND {OPEN}
        """  # noqa: S608  (the fragment is a literal)
    )
)


async def page(tx: Tx, shop: Shop, after: Place | None, limit: int) -> list[tuple[UUID, ShownCollection]]:
    """Collections after a place: those of the menu in its order, then the others as they were added."""
    place, last = after or (-1, UUID(int=0))
    asked = {"now": clock.now(), **catalog.spoken(shop.language)}
    rows = await tx.rows(_PAGE, {**asked, "place": place, "after": last, "limit": limit})
    return [(row["id"], _out(row)) for row in rows]


def place_of(one: ShownCollection) -> int:
    """By what lists of collections go."""
    return _LAST_IN_MENU if one.menu_position is None else one.menu_position


async def read(tx: Tx, shop: Shop, handle: str) -> ShownCollection:
    """A collection.

    Raises:
        CollectionNotFound: there is none, or shoppers don't see it.
    """
    row = await tx.one(_ONE, {"handle": handle, "now": clock.now(), **catalog.spoken(shop.language)})
    if row is None:
        raise CollectionNotFound
    return _out(row)


async def kept(tx: Tx, handle: str, *, arranged: bool = False) -> Kept:
    """A collection as its list goes by it; with the order that somebody gave it, if that is asked.

    Raises:
        CollectionNotFound: there is none, or shoppers don't see it.
    """
    row = await tx.one(_KEPT, {"handle": handle, "now": clock.now(), "arranged": arranged})
    if row is None:
        raise CollectionNotFound
    return Kept(row["id"], row["sort"], tuple(row["arranged"] or ()))


def _out(row: Mapping[str, Any]) -> ShownCollection:
    read = {name: row[name] and orjson.loads(row[name]) for name in ("picture", "own_picture")}
    return ShownCollection(**{**row, **read})
