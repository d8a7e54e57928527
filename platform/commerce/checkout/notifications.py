"""What is done about a provider's event: nothing is believed, the provider is asked.

So the order in which events come, and how often, can't matter: each leads to the same conditional updates as everything
else that happens to payments.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

import structlog

from commerce.checkout.driving import ENDED_WITHOUT_AN_ORDER
from commerce.checkout.service import Checkout
from commerce.orders.change_log import ChangeOver
from commerce.orders.disputing import Disputes
from commerce.orders.editing import OrderOutdated
from commerce.orders.paying import Additional
from commerce.payments import attempts, inbox
from commerce.payments.attempts import Attempt
from commerce.payments.disputes import Outcome
from commerce.payments.inbox import Kept
from commerce.payments.providers import ProviderEvent, TakesEvents, UnknownProvider
from foundation import clock
from foundation.errors import NotFound

log = structlog.get_logger(__name__)


class UnknownPayment(NotFound):
    """The provider tells of a payment that is not known here."""

    code = "payments.unknown_payment"


@dataclass(frozen=True, slots=True)
class Notifications:
    """Takes providers' events, and handles them."""

    checkout: Checkout

    async def take(self, tenant_id: UUID, provider: str, headers: Mapping[str, str], body: bytes) -> None:
        """Keep a provider's event and handle it; what can't be handled now is tried again later.

        Raises:
            UnknownProvider: there is none of that name that notifies.
            ForgedEvent: it is not the provider's; nothing is kept.
        """
        named = self.checkout.providers.named(provider)
        if not isinstance(named, TakesEvents):
            raise UnknownProvider(provider=provider)
        # It may have to fetch a certificate: not in the loop that answers everybody else.
        event = await asyncio.to_thread(named.read_event, headers, body, now=clock.now())
        async with self.checkout.database.tx(tenant_id) as tx:
            kept = await inbox.keep(tx, provider, event)
        if kept is not None:
            await self._handle(tenant_id, kept)

    async def catch_up(self, tenant_id: UUID) -> int:
        """Handle what could not be handled, and what a crash left; says how many events were tried."""
        async with self.checkout.database.tx(tenant_id, read_only=True) as tx:
            due = await inbox.due(tx)
        for kept in due:
            await self._handle(tenant_id, kept)
        return len(due)

    async def again(self, tenant_id: UUID, event_id: UUID) -> None:
        """Handle an event because staff say so.

        Raises:
            EventNotFound: there is none, or it is handled.
        """
        async with self.checkout.database.tx(tenant_id) as tx:
            kept = await inbox.again(tx, event_id)
        await self._handle(tenant_id, kept)

    async def _handle(self, tenant_id: UUID, kept: Kept) -> None:
        try:
            await self._look(tenant_id, kept.provider, kept.event)
        except Exception as fault:
            log.warning("payments.event_not_handled", id=str(kept.id), kind=kept.event.kind, exc_info=fault)
            async with self.checkout.database.tx(tenant_id) as tx:
                await inbox.put_off(tx, kept, f"{type(fault).__name__}: {fault}")
        else:
            async with self.checkout.database.tx(tenant_id) as tx:
                await inbox.handled(tx, kept.id)

    async def _look(self, tenant_id: UUID, provider: str, event: ProviderEvent) -> None:
        match event.kind:
            case "payment_changed":
                await self._look_at_payment(tenant_id, provider, event)
            case "refund_changed" if event.refund_id is not None:
                await self.checkout.driver.money.look_at_refund(tenant_id, event.refund_id)
            case "refund_changed":
                await self._look_at_payment(tenant_id, provider, event)
            case "dispute_opened":
                await self._open_dispute(tenant_id, provider, event)
            case "dispute_won" | "dispute_lost":
                outcome: Outcome = "won" if event.kind == "dispute_won" else "lost"
                order_id = await self._disputes.closed(tenant_id, provider, event.dispute_reference or "", outcome)
                await self.checkout.driver.money.settle(tenant_id, order_id)
            case "other":
                return

    @property
    def _disputes(self) -> Disputes:
        return Disputes(self.checkout.database, self.checkout.providers)

    async def _open_dispute(self, tenant_id: UUID, provider: str, event: ProviderEvent) -> None:
        attempt = await self._attempt(tenant_id, provider, event)
        part = next(
            part
            for part in attempt.parts
            if part.id == event.payment_id or (part.provider, part.charge.reference) == (provider, event.reference)
        )
        if part.order_id is None:
            raise UnknownPayment
        await self._disputes.opened(tenant_id, provider, event, order_id=part.order_id, payment_id=part.id)

    async def _attempt(self, tenant_id: UUID, provider: str, event: ProviderEvent) -> Attempt:
        async with self.checkout.database.tx(tenant_id, read_only=True) as tx:
            attempt = await attempts.of_payment(
                tx, provider=provider, payment_id=event.payment_id, reference=event.reference
            )
        if attempt is None:
            raise UnknownPayment
        return attempt

    async def _look_at_payment(self, tenant_id: UUID, provider: str, event: ProviderEvent) -> None:
        attempt = await self._attempt(tenant_id, provider, event)
        for part in attempt.parts:
            if part.order_id is not None:
                await self.checkout.driver.money.settle(tenant_id, part.order_id)
            elif part.status == "voiding":
                await self.checkout.driver.money.void(tenant_id, part.id)
        if attempt.is_over:
            return
        try:
            if not attempt.is_for_a_change:
                await self.checkout.resume(attempt)
            elif attempt.waits:  # whoever is just asking the provider ends it
                await Additional(self.checkout.database, self.checkout.providers).resume(attempt)
        except (*ENDED_WITHOUT_AN_ORDER, ChangeOver, OrderOutdated):
            return
