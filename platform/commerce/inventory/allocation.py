"""What an order holds of the stock: shipped from it, or given back.

Whoever calls holds the order's row, so nobody else spends its reservations. Balances are locked in the order
(variant, id), the same as everywhere.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

import asyncpg
from sqlalchemy import text

from commerce.inventory import lots, promises
from commerce.inventory.hot import MINE
from commerce.inventory.keeping import UnknownWarehouse
from commerce.inventory.rules import Near, distance
from commerce.policies.limits import NONE, Limits
from foundation.database import HotStatement, Tx, hot
from foundation.errors import Conflict
from foundation.ids import new_id

# ix_reservation_order. The locks are taken above the sort, so in its order.
_HELD = hot(
    text(
        """
        SELECT r.id, r.stock_id, r.lot_id, s.variant_id, s.warehouse_id, w.code AS warehouse, w.country,
               w.region, r.quantity - r.sold - r.released AS units
        FROM reservation r JOIN stock s ON s.tenant_id = r.tenant_id AND s.id = r.stock_id
        JOIN warehouse w ON w.tenant_id = s.tenant_id AND w.id = s.warehouse_id
        WHERE r.tenant_id = :tenant_id AND r.order_id = :order_id AND r.quantity > r.sold + r.released
          AND s.variant_id = ANY(CAST(:variant_ids AS uuid[]))
        ORDER BY s.variant_id, s.id, r.id FOR UPDATE OF r, s
        """
    )
)

# uq_warehouse_code
_WAREHOUSE = hot(
    text(
        f"SELECT id FROM warehouse WHERE tenant_id = :tenant_id AND code = :warehouse AND {MINE.format(id='id')}"  # noqa: S608
    )
)

_TAKEN = """
    WITH taken AS (
        SELECT * FROM unnest(CAST(:reservation_ids AS uuid[]), CAST(:stock_ids AS uuid[]), CAST(:lot_ids AS uuid[]),
                             CAST(:units AS bigint[]), CAST(:movement_ids AS uuid[]))
                 AS t (reservation_id, stock_id, lot_id, units, movement_id)),
    moved AS (
        INSERT INTO stock_movement (tenant_id, id, stock_id, lot_id, kind, quantity, reference_id)
        SELECT :tenant_id, movement_id, stock_id, lot_id, CAST(:kind AS text), units, CAST(:reference_id AS uuid)
        FROM taken),
    by_stock AS (SELECT stock_id, sum(units)::bigint AS units FROM taken GROUP BY stock_id),
