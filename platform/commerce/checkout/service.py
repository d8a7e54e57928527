"""From a cart to an order: reserve, authorise, place, capture.

Each step is a transaction of its own and the provider is called between them, never inside. Whatever a crash leaves
behind is finished by `recover`: a payment that was only started is cancelled and its stock given back; one that was
authorised has its order and is captured. An order that stands is answered with even when its capture gets no answer.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

import structlog

from commerce.cart import service as carts
from commerce.cart.service import Checked
from commerce.checkout.schemas import Complete
from commerce.identity.service import Shopper
from commerce.inventory import service as inventory
from commerce.inventory.service import StockLine
from commerce.orders import reading as orders
from commerce.orders.money import Money
from commerce.orders.placing import place
from commerce.orders.schemas import OrderOut
from commerce.payments import service as payments
from commerce.payments.providers import (
    ActionRequired,
    Authorised,
    Charge,
    Provider,
    Providers,
    ProviderUnavailable,
    Refused,
)
from commerce.payments.service import PaymentWasRefused
from commerce.promotions.service import CodeUsedUp
from commerce.tenancy.service import Shop
from foundation import clock
from foundation.database import Database, Tx
from foundation.errors import Conflict
from foundation.events import BeginCheckout, Item, record
from foundation.ids import new_id
from foundation.outbox import announce


class RequirementsUnmet(Conflict):
    """Something in the cart must be put right first."""

    code = "checkout.requirements_unmet"

    requirements: list[dict[str, Any]]


class TotalChanged(Conflict):
    """The cart no longer costs what was shown."""

    code = "checkout.total_changed"

    expected: int
    total: int


class ReservationLost(Conflict):
    """The payment took so long that the stock was given back; nothing was charged."""

    code = "checkout.reservation_lost"


log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Checkout:
    """What completing needs: the database, the providers, how long stock is held."""

    database: Database
    providers: Providers
    hold_for: timedelta

    async def complete(self, shop: Shop, shopper: Shopper, cart_id: UUID, body: Complete) -> OrderOut:
        """Pay for a cart and place its order; the order of a cart that has one already is given again.

        Raises:
            CartNotFound, CartNotOpen, RequirementsUnmet, TotalChanged, OutOfStock: before anything is held.
            PaymentWasRefused, ProviderUnavailable, ReservationLost, CodeUsedUp: the cart is open again and nothing is
                held.
        """
        provider = self.providers.named(body.payment.provider)
        try:
            payment_id, checked = await self._reserve(shop, shopper, cart_id, body, provider)
        except carts.CartNotOpen:
            placed = await self._placed(shop, cart_id)
            if placed is None:
                raise
            return placed
        charge = Charge(
            tenant_id=shop.id,
            payment_id=payment_id,
            amount=checked.totals.total,
            currency=shop.currency,
            token=body.payment.token,
            customer_id=shopper.customer_id,
        )
        try:
            answer = await provider.authorise(charge)
        except ProviderUnavailable:
            await self._abandon(shop, charge, provider)
            raise
        if isinstance(answer, ActionRequired):
            await self._abandon(shop, charge, provider)
            raise ProviderUnavailable
        if isinstance(answer, Refused):
            await self._refuse(shop, shopper, payment_id, answer)
            raise PaymentWasRefused(reason=answer.reason)
        try:
            order_id = await self._place(shop, shopper, checked, payment_id, answer, body)
        except (ReservationLost, CodeUsedUp):
            await self._abandon(shop, charge, provider)
            raise
        await self.money.take(shop.id, payment_id)
        async with self.database.tx(shop.id, read_only=True) as tx:
            return await orders.get(tx, shopper, order_id)

    @property
    def money(self) -> Money:
        """What is asked of providers once there is an order."""
        return Money(self.database, self.providers)

    async def _reserve(
        self, shop: Shop, shopper: Shopper, cart_id: UUID, body: Complete, provider: Provider
    ) -> tuple[UUID, Checked]:
        async with self.database.tx(shop.id) as tx:
            await carts.lock(tx, shopper, cart_id)
            checked = carts.check(await carts.get(tx, shopper, cart_id))
            _require_ready(checked, body)
            currency, total = checked.cart.currency, checked.totals.total
            payment_id = await payments.start(
                tx, cart_id=cart_id, provider=provider.name, amount=total, currency=currency
            )
            await inventory.reserve(tx, payment_id, _stock_lines(checked), until=clock.now() + self.hold_for)
            await carts.begin_completing(tx, cart_id)
            said = BeginCheckout(items=_items(checked), currency=currency, value=total)
            await announce(tx, [record(said, tenant_id=shop.id, aggregate_id=cart_id, context=shopper.context())])
        return payment_id, checked

    async def _placed(self, shop: Shop, cart_id: UUID) -> OrderOut | None:
        async with self.database.tx(shop.id, read_only=True) as tx:
            return await orders.of_cart(tx, cart_id)

    async def _place(
        self, shop: Shop, shopper: Shopper, checked: Checked, payment_id: UUID, answer: Authorised, body: Complete
    ) -> UUID:
        """The order. What was reserved and authorised is what is placed, whatever became of prices and rates meanwhile.

        Raises:
            ReservationLost: the payment or its reservation is over.
            CodeUsedUp: a discount code was used up meanwhile.
        """
        order_id = new_id()
        async with self.database.tx(shop.id) as tx:
            await _claim(tx, checked, payment_id, answer.reference, order_id)
            await place(tx, shopper, checked, order_id=order_id, email=body.email)
            await carts.complete(tx, checked.cart.id)
        return order_id

    async def _refuse(self, shop: Shop, shopper: Shopper, payment_id: UUID, answer: Refused) -> None:
        async with self.database.tx(shop.id) as tx:
            cart_id = await payments.refused(tx, payment_id, answer.reason, shopper.context())
            await _let_go(tx, payment_id, cart_id)

    async def _abandon(self, shop: Shop, charge: Charge, provider: Provider) -> None:
        await provider.void(charge)
        async with self.database.tx(shop.id) as tx:
            await _let_go(tx, charge.payment_id, await payments.cancelled(tx, charge.payment_id))

    async def recover(self, shop: Shop, *, older_than: timedelta) -> int:
        """Drive what a crash left half way to its end; says how many payments and refunds that were."""
        async with self.database.tx(shop.id, read_only=True) as tx:
            stuck = await payments.stuck(tx, older_than=older_than)
        for charge, name in stuck:
            try:
                await self._abandon(shop, charge, self.providers.named(name))
            except ProviderUnavailable:
                log.warning("payments.no_answer", call="void", id=str(charge.payment_id))
        return len(stuck) + await self.money.finish(shop.id, older_than=older_than)


async def _claim(tx: Tx, checked: Checked, payment_id: UUID, reference: str, order_id: UUID) -> None:
    units = sum(line.quantity for line in checked.cart.lines)
    authorised = await payments.authorised(tx, payment_id, reference, order_id)
    if not authorised or not await inventory.claim(tx, payment_id, order_id, units=units):
        raise ReservationLost


async def _let_go(tx: Tx, payment_id: UUID, cart_id: UUID | None) -> None:
    """Give back what an attempt held and let the shopper go on; nothing, when it had been over already."""
    if cart_id is not None:
        await inventory.release(tx, payment_id)
        await carts.reopen(tx, cart_id)


def _require_ready(checked: Checked, body: Complete) -> None:
    if checked.requirements:
        raise RequirementsUnmet(
            requirements=[
                requirement.model_dump(mode="json", exclude_none=True) for requirement in checked.requirements
            ]
        )
    if body.expected_total is not None and body.expected_total != checked.totals.total:
        raise TotalChanged(expected=body.expected_total, total=checked.totals.total)


def _stock_lines(checked: Checked) -> list[StockLine]:
    return [
        StockLine(line.variant_id, line.variant.product_id, line.quantity, may_wait=line.promised_on is not None)
        for line in checked.cart.lines
    ]


def _items(checked: Checked) -> list[Item]:
    return [
        Item(
            item_id=line.variant.product_id,
            variant_id=line.variant_id,
            quantity=line.quantity,
            price=line.unit_price,
            decision_id=line.decision_id,
        )
        for line in checked.cart.lines
    ]
