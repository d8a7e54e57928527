"""What a change asks for is paid: the provider holds the money, and only then is the change applied.

As at checkout, the provider is called between two transactions. When the shopper has something to do first, the attempt
waits; `resume` asks the provider what became of it, for the shopper who comes back, the provider that notifies, and the
worker that finds what a crash left. An attempt that is refused or that nobody ends in time is let go, and the change
waits to be paid otherwise until its own time is over.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

import asyncpg
import structlog
from sqlalchemy import text

from commerce.identity.service import Shopper
from commerce.orders import change_log, editing
from commerce.orders.change_log import ChangeOver
from commerce.orders.held import SYSTEM, by_shopper, enter, hold
from commerce.orders.money import Money
from commerce.payments import attempts
from commerce.payments.attempts import Asked, Attempt
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
from foundation import clock
from foundation.database import Database, Tx, hot
from foundation.errors import Conflict

log = structlog.get_logger(__name__)

_CART = hot(text("SELECT cart_id, currency FROM orders WHERE tenant_id = :tenant_id AND id = :order_id"))


class NothingToPay(Conflict):
    """The change asks for no money, or not yet."""

    code = "orders.nothing_to_pay"


class NothingToContinue(Conflict):
    """No payment for this change was begun."""

    code = "orders.nothing_to_continue"


class NotPayableHere(Conflict):
    """The order was not placed in this shop's checkout, so nothing more can be charged for it."""

    code = "orders.not_payable_here"


class _Decided(Exception):
    """Somebody else has brought the attempt to its end."""


Answer = Authorised | ActionRequired | Refused


