"""What a variant costs everybody, and when: past prices as they were, coming ones as they are planned. Pure.

A price that is shown as reduced says the lowest of the 30 days before: Directive 98/6/EC, article 6a. A reduction
begins when what is asked or what is struck through changes, so one that goes deeper, or comes again, is one of its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from commerce.pricing.engine import Offer, next_change, price_of

LOOKED_BACK = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Schedule:
    """What was said of a variant's price in a currency, in minor units; it holds from now on by the clock alone."""

    amount: int
    """The list price."""
    compare_at: int | None
    offers: Sequence[Offer]

    def on(self, channel: str | None) -> Schedule:
        """What of it counts on a sales channel; `None`: on one that no offer names."""
        return replace(self, offers=[one for one in self.offers if one.channel in {None, channel}])


@dataclass(frozen=True, slots=True)
class Period:
    """For how long everybody paid, or will pay, the same for one unit."""

    amount: int
    starts_at: datetime
    ends_at: datetime | None = None
    """Not included."""
    compare_at: int | None = None
    """What is struck through beside it; `None` where nothing is reduced."""
    reduced_since: datetime | None = None
    """When this reduction began."""
    lowest_before: int | None = None
    """The lowest price of the 30 days before that; `None` where it cost nothing yet."""

    def goes_on_from(self, earlier: Period) -> bool:
        """Whether nobody sees it begin."""
        same = (self.amount, self.compare_at) == (earlier.amount, earlier.compare_at)
        return same and earlier.ends_at == self.starts_at


def planned(schedule: Schedule, *, since: datetime) -> list[Period]:
    """What everybody pays for one from a moment on, the last without an end, as long as nothing else is said.

    Prices for a group, from a quantity, or promised to one shopper are none of everybody's.
    """
    offers = [one for one in schedule.offers if one.source in {"sale", "channel"}]
    found = [_at(schedule, offers, since)]
    moment = next_change(offers, at=since)
    while moment is not None:
        coming = _at(schedule, offers, moment)
        if (coming.amount, coming.compare_at) != (found[-1].amount, found[-1].compare_at):
            found[-1] = replace(found[-1], ends_at=moment)
            found.append(coming)
        moment = next_change(offers, at=moment)
    return found


def cut(periods: Iterable[Period], *, at: datetime) -> list[Period]:
    """What is left of periods of which nothing holds any more from a moment on."""
    begun = (one for one in periods if one.starts_at < at)
    return [one if one.ends_at is not None and one.ends_at <= at else replace(one, ends_at=at) for one in begun]


def told(past: Sequence[Period], coming: Sequence[Period]) -> list[Period]:
    """The coming periods, each with what it has to say of those before it; all in the order of time."""
    before, found = list(past), list[Period]()
    for period in coming:
        if period.compare_at is not None:
            period = _reduced(period, before)  # noqa: PLW2901  (the same period, told)
        before.append(period)
        found.append(period)
    return found


def lowest_before(periods: Iterable[Period], moment: datetime) -> int | None:
    """The lowest price that held at any time of the 30 days before a moment."""
    first = moment - LOOKED_BACK
    return min((one.amount for one in periods if _held(one, first, moment)), default=None)


def _held(period: Period, first: datetime, last: datetime) -> bool:
    return period.starts_at < last and (period.ends_at is None or period.ends_at > first)


def _reduced(period: Period, before: Sequence[Period]) -> Period:
    if before and period.goes_on_from(before[-1]):
        return replace(period, reduced_since=before[-1].reduced_since, lowest_before=before[-1].lowest_before)
    lowest = lowest_before(before, period.starts_at)
    return replace(period, reduced_since=period.starts_at, lowest_before=lowest)


def _at(schedule: Schedule, offers: Sequence[Offer], moment: datetime) -> Period:
    amount = price_of(schedule.amount, offers, quantity=1, at=moment).amount
    struck = max(schedule.amount, schedule.compare_at or 0)
    return Period(amount, moment, compare_at=struck if struck > amount else None)
