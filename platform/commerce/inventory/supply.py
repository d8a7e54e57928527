"""What can be had of a variant, and when: pure, so that every page and every check says the same."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Supply:
    """Units of a variant that are there, and those that may be promised beyond."""

    available: int
    room: int = 0
    """Units that may still be promised beyond what is there."""
    lead_days: int = 0
    available_from: date | None = None

    @property
    def in_all(self) -> int:
        """How many can be had, now or later."""
        return self.available + self.room

    def promised_on(self, quantity: int, today: date) -> date | None:
        """When so many would be in; `None` when they are there, or can't be had at all.

        What comes out on a day is promised for that day, however many are there already.
        """
        if quantity > self.in_all:
            return None
        out = self.available_from if self.available_from and self.available_from > today else None
        if quantity <= self.available:
            return out
        return max(out or today, today + timedelta(days=self.lead_days))

    def less(self, units: int) -> Supply:
        """What is left when so many are taken, those that are there first."""
        there = min(units, self.available)
        return replace(self, available=self.available - there, room=self.room - (units - there))


NOTHING = Supply(0)
ENDLESS = 9_999
"""How many units can be had of what takes no stock: as many as a line can have."""


@dataclass(frozen=True, slots=True)
class Need:
    """Units of a variant that one unit of a line takes: the line's own, or a component's of a bundle."""

    variant_id: UUID
    product_id: UUID
    quantity: int = 1
    supply: Supply = NOTHING


@dataclass(frozen=True, slots=True)
class Share:
    """How many units of a line can be had, and when as many as it asks for would be in."""

    available: int
    promised_on: date | None


def share_out(lines: Iterable[tuple[int, Sequence[Need]]], today: date) -> list[Share]:
    """What each of some lines can have, one after the other: they may need the same variant, as bundles do."""
    left: dict[UUID, Supply] = {}
    shares = []
    for quantity, needs in lines:
        supplies = [left.get(need.variant_id, need.supply) for need in needs]
        each = (supply.in_all // need.quantity for need, supply in zip(needs, supplies, strict=True))
        can = min(each, default=ENDLESS)
        days = [
            supply.promised_on(quantity * need.quantity, today) for need, supply in zip(needs, supplies, strict=True)
        ]
        shares.append(Share(can, max((day for day in days if day), default=None) if quantity <= can else None))
        for need, supply in zip(needs, supplies, strict=True):
            left[need.variant_id] = supply.less(min(quantity, can) * need.quantity)
    return shares


def fill(wanted: Sequence[int], there: Sequence[int]) -> Iterator[tuple[int, int, int]]:
    """Serve those who want units one after the other from what is there, in its order.

    Gives (who, from which, how many) until nobody wants any more or nothing is left.
    """
    which, left = 0, list(there)
    for who, units in enumerate(wanted):
        missing = units
        while missing and which < len(left):
            part = min(missing, left[which])
            if part:
                yield who, which, part
            missing -= part
            left[which] -= part
            if not left[which]:
                which += 1
