"""What a change does to an order: pure, so that its preview is what is confirmed.

What was placed stays as it was placed: prices, discounts, shipping and the rates of tax; only another address may
bring taxes and a delivery of its own. Units taken out are credited by their share of the line, units put in are a line
of their own at the price promised.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from fractions import Fraction
from typing import Any
from uuid import UUID

from commerce.cart.terms import TaxAmount, Terms
from commerce.cart.totals import PricedLine, always, compute
from commerce.inventory import bundles
from commerce.inventory.supply import Need
from commerce.orders.lines import Line
from commerce.pricing.schemas import ItemPrice
from commerce.taxes.engine import Rate
from commerce.taxes.schemas import TaxEngineOut
from foundation.money import apportion


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
    taxes: tuple[TaxAmount, ...]
    consignment_id: UUID | None = None
    promised_on: date | None = None
    """When they are to be in, if they have to wait."""
    components: str | None = None
    """What one unit of a bundle is made of."""

    @property
    def unit_price(self) -> int:
        """What one unit costs."""
        return self.price.amount

    @property
    def total(self) -> int:
        """What the units cost; a change brings no discount."""
        return self.unit_price * self.quantity

    @property
    def tax(self) -> int:
        """What all taxes on them come to."""
        return sum(tax.amount for tax in self.taxes)

    @property
    def needs(self) -> Sequence[Need]:
        """The stock that one unit takes: its variant's, or that of a bundle's components."""
        return bundles.read(self.variant_id, self.product_id, self.components)


@dataclass(frozen=True, slots=True)
class Charges:
    """What an order, or one of its consignments, is charged for its delivery, and all its taxes; in minor units."""

    shipping: int
    shipping_tax: int
    tax: int
    """On its goods, its delivery and the fees that go with it."""
    taxes: tuple[TaxAmount, ...]
    fees: tuple[Fee, ...] = ()
    """They go with the first consignment."""


@dataclass(frozen=True, slots=True)
class Fee:
    """Something beside the goods that was charged, and its tax; in minor units."""

    name: str
    amount: int
    tax: int


@dataclass(frozen=True, slots=True)
class Anew:
    """What is charged at another address: it takes the place of what was."""

    charges: Charges
    """Those of what was placed; what the same change puts in comes on top."""
    lines: Mapping[UUID, tuple[TaxAmount, ...]]
    """The taxes of each line that goes there."""
    delivery: dict[str, Any] | None
    """How it gets there, if that is another way."""
    terms: dict[str, Any] | None
    """The terms of tax for what is added later, unless an engine says them."""


@dataclass(frozen=True, slots=True)
class Moved:
    """A consignment goes to another address, or all of an order that goes one way."""

    consignment_id: UUID | None
    address: dict[str, Any]
    anew: Anew | None = None
    """What is charged there, if that is not what was."""


@dataclass(frozen=True, slots=True)
class Change:
    """What is put in, what is taken out of which line, and where it goes from then on."""

    added: Sequence[Added] = ()
    removed: Mapping[UUID, int] = field(default_factory=dict)
    moved: Sequence[Moved] = ()
    delivery_note: str | None = None
    engine: TaxEngineOut | None = None
    """Who was asked what is taxed, if that was not the shop's own table."""


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
    charges: Mapping[UUID | None, Charges] = field(default_factory=dict)
    """By consignment; that of `None` is the whole of an order that goes one way."""
    retaxed: int = 0
    """What other addresses make of the total, beside what is put in."""


