"""Units promised beyond what is there, and what follows when some come in: the oldest promises are kept first.

A promise is counted under its variant's limit by one conditional UPDATE. Everywhere locks are taken in this order: the
promises of one holder or order, then balances by (variant, id), then counts of promises by variant. Whoever holds a
balance passes over promises that somebody is changing at that moment, so it never waits for one; what was passed over
is found by the worker's next round.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from uuid import UUID

import asyncpg
from sqlalchemy import text

from commerce.inventory.lots import Lot, to_sell
from commerce.inventory.supply import fill
from commerce.inventory.taking import Hold, Part, take
from foundation import clock
from foundation.database import Tx, hot
from foundation.events import StockAllocated, StockLevelChanged, record
from foundation.ids import new_id
from foundation.outbox import announce

# uq_stock_policy_variant
_MAKE = hot(
    text(
        """
        WITH counted AS (
            UPDATE stock_policy SET promised = promised + CAST(:quantity AS bigint)
            WHERE tenant_id = :tenant_id AND variant_id = :variant_id
              AND promised + CAST(:quantity AS bigint) <= backorder_limit
            RETURNING variant_id)
        INSERT INTO promise (tenant_id, id, variant_id, holder_id, quantity, expires_at)
        SELECT :tenant_id, CAST(:id AS uuid), variant_id, CAST(:holder_id AS uuid), CAST(:quantity AS bigint),
               CAST(:until AS timestamptz)
        FROM counted RETURNING id
        """
    )
)

_ROOM = hot(
    text(
        """
        SELECT greatest(backorder_limit - promised, 0) AS room FROM stock_policy
        WHERE tenant_id = :tenant_id AND variant_id = :variant_id
        """
    )
)

# ix_promise_holder. What came in meanwhile is in the row's newest version.
_CLAIM = hot(
    text(
        """
        UPDATE promise SET status = 'claimed', order_id = :order_id
        WHERE tenant_id = :tenant_id AND holder_id = :holder_id AND status = 'held'
        RETURNING quantity - allocated AS units
        """
    )
)

_LET_GO = hot(
    text(
        """
        UPDATE promise SET status = 'released', released = quantity - allocated
        WHERE tenant_id = :tenant_id AND holder_id = :holder_id AND status = 'held'
        RETURNING variant_id, released AS units
        """
    )
)

# ix_promise_expiry
_LET_GO_EXPIRED = hot(
    text(
        """
        WITH expired AS (
            SELECT id FROM promise
            WHERE tenant_id = :tenant_id AND status = 'held' AND expires_at <= CAST(:now AS timestamptz)
            ORDER BY expires_at, id LIMIT :limit FOR UPDATE SKIP LOCKED)
        UPDATE promise p SET status = 'released', released = p.quantity - p.allocated
        FROM expired e WHERE p.tenant_id = :tenant_id AND p.id = e.id
        RETURNING p.variant_id, p.released AS units
        """
    )
)

# ix_promise_order; the newest are given up first.
_OF_ORDER = hot(
    text(
        """
        SELECT id, variant_id, quantity - allocated - released AS units FROM promise
        WHERE tenant_id = :tenant_id AND order_id = :order_id AND allocated + released < quantity
          AND variant_id = ANY(CAST(:variant_ids AS uuid[]))
        ORDER BY id DESC FOR UPDATE
        """
    )
)

_WAITING_OF_ORDER = hot(
    text(
        """
        SELECT variant_id, sum(quantity - allocated - released)::bigint AS units FROM promise
        WHERE tenant_id = :tenant_id AND order_id = :order_id AND allocated + released < quantity GROUP BY variant_id
        """
    )
)

_GIVE_UP = hot(
    text(
        """
        UPDATE promise p SET released = p.released + u.units
        FROM unnest(CAST(:ids AS uuid[]), CAST(:units AS bigint[])) AS u (id, units)
        WHERE p.tenant_id = :tenant_id AND p.id = u.id
        """
    )
)

_UNCOUNT = hot(
    text(
        """
        UPDATE stock_policy SET promised = promised - CAST(:units AS bigint)
        WHERE tenant_id = :tenant_id AND variant_id = :variant_id
        """
    )
)

# ix_promise_open
_AWAITED = hot(
    text(
        """
        SELECT v.id FROM unnest(CAST(:variant_ids AS uuid[])) AS v (id)
        WHERE EXISTS (SELECT FROM promise p WHERE p.tenant_id = :tenant_id AND p.variant_id = v.id
                                              AND p.allocated + p.released < p.quantity)
        """
    )
)

_OLDEST = hot(
    text(
        """
        SELECT id, holder_id, order_id, expires_at, quantity - allocated - released AS units FROM promise
        WHERE tenant_id = :tenant_id AND variant_id = :variant_id AND allocated + released < quantity
        ORDER BY id LIMIT :units FOR UPDATE SKIP LOCKED
        """
    )
)

_KEPT = hot(
    text(
        """
        UPDATE promise p SET allocated = p.allocated + u.units
        FROM unnest(CAST(:ids AS uuid[]), CAST(:units AS bigint[])) AS u (id, units)
        WHERE p.tenant_id = :tenant_id AND p.id = u.id
        """
    )
)

# ix_promise_open, and uq_stock_variant for each variant that is waited for.
_IN_BUT_WAITING = hot(
    text(
        """
        SELECT s.id AS stock_id, s.variant_id, v.product_id, s.lotted FROM stock s
        JOIN variant v ON v.tenant_id = s.tenant_id AND v.id = s.variant_id
        WHERE s.tenant_id = :tenant_id AND s.available > s.kept_back AND s.variant_id IN (
            SELECT variant_id FROM promise WHERE tenant_id = :tenant_id AND allocated + released < quantity)
        ORDER BY s.variant_id, s.id LIMIT :limit
        """
    )
)

_LOCK = hot(
    text(
        """
        SELECT id, available - kept_back AS available FROM stock
        WHERE tenant_id = :tenant_id AND id = ANY(CAST(:stock_ids AS uuid[])) ORDER BY variant_id, id FOR UPDATE
        """
    )
)


@dataclass(frozen=True, slots=True)
class Rise:
    """A balance, locked, of which more can be had than before."""

    stock_id: UUID
    variant_id: UUID
    product_id: UUID
    available: int
    """Units that can be had now."""
    units: int
    """How many more that is."""
    lotted: bool = False


def rises(rows: Iterable[asyncpg.Record]) -> list[Rise]:
    """Rises of rows that have their fields."""
    return [Rise(**row) for row in rows]


async def make(tx: Tx, hold: Hold, variant_id: UUID, quantity: int) -> bool:
    """Promise units that are not there; `False` when that would be more than the variant's limit."""
    values = {"id": new_id(), "variant_id": variant_id, "holder_id": hold.holder_id, "until": hold.until}
    return await tx.one(_MAKE, {**values, "quantity": quantity}) is not None


