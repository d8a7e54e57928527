"""Stock before there is an order: held for a payment, claimed when the order is placed, given back otherwise.

A balance changes by one conditional UPDATE, never by reading and then writing; `available` has been left by units held
for a payment, and all of it but what is kept back can be had. What can't be had now may be promised, up to a limit.
Balances are locked in the order (variant, id) everywhere; `promises` says where its own locks come.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import asyncpg
from sqlalchemy import text

from commerce.inventory import lots, promises
from commerce.inventory.lots import Lot
from commerce.inventory.rules import Allocation, Near, Source, choose_for_each
from commerce.inventory.taking import Hold, Part, take
from foundation import clock
from foundation.database import Tx, hot
from foundation.errors import Conflict
from foundation.ids import new_id

FEWEST_PARCELS = Allocation()


class OutOfStock(Conflict):
    """The variant can't be reserved in the quantity asked."""

    code = "inventory.out_of_stock"

    variant_id: UUID
    requested: int
    available: int


@dataclass(frozen=True, slots=True)
class StockLine:
    """So many of a variant."""

    variant_id: UUID
    product_id: UUID
    quantity: int
    may_wait: bool = False
    """The shopper was told a date: units that are not there may be promised."""
    near: Near | None = None
    """Where they go, when an order goes to several places."""


@dataclass(frozen=True, slots=True)
class _Wanted(StockLine):
    """All that is wanted of a variant."""

    by_place: tuple[tuple[Near | None, int], ...] = ()


ON_HAND = """
    (SELECT coalesce(sum(greatest(s.available - s.kept_back, 0)), 0)::bigint FROM stock s
     WHERE s.tenant_id = l.tenant_id AND s.variant_id = l.variant_id)
"""
"""How many units of the variant of a line `l` can be had now."""


A_PART_LACKS = f"""
    (SELECT FROM (SELECT b.tenant_id, b.component_id AS variant_id, b.quantity FROM bundle_component b
                  WHERE b.tenant_id = w.tenant_id AND b.variant_id = w.id) l
     LEFT JOIN stock_policy y ON (y.tenant_id, y.variant_id) = (l.tenant_id, l.variant_id)
     WHERE {ON_HAND} + coalesce(greatest(y.backorder_limit - y.promised, 0), 0) < l.quantity)
"""  # noqa: S608  (the fragment is a literal)
"""The components that a bundle `w` can't be had for the want of."""

# uq_stock_variant
_AVAILABLE = hot(
    text(
        """
        SELECT variant_id, sum(greatest(available - kept_back, 0))::bigint AS available FROM stock
        WHERE tenant_id = :tenant_id AND variant_id = ANY(CAST(:variant_ids AS uuid[])) GROUP BY variant_id
        """
    )
)

# uq_stock_variant finds the balance; the outer condition is checked again on the row's newest version. A balance
# that turns out to have too little stays locked, so it is the one that whoever needs several locks first.
_RESERVE = hot(
    text(
        """
        WITH taken AS (
            UPDATE stock
            SET available = available - CAST(:quantity AS bigint), reserved = reserved + CAST(:quantity AS bigint)
            WHERE available - kept_back >= CAST(:quantity AS bigint) AND NOT lotted AND (tenant_id, id) = (
                SELECT tenant_id, id FROM stock
                WHERE tenant_id = :tenant_id AND variant_id = :variant_id ORDER BY id LIMIT 1)
            RETURNING id, available - kept_back AS available),
        held AS (
            INSERT INTO reservation (tenant_id, id, stock_id, holder_id, quantity, expires_at)
            SELECT :tenant_id, CAST(:reservation_id AS uuid), id, CAST(:holder_id AS uuid), CAST(:quantity AS bigint),
                   CAST(:until AS timestamptz) FROM taken),
        moved AS (
            INSERT INTO stock_movement (tenant_id, id, stock_id, kind, quantity, reference_id)
            SELECT :tenant_id, CAST(:movement_id AS uuid), id, 'reserve', CAST(:quantity AS bigint),
                   CAST(:holder_id AS uuid) FROM taken)
        SELECT available FROM taken
        """
    )
)

