"""Collections as products come and go: filled from nothing, and kept up to date by what changed.

Which products a rule finds is kept as rows, so that a page of a collection costs what a page of a category does,
whatever its rule. Triggers note which products changed (migration 0062), the worker takes the notes, and asks of those
products alone. A collection is filled from nothing when its rule changes, when a sale begins or ends of which its rule
or its order knows, and once an hour, for what the clock alone changes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any
from uuid import UUID

import orjson
import structlog
from sqlalchemy import text

from commerce.catalog.collections.rules import Found, found_by
from commerce.catalog.collections.schemas import Rule, Sort
from commerce.tenancy.rounds import keep_going_round
from commerce.tenancy.service import Shop
from foundation import clock
from foundation.database import Database, HotStatement, Tx, hot
from foundation.events import CollectionChanged, record
from foundation.outbox import announce
from foundation.turns import in_turn

log = structlog.get_logger(__name__)
PERIOD_SECONDS = 5.0
ANEW = timedelta(hours=1)
"""How long a collection with a rule goes by what changed alone."""
APART = timedelta(minutes=1)
"""Between two times that a collection is filled from nothing because too much changed to ask one by one."""
MOST = 2_000
"""Products that are asked one by one."""
_TURNS = 44
_SHAPES = 500
"""Statements that are remembered: one for each form of rule, whatever its values."""

# ix_collection_due
_PENDING = hot(
    text(
        """
        SELECT EXISTS (SELECT FROM collection_due WHERE tenant_id = :tenant_id)
            OR EXISTS (SELECT FROM collection
                       WHERE tenant_id = :tenant_id AND due_at <= CAST(:now AS timestamptz)) AS pending
        """
    )
)
_TAKE = hot(text("DELETE FROM collection_due WHERE tenant_id = :tenant_id RETURNING product_id"))
_ALL_DUE = hot(
    text(
        """
        UPDATE collection
        SET due_at = least(due_at, greatest(CAST(:now AS timestamptz), filled_at + CAST(:apart AS interval)))
        WHERE tenant_id = :tenant_id
        """
    )
)
_DUE = hot(
    text(
        """
        SELECT id FROM collection WHERE tenant_id = :tenant_id AND due_at <= CAST(:now AS timestamptz) ORDER BY due_at
        """
    )
)

# With a rule any product may come into it; what somebody picked is looked up by ix_collection_product_product.
_CONCERNED = hot(
    text(
        """
        SELECT c.id, c.rule::text AS rule, c.sort FROM collection c
        WHERE c.tenant_id = :tenant_id AND c.filled_at IS NOT NULL AND (c.rule IS NOT NULL OR EXISTS (
            SELECT FROM collection_product m
            WHERE m.tenant_id = c.tenant_id AND m.product_id = ANY(CAST(:ids AS uuid[])) AND m.collection_id = c.id))
        ORDER BY c.id
        """
    )
)
_ONE = hot(
    text("SELECT id, rule::text AS rule, sort FROM collection WHERE tenant_id = :tenant_id AND id = :id FOR UPDATE")
)

# What Postgres knows of a table's size is old just after it was filled, so no join here is left to its guess: products
# are looked up by their key, one by one (OFFSET 0), and rows are found by the key that they are put under.
_BY_RULE = """
WITH wanted AS (
    SELECT p.id, {place} AS place FROM product p {joins}
    WHERE p.tenant_id = :tenant_id AND p.status = 'published' AND ({condition}) {of_wanted}),
gone AS (
    DELETE FROM collection_product m
    WHERE m.tenant_id = :tenant_id AND m.collection_id = :collection_id {of_members}
      AND NOT EXISTS (
          SELECT FROM product p {joins}
          WHERE (p.tenant_id, p.id) = (m.tenant_id, m.product_id) AND p.status = 'published' AND ({condition}) OFFSET 0)
    RETURNING 1),
put AS (
    INSERT INTO collection_product AS m (tenant_id, collection_id, product_id, place)
    SELECT :tenant_id, :collection_id, id, place FROM wanted
    ON CONFLICT (tenant_id, collection_id, product_id) DO {otherwise}
    RETURNING xmax = 0 AS new)
SELECT (SELECT count(*) FROM gone) AS gone, (SELECT count(*) FROM put WHERE new) AS come,
       (SELECT count(*) FROM wanted) AS found
"""
_MOVED = "UPDATE SET place = excluded.place WHERE m.place <> excluded.place"

_PICKED = """
UPDATE collection_product m SET place = {place}
FROM product p {joins}
WHERE m.tenant_id = :tenant_id AND m.collection_id = :collection_id
  AND (p.tenant_id, p.id) = (m.tenant_id, m.product_id) AND m.place IS DISTINCT FROM {place}
