"""What can be had of a variant, and when: pure, so that every page and every check says the same."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta


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