def effect(
    before: Sums, lines: Mapping[UUID, Line], change: Change, charges: Mapping[UUID | None, Charges] | None = None
) -> Effect:
    """What the change makes of an order; nothing that is given is touched.

    What goes elsewhere is taxed first. Units taken out are then worth their share of that, and no more than is still
    owed for what was placed.
    """
    was = charges or {}
    after = {line_id: replace(line) for line_id, line in lines.items()}
    sums, now = before, dict(was)
    for moved in change.moved:
        if moved.anew is not None:
            sums = _moved(sums, was[moved.consignment_id], moved.anew)
            now[moved.consignment_id] = moved.anew.charges
            _wrapped(after, moved.anew.charges.fees, tax_included=before.tax_included)
            for line_id, taxes in moved.anew.lines.items():
                line = after[line_id]
                if not before.tax_included:
                    line.total += sum(tax.amount for tax in taxes) - line.tax
                line.tax = sum(tax.amount for tax in taxes)
    retaxed = sums.total - before.total
    worth = 0
    for line_id, quantity in change.removed.items():
        line = after[line_id]
        line.cancelled += quantity
        worth += line.credit_given_up()
    sums = replace(sums, credited=sums.credited + min(worth, sums.owed))
    for added in change.added:
        after[added.line_id] = _line(added, tax_included=before.tax_included)
        if added.consignment_id in now:
            now[added.consignment_id] = _charged(now[added.consignment_id], added)
    sums = _with(sums, change.added)
    return Effect(sums, after, sums.owed - before.owed, now, retaxed)


def taxed(unit_price: int, quantity: int, tax_class: str, terms: Terms) -> Sequence[TaxAmount]:
    """What each tax takes of some units."""
    return compute([PricedLine(unit_price, quantity, tax_class)], to=[always(terms)]).line_tax_parts[0]


def written_terms(terms: Terms) -> dict[str, Any]:
    """Terms of tax as an order keeps them: exact rates by class of tax, under which scheme, and why."""
    rates = {
        tax_class: [{"name": rate.name, "rate": str(rate.rate), "compound": rate.compound} for rate in known]
        for tax_class, known in terms.rates.items()
    }
    written: dict[str, Any] = {"rates": rates, "scheme": terms.scheme, "note": terms.note}
    if terms.by_class:
        written["by_class"] = {tax_class: written_terms(held) for tax_class, held in terms.by_class.items()}
    return written


def read_terms(written: Mapping[str, Any], *, tax_included: bool) -> Terms:
    """`written_terms`, read again; what is added later brings no delivery of its own."""
    rates = {
        tax_class: [Rate(rate["name"], Fraction(rate["rate"]), compound=rate["compound"]) for rate in known]
        for tax_class, known in written["rates"].items()
    }
    apart = {
        tax_class: read_terms(held, tax_included=tax_included)
        for tax_class, held in written.get("by_class", {}).items()
    }
    return Terms(rates, tax_included, scheme=written["scheme"], note=written["note"], by_class=apart)


def _moved(sums: Sums, was: Charges, anew: Anew) -> Sums:
    now = anew.charges
    return replace(
        sums,
        shipping=sums.shipping + now.shipping - was.shipping,
        tax=sums.tax + now.tax - was.tax,
        taxes=_joined(
            [*sums.taxes, *(replace(tax, base=-tax.base, amount=-tax.amount) for tax in was.taxes), *now.taxes]
        ),
        total=sums.total + now.shipping - was.shipping + (0 if sums.tax_included else now.tax - was.tax),
    )


def _wrapped(lines: Mapping[UUID, Line], fees: Sequence[Fee], *, tax_included: bool) -> None:
    """What each line's gift wrap costs, now that the fees are taxed otherwise."""
    wrapped = [line for line in lines.values() if line.wrap]
    costs = sum(fee.amount + (0 if tax_included else fee.tax) for fee in fees)
    for line, share in zip(wrapped, apportion(costs, [1] * len(wrapped)) if wrapped and fees else (), strict=False):
        line.wrap = share


def _charged(charges: Charges, added: Added) -> Charges:
    return replace(charges, tax=charges.tax + added.tax, taxes=_joined([*charges.taxes, *added.taxes]))


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
    return tuple(part for part in by_rate.values() if part.base or part.amount)


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
        consignment_id=added.consignment_id,
        components=added.components,
        tax=added.tax,
    )
