"""What a change asks for is paid: the provider holds the money, and only then is the change applied.

As at checkout, the provider is called between two transactions. Whatever a crash leaves is let go by the worker,
because an attempt that no change took is one that nobody has decided.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from uuid import UUID

import structlog
from sqlalchemy import text

from commerce.identity.service import Shopper
from commerce.orders import change_log, editing
from commerce.orders.change_log import ChangeOver
from commerce.orders.held import SYSTEM, by_shopper, enter, hold
from commerce.orders.money import Money
from commerce.payments import attempts
from commerce.payments.attempts import Asked, Attempt
from commerce.payments.providers import Authorised, Providers, ProviderUnavailable, Refused
from commerce.payments.service import PaymentWasRefused
from commerce.payments.settlement import Due
from foundation.database import Database, hot
from foundation.errors import Conflict

log = structlog.get_logger(__name__)

_CART = hot(text("SELECT cart_id, currency FROM orders WHERE tenant_id = :tenant_id AND id = :order_id"))


class NothingToPay(Conflict):
    """The change asks for no money, or not yet."""

    code = "orders.nothing_to_pay"


class NotPayableHere(Conflict):
    """The order was not placed in this shop's checkout, so nothing more can be charged for it."""

    code = "orders.not_payable_here"


@dataclass(frozen=True, slots=True)
class Additional:
    """Payments for changes to orders."""

    database: Database
    providers: Providers

    async def pay(self, shopper: Shopper, order_id: UUID, change_id: UUID, *, provider: str, token: str) -> None:
        """Pay what a confirmed change asks for, and apply it.

        Raises:
            OrderNotFound, ChangeNotFound, ChangeOver, NothingToPay, NotPayableHere, OrderOutdated: nothing is taken.
            PaymentWasRefused, ProviderUnavailable: the change waits still.
        """
        asked = self.providers.named(provider)
        attempt = await self._begin(shopper, order_id, change_id, Asked(provider, token, 0))
        part = attempt.parts[0]
        try:
            answer = await asked.authorise(part.charge)
        except ProviderUnavailable:
            await self._let_go(attempt)
            raise
        if isinstance(answer, Refused):
            await self._let_go(attempt, refusal=answer.reason)
            raise PaymentWasRefused(reason=answer.reason)
        if not isinstance(answer, Authorised):
            await self._let_go(attempt)
            raise PaymentWasRefused(reason="authentication_required")
        try:
            await self._apply(attempt, order_id, change_id, answer)
        except Conflict:
            await self._let_go(attempt)
            raise
        if not asked.deferred:
            await self.money.take(Due(order_id, provider, replace(part.charge, reference=answer.reference)))
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

    async def _begin(self, shopper: Shopper, order_id: UUID, change_id: UUID, asked: Asked) -> Attempt:
        async with self.database.tx(shopper.tenant_id) as tx:
            held = await hold(tx, order_id, owner=shopper)
            kept = await change_log.find(tx, order_id, change_id)
            if kept.status in ("draft", "approved"):
                raise NothingToPay
            if kept.status != "awaiting_payment":
                raise ChangeOver(state=kept.status)
            if kept.kind == "edit" and kept.version != held.version:
                raise editing.OrderOutdated(expected=kept.version, version=held.version)
            order = await tx.one(_CART, {"order_id": order_id})
            if order is None or order["cart_id"] is None:
                raise NotPayableHere
            return await attempts.begin(
                tx,
                shopper,
                order["cart_id"],
                [replace(asked, amount=kept.asked)],
                currency=order["currency"],
                email=None,
                checked=json.dumps({"change_id": str(change_id)}),
                return_url=None,
                order_id=order_id,
            )

    async def _apply(self, attempt: Attempt, order_id: UUID, change_id: UUID, answer: Authorised) -> None:
        part, actor = attempt.parts[0], by_shopper(attempt.shopper)
        due = frozenset({part.id} if self.providers.named(part.provider).deferred else ())
        async with self.database.tx(attempt.shopper.tenant_id) as tx:
            held = await hold(tx, order_id, owner=attempt.shopper)
            if not await attempts.authorised(tx, attempt, {part.id: answer}, order_id, due=due):
                raise ChangeOver(state="expired")
            await enter(held, "change_paid", actor, change_id=change_id, amount=part.charge.amount)
            await editing.paid(held, change_id, actor)

    async def _let_go(self, attempt: Attempt, *, refusal: str | None = None) -> None:
        part = attempt.parts[0]
        async with self.database.tx(attempt.shopper.tenant_id) as tx:
            await attempts.let_go(tx, attempt, refused_id=part.id if refusal else None, reason=refusal)
        if refusal is None:
            await self.money.let_go(attempt.shopper.tenant_id, part.id)
