"""From a cart to an order: reserve, authorise, place, capture.

Each step is a transaction of its own and the providers are called between them, never inside. An attempt to pay ends in
one of two ways, whoever brings it about: all its payments are authorised and the order is placed, or all are let go and
the cart is open again. When the shopper has something to do first, the attempt waits; `resume` asks the providers what
became of it, for the shopper who comes back, the provider that notifies, and the worker that finds what a crash left.
An order that stands is answered with even when its capture gets no answer.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from uuid import UUID

from commerce.cart import service as carts
from commerce.cart.quoting import quote
from commerce.checkout.driving import Driver, Last
from commerce.checkout.refusals import NothingToContinue, TaxesUnquoted
from commerce.checkout.reserving import Begun, asked, reserve
from commerce.checkout.schemas import Complete, PayAgain
from commerce.identity.service import Shopper
from commerce.orders import reading as orders
from commerce.orders.held import by_shopper, hold
from commerce.orders.schemas import OrderOut
from commerce.payments import attempts, settlement
from commerce.payments.attempts import Attempt
from commerce.payments.providers import Providers
from commerce.payments.schemas import Waiting
from commerce.taxes.quotes import TaxEngine
from commerce.tenancy.service import Shop
from foundation.database import Database, Tx


@dataclass(frozen=True, slots=True)
class Checkout:
    """What completing needs: the database, the providers, how long stock is held."""

    database: Database
    providers: Providers
    hold_for: timedelta
    engines: Mapping[str, TaxEngine] = field(default_factory=dict)
    """Those outside that can say what the taxes are."""

    @property
    def driver(self) -> Driver:
        """What ends the attempts that begin here."""
        return Driver(self.database, self.providers, self.hold_for)

    async def offers(self, shop: Shop, body: Complete) -> bool:
        """Whether the shop takes payments as `body` has them."""
        offered = [provider.name for provider in await self.providers.offered_by(shop.id)]
        return all(part.provider in offered for part in body.parts)

    async def begin(self, tx: Tx, shopper: Shopper, cart_id: UUID, body: Complete) -> Begun | None:
        """Reserve what is in the cart, in a transaction of the caller's; `complete` goes on from there.

        `None`, and nothing is done, when the cart is not open or its taxes have to be asked for first.

        Raises:
            MethodNotFound, CartNotFound, RequirementsUnmet, TotalChanged, PaymentsDontAddUp, AcceptedChanged,
                OutOfStock: the transaction must not go on.
        """
        try:
            return await reserve(tx, shopper, cart_id, body, hold_for=self.hold_for)
        except carts.CartNotOpen:
            return None
        except TaxesUnquoted:
            await carts.reopen(tx, cart_id)
            return None

    async def complete(
        self,
        shop: Shop,
        shopper: Shopper,
        cart_id: UUID,
        body: Complete,
        *,
        begun: Begun | None = None,
        last: Last | None = None,
    ) -> OrderOut | Waiting:
        """Pay for a cart and place its order; the order of a cart that has one already is given again.

        An order that is placed now is given to `last` in the transaction that is the last.

        Raises:
            UnknownProvider, MethodNotFound, CartNotFound, CartNotOpen, RequirementsUnmet, TotalChanged,
                PaymentsDontAddUp, AcceptedChanged, OutOfStock: before anything is held.
            PaymentWasRefused, ProviderUnavailable, ReservationLost, CodeUsedUp: the cart is open again and nothing is
                held.
        """
        if begun is None:
            for part in body.parts:
                await self.providers.offered(shop.id, part.provider)
            try:
                begun = await self._reserved(shop, shopper, cart_id, body)
            except carts.CartNotOpen:
                return await self._again(shop, cart_id)
        return await self.driver.pay(begun.attempt, begun.checked, last=last)

    async def go_on(self, shop: Shop, shopper: Shopper, cart_id: UUID) -> OrderOut | Waiting:
        """The shopper is back from what they had to do.

        Raises:
            CartNotFound, NothingToContinue.
            PaymentWasRefused, ProviderUnavailable, ReservationLost, CodeUsedUp, SlotFull: as for `complete`.
        """
        async with self.database.tx(shop.id, read_only=True) as tx:
            await carts.get(tx, shopper, cart_id)
            attempt = await attempts.latest(tx, cart_id)
        if attempt is None:
            raise NothingToContinue
        return await self.resume(attempt)

    async def pay_again(self, shop: Shop, shopper: Shopper, order_id: UUID, body: PayAgain) -> OrderOut | Waiting:
        """Pay for an order whose payment could not be captured for good.

        Raises:
            UnknownProvider, MethodNotFound, OrderNotFound, IllegalTransition, PaymentsDontAddUp: before anything is
                asked for.
            PaymentWasRefused, ProviderUnavailable, NothingToPay: the order is as it was.
        """
        parts = body.parts
        for part in parts:
            await self.providers.offered(shop.id, part.provider)
        async with self.database.tx(shop.id) as tx:
            held = await hold(tx, order_id, owner=shopper)
            held.require("pay", by_shopper(shopper))
            missing = (await settlement.balance(tx, order_id)).failing
            cart_id, currency = await orders.cart_of(tx, order_id)
            attempt = await attempts.begin(
                tx,
                shopper,
                cart_id,
                await asked(tx, shopper, parts, missing),
                currency=currency,
                email=None,
                checked="",
                return_url=body.return_url,
                order_id=order_id,
            )
        return await self.driver.pay(attempt, None)

    async def go_on_paying(self, shop: Shop, shopper: Shopper, order_id: UUID) -> OrderOut | Waiting:
        """The shopper is back from what they had to do to pay for an order again.

        Raises:
            OrderNotFound, NothingToContinue.
            PaymentWasRefused, ProviderUnavailable, NothingToPay: as for `pay_again`.
        """
        async with self.database.tx(shop.id, read_only=True) as tx:
            await orders.get(tx, shopper, order_id)
            cart_id, _ = await orders.cart_of(tx, order_id)
            attempt = await attempts.latest(tx, cart_id)
        if attempt is None or attempt.order_id is None or attempt.is_for_a_change:
            raise NothingToContinue
        return await self.resume(attempt)

    async def give_up(self, shop: Shop, shopper: Shopper, cart_id: UUID) -> None:
        """The shopper would rather not: the cart is open again, unless an order was placed.

        Raises:
            CartNotFound, NothingToContinue.
        """
        async with self.database.tx(shop.id, read_only=True) as tx:
            await carts.get(tx, shopper, cart_id)
            attempt = await attempts.latest(tx, cart_id)
        if attempt is None or not attempt.waits or not await self.driver.let_go(attempt):
            raise NothingToContinue

    async def resume(self, attempt: Attempt) -> OrderOut | Waiting:
        """`Driver.resume`."""
        return await self.driver.resume(attempt)

    async def recover(self, shop: Shop, *, older_than: timedelta) -> int:
        """`Driver.recover`."""
        return await self.driver.recover(shop, older_than=older_than)

    async def _reserved(self, shop: Shop, shopper: Shopper, cart_id: UUID, body: Complete) -> Begun:
        """`reserve`, once the shop's tax engine has been asked what it has to be."""
        try:
            async with self.database.tx(shop.id) as tx:
                return await reserve(tx, shopper, cart_id, body, hold_for=self.hold_for)
        except TaxesUnquoted:
            await quote(self.database, self.engines, shop.id, shopper, cart_id)
        async with self.database.tx(shop.id) as tx:
            return await reserve(tx, shopper, cart_id, body, hold_for=self.hold_for)

    async def _again(self, shop: Shop, cart_id: UUID) -> OrderOut | Waiting:
        """A cart that is not open has its order, or an attempt that waits for its shopper, or is just being paid."""
        async with self.database.tx(shop.id, read_only=True) as tx:
            # In this order: an attempt that ends in between is found as the order it became.
            attempt = await attempts.latest(tx, cart_id)
            order = await orders.of_cart(tx, cart_id)
        if order is not None:
            return order
        if attempt is None or not attempt.waits:
            raise carts.CartNotOpen
        return await self.resume(attempt)
