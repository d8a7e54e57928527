"""Windows in which a method delivers: kept by staff, chosen by carts, taken by orders no more often than there is room.

What an order takes is counted by one conditional statement on the window's day, and given back when all of the order is
cancelled.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Any
from uuid import UUID

from sqlalchemy import text

from commerce.delivery.calendar import DAY, Calendar, Window
from commerce.delivery.schemas import SlotIn, SlotKept, SlotOffer, SlotOut
from foundation import clock
from foundation.database import Tx, hot
from foundation.errors import Conflict, NotFound, Unprocessable
from foundation.ids import new_id

OFFERED_DAYS = 14


class MethodNotFound(NotFound):
    """The shop has no such way to deliver."""

    code = "delivery.method_not_found"


class BadSlot(Unprocessable):
    """A window ends after it begins, and is named once."""

    code = "delivery.bad_slot"

    weekday: int
    begins: str


class SlotFull(Conflict):
    """This window was taken by others meanwhile; nothing was charged."""

    code = "delivery.slot_full"

    slot_id: UUID
    day: date


@dataclass(frozen=True, slots=True)
class Slot:
    """A window on a day, as a cart chose it."""

    id: UUID
    day: date
    window: Window
    is_offered: bool
    """The method still has it."""
    taken: int

    def can_be_had(self, calendar: Calendar, now: datetime) -> bool:
        """Whether an order could take it now."""
        return self.is_offered and self.taken < self.window.capacity and self.window.is_open(self.day, calendar, now)

    def out(self, calendar: Calendar) -> SlotOut:
        """As a shopper sees it."""
        begins, ends = self.window.on(self.day, calendar)
        return SlotOut(
            slot_id=self.id,
            day=self.day,
            hours=f"{self.window.begins:%H:%M} to {self.window.ends:%H:%M}",
            begins=begins,
            ends=ends,
        )


# uq_delivery_method_code and uq_delivery_slot_window
_PUT = hot(
    text(
        """
        WITH wanted AS (
            SELECT * FROM unnest(CAST(:ids AS uuid[]), CAST(:weekdays AS bigint[]), CAST(:begins AS time[]),
                                 CAST(:ends AS time[]), CAST(:capacities AS bigint[]), CAST(:cutoffs AS bigint[]))
                          AS w (id, weekday, begins, ends, capacity, cutoff_minutes)),
        gone AS (
            UPDATE delivery_slot s SET active = false
            WHERE s.tenant_id = :tenant_id AND s.method_id = :method_id AND NOT EXISTS (
                SELECT FROM wanted w WHERE (w.weekday, w.begins, w.ends) = (s.weekday, s.begins, s.ends)))
        INSERT INTO delivery_slot (tenant_id, id, method_id, weekday, begins, ends, capacity, cutoff_minutes)
        SELECT :tenant_id, w.id, :method_id, w.weekday, w.begins, w.ends, w.capacity, w.cutoff_minutes FROM wanted w
        ON CONFLICT (tenant_id, method_id, weekday, begins, ends) DO UPDATE
            SET capacity = excluded.capacity, cutoff_minutes = excluded.cutoff_minutes, active = true
        """
    )
)

_METHOD = hot(text("SELECT id FROM delivery_method WHERE tenant_id = :tenant_id AND code = :code"))

_SLOTS = hot(
    text(
        """
        SELECT s.id, s.weekday, s.begins, s.ends, s.capacity, s.cutoff_minutes
        FROM delivery_slot s JOIN delivery_method d ON d.tenant_id = s.tenant_id AND d.id = s.method_id
        WHERE s.tenant_id = :tenant_id AND d.code = :code AND s.active ORDER BY s.weekday, s.begins, s.ends
        """
    )
)

# uq_delivery_day
_TAKEN = hot(
    text(
        """
        SELECT slot_id, day, taken FROM delivery_day
        WHERE tenant_id = :tenant_id AND slot_id = ANY(CAST(:slot_ids AS uuid[])) AND day >= :first AND day <= :last
        """
    )
)

# No row comes back when the window is full on that day.
_TAKE = hot(
    text(
        """
        WITH taken AS (
            INSERT INTO delivery_day AS d (tenant_id, id, slot_id, day, taken, capacity)
            SELECT s.tenant_id, :day_id, s.id, :day, 1, s.capacity FROM delivery_slot s
            WHERE s.tenant_id = :tenant_id AND s.id = :slot_id AND s.active AND s.capacity > 0
            ON CONFLICT (tenant_id, slot_id, day) DO UPDATE SET taken = d.taken + 1, capacity = excluded.capacity
            WHERE d.taken < excluded.capacity
            RETURNING slot_id)
        INSERT INTO delivery_booking (tenant_id, id, order_id, slot_id, day)
        SELECT :tenant_id, :id, :order_id, slot_id, :day FROM taken RETURNING id
        """
    )
)

# ix_delivery_booking_order; the days are locked in the order in which orders take them.
_GIVE_BACK = hot(
    text(
        """
        WITH freed AS (
            UPDATE delivery_booking SET released_at = CAST(:now AS timestamptz)
            WHERE tenant_id = :tenant_id AND order_id = :order_id AND released_at IS NULL RETURNING slot_id, day),
        counted AS (SELECT slot_id, day, count(*) AS times FROM freed GROUP BY slot_id, day),
        held AS (
            SELECT d.id, c.times FROM delivery_day d JOIN counted c ON c.slot_id = d.slot_id AND c.day = d.day
            WHERE d.tenant_id = :tenant_id ORDER BY d.slot_id, d.day FOR UPDATE OF d)
        UPDATE delivery_day d SET taken = d.taken - held.times FROM held
        WHERE d.tenant_id = :tenant_id AND d.id = held.id
        """
    )
)


async def put(tx: Tx, code: str, slots: Sequence[SlotIn]) -> list[SlotKept]:
    """Put a method's windows in place of those it had; what orders took of one that stays is kept.

    Raises:
        MethodNotFound, BadSlot: nothing is changed.
    """
    method = await tx.one(_METHOD, {"code": code})
    if method is None:
        raise MethodNotFound
    seen = set[tuple[int, time, time]]()
    for slot in slots:
        key = (slot.weekday, slot.begins, slot.ends)
        if slot.ends <= slot.begins or key in seen:
            raise BadSlot(weekday=slot.weekday, begins=f"{slot.begins:%H:%M}")
        seen.add(key)
    await tx.rows(
        _PUT,
        {
            "method_id": method["id"],
            "ids": [new_id() for _ in slots],
            "weekdays": [slot.weekday for slot in slots],
            "begins": [slot.begins for slot in slots],
            "ends": [slot.ends for slot in slots],
            "capacities": [slot.capacity for slot in slots],
            "cutoffs": [slot.cutoff_minutes for slot in slots],
        },
    )
    return await kept(tx, code)


async def kept(tx: Tx, code: str) -> list[SlotKept]:
    """A method's windows, in the order of the week.

    Raises:
        MethodNotFound.
    """
    rows = await tx.rows(_SLOTS, {"code": code})
    if not rows and await tx.one(_METHOD, {"code": code}) is None:
        raise MethodNotFound
    return [SlotKept.model_validate(dict(row)) for row in rows]


async def offered(tx: Tx, code: str, calendar: Calendar) -> list[SlotOffer]:
    """The windows of the next days that can be chosen now, with what room is left in each."""
    now = clock.now()
    first = calendar.local(now).date()
    days = [first + number * DAY for number in range(OFFERED_DAYS)]
    windows = {row.id: _window(row.model_dump()) for row in await kept(tx, code)}
    values = {"slot_ids": list(windows), "first": first, "last": days[-1]}
    taken = {(row["slot_id"], row["day"]): row["taken"] for row in await tx.rows(_TAKEN, values)}
    found = [
        Slot(slot_id, day, window, is_offered=True, taken=taken.get((slot_id, day), 0))
        for day in days
        for slot_id, window in windows.items()
    ]
    return [
        SlotOffer(**slot.out(calendar).model_dump(), left=slot.window.capacity - slot.taken)
        for slot in found
        if slot.can_be_had(calendar, now)
    ]


async def take(tx: Tx, order_id: UUID, chosen: Sequence[tuple[UUID, date]]) -> None:
    """Take a place in each window for an order; in one order everywhere, so that two orders can't deadlock.

    Raises:
        SlotFull: one has no place left; the transaction must not go on.
    """
    for slot_id, day in sorted(chosen):
        values = {"id": new_id(), "day_id": new_id(), "order_id": order_id, "slot_id": slot_id, "day": day}
        if await tx.one(_TAKE, values) is None:
            raise SlotFull(slot_id=slot_id, day=day)


async def give_back(tx: Tx, order_id: UUID) -> None:
    """Give back the places that an order took; nothing happens when it took none."""
    await tx.rows(_GIVE_BACK, {"order_id": order_id, "now": clock.now()})


def slot_of(told: Mapping[str, Any], day: date) -> Slot:
    """A slot of a row's JSON."""
    times = {name: time.fromisoformat(told[name]) for name in ("begins", "ends")}
    return Slot(UUID(told["id"]), day, _window({**told, **times}), told["offered"], told["taken"])


def _window(row: Mapping[str, Any]) -> Window:
    return Window(row["weekday"], row["begins"], row["ends"], row["capacity"], row["cutoff_minutes"])
