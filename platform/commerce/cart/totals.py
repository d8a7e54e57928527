"""What a cart costs: one pure function, in minor units. Promotions come in by one door, `discounts`."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace

from commerce.cart.terms import STANDARD, TaxAmount, Taxes, Terms, merged
from commerce.promotions.engine import Discount, Taken, take
from commerce.taxes.engine import included_in
from commerce.taxes.quotes import Answer
from foundation.money import apportion

RELIEF = "Tax not charged"
"""What takes the tax out of prices that include it, where none is charged."""
ROUNDING = "half_even_per_line"
"""How tax is rounded: once for each rate of each line, half to even. An order keeps it."""

Goods = Mapping[str, int]
"""What goods cost by class of tax, discounts taken off."""


@dataclass(frozen=True, slots=True)
class PricedLine:
    """A line's unit price, quantity, class of tax, and which of its units go with which consignment."""

    unit_price: int
    quantity: int
    tax_class: str = STANDARD
    sent: tuple[tuple[int, int], ...] = ()
    """(consignment, units), which are all of its units; nothing: all go with the first."""


@dataclass(frozen=True, slots=True)
class Fee:
    """Something beside the goods that costs, such as gift wrap; it goes with the first consignment."""

    name: str
    amount: int
    tax_class: str = STANDARD


@dataclass(frozen=True, slots=True)
class FeeTaken:
    """A fee, and the tax on it."""

    name: str
    amount: int
    tax_class: str
    tax: int


TermsFor = Callable[[Goods], Terms]
"""The terms of a consignment, once it is known what its goods cost."""


def always(terms: Terms) -> TermsFor:
    """Terms that hold whatever the goods cost."""
    return lambda _: terms


def given(terms: TermsFor, answer: Answer) -> TermsFor:
    """The same terms with the taxes that an engine has said."""
    said = tuple(tuple(TaxAmount(**asdict(part)) for part in parts) for parts in (*answer.lines, answer.shipping))
    return lambda goods: replace(terms(goods), given=said)


@dataclass(frozen=True, slots=True)
class Part:
    """Units of a line that go with one consignment, and their share of the line's amounts."""

    line: int
    consignment: int
    quantity: int
    off: tuple[int, ...]
    """What each discount takes off them."""
    total: int
    taxes: tuple[TaxAmount, ...]

    @property
    def discount(self) -> int:
        """What all discounts take off them."""
        return sum(self.off)

    @property
    def tax(self) -> int:
        """What all taxes on them come to."""
        return sum(tax.amount for tax in self.taxes)


@dataclass(frozen=True, slots=True)
class Consigned:
    """What one consignment of a cart costs beside its goods, and the taxes of both and of the fees."""

    goods: int
    shipping: int
    shipping_tax: int
    tax: int
    taxes: tuple[TaxAmount, ...]
    relieved: int = 0
    """The tax that was taken out of the price of its goods."""

    @property
    def goods_as_priced(self) -> int:
        """What its goods cost with the tax that their prices include, by which a delivery is priced."""
        return self.goods + self.relieved


@dataclass(frozen=True, slots=True)
class Totals:
    """The sums of a cart, and what each is made of.

    `total = subtotal - discount + shipping + fees`, and the tax on top unless the prices include it. Line totals,
    shipping and fees add up to the same; the taxes of each add up to the tax.
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
    consignments: tuple[Consigned, ...] = ()
    """At least one; what they and the fees cost adds up to the whole."""
    parts: tuple[Part, ...] = ()
    """The lines, by consignment; a line's parts add up to it."""
    fees: tuple[FeeTaken, ...] = ()

    @property
    def fees_in_all(self) -> int:
        """What the fees come to."""
        return sum(fee.amount for fee in self.fees)

    @property
    def fees_tax(self) -> int:
        """The tax on the fees."""
        return sum(fee.tax for fee in self.fees)

    @property
    def total(self) -> int:
        """What is to be paid."""
        net = self.subtotal - self.discount + self.shipping + self.fees_in_all
        return net if self.tax_included else net + self.tax