"""
_COUNT = hot(
    text(
        """
        SELECT count(*) AS found FROM collection_product m JOIN product p
            ON (p.tenant_id, p.id) = (m.tenant_id, m.product_id) AND p.status = 'published'
        WHERE m.tenant_id = :tenant_id AND m.collection_id = :collection_id
        """
    )
)
_BY_TITLE = hot(
    text(
        """
        INSERT INTO collection_product AS m (tenant_id, collection_id, product_id, place)
        SELECT i.tenant_id, i.collection_id, i.product_id, row_number() OVER (ORDER BY lower(p.title), i.product_id)
        FROM collection_product i CROSS JOIN LATERAL (
            SELECT q.title FROM product q WHERE (q.tenant_id, q.id) = (i.tenant_id, i.product_id) OFFSET 0) p
        WHERE i.tenant_id = :tenant_id AND i.collection_id = :collection_id
        ON CONFLICT (tenant_id, collection_id, product_id) DO UPDATE SET place = excluded.place
        WHERE m.place <> excluded.place
        """
    )
)
# Whether one of these products stands before or after another than its title says; ix_collection_product_place.
_MISPLACED = hot(
    text(
        """
        SELECT EXISTS (
            SELECT FROM collection_product m JOIN product p ON (p.tenant_id, p.id) = (m.tenant_id, m.product_id)
            LEFT JOIN LATERAL (
                SELECT q.title FROM collection_product b
                JOIN product q ON (q.tenant_id, q.id) = (b.tenant_id, b.product_id)
                WHERE (b.tenant_id, b.collection_id) = (m.tenant_id, m.collection_id) AND b.place < m.place
                ORDER BY b.place DESC LIMIT 1) before ON true
            LEFT JOIN LATERAL (
                SELECT q.title FROM collection_product a
                JOIN product q ON (q.tenant_id, q.id) = (a.tenant_id, a.product_id)
                WHERE (a.tenant_id, a.collection_id) = (m.tenant_id, m.collection_id) AND a.place > m.place
                ORDER BY a.place LIMIT 1) after ON true
            WHERE m.tenant_id = :tenant_id AND m.collection_id = :collection_id
              AND m.product_id = ANY(CAST(:ids AS uuid[]))
              AND (m.place = 0 OR lower(before.title) > lower(p.title) OR lower(after.title) < lower(p.title))
        ) AS misplaced
        """
    )
)
_FILLED = hot(
    text(
        """
        UPDATE collection SET product_count = :found, filled_at = CAST(:now AS timestamptz),
                              due_at = CAST(:due_at AS timestamptz)
        WHERE tenant_id = :tenant_id AND id = :collection_id
        """
    )
)
_KEPT = hot(
    text(
        """
        UPDATE collection SET product_count = product_count + CAST(:more AS bigint),
                              due_at = least(due_at, CAST(:due_at AS timestamptz))
        WHERE tenant_id = :tenant_id AND id = :collection_id
        """
    )
)
# ix_price_period_begins: every planned price is there, as every change of a price plans what follows.
_NEXT_PRICE = hot(
    text(
        """
        SELECT starts_at FROM price_period WHERE tenant_id = :tenant_id AND starts_at > CAST(:now AS timestamptz)
        ORDER BY starts_at LIMIT 1
        """
    )
)


async def run(database: Database) -> None:
    """Go round all shops until it is cancelled."""

    async def see_to(shop: Shop) -> None:
        filled = await keep(database, shop)
        if filled:
            log.info("worker.collections", tenant=shop.slug, filled=filled)

    await keep_going_round("collections", database, see_to, every=PERIOD_SECONDS)


async def keep(database: Database, shop: Shop) -> int:
    """Bring a shop's collections up to date; how many were filled from nothing."""
    async with database.tx(shop.id, read_only=True) as tx:
        row = await tx.one(_PENDING, {"now": clock.now()})
    if row is None or not row["pending"]:
        return 0
    async with database.tx(shop.id) as tx:
        await _follow(tx, shop)
        due = [row["id"] for row in await tx.rows(_DUE, {"now": clock.now()})]
    for collection_id in due:
        async with database.tx(shop.id) as tx:
            await fill(tx, shop, collection_id)
    return len(due)


async def alone(tx: Tx) -> None:
    """Nobody else changes what is in the shop's collections until the transaction ends."""
    await in_turn(tx, str(tx.tenant_id), seed=_TURNS)


