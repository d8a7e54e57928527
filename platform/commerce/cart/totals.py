"""What a cart costs: pure, in minor units."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from foundation.money import apportion


@dataclass(frozen=True, slots=True)
class PricedLine:
    """A line's unit price and quantity."""

    unit_price: int
    quantity: int


@dataclass(frozen=True, slots=True)
class Totals:
    """The sums of a cart: `total = subtotal - discount + shipping + tax`, and the lines' totals add up to it."""

    subtotal: int
    discount: int
    shipping: int
    tax: int
    line_discounts: tuple[int, ...]
    line_totals: tuple[int, ...]

    @property
    def total(self) -> int:
        """What is to be paid."""
        return self.subtotal - self.discount + self.shipping + self.tax


def compute(lines: Sequence[PricedLine], *, discount: int = 0, shipping: int = 0, tax: int = 0) -> Totals:
    """The totals of a cart; a discount on the whole is apportioned over the lines by largest remainder.

    Raises:
        ValueError: the discount is negative or more than the goods cost.
    """
    gross = [line.unit_price * line.quantity for line in lines]
    subtotal = sum(gross)
    if not 0 <= discount <= subtotal:
        raise ValueError("a discount is between nothing and the price of the goods")
    shares = apportion(discount, gross)
    return Totals(
        subtotal=subtotal,
        discount=discount,
        shipping=shipping,
        tax=tax,
        line_discounts=tuple(shares),
        line_totals=tuple(price - share for price, share in zip(gross, shares, strict=True)),
    )
