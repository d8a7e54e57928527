"""What of a vendor's sale is the shop's: pure, in minor units."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from foundation.money import round_minor


@dataclass(frozen=True, slots=True)
class Terms:
    """A share of what is paid, and a fee once for each order that is not given up whole."""

    rate: Fraction
    fee: int = 0


@dataclass(frozen=True, slots=True)
class Split:
    """What is kept of a sale, divided: `earned + commission` is what the shopper has paid and not got back."""

    earned: int
    commission: int


def split(kept: int, terms: Terms) -> Split:
    """Divide what the shopper paid for a vendor's lines and keeps. Nothing kept is no commission; it is never more than
    what is kept.

    Raises:
        ValueError: less than nothing is kept.
    """
    if kept < 0:
        raise ValueError("a shopper can't keep less than nothing")
    commission = min(kept, round_minor(kept * terms.rate) + terms.fee) if kept else 0
    return Split(kept - commission, commission)