async def fill(tx: Tx, shop: Shop, collection_id: UUID) -> None:
    """Have a collection hold what its rule finds, in its order; or what was picked, in its order."""
    await alone(tx)
    row = await tx.one(_ONE, {"id": collection_id})
    if row is None:
        return
    found, has_rule = _found(row, shop), row["rule"] is not None
    if has_rule:
        became = await _by_rule(tx, shop, row, found, None)
        count, changed = became["found"], bool(became["gone"] or became["come"])
    else:
        count, changed = await _picked(tx, shop, row, found), False
    next_price = await _next_price(tx) if found.by_price else None
    moments = [one for one in (next_price, clock.now() + ANEW if has_rule else None) if one]
    values = {"found": count, "now": clock.now(), "due_at": min(moments, default=None)}
    await tx.rows(_FILLED, {**values, "collection_id": collection_id})
    if changed:
        await told(tx, collection_id, ["products"])


async def told(tx: Tx, collection_id: UUID, fields: list[str]) -> None:
    """Announce that these fields of a collection are others."""
    event = CollectionChanged(collection_id=collection_id, fields=fields)
    await announce(tx, [record(event, tenant_id=tx.tenant_id, aggregate_id=collection_id)])


async def _follow(tx: Tx, shop: Shop) -> None:
    """Have collections hold or lose the products that changed."""
    await alone(tx)
    changed = {row["product_id"] for row in await tx.rows(_TAKE)}
    if not changed:
        return
    if None in changed or len(changed) > MOST:
        await tx.rows(_ALL_DUE, {"now": clock.now(), "apart": APART})
        return
    ids, next_price = sorted(changed), await _next_price(tx)
    for row in await tx.rows(_CONCERNED, {"ids": ids}):
        found = _found(row, shop)
        if row["rule"] is None:
            await fill(tx, shop, row["id"])
            continue
        became = await _by_rule(tx, shop, row, found, ids)
        more = became["come"] - became["gone"]
        due_at = next_price if found.by_price else None
        await tx.rows(_KEPT, {"collection_id": row["id"], "more": more, "due_at": due_at})
        if became["come"] or became["gone"]:
            await told(tx, row["id"], ["products"])


async def _next_price(tx: Tx) -> datetime | None:
    row = await tx.one(_NEXT_PRICE, {"now": clock.now()})
    return row["starts_at"] if row else None


async def _by_rule(
    tx: Tx, shop: Shop, row: Mapping[str, Any], found: Found, ids: Sequence[UUID] | None
) -> Mapping[str, Any]:
    """Put what a rule finds into its collection and take out what it doesn't: of these products, or of all."""
    statement = _statement(found.joins, found.condition, found.place, row["sort"], ids is not None)
    values = {**_asked(shop, found, row["id"]), **({} if ids is None else {"ids": ids})}
    became: Mapping[str, Any] | None = await tx.one(statement, values)
    if became is None:
        raise RuntimeError("a statement of counts has one row")
    if row["sort"] == "title" and (ids is None or await _misplaced(tx, row["id"], ids)):
        await tx.rows(_BY_TITLE, {"collection_id": row["id"]})
    return became


async def _misplaced(tx: Tx, collection_id: UUID, ids: Sequence[UUID]) -> bool:
    row = await tx.one(_MISPLACED, {"collection_id": collection_id, "ids": ids})
    return bool(row and row["misplaced"])


async def _picked(tx: Tx, shop: Shop, row: Mapping[str, Any], found: Found) -> int:
    """Put what was picked in order; how much of it is published."""
    if row["sort"] == "title":
        await tx.rows(_BY_TITLE, {"collection_id": row["id"]})
    else:
        await tx.rows(_order(found.joins, found.place), _asked(shop, found, row["id"]))
    counted = await tx.one(_COUNT, {"collection_id": row["id"]})
    return int(counted["found"]) if counted else 0


def _found(row: Mapping[str, Any], shop: Shop) -> Found:
    rule = Rule.model_validate(orjson.loads(row["rule"])) if row["rule"] else None
    sort: Sort = row["sort"]
    return found_by(rule, sort, shop)


def _asked(shop: Shop, found: Found, collection_id: UUID) -> dict[str, Any]:
    asked = {"collection_id": collection_id, **found.values}
    return {**asked, "currency": shop.currency, "now": clock.now()}


@lru_cache(maxsize=_SHAPES)
def _statement(joins: str, condition: str, place: str, sort: Sort, of_some: bool) -> HotStatement:
    some = " = ANY(CAST(:ids AS uuid[]))"
    return hot(
        text(
            _BY_RULE.format(
                joins=joins,
                condition=condition,
                place=place,
                of_wanted=f"AND p.id{some}" if of_some else "",
                of_members=f"AND m.product_id{some}" if of_some else "",
                otherwise="NOTHING" if sort == "title" else _MOVED,
            )
        )
    )


@lru_cache(maxsize=_SHAPES)
def _order(joins: str, place: str) -> HotStatement:
    return hot(text(_PICKED.format(joins=joins, place=place)))
