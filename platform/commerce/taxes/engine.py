"""Tax on an amount: pure, exact until it is rounded, and rounded once for each rate of each line, half to even."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import lcm

from foundation.money import apportion, round_minor


@dataclass(frozen=True, slots=True)
class Rate:
    """A tax with its share: 0.19 is 19 %. A compound one is taken on the taxes before it too."""

    name: str
    rate: Fraction
    compound: bool = False


def taxes_of(amount: int, rates: Sequence[Rate], *, included: bool) -> list[int]:
    """What each rate takes of an amount, in minor units.

    On top of the amount, or, when it is `included`, out of it: then the parts add up to the amount less its rounded
    net, shared by largest remainder, so that net and taxes are the amount to the last minor unit.
    """
    shares = _shares(rates)
    if not included:
        return [round_minor(amount * share) for share in shares]
    whole = sum(shares, Fraction(0))
    taken = included_in(amount, rates)
    if not whole:
        return [0 for _ in rates]
    common = lcm(*(share.denominator for share in shares))
    return apportion(taken, [int(share * common) for share in shares])


def included_in(amount: int, rates: Sequence[Rate]) -> int:
    """How much of an amount is the tax that it includes, in minor units: the net is rounded, once."""
    return amount - round_minor(Fraction(amount) / (1 + sum(_shares(rates), Fraction(0))))


def _shares(rates: Sequence[Rate]) -> list[Fraction]:
    """Each rate as a share of the net amount: a compound one takes of the taxes before it as well."""
    shares: list[Fraction] = []
    for rate in rates:
        base = 1 + sum(shares, Fraction(0)) if rate.compound else Fraction(1)
        shares.append(rate.rate * base)
    return shares
