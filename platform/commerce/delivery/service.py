"""The ways in which a shop delivers: kept by its staff, offered to carts."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, time
from typing import Any

import orjson
from sqlalchemy import text

from commerce.delivery.calendar import Calendar
from commerce.delivery.schemas import CalendarIn, CalendarOut, DeliveryOut, Kind, MethodIn, MethodOut, PlaceOut
from commerce.delivery.slots import Slot
from foundation import clock
from foundation.database import Tx, hot
from foundation.errors import Unprocessable
from foundation.ids import new_id

_SPOKEN = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"
"""What people don't mix up when they read it to each other."""


class BadDays(Unprocessable):
    """A delivery can't arrive at the latest before it arrives at the earliest."""

    code = "delivery.bad_days"

    min_days: int
    max_days: int


@dataclass(frozen=True, slots=True)
class Method:
    """A way to deliver, as a cart needs it; amounts in minor units."""

    code: str
    name: str
    kind: Kind
    price: int
    free_from: int | None
    min_days: int
    max_days: int
    tax_class: str
    position: int
    timed: bool
    """It delivers in windows, of which one has to be chosen."""
    place: PlaceOut | None
    calendar: Calendar

    def price_for(self, goods: int) -> int:
        """What it costs when the goods cost so much, discounts taken off."""
        return 0 if self.free_from is not None and goods >= self.free_from else self.price

    def out(self, goods: int, slot: Slot | None = None) -> DeliveryOut:
        """The method as a shopper sees it, counted from now, in the window that was chosen."""
        days = (slot.day, slot.day) if slot else self.calendar.arrival(clock.now(), self.min_days, self.max_days)
        return DeliveryOut(
            code=self.code,
            name=self.name,
            kind=self.kind,
            price=self.price_for(goods),
            earliest=days[0],
            latest=days[1],
            timed=self.timed,
            slot=slot.out(self.calendar) if slot else None,
            place=self.place,
        )


_LIST = hot(
    text(
        """
        SELECT code, name, kind, countries, price, free_from, min_days, max_days, tax_class, position, active,
               place::text
        FROM delivery_method WHERE tenant_id = :tenant_id ORDER BY position, code
        """
    )
)

_PUT = hot(
    text(
        """
        INSERT INTO delivery_method (tenant_id, id, code, name, kind, countries, price, free_from, min_days, max_days,
                                     tax_class, position, active, place)
        VALUES (:tenant_id, :id, :code, :name, :kind, CAST(:countries AS text[]), :price, CAST(:free_from AS bigint),
                :min_days, :max_days, :tax_class, :position, :active, CAST(CAST(:place AS text) AS jsonb))
        ON CONFLICT (tenant_id, code) DO UPDATE SET
            name = excluded.name, kind = excluded.kind, countries = excluded.countries, price = excluded.price,
            free_from = excluded.free_from, min_days = excluded.min_days, max_days = excluded.max_days,
            tax_class = excluded.tax_class, position = excluded.position, active = excluded.active,
            place = excluded.place
        """
    )
)

GOING_THERE = """
    SELECT d.code, d.name, d.kind, d.price, d.free_from, d.min_days, d.max_days, d.tax_class,
           d.position, d.place::text AS place,
           EXISTS (SELECT FROM delivery_slot s
                   WHERE s.tenant_id = d.tenant_id AND s.method_id = d.id AND s.active) AS timed
    FROM delivery_method d
    WHERE d.tenant_id = :tenant_id AND d.active
      AND (d.kind = 'collect' OR d.countries = '{}' OR asked.country IS NULL OR asked.country = ANY(d.countries))
"""
"""The methods `d` that go to the country that is `asked` for. What is collected goes nowhere; before there is an
address, all of them do.
"""

