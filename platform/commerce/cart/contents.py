"""A cart as it is read: what is in it, at which prices, and where it goes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from commerce.cart.destinations import Where
from commerce.cart.schemas import GiftOut, GiftWrapOut
from commerce.cart.totals import Fee
from commerce.catalog.variants import VariantRef
from commerce.inventory.rules import Allocation, Rule
from commerce.inventory.supply import Need
from commerce.pricing.schemas import ItemPrice
from commerce.promotions.codes import Presented
from commerce.promotions.engine import Discount, take


@dataclass(frozen=True, slots=True)
class Line:
    """A variant in a cart, at the price the shopper last saw."""

    id: UUID
    variant: VariantRef
    quantity: int
    unit_price: int
    """Minor units."""
    decision_id: UUID | None
    """The recommendation that led here."""
    accepted: ItemPrice
    """Why the price that the shopper last saw."""
    today: ItemPrice | None
    """Today's price for so many, and why; `None` when it has none in the cart's currency."""
    available: int
    """Units that can be had, those included that would have to come in first."""
    promised_on: date | None
    """When it would be in; `None` when it is there, or can't be had."""
    needs: Sequence[Need]
    """The stock that one unit takes: its variant's, or that of a bundle's components."""
    tax_class: str
    gift: GiftOut | None

    @property
    def digital(self) -> bool:
        """Nothing of it is sent: it is downloaded."""
        return not self.needs

    @property
    def price(self) -> int | None:
        """Today's price."""
        return self.today.amount if self.today else None

    @property
    def why(self) -> ItemPrice:
        """Why the unit price: what makes it so today, unless it changed and has to be accepted first."""
        return self.today if self.today and self.today.amount == self.unit_price else self.accepted

    @property
    def variant_id(self) -> UUID:
        """The variant's id."""
        return self.variant.id


@dataclass(frozen=True, slots=True)
class Cart:
    """What a visitor or a customer means to buy, with all that is needed to check it."""

    tenant_id: UUID
    id: UUID
    visitor_id: UUID
    customer_id: UUID | None
    currency: str
    channel: str
    """The sales channel on which it was opened, whose prices it has."""
    status: str
    version: int
    lines: Sequence[Line]
    codes: Sequence[Presented]
    note: str | None
    gift: GiftOut | None
    wrap: GiftWrapOut | None
    """What wrapping costs, where the shop offers it."""
    where: Where
    rule: Rule = "fewest_parcels"
    """By which rule the shop allocates orders to its warehouses."""

    @property
    def allocation(self) -> Allocation:
        """By which rule its units are to be found, and how near to where."""
        address = self.where.address
        return Allocation(self.rule, address.country if address else None, address.region if address else None)

    @property
    def wrapped(self) -> int:
        """How many wraps it takes: one for all of it, or one for each line that is given away by itself."""
        if self.gift is not None and self.gift.wrap:
            return 1
        return sum(line.gift is not None and line.gift.wrap for line in self.lines)

    @property
    def fees(self) -> Sequence[Fee]:
        """What is charged beside the goods."""
        if self.wrap is None or not self.wrapped:
            return ()
        return (Fee("Gift wrap", self.wrap.price * self.wrapped, self.wrap.tax_class),)

    @property
    def discounts(self) -> Sequence[Discount]:
        """What is taken off."""
        return [code.discount() for code in self.codes if code.standing == "good"]

    @property
    def goods(self) -> int:
        """What the lines cost together, discounts taken off, in minor units."""
        gross = [line.unit_price * line.quantity for line in self.lines]
        return sum(gross) - sum(taken.amount for taken in take(gross, self.discounts))
