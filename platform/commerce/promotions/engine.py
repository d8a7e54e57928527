"""What discounts take off the lines of a cart: pure, exact until it is rounded, and never more than the goods cost.

This is the one door for promotions: whatever decides that there is a discount, this says what it comes to.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from foundation.money import apportion, round_minor


@dataclass(frozen=True, slots=True)
class Discount:
    """Something to take off one line, or the whole: a share of what is left of it, or an amount."""

    name: str
    """As the shopper is told, such as the code they gave."""
    share: Fraction = Fraction(0)
    """0.15 is 15 %."""
    amount: int = 0
    """Minor units."""
    line: int | None = None
    """The line's place; `None` for the whole."""

    def __post_init__(self) -> None:
        if not 0 <= self.share <= 1 or self.amount < 0 or (self.share and self.amount):
            raise ValueError("a discount is a share between nothing and all, or an amount")

    def of(self, left: int) -> int:
        """What it takes of an amount of which so much is left."""
        return min(left, round_minor(left * self.share) + self.amount)


@dataclass(frozen=True, slots=True)
class Taken:
    """What a discount came to, by line."""

    name: str
    shares: tuple[int, ...]

    @property
    def amount(self) -> int:
        """What it took off in all."""
        return sum(self.shares)


def take(goods: Sequence[int], discounts: Sequence[Discount]) -> tuple[Taken, ...]:
    """What each discount takes off lines that cost so much.

    Those of lines come before those of the whole, and each is taken of what the ones before it left. One of the whole
    is apportioned over what is left of the lines, by largest remainder, so no line's share is ever more than its price.
    """
    left = list(goods)
    taken: dict[int, Taken] = {}
    for place, discount in sorted(enumerate(discounts), key=lambda found: found[1].line is None):
        if discount.line is None:
            shares = apportion(discount.of(sum(left)), left)
        else:
            shares = [discount.of(left[i]) if i == discount.line else 0 for i in range(len(left))]
        left = [price - share for price, share in zip(left, shares, strict=True)]
        taken[place] = Taken(discount.name, tuple(shares))
    return tuple(taken[place] for place in range(len(discounts)))
