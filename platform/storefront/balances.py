"""What of a cart's price gift cards and store credit pay, and what is left for the card."""

from __future__ import annotations

from dataclasses import dataclass

from commerce.cart.schemas import CartOut
from commerce.checkout.schemas import PartIn
from commerce.http import address_of
from commerce.stored_value import service
from commerce.stored_value.schemas import SpendableOut
from foundation.http import InvalidFields
from foundation.types import MoneyOut
from storefront import paying
from storefront.forms import CheckoutForm
from storefront.visit import Visit


@dataclass(frozen=True, slots=True)
class Bill:
    """Who pays how much of a total, in minor units."""

    total: int
    gift_card: SpendableOut | None = None
    code: str = ""
    by_gift_card: int = 0
    by_credit: int = 0

    @property
    def rest(self) -> int:
        """What is left for the card."""
        return self.total - self.by_gift_card - self.by_credit

    def is_as_shown(self, form: CheckoutForm) -> bool:
        """The shopper has seen what their card pays."""
        return self.rest == (self.total if form.expected_rest is None else form.expected_rest)

    def payments(self, form: CheckoutForm) -> list[PartIn]:
        """The payments that this comes to.

        Raises:
            InvalidFields: something is left to be paid and no card was chosen.
        """
        parts = []
        if self.by_gift_card:
            parts.append(PartIn(provider="gift_card", token=self.code, amount=self.by_gift_card))
        if self.by_credit:
            parts.append(PartIn(provider="store_credit", token="own", amount=self.by_credit))  # noqa: S106
        if self.rest or not parts:
            if form.token is None:
                raise InvalidFields(errors=[{"param": "token", "message": "choose how to pay"}])
            parts.append(PartIn(**paying.payment(form.token).model_dump()))
        return parts


async def credit_of(visit: Visit, currency: str) -> int:
    """The shopper's store credit in a currency."""
    return next((money.amount for money in await all_credit_of(visit) if money.currency == currency), 0)


async def all_credit_of(visit: Visit) -> list[MoneyOut]:
    """The shopper's store credit, by currency."""
    if visit.shopper.customer_id is None:
        return []
    async with visit.core.database.tx(visit.shop.id, read_only=True) as tx:
        return (await service.store_credit(tx, visit.shopper.customer_id)).available


async def bill_of(visit: Visit, cart: CartOut, form: CheckoutForm) -> Bill:
    """What the gift card and the store credit that a form names pay of a cart.

    Raises:
        CodeNotGood, TooManyGuesses: it names no card that can be used.
    """
    total = cart.totals.total
    card = None
    if form.gift_card is not None:
        card = await service.look_up(
            visit.core.database, visit.shop.id, form.gift_card, address=address_of(visit.request)
        )
        if card.available.currency != cart.currency:
            raise service.CodeNotGood
    by_card = min(total, card.available.amount) if card else 0
    credit = await credit_of(visit, cart.currency) if form.store_credit else 0
    return Bill(total, card, form.gift_card or "", by_card, min(total - by_card, credit))
