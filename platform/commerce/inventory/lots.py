"""Lots: parts of a balance that came in together and may expire together.

A lot is changed only by whoever holds its balance. What a balance has beyond its lots came in without one, and costs
nothing here. The first to expire is the first to go; what has expired is promised to nobody.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import groupby
from typing import Literal
from uuid import UUID

from sqlalchemy import text

from commerce.inventory.coming_back import Back
from foundation import clock
from foundation.database import HotStatement, Tx, hot
from foundation.errors import Conflict
from foundation.ids import new_id


class LotDiffers(Conflict):
    """The lot is known with another date of expiry."""

    code = "inventory.lot_differs"

    lot: str
    expires_on: date | None


class LotRecalled(Conflict):
    """The lot has been recalled: nothing of it is taken in."""

    code = "inventory.lot_recalled"

    lot: str


class LotShort(Conflict):
    """Fewer units of the lot are available there."""

    code = "inventory.lot_short"

    lot: str
    requested: int
    available: int


@dataclass(frozen=True, slots=True)
class Lot:
    """Units that can be had of a lot; without an id, of what came in without one."""

    id: UUID | None
    units: int
    expires_on: date | None = None


@dataclass(frozen=True, slots=True)
class Drawn:
    """Units that left a lot, or those that came in without one."""

    id: UUID | None
    code: str | None
    expires_on: date | None
    units: int


# uq_stock_lot_code. No row comes back when the lot is known with another date.
_PUT = hot(
    text(
        """
        WITH marked AS (
            UPDATE stock SET lotted = true WHERE tenant_id = :tenant_id AND id = :stock_id AND NOT lotted)
        INSERT INTO stock_lot AS l (tenant_id, id, stock_id, code, expires_on, received, available)
        VALUES (:tenant_id, :id, :stock_id, :code, CAST(:expires_on AS date), :units, :units)
        ON CONFLICT (tenant_id, stock_id, code) DO UPDATE
            SET received = l.received + excluded.received, available = l.available + excluded.available
            WHERE l.expires_on IS NOT DISTINCT FROM excluded.expires_on AND l.recalled_at IS NULL
        RETURNING id
        """
    )
)

_KNOWN = hot(
    text(
        """
        SELECT expires_on, recalled_at FROM stock_lot
        WHERE tenant_id = :tenant_id AND stock_id = :stock_id AND code = :code
        """
    )
)

# A lot that was recalled counts as one that has expired long ago.
_LOTS = hot(
    text(
        """
        SELECT s.id AS stock_id, s.available AS there, s.kept_back, l.id, l.available AS units,
               CASE WHEN l.recalled_at IS NULL THEN l.expires_on ELSE DATE '0001-01-01' END AS expires_on
        FROM stock s LEFT JOIN stock_lot l ON l.tenant_id = s.tenant_id AND l.stock_id = s.id AND l.available > 0
        WHERE s.tenant_id = :tenant_id AND s.id = ANY(CAST(:stock_ids AS uuid[]))
        ORDER BY s.id, expires_on NULLS LAST, l.id
        """
    )
)

# No row comes back when the lot is known with another date. Whoever calls takes the units into the balance.
_TAKE_BACK = hot(
    text(
        """
        WITH marked AS (
            UPDATE stock SET lotted = true WHERE tenant_id = :tenant_id AND id = :stock_id AND NOT lotted)
        INSERT INTO stock_lot AS l (tenant_id, id, stock_id, code, expires_on, recalled_at, received, available,
                                    written_off)
        VALUES (:tenant_id, :id, :stock_id, :code, CAST(:expires_on AS date), CAST(:recalled_at AS timestamptz),
                CAST(:restocked AS bigint) + CAST(:lost AS bigint), :restocked, :lost)
        ON CONFLICT (tenant_id, stock_id, code) DO UPDATE
            SET received = l.received + excluded.received, available = l.available + excluded.available,
                written_off = l.written_off + excluded.written_off
            WHERE l.expires_on IS NOT DISTINCT FROM excluded.expires_on
        RETURNING id
        """
    )
)

_DRAW = """
    WITH there AS (
        SELECT id, least(available, greatest(CAST(:units AS bigint) - (
                   sum(available) OVER (ORDER BY expires_on NULLS LAST, id) - available), 0))::bigint AS units
        FROM stock_lot
        WHERE tenant_id = :tenant_id AND stock_id = :stock_id AND available > 0
          AND (CAST(:code AS text) IS NULL OR code = CAST(:code AS text)))
    UPDATE stock_lot l SET {change} FROM there t WHERE l.tenant_id = :tenant_id AND l.id = t.id AND t.units > 0
    RETURNING l.id, l.code, l.expires_on, t.units
"""
_LOSE = hot(text(_DRAW.format(change="available = l.available - t.units, written_off = l.written_off + t.units")))
_SEND = hot(text(_DRAW.format(change="available = l.available - t.units, received = l.received - t.units")))

_BY_LOT = """
    UPDATE stock_lot l SET {change}
    FROM unnest(CAST(:ids AS uuid[]), CAST(:units AS bigint[])) AS u (id, units)
    WHERE l.tenant_id = :tenant_id AND l.id = u.id
