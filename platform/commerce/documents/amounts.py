"""What an order's papers come to: pure, in minor units.

An order's papers follow its amounts. What was charged for it, less what its invoices say, is the next invoice; what is
credited of it, less what its credit notes say, is the next credit note. What an invoice said that holds no more,
because the order goes elsewhere, a credit note of its own takes back. So they add up to the order to the last minor
unit, whatever was cancelled, sent back or given out of goodwill, in which order.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Self

from foundation.money import apportion, round_minor

SHIPPING = "shipping"
FEES = "fees"
GOODWILL = "goodwill"


@dataclass(frozen=True, slots=True)
class Levy:
    """A tax by name and share, and why it is what it is."""

    name: str
    rate: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class Part:
    """A line of a paper: what it comes to with its taxes, and how much of that is each tax."""

    key: str
    """The order line's id, `shipping`, `fees` or `goodwill`."""
    quantity: int
    total: int
    taxes: Mapping[Levy, int] = field(default_factory=dict)

    @property
    def tax(self) -> int:
        """All its taxes."""
        return sum(self.taxes.values())

    @property
    def net(self) -> int:
        """What it comes to without them."""
        return self.total - self.tax

    def share(self, units: int) -> Self:
        """What `units` of its quantity come to, rounded half to even, so that all of them come to the whole."""
        share = Fraction(units, self.quantity)
        return type(self)(self.key, units, round_minor(self.total * share), _taken(self.taxes, share))

    def of(self, total: int) -> Self:
        """So much of it, with its share of the taxes."""
        share = Fraction(total, self.total) if self.total else Fraction(0)
        return type(self)(self.key, int(total == self.total != 0), total, _taken(self.taxes, share))

    def plus(self, other: Self) -> Self:
        """Both together."""
        taxes = {levy: self.taxes.get(levy, 0) + other.taxes.get(levy, 0) for levy in {**self.taxes, **other.taxes}}
        return type(self)(self.key, self.quantity + other.quantity, self.total + other.total, taxes)

    def less(self, other: Self) -> Self:
        """What is left when the other is taken away."""
        negative = {levy: -amount for levy, amount in other.taxes.items()}
        return self.plus(type(self)(other.key, -other.quantity, -other.total, negative))

    @property
    def is_nothing(self) -> bool:
        """Nobody would want to read it."""
        return not self.quantity and not self.total and not any(self.taxes.values())


@dataclass(frozen=True, slots=True)
class Charged:
    """What an order was charged: its lines as they were sold, its shipping, and fees such as gift wrap."""

    lines: Sequence[Part]
    shipping: Part
    fees: Part = Part(FEES, 0, 0)

    def parts(self) -> list[Part]:
        """All of it."""
        return [*self.lines, self.shipping, self.fees]


def of_unknown_rates(tax: int, levied: Mapping[Levy, int]) -> dict[Levy, int]:
    """A line's tax by rate when nobody wrote down its rates: in proportion to those of the whole order."""
    if not tax:
        return {}
    levies = levied or {Levy("", ""): tax}
    return dict(zip(levies, apportion(tax, list(levies.values())), strict=True))


def credited(
    charged: Charged, units: Mapping[str, int], amount: int, *, shipping: int = 0, fees: int = 0
) -> list[Part]:
    """What an amount credited of an order is made of: so many units of each line, so much of the shipping and of the
    fees by itself.

    Beyond that it is the rest of the shipping and then the fees, once every line is credited whole, and what is left is
    goodwill, whose taxes are its share of those of all that is not credited otherwise.
    """
    lines = [line.share(units.get(line.key, 0)) for line in charged.lines]
    left = amount - sum(line.total for line in lines)
    whole = all(units.get(line.key, 0) == line.quantity for line in charged.lines)
    beside = []
    for part, by_itself in ((charged.shipping, shipping), (charged.fees, fees)):
        beside.append(part.of(min(left, part.total if whole else by_itself)))
        left -= beside[-1].total
    rest_total = sum(part.total for part in charged.parts()) - amount + left
    rest = Counter[Levy]()
    for part in charged.parts():
        rest.update(part.taxes)
    for part in (*lines, *beside):
        rest.subtract(part.taxes)
    share = Fraction(left, rest_total) if rest_total else Fraction(0)
    return [*lines, *beside, Part(GOODWILL, 0, left, _taken(rest, share))]


def still_to_say(now: Iterable[Part], said: Iterable[Part]) -> list[Part]:
    """The parts of the next paper, after those that said so much; none when they said it all."""
    before: dict[str, Part] = {}
    for part in said:
        before[part.key] = part.plus(before.get(part.key, Part(part.key, 0, 0)))
    parts = [part.less(before.get(part.key, Part(part.key, 0, 0))) for part in now]
    return [part for part in parts if not part.is_nothing]


def to_charge(now: Iterable[Part], said: Iterable[Part]) -> tuple[list[Part], list[Part]]:
    """What earlier invoices said that holds no more, and the parts of the next one.

    A part that is charged less than it was, or taxed otherwise, is taken back whole and charged anew.
    """
    before: dict[str, Part] = {}
    for part in said:
        before[part.key] = part.plus(before.get(part.key, Part(part.key, 0, 0)))
    back: list[Part] = []
    charged: list[Part] = []
    for part in now:
        known = before.get(part.key, Part(part.key, 0, 0))
        more = part.less(known)
        if more.is_nothing:
            continue
        if min(more.quantity, more.total, *more.taxes.values()) < 0:
            back.append(known)
            more = part
        charged.append(more)
    return back, charged


def by_levy(parts: Iterable[Part]) -> list[tuple[Levy, int, int]]:
    """Each tax with the net amount it was taken of, and what it comes to."""
    bases, amounts = Counter[Levy](), Counter[Levy]()
    for part in parts:
        for levy, amount in part.taxes.items():
            bases[levy] += part.net
            amounts[levy] += amount
    return [(levy, bases[levy], amount) for levy, amount in amounts.items() if bases[levy] or amount]


def _taken(taxes: Mapping[Levy, int], share: Fraction) -> dict[Levy, int]:
    return {levy: round_minor(amount * share) for levy, amount in taxes.items()}