async def room(tx: Tx, variant_id: UUID) -> int:
    """How many units of a variant may still be promised."""
    row = await tx.one(_ROOM, {"variant_id": variant_id})
    return row["room"] if row else 0


async def claim(tx: Tx, holder_id: UUID, order_id: UUID) -> int:
    """Keep a payment's promises for an order; gives the units that still have to come in."""
    rows = await tx.rows(_CLAIM, {"holder_id": holder_id, "order_id": order_id})
    return sum(row["units"] for row in rows)


async def let_go(tx: Tx, holder_id: UUID) -> Counter[UUID]:
    """Give up what a payment was promised; gives the units by variant, to be uncounted."""
    return _by_variant(await tx.rows(_LET_GO, {"holder_id": holder_id}))


async def let_go_expired(tx: Tx, *, limit: int) -> tuple[int, Counter[UUID]]:
    """Give up what was promised to payments that never ended: how many promises, and the units to be uncounted."""
    rows = await tx.rows(_LET_GO_EXPIRED, {"now": clock.now(), "limit": limit})
    return len(rows), _by_variant(rows)


async def give_up(tx: Tx, order_id: UUID, units: Mapping[UUID, int]) -> Counter[UUID]:
    """Give up at most so many units that an order waits for; gives how many by variant, to be uncounted."""
    given, ids, parts = Counter[UUID](), [], []
    for row in await tx.rows(_OF_ORDER, {"order_id": order_id, "variant_ids": list(units)}):
        part = min(row["units"], units[row["variant_id"]] - given[row["variant_id"]])
        if part:
            given[row["variant_id"]] += part
            ids.append(row["id"])
            parts.append(part)
    if ids:
        await tx.rows(_GIVE_UP, {"ids": ids, "units": parts})
    return given