"""
_HOLD = hot(text(_BY_LOT.format(change="available = l.available - u.units, reserved = l.reserved + u.units")))
_GIVE_BACK = hot(text(_BY_LOT.format(change="available = l.available + u.units, reserved = l.reserved - u.units")))
_SELL = hot(text(_BY_LOT.format(change="reserved = l.reserved - u.units, sold = l.sold + u.units")))


async def put(tx: Tx, stock_id: UUID, code: str, expires_on: date | None, units: int) -> UUID:
    """Units of a balance have come in as a lot; gives the lot's id.

    Raises:
        LotDiffers: there is such a lot, with another date.
        LotRecalled.
    """
    values = {"stock_id": stock_id, "code": code, "expires_on": expires_on, "units": units}
    row = await tx.one(_PUT, {**values, "id": new_id()})
    if row is None:
        known = await tx.one(_KNOWN, {"stock_id": stock_id, "code": code})
        if known and known["recalled_at"]:
            raise LotRecalled(lot=code)
        raise LotDiffers(lot=code, expires_on=known["expires_on"] if known else None)
    lot_id: UUID = row["id"]
    return lot_id


async def take_back(tx: Tx, stock_id: UUID, back: Back) -> UUID | None:
    """Units of a balance have come back to a lot, or to what has none; gives the lot's id.

    Raises:
        LotDiffers: there is such a lot, with another date.
    """
    lot = back.lot
    if lot.code is None:
        return None
    values = {"stock_id": stock_id, "code": lot.code, "expires_on": lot.expires_on}
    recalled_at = clock.now() if lot.recalled else None
    units = {"restocked": back.restocked, "lost": back.lost}
    row = await tx.one(_TAKE_BACK, {**values, **units, "recalled_at": recalled_at, "id": new_id()})
    if row is None:
        known = await tx.one(_KNOWN, values)
        raise LotDiffers(lot=lot.code, expires_on=known["expires_on"] if known else None)
    lot_id: UUID = row["id"]
    return lot_id


def sellable(there: int, kept_back: int, lots: Sequence[Lot], today: date) -> list[Lot]:
    """What can be sold of a balance, in the order in which it should go: `lots` are in the order of their dates.

    What came in without a lot goes last; what is kept back is the last to go of what has not expired.
    """
    fresh = [lot for lot in lots if lot.expires_on is None or lot.expires_on >= today]
    fresh.append(Lot(None, there - sum(lot.units for lot in lots)))
    left = sum(lot.units for lot in fresh) - kept_back
    sold: list[Lot] = []
    for lot in fresh:
        part = min(lot.units, left)
        if part > 0:
            sold.append(Lot(lot.id, part, lot.expires_on))
            left -= part
    return sold


async def to_sell(tx: Tx, stock_ids: Iterable[UUID]) -> dict[UUID, list[Lot]]:
    """What can be sold of balances, by lot, in the order in which it should go."""
    rows = await tx.rows(_LOTS, {"stock_ids": list(stock_ids)})
    today = clock.now().date()
    found: dict[UUID, list[Lot]] = {}
    for stock_id, group in groupby(rows, key=lambda row: row["stock_id"]):
        of_stock = list(group)
        known = [Lot(row["id"], row["units"], row["expires_on"]) for row in of_stock if row["id"]]
        found[stock_id] = sellable(of_stock[0]["there"], of_stock[0]["kept_back"], known, today)
    return found


async def draw(
    tx: Tx, stock_id: UUID, units: int, to: Literal["lost", "sent"], *, code: str | None = None
) -> list[Drawn]:
    """Take available units out of a balance's lots, or of the one named, the first to expire first.

    Raises:
        LotShort: the lot that is named has fewer.
    """
    statement = _LOSE if to == "lost" else _SEND
    drawn = [Drawn(**row) for row in await tx.rows(statement, {"stock_id": stock_id, "units": units, "code": code})]
    missing = units - sum(part.units for part in drawn)
    if missing and code is not None:
        raise LotShort(lot=code, requested=units, available=units - missing)
    return [*drawn, Drawn(None, None, None, missing)] if missing else drawn


async def hold(tx: Tx, parts: Iterable[tuple[UUID | None, int]]) -> None:
    """Units of lots are reserved."""
    await _change(tx, _HOLD, parts)


async def give_back(tx: Tx, parts: Iterable[tuple[UUID | None, int]]) -> None:
    """Reserved units of lots are available again."""
    await _change(tx, _GIVE_BACK, parts)


async def sell(tx: Tx, parts: Iterable[tuple[UUID | None, int]]) -> None:
    """Reserved units of lots have left the house."""
    await _change(tx, _SELL, parts)


async def _change(tx: Tx, statement: HotStatement, parts: Iterable[tuple[UUID | None, int]]) -> None:
    units = Counter[UUID]()
    for lot_id, quantity in parts:
        if lot_id is not None:
            units[lot_id] += quantity
    if units:
        await tx.rows(statement, {"ids": list(units), "units": list(units.values())})