_LOCK_VARIANTS = hot(
    text(
        """
        SELECT s.id, s.variant_id, s.warehouse_id, greatest(s.available - s.kept_back, 0) AS available, s.lotted,
               w.country, w.region, w.priority
        FROM stock s JOIN warehouse w ON w.tenant_id = s.tenant_id AND w.id = s.warehouse_id
        WHERE s.tenant_id = :tenant_id AND s.variant_id = ANY(CAST(:variant_ids AS uuid[]))
        ORDER BY s.variant_id, s.id FOR UPDATE OF s
        """
    )
)

# ix_reservation_holder
_CLAIM = hot(
    text(
        """
        UPDATE reservation SET status = 'claimed', order_id = :order_id
        WHERE tenant_id = :tenant_id AND holder_id = :holder_id AND status = 'held' RETURNING quantity
        """
    )
)

_LET_GO = hot(
    text(
        """
        UPDATE reservation SET status = 'released', released = quantity
        WHERE tenant_id = :tenant_id AND holder_id = :holder_id AND status = 'held'
        RETURNING stock_id, lot_id, quantity, holder_id
        """
    )
)

# ix_reservation_expiry
_LET_GO_EXPIRED = hot(
    text(
        """
        WITH expired AS (
            SELECT id FROM reservation
            WHERE tenant_id = :tenant_id AND status = 'held' AND expires_at <= CAST(:now AS timestamptz)
            ORDER BY expires_at, id LIMIT :limit FOR UPDATE SKIP LOCKED)
        UPDATE reservation r SET status = 'released', released = r.quantity
        FROM expired e WHERE r.tenant_id = :tenant_id AND r.id = e.id
        RETURNING r.stock_id, r.lot_id, r.quantity, r.holder_id
        """
    )
)

_LOCK = hot(
    text(
        """
        SELECT id FROM stock WHERE tenant_id = :tenant_id AND id = ANY(CAST(:stock_ids AS uuid[]))
        ORDER BY variant_id, id FOR UPDATE
        """
    )
)

_GIVE_BACK = hot(
    text(
        """
        WITH given AS (
            SELECT * FROM unnest(CAST(:stock_ids AS uuid[]), CAST(:lot_ids AS uuid[]), CAST(:units AS bigint[]),
                                 CAST(:holder_ids AS uuid[]), CAST(:movement_ids AS uuid[]))
                     AS g (stock_id, lot_id, units, holder_id, movement_id)),
        moved AS (
            INSERT INTO stock_movement (tenant_id, id, stock_id, lot_id, kind, quantity, reference_id)
            SELECT :tenant_id, movement_id, stock_id, lot_id, 'release', units, holder_id FROM given),
        by_stock AS (SELECT stock_id, sum(units)::bigint AS units FROM given GROUP BY stock_id)
        UPDATE stock s SET reserved = s.reserved - b.units, available = s.available + b.units
        FROM by_stock b, variant v
        WHERE s.tenant_id = :tenant_id AND s.id = b.stock_id AND v.tenant_id = s.tenant_id AND v.id = s.variant_id
        RETURNING s.id AS stock_id, s.variant_id, v.product_id, s.available - s.kept_back AS available, b.units,
                  s.lotted
        """
    )
)

# ix_stock_sold_out makes this as cheap as there are few such products.
_SOLD_OUT = hot(
    text(
        f"""
        WITH doubtful AS (
            SELECT variant_id FROM stock WHERE tenant_id = :tenant_id AND available <= kept_back
            UNION SELECT variant_id FROM bundle_component WHERE tenant_id = :tenant_id)
        SELECT DISTINCT v.product_id::text
        FROM doubtful d JOIN variant v ON v.tenant_id = :tenant_id AND v.id = d.variant_id
        WHERE NOT EXISTS (
            SELECT FROM variant w
            LEFT JOIN stock t ON (t.tenant_id, t.variant_id) = (w.tenant_id, w.id)
            LEFT JOIN stock_policy y ON (y.tenant_id, y.variant_id) = (w.tenant_id, w.id)
            WHERE (w.tenant_id, w.product_id) = (v.tenant_id, v.product_id)
              AND (t.available > t.kept_back OR y.promised < y.backorder_limit
                   OR (w.bundle AND NOT EXISTS {A_PART_LACKS})))
        """  # noqa: S608  (the fragment is a literal)
    )
)


