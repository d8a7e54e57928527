"""What holds where goods go, and the taxes that are taken by it. Pure, in minor units."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from itertools import chain

from commerce.taxes.engine import Rate, taxes_of
from commerce.taxes.schemes import Scheme

STANDARD = "standard"


@dataclass(frozen=True, slots=True)
class TaxAmount:
    """What one tax comes to: of which amount, at which share, how much, under which scheme and why."""

    name: str
    rate: str
    base: int
    amount: int
    scheme: Scheme = "domestic"
    note: str = ""


@dataclass(frozen=True, slots=True)
class Terms:
    """What holds for where goods go: the rates by class of tax, whether prices include them, the delivery, and why."""

    rates: Mapping[str, Sequence[Rate]] = field(default_factory=dict)
    tax_included: bool = False
    shipping: int = 0
    shipping_class: str = STANDARD
    scheme: Scheme = "domestic"
    note: str = ""
    relief: Mapping[str, Sequence[Rate]] = field(default_factory=dict)
    """The taxes, by class, that prices include and that are not charged: prices are lowered by them."""
    by_class: Mapping[str, Terms] = field(default_factory=dict)
    """What holds instead for classes that are treated otherwise, such as services."""
    given: tuple[tuple[TaxAmount, ...], ...] | None = None
    """The taxes of each part that goes there, and last those of the delivery, when an engine has said them."""

    def of(self, tax_class: str) -> Terms:
        """What holds for a class."""
        return self.by_class.get(tax_class, self)

    def without_relief(self) -> Terms:
        """The same for prices that stay as they are."""
        if not self.relieves:
            return self
        apart = {tax_class: terms.without_relief() for tax_class, terms in self.by_class.items()}
        return replace(self, relief={}, by_class=apart)

    @property
    def relieves(self) -> bool:
        """Whether some of what goes there may cost less, because no tax is charged on it."""
        return bool(self.relief) or any(terms.relief for terms in self.by_class.values())


class Taxes:
    """Taxes taken so far of one consignment, by name and share."""

    def __init__(self, terms: Terms) -> None:
        self._terms = terms
        self._taken: dict[Rate, tuple[int, int]] = {}
        self._given = iter(terms.given or ())
        self._apart = {tax_class: Taxes(held) for tax_class, held in terms.by_class.items()}
        self.base = 0
        self.taken = 0

    def take(self, amount: int, tax_class: str) -> tuple[TaxAmount, ...]:
        """The taxes on an amount."""
        if self._terms.given is not None:
            given = next(self._given)
            self.taken += sum(tax.amount for tax in given)
            return given
        self.base += amount
        if tax_class in self._apart:
            apart = self._apart[tax_class].take(amount, tax_class)
            self.taken += sum(tax.amount for tax in apart)
            return apart
        rates = self._terms.rates.get(tax_class, ())
        parts = taxes_of(amount, rates, included=self._terms.tax_included)
        for rate, part in zip(rates, parts, strict=True):
            base, taken = self._taken.get(rate, (0, 0))
            self._taken[rate] = (base + amount, taken + part)
        self.taken += sum(parts)
        if self._is_free:
            return (self._told("Tax", Fraction(0), amount, 0),)
        return tuple(self._told(rate.name, rate.rate, amount, part) for rate, part in zip(rates, parts, strict=True))

    def told(self, base: int) -> tuple[TaxAmount, ...]:
        """What each tax came to; for what is free of tax for a reason, the reason."""
        if self._terms.given is not None:
            return merged([(), *self._terms.given])
        if self._apart:
            found = [taxes.told(taxes.base) for taxes in self._apart.values() if taxes.base]
            rest = base - sum(taxes.base for taxes in self._apart.values())
            return merged([(), *found, self._own(rest) if rest else ()])
        return self._own(base)

    def _own(self, base: int) -> tuple[TaxAmount, ...]:
        if self._is_free:
            return (self._told("Tax", Fraction(0), base, 0),)
        return tuple(
            self._told(rate.name, rate.rate, base, amount) for rate, (base, amount) in self._taken.items() if base
        )

    @property
    def _is_free(self) -> bool:
        return bool(self._terms.note) and not self._terms.rates

    def _told(self, name: str, share: Fraction, base: int, amount: int) -> TaxAmount:
        written = f"{float(share):.8f}".rstrip("0").rstrip(".")
        return TaxAmount(name, written, base, amount, self._terms.scheme, self._terms.note)


def merged(taxes: Sequence[tuple[TaxAmount, ...]]) -> tuple[TaxAmount, ...]:
    """The taxes of several things together: the same tax of two of them is one."""
    if len(taxes) == 1:
        return taxes[0]
    sums: dict[tuple[str, str, Scheme, str], tuple[int, int]] = {}
    for tax in chain.from_iterable(taxes):
        key = (tax.name, tax.rate, tax.scheme, tax.note)
        base, amount = sums.get(key, (0, 0))
        sums[key] = (base + tax.base, amount + tax.amount)
    return tuple(
        TaxAmount(name, rate, base, amount, scheme, note) for (name, rate, scheme, note), (base, amount) in sums.items()
    )