"""

_SHIP = hot(
    text(
        f"""
        {_TAKEN}
        spent AS (UPDATE reservation r SET sold = r.sold + t.units FROM taken t
                  WHERE r.tenant_id = :tenant_id AND r.id = t.reservation_id)
        UPDATE stock s SET reserved = s.reserved - b.units, sold = s.sold + b.units
        FROM by_stock b WHERE s.tenant_id = :tenant_id AND s.id = b.stock_id
        """  # noqa: S608  (the fragment is a literal)
    )
)

_RELEASE = hot(
    text(
        f"""
        {_TAKEN}
        spent AS (UPDATE reservation r SET released = r.released + t.units FROM taken t
                  WHERE r.tenant_id = :tenant_id AND r.id = t.reservation_id)
        UPDATE stock s SET reserved = s.reserved - b.units, available = s.available + b.units
        FROM by_stock b, variant v
        WHERE s.tenant_id = :tenant_id AND s.id = b.stock_id AND v.tenant_id = s.tenant_id AND v.id = s.variant_id
        RETURNING s.id AS stock_id, s.variant_id, v.product_id, s.available - s.kept_back AS available, b.units,
                  s.lotted
        """  # noqa: S608  (the fragment is a literal)
    )
)


# uq_stock_variant
_LOCK = hot(
    text(
        """
        SELECT id FROM stock WHERE tenant_id = :tenant_id AND variant_id = ANY(CAST(:variant_ids AS uuid[]))
        ORDER BY variant_id, id FOR UPDATE
        """
    )
)


class NotInYet(Conflict):
    """Units of the order are still to come in; send what is there, or wait."""

    code = "inventory.not_in_yet"

    variant_id: UUID
    requested: int
    allocated: int


class NotFromThere(Conflict):
    """The warehouse, or those of whoever asks, hold fewer units for the order."""

    code = "inventory.not_from_there"

    variant_id: UUID
    requested: int
    allocated: int


class NotAllocated(RuntimeError):
    """An order holds and waits for fewer units than its lines still expect: something wrote past this module."""


@dataclass(frozen=True, slots=True)
class Taken:
    """Units of a reservation, to be spent."""

    reservation_id: UUID
    stock_id: UUID
    lot_id: UUID | None
    units: int


@dataclass(slots=True)
class _Reserved:
    id: UUID
    stock_id: UUID
    lot_id: UUID | None
    variant_id: UUID
    warehouse_id: UUID
    warehouse: str
    country: str | None
    region: str | None
    units: int


@dataclass(frozen=True, slots=True)
class Reserved:
    """What an order holds of some variants, locked, by where it lies; in the warehouses of whoever asks."""

    order_id: UUID
    _parts: Sequence[_Reserved]
    in_some: bool = False
    """There may be more in warehouses that are not theirs."""

    def anywhere(self) -> Counter[UUID]:
        """How many units lie in all of these warehouses together, by variant."""
        return sum(self.there().values(), Counter[UUID]())

    def there(self) -> dict[UUID, Counter[UUID]]:
        """How many units lie in each warehouse, by variant."""
        found: dict[UUID, Counter[UUID]] = {}
        for part in self._parts:
            found.setdefault(part.warehouse_id, Counter())[part.variant_id] += part.units
        return found

    def distances(self, near: Near) -> dict[UUID, int]:
        """How far each warehouse is from where units go."""
        return {part.warehouse_id: distance(near, part.country, part.region) for part in self._parts}

    def codes(self) -> dict[UUID, str]:
        """What the shop calls these warehouses."""
        return {part.warehouse_id: part.warehouse for part in self._parts}

    def take(self, units: Mapping[UUID, int], warehouse_id: UUID | None = None) -> tuple[list[Taken], dict[UUID, int]]:
        """Parts that make up so many units, by variant, from anywhere or from one warehouse, and what is missing."""
        wanted, taken = dict(units), list[Taken]()
        for part in self._parts:
            some = min(part.units, wanted.get(part.variant_id, 0))
            if some and warehouse_id in (None, part.warehouse_id):
                taken.append(Taken(part.id, part.stock_id, part.lot_id, some))
                part.units -= some
                wanted[part.variant_id] -= some
        return taken, {variant_id: lacking for variant_id, lacking in wanted.items() if lacking}

    def lacks(self, units: Mapping[UUID, int]) -> dict[UUID, int]:
        """Of so many units, by variant, those that the order does not hold anywhere."""
        held = self.anywhere()
        return {variant_id: n - held[variant_id] for variant_id, n in units.items() if n > held[variant_id]}


async def lock(tx: Tx, variant_ids: Iterable[UUID]) -> None:
    """Hold the balances of variants: for whoever reserves some and releases others in one transaction."""
    await tx.rows(_LOCK, {"variant_ids": list(variant_ids)})


async def reserved(tx: Tx, order_id: UUID, units: Mapping[UUID, int], *, limits: Limits = NONE) -> Reserved:
    """What an order holds, in the warehouses of whoever asks, of the variants of which so many are wanted, locked."""
    wanted = [variant_id for variant_id, quantity in units.items() if quantity]
    rows = await tx.rows(_HELD, {"order_id": order_id, "variant_ids": wanted}) if wanted else []
    parts = [_Reserved(**row) for row in rows if limits.sees(row["warehouse_id"])]
    return Reserved(order_id, parts, in_some=limits.warehouses is not None)


async def warehouse_id_of(tx: Tx, warehouse: str, *, limits: Limits = NONE) -> UUID:
    """Which warehouse a code names; to whoever is bound to some, one of theirs.

    Raises:
        UnknownWarehouse.
    """
    row = await tx.one(_WAREHOUSE, {"warehouse": warehouse, "mine": limits.mine})
    if row is None:
        raise UnknownWarehouse(warehouse=warehouse)
    found: UUID = row["id"]
    return found


async def require_held(tx: Tx, held: Reserved, units: Mapping[UUID, int]) -> None:
    """So many units, by variant, have to be there for the order, wherever they lie.

    Raises:
        NotFromThere: the warehouses of whoever asks hold fewer.
        NotInYet: the order holds fewer and waits for the rest.
        NotAllocated: it holds fewer.
    """
    missing = held.lacks(units)
    if not missing:
        return
    for variant_id, lacking in missing.items() if held.in_some else ():
        raise NotFromThere(variant_id=variant_id, requested=units[variant_id], allocated=units[variant_id] - lacking)
    waiting = await promises.waiting(tx, held.order_id)
    for variant_id, lacking in missing.items():
        if lacking <= waiting.get(variant_id, 0):
            requested = units[variant_id]
            raise NotInYet(variant_id=variant_id, requested=requested, allocated=requested - lacking)
    raise NotAllocated(f"order {held.order_id} lacks {missing}")


async def ship(
    tx: Tx, held: Reserved, units: Mapping[UUID, int], *, reference_id: UUID, warehouse_id: UUID | None
) -> None:
    """Let units, by variant, of an order leave a warehouse, or wherever they lie: reserved becomes sold.

    Raises:
        NotFromThere: the warehouse holds fewer for the order; nothing leaves.
        NotAllocated: the order holds fewer.
    """
    taken, missing = held.take(units, warehouse_id)
    for variant_id, lacking in missing.items() if warehouse_id else ():
        raise NotFromThere(variant_id=variant_id, requested=units[variant_id], allocated=units[variant_id] - lacking)
    if missing:
        raise NotAllocated(f"order {held.order_id} lacks {missing}")
    await _spend(tx, _SHIP, "sell", taken, reference_id)
    await lots.sell(tx, ((part.lot_id, part.units) for part in taken))


async def release(tx: Tx, order_id: UUID, units: Mapping[UUID, int], *, reference_id: UUID) -> None:
    """Give back units, by variant, that an order will not take: what it waits for, then reserved becomes available.

    Raises:
        NotAllocated: the order holds fewer.
    """
    given_up = await promises.give_up(tx, order_id, units)
    held = {variant_id: quantity - given_up[variant_id] for variant_id, quantity in units.items()}
    taken, missing = (await reserved(tx, order_id, held)).take(held)
    if missing:
        raise NotAllocated(f"order {order_id} lacks {missing}")
    risen = promises.rises(await _spend(tx, _RELEASE, "release", taken, reference_id))
    await lots.give_back(tx, ((part.lot_id, part.units) for part in taken))
    await promises.rose(tx, risen, given_up=given_up)


async def _spend(
    tx: Tx, statement: HotStatement, kind: str, taken: Sequence[Taken], reference_id: UUID
) -> Sequence[asyncpg.Record]:
    if not taken:
        return []
    return await tx.rows(
        statement,
        {
            "reservation_ids": [part.reservation_id for part in taken],
            "stock_ids": [part.stock_id for part in taken],
            "lot_ids": [part.lot_id for part in taken],
            "units": [part.units for part in taken],
            "movement_ids": [new_id() for _ in taken],
            "kind": kind,
            "reference_id": reference_id,
        },
    )
