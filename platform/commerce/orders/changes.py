"""What a change does to an order: pure, so that its preview is what is confirmed.

What was placed stays as it was placed: prices, discounts, shipping and the rates of tax. Units taken out are credited
by their share of the line, units put in are a line of their own at the price promised.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Any
from uuid import UUID

from commerce.cart.totals import PricedLine, TaxAmount, Terms, always, compute
from commerce.orders.lines import Line
from commerce.pricing.schemas import ItemPrice
from commerce.taxes.engine import Rate


@dataclass(frozen=True, slots=True)
class Added:
    """Units that a change puts in, as the line they will be; amounts in minor units."""

    line_id: UUID
    variant_id: UUID
    product_id: UUID
    sku: str
    title: str
    quantity: int
    price: ItemPrice
    """Of one unit, and why."""
    vendor_id: UUID | None
    tax: int
    taxes: tuple[TaxAmount, ...]

    @property
    def unit_price(self) -> int:
        """What one unit costs."""
        return self.price.amount

    @property
    def total(self) -> int:
        """What the units cost; a change brings no discount."""
        return self.unit_price * self.quantity


@dataclass(frozen=True, slots=True)
class Change:
    """What is put in, what is taken out of which line, and where it goes from then on."""

    added: Sequence[Added] = ()
    removed: Mapping[UUID, int] = field(default_factory=dict)
    address: dict[str, Any] | None = None
    delivery_note: str | None = None


@dataclass(frozen=True, slots=True)
class Sums:
    """The sums of an order, in minor units."""

    subtotal: int
    discount: int
    shipping: int
    tax: int
    tax_included: bool
    taxes: tuple[TaxAmount, ...]
    total: int
    credited: int

    @property
    def owed(self) -> int:
        """What the shopper is to have paid in the end."""
        return self.total - self.credited


@dataclass(frozen=True, slots=True)
class Effect:
    """An order's sums and lines as a change leaves them."""

    sums: Sums
    lines: Mapping[UUID, Line]
    difference: int
    """What is owed more than before, in minor units; less than zero is given back."""


def effect(before: Sums, lines: Mapping[UUID, Line], change: Change) -> Effect:
    """What the change makes of an order; neither the sums nor the lines given are touched.

    Units taken out are worth no more than is still owed for what was placed.
    """
    after = {line_id: replace(line) for line_id, line in lines.items()}
    worth = 0
    for line_id, quantity in change.removed.items():
        line = after[line_id]
        line.cancelled += quantity
        worth += line.credit(line.cancelled + line.returned)
    for added in change.added:
        after[added.line_id] = _line(added, tax_included=before.tax_included)
    sums = _with(replace(before, credited=before.credited + min(worth, before.owed)), change.added)
    return Effect(sums, after, sums.owed - before.owed)


def taxed(unit_price: int, quantity: int, tax_class: str, terms: Terms) -> Sequence[TaxAmount]:
    """What each tax takes of some units."""
    return compute([PricedLine(unit_price, quantity, tax_class)], to=[always(terms)]).line_tax_parts[0]


def written_terms(terms: Terms) -> dict[str, Any]:
    """Terms of tax as an order keeps them: exact rates by class of tax, under which scheme, and why."""
    rates = {
        tax_class: [{"name": rate.name, "rate": str(rate.rate), "compound": rate.compound} for rate in known]
        for tax_class, known in terms.rates.items()
    }
    return {"rates": rates, "scheme": terms.scheme, "note": terms.note}


def read_terms(written: Mapping[str, Any], *, tax_included: bool) -> Terms:
    """`written_terms`, read again; what is added later brings no delivery of its own."""
    rates = {
        tax_class: [Rate(rate["name"], Fraction(rate["rate"]), compound=rate["compound"]) for rate in known]
        for tax_class, known in written["rates"].items()
    }
    return Terms(rates, tax_included, scheme=written["scheme"], note=written["note"])


def _with(sums: Sums, lines: Sequence[Added]) -> Sums:
    goods, tax = sum(line.total for line in lines), sum(line.tax for line in lines)
    return replace(
        sums,
        subtotal=sums.subtotal + goods,
        tax=sums.tax + tax,
        taxes=_joined([*sums.taxes, *(part for line in lines for part in line.taxes)]),
        total=sums.total + goods + (0 if sums.tax_included else tax),
    )


def _joined(parts: Sequence[TaxAmount]) -> tuple[TaxAmount, ...]:
    by_rate: dict[TaxAmount, TaxAmount] = {}
    for part in parts:
        levy = replace(part, base=0, amount=0)
        known = by_rate.get(levy)
        by_rate[levy] = (
            part if known is None else replace(known, base=known.base + part.base, amount=known.amount + part.amount)
        )
    return tuple(by_rate.values())


def _line(added: Added, *, tax_included: bool) -> Line:
    return Line(
        id=added.line_id,
        product_id=added.product_id,
        variant_id=added.variant_id,
        quantity=added.quantity,
        total=added.total + (0 if tax_included else added.tax),
        fulfilled=0,
        cancelled=0,
        in_return=0,
        returned=0,
        credited=0,
        vendor_id=added.vendor_id,
    )
