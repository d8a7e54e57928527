"""An attempt to pay, driven to its end by whoever hears of it: the request, the provider's notification, the worker."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import cast
from uuid import UUID

import structlog
from pydantic import ValidationError

from commerce.cart import service as carts
from commerce.cart.service import Checked
from commerce.checkout.needing import stock_lines
from commerce.checkout.refusals import NothingToPay, ReservationLost
from commerce.checkout.reserving import read
from commerce.delivery.slots import SlotFull
from commerce.inventory import service as inventory
from commerce.orders import reading as orders
from commerce.orders.held import by_shopper, enter, hold, save_states
from commerce.orders.money import Money
from commerce.orders.paying import Additional
from commerce.orders.placing import place
from commerce.orders.schemas import OrderOut
from commerce.payments import attempts, settlement
from commerce.payments.attempts import Attempt, Part
from commerce.payments.providers import (
    NEVER_ASKED,
    ActionRequired,
    Authorised,
    Providers,
    ProviderUnavailable,
    Refused,
)
from commerce.payments.schemas import Waiting
from commerce.payments.service import PaymentWasRefused, waiting
from commerce.payments.settlement import Due
from commerce.promotions.service import CodeUsedUp
from commerce.tenancy.service import Shop
from foundation import clock
from foundation.database import Database, Tx
from foundation.ids import new_id

log = structlog.get_logger(__name__)

Answer = Authorised | ActionRequired | Refused
ENDED_WITHOUT_AN_ORDER = (PaymentWasRefused, ReservationLost, CodeUsedUp, SlotFull, NothingToPay)
Last = Callable[[Tx, OrderOut], Awaitable[None]]
"""What is done with a new order in the transaction that reads it."""


class _Decided(Exception):
    """Somebody else has brought the attempt to its end."""


@dataclass(frozen=True, slots=True)
class Driver:
    """What it takes to end an attempt: the database, the providers, how long one may wait for its shopper."""

    database: Database
    providers: Providers
    hold_for: timedelta

    async def pay(self, attempt: Attempt, checked: Checked | None, *, last: Last | None = None) -> OrderOut | Waiting:
        """Have each payment of a new attempt authorised, and do what follows: place the order of a checked cart, or pay
        for the one that stands. A new order is given to `last` in the transaction that is the last.

        Raises:
            PaymentWasRefused, ProviderUnavailable, ReservationLost, CodeUsedUp, SlotFull, NothingToPay: it has ended
                without one.
        """
        return await self._ask(attempt, checked, self._authorise, last=last)

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
            checked = read(attempt.checked)
        except ValidationError:  # kept by another version of this code
            await self.let_go(attempt)
            raise ReservationLost from None
        return await self._ask(attempt, checked, self._became, keep=True)

    @property
    def money(self) -> Money:
        """What is asked of providers once there is an order."""
        return Money(self.database, self.providers)

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
                    await self.let_go(attempt)
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
            if await self.let_go(attempt):
                raise
            return await self._overtaken(attempt, answers)
        takes = [
            Due(order_id, part.provider, replace(part.charge, reference=answers[part.id].reference))
            for part in attempt.parts
            if part.id not in due
        ]
        return await self._take(attempt, order_id, takes, last)

    async def _take(self, attempt: Attempt, order_id: UUID, takes: Sequence[Due], last: Last | None) -> OrderOut:
        """Take the money of an order that stands, and read it with the last of it."""
        shopper, orders_read = attempt.shopper, list[OrderOut]()

        async def read(tx: Tx) -> None:
            stood = attempt.order_id is not None
            order = await (orders.get(tx, shopper, order_id) if stood else orders.just_placed(tx, order_id))
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
            return await self.let_go(attempt)
        return await self.let_go(attempt, refused=part, reason=answer.reason)

    async def let_go(self, attempt: Attempt, *, refused: Part | None = None, reason: str | None = None) -> bool:
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
            await self.let_go(attempt)


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
