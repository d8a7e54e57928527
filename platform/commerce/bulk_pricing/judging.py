"""What a SKU would cost, and what is in the way of it. Pure: what is known of the SKU comes in."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from uuid import UUID

from commerce.bulk_pricing.schemas import (
    BulkChangeIn,
    ByAmount,
    ByPercent,
    OverCost,
    Rounding,
    State,
    ToAmount,
    Violation,
    Warned,
)
from commerce.pricing.limits import Limits
from commerce.pricing.periods import LOOKED_BACK
from foundation.money import round_minor

_HIGHEST = 10**15
_HUNDRED = 100


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of a SKU in a currency, in minor units."""

    variant_id: UUID
    sku: str
    amount: int
    """The list price."""
    struck: int | None
    """What is struck through beside it."""
    standing: int | None
    """What the change's group pays without a time."""
    offered: int | None
    """The offer of the change's own group and time, where there is one."""
    cost: int | None
    """What one costs the shop."""
    lowest: int
    """What everybody paid at the least in the 30 days before the change begins."""
    reduced_from: datetime | None
    """When the sale begins that runs now, or is planned next."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a change makes of a SKU."""

    facts: Facts
    base: int
    before: int | None
    after: int | None
    struck_before: int | None
    struck_after: int | None
    violations: tuple[Violation, ...]
    warnings: tuple[Warned, ...]

    @property
    def state(self) -> State:
        """What is to become of it."""
        if (self.after, self.struck_after) == (self.before, self.struck_before):
            return "unchanged"
        return "violating" if self.violations else "planned"


def judged(change: BulkChangeIn, facts: Facts, limits: Limits, *, at: datetime) -> Verdict:
    """What the change makes of a SKU at a moment."""
    base = facts.amount
    if change.is_offer and facts.standing is not None:
        base = min(base, facts.standing)
    before, struck = (facts.offered, None) if change.is_offer else (facts.amount, facts.struck)
    after = reckoned(change, base, facts.cost)
    after_struck = None if change.is_offer or after is None else _struck(change, facts, after)
    changes = (after, after_struck) != (before, struck)
    return Verdict(
        facts,
        base,
        before,
        after,
        struck,
        after_struck,
        tuple(_violations(change, facts, limits, base, after, after_struck, at)) if changes else (),
        tuple(_warnings(change, facts, after, after_struck)) if changes else (),
    )


def reckoned(change: BulkChangeIn, base: int, cost: int | None) -> int | None:
    """The new price in whole minor units, rounded as the change says; `None` where the cost it goes by is not known."""
    match change.reckoning:
        case ByPercent(percent=percent):
            exact = base * (1 + _part(percent))
        case ByAmount(amount=amount):
            exact = Fraction(base + amount)
        case ToAmount(amount=amount):
            exact = Fraction(amount)
        case OverCost(percent=percent):
            if cost is None:
                return None
            exact = cost * (1 + _part(percent))
    return rounded(exact, change.rounding) if change.rounding else round_minor(exact)


def rounded(exact: Fraction, rounding: Rounding) -> int:
    """The amount that a rounding allows: the nearest, or the next one up or down."""
    below = (exact - rounding.ending) // rounding.step * rounding.step + rounding.ending
    above = below if below == exact else below + rounding.step
    match rounding.towards:
        case "down":
            return below
        case "up":
            return above
        case "nearest":
            return below if exact - below <= above - exact else above


def _part(percent: Decimal) -> Fraction:
    return Fraction(percent) / _HUNDRED


def _struck(change: BulkChangeIn, facts: Facts, after: int) -> int | None:
    """What stays struck through, or comes to be; never what is not above the price."""
    match change.struck:
        case "none":
            return None
        case "before":
            found = facts.amount if after < facts.amount else None
        case "keep":
            found = facts.struck
    return found if found is not None and found > after else None


def _violations(
    change: BulkChangeIn, facts: Facts, limits: Limits, base: int, after: int | None, struck: int | None, at: datetime
) -> Iterator[Violation]:
    if after is None:
        yield "no_cost"
        return
    if after <= 0:
        yield "not_positive"
    if after > _HIGHEST:
        yield "too_high"
    if abs(after - base) * _HUNDRED > limits.most_percent * base:
        yield "change_too_great"
    if facts.cost is not None and after < facts.cost:
        yield "below_cost"
    elif facts.cost is not None and after < facts.cost * (1 + Fraction(limits.least_markup_percent, _HUNDRED)):
        yield "below_least_markup"
    if change.is_offer and after >= base:
        yield "not_lower"
    if limits.prior_price:
        yield from _about_prior_prices(change, facts, after, struck, at)


def _about_prior_prices(
    change: BulkChangeIn, facts: Facts, after: int, struck: int | None, at: datetime
) -> Iterator[Violation]:
    comes = facts.reduced_from
    if not change.is_offer and after > facts.amount and comes is not None and comes <= at + LOOKED_BACK:
        yield "raised_before_reduction"
    is_sale = change.is_offer and change.group is None
    # What is struck through beside another price is a reduction of its own, whether or not it was struck before.
    if (is_sale or struck is not None) and after >= facts.lowest:
        yield "not_reduced"


def _warnings(change: BulkChangeIn, facts: Facts, after: int | None, struck: int | None) -> Iterator[Warned]:
    if after is None:
        return
    shown = facts.amount if change.is_offer and change.group is None else struck
    if shown is not None and after < facts.lowest < shown:
        yield "prior_price_lower"
    if not change.is_offer and facts.struck is not None and struck is None and change.struck != "none":
        yield "struck_price_dropped"