async def waiting(tx: Tx, order_id: UUID) -> dict[UUID, int]:
    """The units, by variant, that an order waits for."""
    return {row["variant_id"]: row["units"] for row in await tx.rows(_WAITING_OF_ORDER, {"order_id": order_id})}


async def rose(tx: Tx, risen: Sequence[Rise], *, given_up: Mapping[UUID, int] | None = None) -> None:
    """More can be had: the oldest promises are kept from it, then the world is told of what had been sold out.

    `given_up` promises are uncounted along with those that are kept, when every balance is locked.
    """
    left = await keep(tx, risen, given_up=given_up)
    for rise in left:
        if rise.available > 0 >= rise.available - rise.units:
            await tell_level(tx, rise.variant_id, rise.product_id, rise.available)


async def keep(tx: Tx, risen: Sequence[Rise], *, given_up: Mapping[UUID, int] | None = None) -> list[Rise]:
    """Keep the oldest promises from what can be had now; gives what that leaves of each rise."""
    uncounted = Counter(given_up or {})
    left = list(risen)
    variant_ids = list({rise.variant_id for rise in risen if rise.available > 0})
    rows = await tx.rows(_AWAITED, {"variant_ids": variant_ids}) if variant_ids else []
    awaited = {row["id"] for row in rows}
    for place, rise in enumerate(left):
        if rise.available > 0 and rise.variant_id in awaited:
            kept = await _keep(tx, rise)
            uncounted[rise.variant_id] += kept
            left[place] = replace(rise, available=rise.available - kept, units=rise.units - kept)
    await uncount(tx, uncounted)
    return left


async def keep_what_came_in(tx: Tx, *, limit: int = 100) -> int:
    """Keep promises that were passed over when their units came in; gives how many units."""
    waited_for = await tx.rows(_IN_BUT_WAITING, {"limit": limit})
    if not waited_for:
        return 0
    locked = await tx.rows(_LOCK, {"stock_ids": [row["stock_id"] for row in waited_for]})
    available = {row["id"]: row["available"] for row in locked}
    risen = [Rise(**row, available=available[row["stock_id"]], units=0) for row in waited_for]
    return -sum(rise.units for rise in await keep(tx, risen))


async def uncount(tx: Tx, units: Mapping[UUID, int]) -> None:
    """So many units, by variant, are not promised any more. Every balance that is needed is locked by now."""
    for variant_id in sorted(units):
        if units[variant_id]:
            await tx.rows(_UNCOUNT, {"variant_id": variant_id, "units": units[variant_id]})


async def tell_level(tx: Tx, variant_id: UUID, product_id: UUID, available: int) -> None:
    """Announce what can be had of a variant."""
    change = StockLevelChanged(variant_id=variant_id, product_id=product_id, available=max(available, 0))
    await announce(tx, [record(change, tenant_id=tx.tenant_id, aggregate_id=variant_id)])


async def _keep(tx: Tx, rise: Rise) -> int:
    oldest = await tx.rows(_OLDEST, {"variant_id": rise.variant_id, "units": rise.available})
    there = [Lot(None, rise.available)]
    if rise.lotted:
        there = (await to_sell(tx, [rise.stock_id]))[rise.stock_id]
    parts, kept = [], Counter[UUID]()
    for who, which, units in fill([promise["units"] for promise in oldest], [lot.units for lot in there]):
        promise = oldest[who]
        hold = Hold(promise["holder_id"], promise["expires_at"], promise["order_id"])
        parts.append(Part(rise.stock_id, units, hold, there[which].id))
        kept[promise["id"]] += units
    await take(tx, parts)
    if kept:
        await tx.rows(_KEPT, {"ids": list(kept), "units": list(kept.values())})
    await _tell_allocated(tx, rise, parts)
    return kept.total()


async def _tell_allocated(tx: Tx, rise: Rise, parts: Sequence[Part]) -> None:
    said = [
        StockAllocated(
            order_id=part.hold.order_id,
            variant_id=rise.variant_id,
            product_id=rise.product_id,
            quantity=part.quantity,
        )
        for part in parts
        if part.hold.order_id
    ]
    await announce(tx, [record(fact, tenant_id=tx.tenant_id, aggregate_id=fact.order_id) for fact in said])


def _by_variant(rows: Iterable[asyncpg.Record]) -> Counter[UUID]:
    units = Counter[UUID]()
    for row in rows:
        units[row["variant_id"]] += row["units"]
    return units
