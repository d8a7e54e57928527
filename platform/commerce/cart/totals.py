"""What a cart costs: one pure function, in minor units. Promotions come in by one door, `discounts`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from commerce.promotions.engine import Discount, Taken, take
from commerce.taxes.engine import Rate, taxes_of

STANDARD = "standard"


@dataclass(frozen=True, slots=True)
class PricedLine:
    """A line's unit price, quantity and class of tax."""

    unit_price: int
    quantity: int
    tax_class: str = STANDARD


@dataclass(frozen=True, slots=True)
class TaxAmount:
    """What one tax comes to: of which amount, at which share, how much."""

    name: str
    rate: str
    base: int
    amount: int


@dataclass(frozen=True, slots=True)
class Terms:
    """What holds for where a cart goes: the rates by class of tax, whether prices include them, and the delivery."""

    rates: Mapping[str, Sequence[Rate]] = field(default_factory=dict)
    tax_included: bool = False
    shipping: int = 0
    shipping_class: str = STANDARD


@dataclass(frozen=True, slots=True)
class Totals:
    """The sums of a cart, and what each is made of.

    `total = subtotal - discount + shipping`, and the tax on top unless the prices include it. Line totals and shipping
    add up to the same; line taxes and the shipping's add up to the tax.
    """

    subtotal: int
    discount: int
    shipping: int
    tax: int
    tax_included: bool
    line_discounts: tuple[int, ...]
    line_totals: tuple[int, ...]
    line_taxes: tuple[int, ...]
    shipping_tax: int
    taxes: tuple[TaxAmount, ...]
    """By tax; their amounts add up to the tax."""
    line_tax_parts: tuple[tuple[TaxAmount, ...], ...] = ()
    """What each line's tax is made of."""
    discounts: tuple[Taken, ...] = ()
    """What each discount took off, by line; they add up to the discount."""

    @property
    def total(self) -> int:
        """What is to be paid."""
        return self.subtotal - self.discount + self.shipping + (0 if self.tax_included else self.tax)


def compute(
    lines: Sequence[PricedLine], *, discount: int = 0, discounts: Sequence[Discount] = (), terms: Terms | None = None
) -> Totals:
    """The totals of a cart.

    Discounts are taken as `promotions.engine.take` says, `discount` of the whole after them; tax is taken of each line
    after its discounts, and of the delivery, each rounded half to even.

    Raises:
        ValueError: `discount` is negative or more than the goods cost.
    """
    terms = terms or Terms()
    gross = [line.unit_price * line.quantity for line in lines]
    subtotal = sum(gross)
    if not 0 <= discount <= subtotal:
        raise ValueError("a discount is between nothing and the price of the goods")
    if discount:
        discounts = [*discounts, Discount("discount", amount=discount)]
    taken = take(gross, discounts)
    line_discounts = tuple(sum(shares) for shares in zip(*(found.shares for found in taken), strict=True))
    line_discounts = line_discounts or (0,) * len(gross)
    totals = [price - share for price, share in zip(gross, line_discounts, strict=True)]
    taxed = [(total, line.tax_class) for total, line in zip(totals, lines, strict=True)]
    taxes = _Taxes(terms)
    line_tax_parts = tuple(taxes.take(amount, tax_class) for amount, tax_class in taxed)
    line_taxes = tuple(sum(part.amount for part in parts) for parts in line_tax_parts)
    shipping_tax = sum(part.amount for part in taxes.take(terms.shipping, terms.shipping_class))
    return Totals(
        subtotal=subtotal,
        discount=sum(line_discounts),
        shipping=terms.shipping,
        tax=sum(line_taxes) + shipping_tax,
        tax_included=terms.tax_included,
        line_discounts=line_discounts,
        line_totals=tuple(totals),
        line_taxes=line_taxes,
        shipping_tax=shipping_tax,
        taxes=taxes.told(),
        line_tax_parts=line_tax_parts,
        discounts=taken,
    )


class _Taxes:
    """Taxes taken so far, by name and share."""

    def __init__(self, terms: Terms) -> None:
        self._terms = terms
        self._taken: dict[Rate, tuple[int, int]] = {}

    def take(self, amount: int, tax_class: str) -> tuple[TaxAmount, ...]:
        """The taxes on an amount."""
        rates = self._terms.rates.get(tax_class, ())
        parts = taxes_of(amount, rates, included=self._terms.tax_included)
        for rate, part in zip(rates, parts, strict=True):
            base, taken = self._taken.get(rate, (0, 0))
            self._taken[rate] = (base + amount, taken + part)
        return tuple(_told(rate, amount, part) for rate, part in zip(rates, parts, strict=True))

    def told(self) -> tuple[TaxAmount, ...]:
        """What each tax came to."""
        return tuple(_told(rate, base, amount) for rate, (base, amount) in self._taken.items() if base)


def _told(rate: Rate, base: int, amount: int) -> TaxAmount:
    return TaxAmount(rate.name, f"{float(rate.rate):.8f}".rstrip("0").rstrip("."), base, amount)
