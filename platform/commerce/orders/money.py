"""The providers' part of an order's money: asked outside any transaction, written down in one that holds the order.

A call that gets no answer is left as it is: `finish` makes it again, and its idempotency key sees to it that nothing
happens twice.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

import structlog

from commerce.orders.held import SYSTEM, hold, save_and_enter, start_due_refunds
from commerce.payments import settlement
from commerce.payments.providers import Providers, ProviderUnavailable, Refused
from commerce.payments.settlement import Due, DueRefund, Pending
from foundation.database import Database, Tx

log = structlog.get_logger(__name__)
Then = Callable[[Tx], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Money:
    """Captures, voids and refunds."""

    database: Database
    providers: Providers

    async def settle(self, tenant_id: UUID, order_id: UUID) -> None:
        """Do what providers have to do for an order; what one does not answer is done later."""
        async with self.database.tx(tenant_id, read_only=True) as tx:
            pending = await settlement.pending(tx, order_id)
        for call in pending:
            await self._try(tenant_id, call)
        if any(call.kind == "capture" for call in pending):
            await self._refund_what_capture_left(tenant_id, order_id)

    async def take(self, due: Due, *, then: Then | None = None) -> None:
        """Take what a payment that is being captured holds; left to be finished when the provider does not answer.

        `then` is done in the transaction that writes down what the provider said, if it says anything.
        """
        try:
            await self._take(due, then)
        except ProviderUnavailable:
            log.warning("payments.no_answer", call="capture", id=str(due.charge.payment_id))

    async def let_go(self, tenant_id: UUID, payment_id: UUID) -> None:
        """`void`, left to be finished later when the provider does not answer."""
        await self._try(tenant_id, Pending("void", payment_id))

    async def let_go_again(self, tenant_id: UUID, payment_id: UUID, reference: str) -> None:
        """The same for a payment that was given up before the provider's answer came, which was yes."""
        async with self.database.tx(tenant_id) as tx:
            await settlement.void_again(tx, payment_id, reference)
        await self.let_go(tenant_id, payment_id)

    async def finish(self, tenant_id: UUID, *, older_than: timedelta) -> int:
        """Make the calls again that nobody has seen the end of; says how many."""
        async with self.database.tx(tenant_id, read_only=True) as tx:
            left = await settlement.left(tx, older_than=older_than)
        for call in left:
            await self._try(tenant_id, call)
        return len(left)

    async def capture(self, tenant_id: UUID, payment_id: UUID) -> None:
        """Take what was authorised; nothing happens when it is taken or let go already.

        Raises:
            ProviderUnavailable: no answer; `finish` takes it later.
        """
        async with self.database.tx(tenant_id) as tx:
            due = await settlement.begin_capture(tx, payment_id)
        if due is not None:
            await self._take(due)

    async def void(self, tenant_id: UUID, payment_id: UUID) -> None:
        """Let go of what was authorised and will not be taken.

        Raises:
            ProviderUnavailable: no answer; `finish` lets go later.
        """
        async with self.database.tx(tenant_id, read_only=True) as tx:
            due = await settlement.to_void(tx, payment_id)
        if due is None:
            return
        await self.providers.named(due.provider).void(due.charge)
        async with self.database.tx(tenant_id) as tx:
            held = await hold(tx, due.order_id) if due.order_id else None
            if await settlement.voided(tx, payment_id) and held:
                await save_and_enter(held, "voided", SYSTEM, amount=due.charge.amount, provider=due.provider)

    async def refund(self, tenant_id: UUID, refund_id: UUID) -> None:
        """Give back what was set aside; when the provider refuses, it is owed still.

        Raises:
            ProviderUnavailable: no answer; `finish` gives it back later.
        """
        async with self.database.tx(tenant_id, read_only=True) as tx:
            due = await settlement.refund_of(tx, refund_id)
        if due is not None and not due.made:
            await self._give_back(tenant_id, due)

    async def look_at_refund(self, tenant_id: UUID, refund_id: UUID) -> None:
        """Ask once more about a refund of which something is new: what was made may have come back.

        Raises:
            ProviderUnavailable: no answer.
        """
        async with self.database.tx(tenant_id, read_only=True) as tx:
            due = await settlement.refund_of(tx, refund_id)
        if due is not None:
            await self._give_back(tenant_id, due)

    async def _give_back(self, tenant_id: UUID, due: DueRefund) -> None:
        answer = await self.providers.named(due.provider).refund(due.refund)
        refund_id, amount = due.refund.refund_id, due.refund.amount
        async with self.database.tx(tenant_id) as tx:
            held = await hold(tx, due.order_id)
            if isinstance(answer, Refused):
                if await settlement.refund_failed(tx, refund_id, answer.reason):
                    await save_and_enter(held, "refund_failed", SYSTEM, note=answer.reason, amount=amount)
            elif await settlement.refunded(tx, refund_id, answer.reference):
                await save_and_enter(held, "refunded", SYSTEM, amount=amount, provider=due.provider)

    async def _take(self, due: Due, then: Then | None = None) -> None:
        if due.order_id is None:
            raise RuntimeError(f"payment {due.charge.payment_id} is captured for no order")
        payment_id, amount = due.charge.payment_id, due.charge.amount
        answer = await self.providers.named(due.provider).capture(due.charge)
        async with self.database.tx(due.charge.tenant_id) as tx:
            held = await hold(tx, due.order_id)
            if isinstance(answer, Refused):
                if await settlement.capture_failed(tx, payment_id, answer.reason):
                    await save_and_enter(held, "capture_failed", SYSTEM, note=answer.reason, amount=amount)
            elif await settlement.captured(tx, payment_id, fee=answer.fee):
                if held.credited:  # cancelled while the capture was on its way
                    await start_due_refunds(held, reason="cancelled")
                await save_and_enter(held, "captured", SYSTEM, amount=amount, provider=due.provider)
            if then is not None:
                await then(tx)

    async def _try(self, tenant_id: UUID, call: Pending) -> None:
        make = {"capture": self.capture, "void": self.void, "refund": self.refund}[call.kind]
        try:
            await make(tenant_id, call.id)
        except ProviderUnavailable:
            log.warning("payments.no_answer", call=call.kind, id=str(call.id))

    async def _refund_what_capture_left(self, tenant_id: UUID, order_id: UUID) -> None:
        async with self.database.tx(tenant_id, read_only=True) as tx:
            pending = await settlement.pending(tx, order_id)
        for call in pending:
            if call.kind == "refund":
                await self._try(tenant_id, call)
