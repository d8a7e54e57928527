"""From a cart to an order: reserve, authorise, place, capture.

Each step is a transaction of its own and the providers are called between them, never inside. An attempt to pay ends in
one of two ways, whoever brings it about: all its payments are authorised and the order is placed, or all are let go and
the cart is open again. When the shopper has something to do first, the attempt waits; `resume` asks the providers what
became of it, for the shopper who comes back, the provider that notifies, and the worker that finds what a crash left.
An order that stands is answered with even when its capture gets no answer.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any, cast
from uuid import UUID

import structlog
from pydantic import TypeAdapter, ValidationError

from commerce.cart import service as carts
from commerce.cart.quoting import quote
from commerce.cart.service import Checked
from commerce.checkout.needing import stock_lines
from commerce.checkout.schemas import Complete, PayAgain
from commerce.checkout.splitting import shares
from commerce.delivery.slots import SlotFull
from commerce.identity.service import Shopper
from commerce.inventory import service as inventory
from commerce.orders import reading as orders
from commerce.orders.held import by_shopper, enter, hold, save_states
from commerce.orders.money import Money
from commerce.orders.paying import Additional
from commerce.orders.placing import place
from commerce.orders.schemas import OrderOut
from commerce.payments import attempts, settlement
from commerce.payments.attempts import Asked, Attempt, Part
from commerce.payments.methods import service as methods
from commerce.payments.providers import (
    NEVER_ASKED,
    ActionRequired,
    Authorised,
    Providers,
    ProviderUnavailable,
    Refused,
)
from commerce.payments.schemas import PaymentIn, Waiting
from commerce.payments.service import PaymentWasRefused, waiting
from commerce.payments.settlement import Due
from commerce.promotions.service import CodeUsedUp
from commerce.taxes.quotes import TaxEngine
from commerce.tenancy.service import Shop
from foundation import clock
from foundation.database import Database, Tx
from foundation.errors import Conflict
from foundation.events import BeginCheckout, Item, record
from foundation.ids import new_id


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


class NothingToContinue(Conflict):
    """No payment of this cart waits for the shopper."""

    code = "checkout.nothing_to_continue"


class TaxesUnquoted(Conflict):
    """The cart changed while its taxes were asked for; look at it and try again."""

    code = "checkout.taxes_unquoted"


class NothingToPay(Conflict):
    """The order is paid for, or given up; what was just authorised is let go."""

    code = "checkout.nothing_to_pay"


class _Decided(Exception):
    """Somebody else has brought the attempt to its end."""


log = structlog.get_logger(__name__)

Answer = Authorised | ActionRequired | Refused
ENDED_WITHOUT_AN_ORDER = (PaymentWasRefused, ReservationLost, CodeUsedUp, SlotFull, NothingToPay)
_CHECKED = TypeAdapter(Checked)
Last = Callable[[Tx, OrderOut], Awaitable[None]]
"""What is done with a new order in the transaction that reads it."""


@dataclass(frozen=True, slots=True)
class Begun:
    """An attempt whose stock is reserved, and the cart it pays for."""

    attempt: Attempt
    checked: Checked


@dataclass(frozen=True, slots=True)
class Checkout:
    """What completing needs: the database, the providers, how long stock is held."""

    database: Database
    providers: Providers
    hold_for: timedelta
    engines: Mapping[str, TaxEngine] = field(default_factory=dict)
    """Those outside that can say what the taxes are."""

    async def offers(self, shop: Shop, body: Complete) -> bool:
        """Whether the shop takes payments as `body` has them."""
        offered = [provider.name for provider in await self.providers.offered_by(shop.id)]
        return all(part.provider in offered for part in body.parts)

    async def begin(self, tx: Tx, shopper: Shopper, cart_id: UUID, body: Complete) -> Begun | None:
        """Reserve what is in the cart, in a transaction of the caller's; `complete` goes on from there.

        `None`, and nothing is done, when the cart is not open or its taxes have to be asked for first.

        Raises:
            MethodNotFound, CartNotFound, RequirementsUnmet, TotalChanged, PaymentsDontAddUp, OutOfStock: the
                transaction must not go on.
        """
        try:
            return await self._reserve(tx, shopper, cart_id, body)
        except (carts.CartNotOpen, TaxesUnquoted):
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
                PaymentsDontAddUp, OutOfStock: before anything is held.
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
        return await self._ask(begun.attempt, begun.checked, self._authorise, last=last)

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
            amounts = shares(missing, [part.amount for part in parts])
            cart_id, currency = await orders.cart_of(tx, order_id)
            attempt = await attempts.begin(
                tx,
                shopper,
                cart_id,
                [
                    Asked(part.provider, await _token(tx, shopper, part), amount)
                    for part, amount in zip(parts, amounts, strict=True)
                ],
                currency=currency,
                email=None,
                checked="",
                return_url=body.return_url,
                order_id=order_id,
            )
        return await self._ask(attempt, None, self._authorise)

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
        if attempt is None or not attempt.waits or not await self._let_go(attempt):
            raise NothingToContinue

    async def resume(self, attempt: Attempt) -> OrderOut | Waiting:
        """Ask the providers what became of an attempt and end it if they have decided; any number of times.

        Raises:
            PaymentWasRefused, ReservationLost, CodeUsedUp, SlotFull: it has ended without an order.
            ProviderUnavailable: one of them does not answer; the attempt is as it was.
        """
        if attempt.is_over or attempt.is_for_a_change:
            return await self._ended(attempt)
        if attempt.order_id is not None:
            return await self._ask(attempt, None, self._became, keep=True)
        try:
            checked = _CHECKED.validate_json(attempt.checked)
        except ValidationError:  # kept by another version of this code
            await self._let_go(attempt)
            raise ReservationLost from None
        return await self._ask(attempt, checked, self._became, keep=True)

    @property
    def money(self) -> Money:
        """What is asked of providers once there is an order."""
        return Money(self.database, self.providers)

    async def _reserved(self, shop: Shop, shopper: Shopper, cart_id: UUID, body: Complete) -> Begun:
        """`_reserve`, once the shop's tax engine has been asked what it has to be."""
        try:
            async with self.database.tx(shop.id) as tx:
                return await self._reserve(tx, shopper, cart_id, body)
        except TaxesUnquoted:
            await quote(self.database, self.engines, shop.id, shopper, cart_id)
        async with self.database.tx(shop.id) as tx:
            return await self._reserve(tx, shopper, cart_id, body)

    async def _reserve(self, tx: Tx, shopper: Shopper, cart_id: UUID, body: Complete) -> Begun:
        parts = body.parts
        await carts.lock(tx, shopper, cart_id)
        checked = carts.check(await carts.get(tx, shopper, cart_id))
        _require_ready(checked, body)
        currency, total = checked.cart.currency, checked.totals.total
        amounts = shares(total, [part.amount for part in parts])
        attempt = await attempts.begin(
            tx,
            shopper,
            cart_id,
            [
                Asked(part.provider, await _token(tx, shopper, part), amount)
                for part, amount in zip(parts, amounts, strict=True)
            ],
            currency=currency,
            email=body.email,
            checked=_CHECKED.dump_json(checked).decode(),
            return_url=body.return_url,
        )
        said = BeginCheckout(items=_items(checked), currency=currency, value=total)
        event = record(said, tenant_id=tx.tenant_id, aggregate_id=cart_id, context=shopper.context())
        await carts.begin_completing(tx, cart_id, event)
        # Last, because whoever wants the same goods waits from here until the commit.
        until, allocation = clock.now() + self.hold_for, checked.cart.allocation
        await inventory.reserve(tx, attempt.id, stock_lines(checked), until=until, allocation=allocation)
        return Begun(attempt, checked)

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

    async def _ask(
        self,
        attempt: Attempt,
        checked: Checked | None,
        ask: Callable[[Part], Awaitable[Answer]],
        *,
        keep: bool = False,
        last: Last | None = None,
    ) -> OrderOut | Waiting:
        """Ask for each payment in turn, and do what follows. Without an answer nothing is kept, or all as it was."""
        answers: dict[UUID, Authorised | ActionRequired] = {}
        for part in attempt.parts:
            try:
                answer = await ask(part)
            except ProviderUnavailable:
                if not keep:
                    await self._let_go(attempt)
                raise
            if isinstance(answer, Refused):
                if await self._refuse(attempt, part, answer):
                    raise PaymentWasRefused(reason=answer.reason)
                return await self._overtaken(attempt, answers)
            answers[part.id] = answer
        if any(isinstance(answer, ActionRequired) for answer in answers.values()):
            return await self._wait(attempt, answers)
        return await self._place(attempt, checked, cast("Mapping[UUID, Authorised]", answers), last)

    async def _authorise(self, part: Part) -> Answer:
        return await self.providers.named(part.provider).authorise(part.charge)

    async def _became(self, part: Part) -> Answer:
        if part.status == "authorised":
            return Authorised(part.charge.reference or "")
        return await self.providers.named(part.provider).resume(part.charge)

    async def _wait(self, attempt: Attempt, answers: Mapping[UUID, Authorised | ActionRequired]) -> OrderOut | Waiting:
        async with self.database.tx(attempt.shopper.tenant_id) as tx:
            waits = await attempts.wait(tx, attempt, answers)
        return waiting(waits) if waits else await self._overtaken(attempt, answers)

    async def _place(
        self,
        attempt: Attempt,
        checked: Checked | None,
        answers: Mapping[UUID, Authorised],
        last: Last | None,
    ) -> OrderOut:
        """The order, unless the attempt or its reservations are over. What was checked, reserved and authorised is what
        is placed, whatever became of prices and rates meanwhile. An order that stands has its new payments.
        """
        order_id = attempt.order_id or new_id()
        due = frozenset(part.id for part in attempt.parts if self._comes_later(part))
        try:
            if checked is None:
                await self._write_payments(attempt, answers, order_id, due)
            else:
                await self._write_order(attempt, checked, answers, order_id, due)
        except _Decided:
            return await self._overtaken(attempt, answers)
        except (ReservationLost, CodeUsedUp, SlotFull, NothingToPay):
            if await self._let_go(attempt):
                raise
            return await self._overtaken(attempt, answers)
        takes = [
            Due(order_id, part.provider, replace(part.charge, reference=answers[part.id].reference))
            for part in attempt.parts
            if part.id not in due
        ]
        return await self._take(attempt.shopper, order_id, takes, last)

    async def _take(self, shopper: Shopper, order_id: UUID, takes: Sequence[Due], last: Last | None) -> OrderOut:
        """Take the money of an order that stands, and read it with the last of it."""
        orders_read: list[OrderOut] = []

        async def read(tx: Tx) -> None:
            order = await orders.get(tx, shopper, order_id)
            if last is not None:
                await last(tx, order)
            orders_read.append(order)

        for number, due in enumerate(takes, 1):
            await self.money.take(due, then=read if number == len(takes) else None)
        if not orders_read:
            async with self.database.tx(shopper.tenant_id, read_only=last is None) as tx:
                await read(tx)
        return orders_read[0]

    async def _write_order(
        self,
        attempt: Attempt,
        checked: Checked,
        answers: Mapping[UUID, Authorised],
        order_id: UUID,
        due: frozenset[UUID],
    ) -> None:
        all_due = len(due) == len(attempt.parts)
        async with self.database.tx(attempt.shopper.tenant_id) as tx:
            await _claim(tx, attempt, checked, answers, order_id, due)
            await place(
                tx,
                attempt.shopper,
                checked,
                order_id=order_id,
                email=attempt.email,
                payment_state="due" if all_due else "authorised",
            )
            await carts.complete(tx, attempt.cart_id)

    async def _write_payments(
        self, attempt: Attempt, answers: Mapping[UUID, Authorised], order_id: UUID, due: frozenset[UUID]
    ) -> None:
        paid = sum(part.charge.amount for part in attempt.parts)
        async with self.database.tx(attempt.shopper.tenant_id) as tx:
            held = await hold(tx, order_id)
            balance = await settlement.balance(tx, order_id)
            if not paid or balance.failing != paid:
                raise NothingToPay
            if not await attempts.authorised(tx, attempt, answers, order_id, due=due):
                raise _Decided
            await settlement.replace_failed(tx, order_id)
            await save_states(held)
            await enter(held, "paid_again", by_shopper(attempt.shopper), amount=paid)

    def _comes_later(self, part: Part) -> bool:
        return self.providers.named(part.provider).deferred and part.charge.amount > 0

    async def _refuse(self, attempt: Attempt, part: Part, answer: Refused) -> bool:
        if answer == NEVER_ASKED:
            return await self._let_go(attempt)
        return await self._let_go(attempt, refused=part, reason=answer.reason)

    async def _let_go(self, attempt: Attempt, *, refused: Part | None = None, reason: str | None = None) -> bool:
        """Give back what an attempt holds and let the shopper go on; nothing, when somebody else has decided it."""
        async with self.database.tx(attempt.shopper.tenant_id) as tx:
            given_up = await attempts.let_go(tx, attempt, refused_id=refused.id if refused else None, reason=reason)
            if given_up:
                await inventory.release(tx, attempt.id)
                await carts.reopen(tx, attempt.cart_id)
        if given_up:
            for part in attempt.parts:
                if part is not refused:
                    await self.money.let_go(part.charge.tenant_id, part.id)
        return given_up

    async def _overtaken(self, attempt: Attempt, answers: Mapping[UUID, Authorised | ActionRequired]) -> OrderOut:
        """Somebody else has decided the attempt. If it was given up, what a late answer holds is let go once more."""
        async with self.database.tx(attempt.shopper.tenant_id, read_only=True) as tx:
            now = await attempts.get(tx, attempt.id)
        for part in now.parts if now else ():
            if part.order_id is None and part.id in answers:
                await self.money.let_go_again(part.charge.tenant_id, part.id, answers[part.id].reference)
        return await self._ended(now or attempt)

    async def _ended(self, attempt: Attempt) -> OrderOut:
        async with self.database.tx(attempt.shopper.tenant_id, read_only=True) as tx:
            order = await orders.of_cart(tx, attempt.cart_id)
        let_go = all(part.order_id is None for part in attempt.parts)
        if order is not None and (attempt.order_id is None or attempt.is_for_a_change or not let_go):
            return order
        if attempt.refusal is not None:
            raise PaymentWasRefused(reason=attempt.refusal)
        raise NothingToPay if attempt.order_id else ReservationLost

    async def recover(self, shop: Shop, *, older_than: timedelta) -> int:
        """Drive what a crash left half way to its end; says how many attempts, captures, voids and refunds that were.

        The providers know whether an answer was lost or they were never asked. An attempt that still waits for its
        shopper after `hold_for` is given up.
        """
        async with self.database.tx(shop.id, read_only=True) as tx:
            stuck = [
                await attempts.get(tx, attempt_id) for attempt_id in await attempts.stuck(tx, older_than=older_than)
            ]
        for attempt in stuck:
            if attempt is not None:
                await self._recover(attempt)
        return len(stuck) + await self.money.finish(shop.id, older_than=older_than)

    async def _recover(self, attempt: Attempt) -> None:
        if attempt.is_for_a_change:
            await Additional(self.database, self.providers).recover(attempt, until=attempt.began_at + self.hold_for)
            return
        try:
            answer = await self.resume(attempt)
        except ENDED_WITHOUT_AN_ORDER:
            return
        except ProviderUnavailable:
            log.warning("payments.no_answer", call="resume", id=str(attempt.id))
            answer = None
        if not isinstance(answer, OrderOut) and clock.now() >= attempt.began_at + self.hold_for:
            await self._let_go(attempt)


async def _token(tx: Tx, shopper: Shopper, part: PaymentIn) -> str:
    return await methods.token_of(
        tx, shopper.customer_id, provider=part.provider, token=part.token, method_id=part.method_id
    )


async def _claim(
    tx: Tx,
    attempt: Attempt,
    checked: Checked,
    answers: Mapping[UUID, Authorised],
    order_id: UUID,
    due: frozenset[UUID],
) -> None:
    if not await attempts.authorised(tx, attempt, answers, order_id, due=due):
        raise _Decided
    if not await inventory.claim(tx, attempt.id, order_id, units=sum(line.quantity for line in stock_lines(checked))):
        raise ReservationLost


def _require_ready(checked: Checked, body: Complete) -> None:
    if checked.requirements:
        raise RequirementsUnmet(
            requirements=[
                requirement.model_dump(mode="json", exclude_none=True) for requirement in checked.requirements
            ]
        )
    if checked.questions:
        raise TaxesUnquoted
    if body.expected_total is not None and body.expected_total != checked.totals.total:
        raise TotalChanged(expected=body.expected_total, total=checked.totals.total)


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