async def availability(tx: Tx, variant_ids: Iterable[UUID]) -> dict[UUID, int]:
    """How many of each variant can still be promised, over all warehouses."""
    rows = await tx.rows(_AVAILABLE, {"variant_ids": list(set(variant_ids))})
    return {row["variant_id"]: row["available"] for row in rows}


async def reserve(
    tx: Tx,
    holder_id: UUID,
    lines: Sequence[StockLine],
    *,
    until: datetime,
    allocation: Allocation = FEWEST_PARCELS,
) -> None:
    """Hold stock for a payment that has started.

    Where each line is taken from is the shop's rule; by default from one warehouse where one has enough, otherwise from
    as few as will do. What is not there is promised, if the line may wait. Lines are locked in the order of their
    variants, so two carts can't deadlock. Demand is summed by variant first: two lines of one cart may share it.

    One line that one warehouse has is one statement, which finds, locks and takes; any number of others are two.

    Raises:
        OutOfStock: for the first line that can't be met; the transaction has to be rolled back then.
    """
    hold, wanted = Hold(holder_id, until), _summed(lines)
    if len(wanted) == 1 and allocation.rule == "fewest_parcels" and await _reserve_at_once(tx, hold, wanted[0]):
        return
    for line, missing in await _reserve_chosen(tx, hold, wanted, allocation):
        if not await promises.make(tx, hold, line.variant_id, missing):
            can_be_had = line.quantity - missing + await promises.room(tx, line.variant_id)
            raise OutOfStock(variant_id=line.variant_id, requested=line.quantity, available=can_be_had)


async def _reserve_at_once(tx: Tx, hold: Hold, line: StockLine) -> bool:
    """Take a line from one warehouse that has all of it, if there is one."""
    row = await tx.one(_RESERVE, _values(hold, line))
    if row is None:
        return False
    if row["available"] == 0:
        await promises.tell_level(tx, line.variant_id, line.product_id, 0)
    return True


async def _reserve_chosen(
    tx: Tx, hold: Hold, lines: Sequence[_Wanted], allocation: Allocation
) -> Sequence[tuple[_Wanted, int]]:
    """Take lines from the warehouses and lots that the rule names; gives those that lack units, and how many."""
    sources = await _sources(tx, [line.variant_id for line in lines])
    used: set[UUID] = set()
    parts: list[Part] = []
    short: list[tuple[_Wanted, int]] = []
    gone: list[_Wanted] = []
    for line in lines:
        there = sources.get(line.variant_id, [])
        available = sum(source.units for source in there)
        if available < line.quantity and not line.may_wait:
            raise OutOfStock(variant_id=line.variant_id, requested=line.quantity, available=available)
        chosen = choose_for_each(allocation, line.by_place, there, used=used)
        parts += [Part(choice.source.stock_id, choice.units, hold, choice.lot.id) for choice in chosen]
        used.update(choice.source.warehouse_id for choice in chosen)
        taken = sum(choice.units for choice in chosen)
        if taken < line.quantity:
            short.append((line, line.quantity - taken))
        if chosen and taken == available:
            gone.append(line)
    await take(tx, parts)
    for line in gone:
        await promises.tell_level(tx, line.variant_id, line.product_id, 0)
    return short