CALENDAR = """
    (SELECT jsonb_build_object('zone', k.zone, 'working_days', k.working_days, 'cutoff', k.cutoff,
                               'holidays', k.holidays)
     FROM delivery_calendar k WHERE k.tenant_id = :tenant_id)
"""
"""The shop's business days, as `calendar_of` reads them; null, when it keeps none. uq_delivery_calendar"""

_CALENDAR = hot(text(f"SELECT {CALENDAR}::text"))

_SET_CALENDAR = hot(
    text(
        """
        INSERT INTO delivery_calendar (tenant_id, id, zone, working_days, cutoff, holidays)
        VALUES (:tenant_id, :id, :zone, CAST(:working_days AS bigint[]), CAST(:cutoff AS time),
                CAST(:holidays AS date[]))
        ON CONFLICT (tenant_id) DO UPDATE SET zone = excluded.zone, working_days = excluded.working_days,
            cutoff = excluded.cutoff, holidays = excluded.holidays
        """
    )
)

# uq_delivery_method_code
_OFFERED = hot(
    text(
        f"""
        SELECT method.* FROM (SELECT CAST(:country AS text) AS country) asked
        CROSS JOIN LATERAL ({GOING_THERE}) method ORDER BY method.position, method.code
        """  # noqa: S608  (the fragment is a literal)
    )
)


async def methods(tx: Tx) -> list[MethodOut]:
    """All of a shop's ways to deliver."""
    rows = await tx.rows(_LIST)
    return [MethodOut.model_validate({**row, "place": _place(row["place"])}) for row in rows]


async def put(tx: Tx, code: str, method: MethodIn) -> None:
    """Add a way to deliver, or change the one with this code.

    Raises:
        BadDays: it would arrive before it arrives.
    """
    if method.max_days < method.min_days:
        raise BadDays(min_days=method.min_days, max_days=method.max_days)
    place = method.place.model_dump_json() if method.place else None
    await tx.rows(_PUT, {**method.model_dump(), "place": place, "id": new_id(), "code": code})


async def offered(tx: Tx, country: str | None) -> Sequence[Method]:
    """The ways to deliver to a country."""
    kept = await calendar(tx)
    return [method_of(row, kept) for row in await tx.rows(_OFFERED, {"country": country})]


async def calendar(tx: Tx) -> Calendar:
    """The shop's business days."""
    return calendar_of(orjson.loads(await tx.json(_CALENDAR) or b"null"))


async def calendar_out(tx: Tx) -> CalendarOut:
    """The shop's business days, as its staff see them."""
    kept = await calendar(tx)
    return CalendarOut(
        zone=kept.zone,
        working_days=sorted(kept.working_days),
        cutoff=kept.cutoff,
        holidays=sorted(kept.holidays),
    )


async def set_calendar(tx: Tx, body: CalendarIn) -> CalendarOut:
    """Put the shop's business days in place of those it had."""
    await tx.rows(_SET_CALENDAR, {**body.model_dump(), "id": new_id()})
    return await calendar_out(tx)


def collectable(delivery: DeliveryOut | None) -> DeliveryOut | None:
    """What an order keeps of a delivery: a code is made up for what is collected."""
    if delivery is None or delivery.kind != "collect":
        return delivery
    return delivery.model_copy(update={"collection_code": "".join(secrets.choice(_SPOKEN) for _ in range(6))})


def method_of(row: Mapping[str, Any], kept: Calendar) -> Method:
    """A method of a row, or of its JSON, in a shop with these business days."""
    return Method(**{**row, "place": _place(row["place"]), "calendar": kept})


def calendar_of(told: Mapping[str, Any] | None) -> Calendar:
    """Business days of a row's JSON; every day, when there is none."""
    if told is None:
        return Calendar()
    return Calendar(
        told["zone"],
        frozenset(told["working_days"]),
        time.fromisoformat(told["cutoff"]) if told["cutoff"] else None,
        frozenset(date.fromisoformat(day) for day in told["holidays"]),
    )


def _place(told: str | None) -> PlaceOut | None:
    return PlaceOut.model_validate_json(told) if told else None