def compute(
    lines: Sequence[PricedLine],
    *,
    discount: int = 0,
    discounts: Sequence[Discount] = (),
    fees: Sequence[Fee] = (),
    to: Sequence[TermsFor] = (always(Terms()),),
) -> Totals:
    """The totals of a cart that goes `to` one or several destinations.

    Discounts are taken as `promotions.engine.take` says, `discount` of the whole after them; tax is taken of each line
    after its discounts, of each delivery and of each fee, each rounded half to even. Where prices include a tax that is
    not charged, it is taken out of the goods of each class together, shared over their lines by largest remainder, and
    out of the delivery and the fees.

    Raises:
        ValueError: `discount` is negative or more than the goods cost.
    """
    gross = [line.unit_price * line.quantity for line in lines]
    subtotal = sum(gross)
    if not 0 <= discount <= subtotal:
        raise ValueError("a discount is between nothing and the price of the goods")
    if discount:
        discounts = [*discounts, Discount("discount", amount=discount)]
    taken = take(gross, discounts)
    shares = list(zip(*(found.shares for found in taken), strict=True)) or [()] * len(lines)
    parts = [part for number, line in enumerate(lines) for part in _parts(number, line, shares[number])]
    goods = _goods(lines, parts, len(to))
    terms = [terms_for(costs) for terms_for, costs in zip(to, goods, strict=True)]
    relieved = [0] * len(to)
    if any(held.relieves for held in terms):
        before = [sum(costs.values()) for costs in goods]
        parts, relief = _relieved(lines, parts, terms)
        taken = (*taken, relief) if relief.amount else taken
        goods = _goods(lines, parts, len(to))
        relieved = [was - sum(costs.values()) for was, costs in zip(before, goods, strict=True)]
        fees = [replace(fee, amount=_without(fee.amount, terms[0], fee.tax_class)) for fee in fees]
        terms = [replace(held, shipping=_without(held.shipping, held, held.shipping_class)) for held in terms]
    line_discounts = tuple(sum(shares) for shares in zip(*(found.shares for found in taken), strict=True))
    line_discounts = line_discounts or (0,) * len(gross)
    totals = [price - share for price, share in zip(gross, line_discounts, strict=True)]
    taxes = [Taxes(held) for held in terms]
    parts = [
        replace(part, taxes=taxes[part.consignment].take(part.total, lines[part.line].tax_class)) for part in parts
    ]
    line_tax_parts = tuple(
        merged([part.taxes for part in parts if part.line == number]) if line.sent else parts[number].taxes
        for number, line in enumerate(lines)
    )
    line_taxes = tuple(sum(part.amount for part in parts) for parts in line_tax_parts)
    charged = tuple(_charged(fee, taxes[0]) for fee in fees)
    bases = [sum(costs.values()) for costs in goods]
    extra = [sum(fee.amount for fee in fees), *(0 for _ in to[1:])]
    consignments = tuple(
        _consigned(base, held, of_it, beside, without)
        for base, held, of_it, beside, without in zip(bases, terms, taxes, extra, relieved, strict=True)
    )
    return Totals(
        subtotal=subtotal,
        discount=sum(line_discounts),
        shipping=sum(consigned.shipping for consigned in consignments),
        tax=sum(consigned.tax for consigned in consignments),
        tax_included=terms[0].tax_included,
        line_discounts=line_discounts,
        line_totals=tuple(totals),
        line_taxes=line_taxes,
        line_tax_parts=line_tax_parts,
        shipping_tax=sum(consigned.shipping_tax for consigned in consignments),
        taxes=merged([consigned.taxes for consigned in consignments]),
        discounts=taken,
        consignments=consignments,
        parts=tuple(parts),
        fees=charged,
    )


def _charged(fee: Fee, taxes: Taxes) -> FeeTaken:
    tax = sum(part.amount for part in taxes.take(fee.amount, fee.tax_class))
    return FeeTaken(fee.name, fee.amount, fee.tax_class, tax)


def _parts(number: int, line: PricedLine, shares: tuple[int, ...]) -> Iterator[Part]:
    """A line by consignment. Each discount is apportioned over what those before it left of the parts."""
    sent = line.sent or ((0, line.quantity),)
    if len(sent) == 1:
        ((consignment, quantity),) = sent
        yield Part(number, consignment, quantity, shares, line.unit_price * quantity - sum(shares), ())
        return
    left = [line.unit_price * quantity for _, quantity in sent]
    off: list[list[int]] = []
    for share in shares:
        off.append(apportion(share, left))
        left = [price - taken for price, taken in zip(left, off[-1], strict=True)]
    for place, (consignment, quantity) in enumerate(sent):
        yield Part(number, consignment, quantity, tuple(taken[place] for taken in off), left[place], ())


def _goods(lines: Sequence[PricedLine], parts: Sequence[Part], consignments: int) -> list[Goods]:
    goods: list[dict[str, int]] = [defaultdict(int) for _ in range(consignments)]
    for part in parts:
        goods[part.consignment][lines[part.line].tax_class] += part.total
    return list(goods)


def _relieved(lines: Sequence[PricedLine], parts: Sequence[Part], terms: Sequence[Terms]) -> tuple[list[Part], Taken]:
    """The parts without the tax that their prices include where none is charged, and what that takes off, by line."""
    alike: dict[tuple[int, str], list[int]] = defaultdict(list)
    for place, part in enumerate(parts):
        alike[part.consignment, lines[part.line].tax_class].append(place)
    off, by_line = [0] * len(parts), [0] * len(lines)
    for (consignment, tax_class), places in alike.items():
        prices = [parts[place].total for place in places]
        taken = sum(prices) - _without(sum(prices), terms[consignment], tax_class)
        for place, share in zip(places, apportion(taken, prices) if taken else (), strict=bool(taken)):
            off[place] = share
            by_line[parts[place].line] += share
    relief = Taken(RELIEF, tuple(by_line))
    if not relief.amount:
        return list(parts), relief
    return [
        replace(part, off=(*part.off, share), total=part.total - share) for part, share in zip(parts, off, strict=True)
    ], relief


def _without(amount: int, terms: Terms, tax_class: str) -> int:
    """An amount without the tax that it includes, if that is not charged."""
    return amount - included_in(amount, terms.of(tax_class).relief.get(tax_class, ()))


def _consigned(goods: int, terms: Terms, taxes: Taxes, fees: int, relieved: int) -> Consigned:
    shipping_tax = sum(part.amount for part in taxes.take(terms.shipping, terms.shipping_class))
    told = taxes.told(goods + terms.shipping + fees)
    return Consigned(goods, terms.shipping, shipping_tax, taxes.taken, told, relieved)