@dataclass(frozen=True, slots=True)
class Additional:
    """Payments for changes to orders."""

    database: Database
    providers: Providers

    async def pay(
        self, shopper: Shopper, order_id: UUID, change_id: UUID, payment: PaymentIn, *, return_url: str | None = None
    ) -> Waiting | None:
        """Pay what a confirmed change asks for, and apply it. Gives what the shopper has to do first, if anything.

        Raises:
            UnknownProvider, MethodNotFound, OrderNotFound, ChangeNotFound, ChangeOver, NothingToPay, NotPayableHere,
                OrderOutdated: nothing is taken.
            PaymentWasRefused, ProviderUnavailable: the change waits still.
        """
        asked = await self.providers.offered(shopper.tenant_id, payment.provider)
        attempt = await self._begin(shopper, order_id, change_id, payment, return_url)
        try:
            answer = await asked.authorise(attempt.parts[0].charge)
        except ProviderUnavailable:
            await self._let_go(attempt)
            raise
        return await self._end(attempt, answer)

    async def go_on(self, shopper: Shopper, order_id: UUID, change_id: UUID) -> Waiting | None:
        """The shopper is back from what they had to do to pay for a change; as for `pay`.

        Raises:
            OrderNotFound, NotPayableHere, NothingToContinue.
            ChangeOver, OrderOutdated: it is too late, and nothing is taken.
            PaymentWasRefused, ProviderUnavailable: the change waits still.
        """
        async with self.database.tx(shopper.tenant_id) as tx:
            await hold(tx, order_id, owner=shopper)
            attempt = await _latest(tx, order_id, change_id)
        if attempt is None:
            raise NothingToContinue
        return await self.resume(attempt)

    async def resume(self, attempt: Attempt) -> Waiting | None:
        """Ask the provider what became of an attempt, and end it if that is decided; any number of times.

        Raises:
            ChangeOver, OrderOutdated, PaymentWasRefused: it has ended and nothing is taken.
            ProviderUnavailable: the attempt is as it was.
        """
        if attempt.is_over:
            await self._over(attempt)
            return None
        part = attempt.parts[0]
        return await self._end(attempt, await self.providers.named(part.provider).resume(part.charge))

    async def recover(self, attempt: Attempt, *, until: datetime) -> None:
        """Drive what a crash or a shopper has left half way to its end; what waits still is given up after `until`."""
        waits = True
        try:
            waits = await self.resume(attempt) is not None
        except (PaymentWasRefused, Conflict):
            return
        except ProviderUnavailable:
            log.warning("payments.no_answer", call="resume", id=str(attempt.id))
        if waits and clock.now() >= until:
            await self._let_go(attempt)

    async def give_up(self, shopper: Shopper, order_id: UUID, change_id: UUID) -> None:
        """The shopper would rather not pay: the change is undone, and what a payment for it may hold is let go.

        Raises:
            OrderNotFound, ChangeNotFound.
            ChangeOver: nobody waits for it to be paid.
        """
        async with self.database.tx(shopper.tenant_id) as tx:
            await hold(tx, order_id, owner=shopper)
            kept = await change_log.find(tx, order_id, change_id)
            if kept.status != "awaiting_payment":
                raise ChangeOver(state=kept.status)
            await editing.drop(tx, order_id, change_id, by_shopper(shopper), owner=shopper)
            attempt = await _latest(tx, order_id, change_id)
        if attempt is not None and not attempt.is_over:
            await self._let_go(attempt)
        await self.money.settle(shopper.tenant_id, order_id)

    async def lapse(self, tenant_id: UUID) -> int:
        """Give up what nobody paid for in time, or whose order has moved on; says how many changes."""
        async with self.database.tx(tenant_id, read_only=True) as tx:
            lapsed = await change_log.lapsed(tx)
        for change_id, order_id in lapsed:
            try:
                async with self.database.tx(tenant_id) as tx:
                    await editing.drop(tx, order_id, change_id, SYSTEM)
            except ChangeOver:
                log.info("changes.not_lapsed", change=str(change_id))
            await self.money.settle(tenant_id, order_id)
        return len(lapsed)

    @property
    def money(self) -> Money:
        """What is asked of providers once the order stands."""
        return Money(self.database, self.providers)

    async def _begin(
        self, shopper: Shopper, order_id: UUID, change_id: UUID, payment: PaymentIn, return_url: str | None
    ) -> Attempt:
        async with self.database.tx(shopper.tenant_id) as tx:
            held = await hold(tx, order_id, owner=shopper)
            kept = await change_log.find(tx, order_id, change_id)
            if kept.status in ("draft", "approved"):
                raise NothingToPay
            if kept.status != "awaiting_payment":
                raise ChangeOver(state=kept.status)
            if kept.kind == "edit" and kept.version != held.version:
                raise editing.OrderOutdated(expected=kept.version, version=held.version)
            order = await _placed(tx, order_id)
            token = await methods.token_of(
                tx, shopper, provider=payment.provider, token=payment.token, method_id=payment.method_id
            )
            return await attempts.begin(
                tx,
                shopper,
                order["cart_id"],
                [Asked(payment.provider, token, kept.asked)],
                currency=order["currency"],
                email=None,
                checked=_about(change_id),
                return_url=return_url,
                order_id=order_id,
            )

    async def _end(self, attempt: Attempt, answer: Answer) -> Waiting | None:
        """What follows from a provider's answer; whoever comes second finds that it was done."""
        part = attempt.parts[0]
        if isinstance(answer, Refused):
            if await self._let_go(attempt, refusal=None if answer == NEVER_ASKED else answer.reason):
                raise PaymentWasRefused(reason=answer.reason)
            await self._over(attempt)
            return None
        if isinstance(answer, ActionRequired):
            async with self.database.tx(attempt.shopper.tenant_id) as tx:
                waits = await attempts.wait(tx, attempt, {part.id: answer})
            if waits is None:
                await self._over(attempt, answer)
            return waiting(waits) if waits else None
        try:
            order_id = await self._apply(attempt, answer)
        except _Decided:
            await self._over(attempt, answer)
            return None
        except Conflict:
            await self._let_go(attempt)
            raise
        if not self.providers.named(part.provider).deferred:
            await self.money.take(Due(order_id, part.provider, replace(part.charge, reference=answer.reference)))
        await self.money.settle(attempt.shopper.tenant_id, order_id)
        return None

    async def _apply(self, attempt: Attempt, answer: Authorised) -> UUID:
        part, actor = attempt.parts[0], by_shopper(attempt.shopper)
        order_id, change_id = _order_of(attempt), _change_of(attempt)
        due = frozenset({part.id} if self.providers.named(part.provider).deferred else ())
        async with self.database.tx(attempt.shopper.tenant_id) as tx:
            held = await hold(tx, order_id)
            if not await attempts.authorised(tx, attempt, {part.id: answer}, order_id, due=due):
                raise _Decided
            await enter(held, "change_paid", actor, change_id=change_id, amount=part.charge.amount)
            await editing.paid(held, change_id, actor)
        return order_id

    async def _over(self, attempt: Attempt, answer: Authorised | ActionRequired | None = None) -> None:
        """Somebody else has decided the attempt. If it was given up, what a late answer holds is let go once more."""
        tenant_id = attempt.shopper.tenant_id
        async with self.database.tx(tenant_id, read_only=True) as tx:
            now = await attempts.get(tx, attempt.id)
        (part,) = (now or attempt).parts
        if part.order_id is not None:
            return
        if answer is not None:
            await self.money.let_go_again(tenant_id, part.id, answer.reference)
        if part.refusal is not None:
            raise PaymentWasRefused(reason=part.refusal)
        raise ChangeOver(state="expired")

    async def _let_go(self, attempt: Attempt, *, refusal: str | None = None) -> bool:
        part, tenant_id = attempt.parts[0], attempt.shopper.tenant_id
        async with self.database.tx(tenant_id) as tx:
            given_up = await attempts.let_go(tx, attempt, refused_id=part.id if refusal else None, reason=refusal)
        if given_up and refusal is None:
            await self.money.let_go(tenant_id, part.id)
        return given_up


def _about(change_id: UUID) -> str:
    """What an attempt that pays for a change says of itself."""
    return json.dumps({"change_id": str(change_id)})


def _change_of(attempt: Attempt) -> UUID:
    return UUID(json.loads(attempt.checked)["change_id"])


def _order_of(attempt: Attempt) -> UUID:
    if attempt.order_id is None:
        raise RuntimeError(f"attempt {attempt.id} is for no change to an order")
    return attempt.order_id


async def _placed(tx: Tx, order_id: UUID) -> asyncpg.Record:
    order = await tx.one(_CART, {"order_id": order_id})
    if order is None or order["cart_id"] is None:
        raise NotPayableHere
    return order


async def _latest(tx: Tx, order_id: UUID, change_id: UUID) -> Attempt | None:
    order = await _placed(tx, order_id)
    return await attempts.latest_for(tx, order["cart_id"], _about(change_id))