async def _sources(tx: Tx, variant_ids: Sequence[UUID]) -> Mapping[UUID, Sequence[Source]]:
    """Where each variant can be taken from, locked."""
    balances = await tx.rows(_LOCK_VARIANTS, {"variant_ids": variant_ids})
    lotted = [balance["id"] for balance in balances if balance["lotted"]]
    by_lot = await lots.to_sell(tx, lotted) if lotted else {}
    found: dict[UUID, list[Source]] = {}
    for balance in balances:
        of_lots = by_lot[balance["id"]] if balance["lotted"] else [Lot(None, balance["available"])]
        found.setdefault(balance["variant_id"], []).append(
            Source(
                balance["id"],
                balance["warehouse_id"],
                of_lots,
                balance["country"],
                balance["region"],
                balance["priority"],
            )
        )
    return found


def _values(hold: Hold, line: StockLine) -> dict[str, object]:
    return {
        "holder_id": hold.holder_id,
        "until": hold.until,
        "variant_id": line.variant_id,
        "quantity": line.quantity,
        "reservation_id": new_id(),
        "movement_id": new_id(),
    }


async def claim(tx: Tx, holder_id: UUID, order_id: UUID, *, units: int) -> bool:
    """Keep for an order, without a time limit, the units that a payment holds or is promised.

    `False` when some of them have run out of time: the transaction has to be rolled back then.
    """
    held = await _claimed(tx, holder_id, order_id)
    if held < units:
        held += await promises.claim(tx, holder_id, order_id)
        # What came in before the promises were locked has become reservations.
        held += await _claimed(tx, holder_id, order_id)
    return held == units


async def _claimed(tx: Tx, holder_id: UUID, order_id: UUID) -> int:
    return sum(row["quantity"] for row in await tx.rows(_CLAIM, {"holder_id": holder_id, "order_id": order_id}))


async def release(tx: Tx, holder_id: UUID) -> None:
    """Give back what a payment holds or is promised; nothing happens when that is nothing."""
    given_up = await promises.let_go(tx, holder_id)
    await _give_back(tx, await tx.rows(_LET_GO, {"holder_id": holder_id}), given_up)


async def release_expired(tx: Tx, *, limit: int = 100) -> int:
    """Give back what was held too long, for payments that never ended; says how many reservations and promises."""
    broken, given_up = await promises.let_go_expired(tx, limit=limit)
    expired = await tx.rows(_LET_GO_EXPIRED, {"now": clock.now(), "limit": limit})
    await _give_back(tx, expired, given_up)
    return broken + len(expired)


async def sold_out_products(tx: Tx) -> list[str]:
    """The ids of the products none of whose variants can be had."""
    return [row["product_id"] for row in await tx.rows(_SOLD_OUT)]


async def _give_back(tx: Tx, reservations: Sequence[asyncpg.Record], given_up: Counter[UUID]) -> None:
    if not reservations:
        await promises.uncount(tx, given_up)
        return
    stock_ids = [reservation["stock_id"] for reservation in reservations]
    await tx.rows(_LOCK, {"stock_ids": stock_ids})
    given = {
        "stock_ids": stock_ids,
        "lot_ids": [reservation["lot_id"] for reservation in reservations],
        "units": [reservation["quantity"] for reservation in reservations],
        "holder_ids": [reservation["holder_id"] for reservation in reservations],
        "movement_ids": [new_id() for _ in reservations],
    }
    risen = promises.rises(await tx.rows(_GIVE_BACK, given))
    await lots.give_back(tx, ((reservation["lot_id"], reservation["quantity"]) for reservation in reservations))
    await promises.rose(tx, risen, given_up=given_up)


def _summed(lines: Sequence[StockLine]) -> list[_Wanted]:
    wanted: dict[UUID, Counter[Near | None]] = {}
    first = {line.variant_id: line for line in reversed(lines)}
    may_wait = {line.variant_id for line in lines if line.may_wait}
    for line in lines:
        wanted.setdefault(line.variant_id, Counter())[line.near] += line.quantity
    return [
        _Wanted(
            variant_id,
            first[variant_id].product_id,
            wanted[variant_id].total(),
            may_wait=variant_id in may_wait,
            by_place=tuple(wanted[variant_id].items()),
        )
        for variant_id in sorted(wanted)
    ]
