"""What a dispute does to an order: it is in the timeline, and what is disputed can't be refunded as well."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from commerce.orders.held import SYSTEM, Actor, enter, hold, save_states, start_due_refunds
from commerce.payments import disputes
from commerce.payments.disputes import Outcome
from commerce.payments.providers import Contests, ProviderEvent, Providers
from foundation.database import Database
from foundation.errors import Unprocessable


class CanNotBeContested(Unprocessable):
    """This provider takes no evidence here; answer it where it asks."""

    code = "payments.can_not_be_contested"

    provider: str


@dataclass(frozen=True, slots=True)
class Disputes:
    """What banks and staff say about disputed payments."""

    database: Database
    providers: Providers

    async def opened(
        self, tenant_id: UUID, provider: str, event: ProviderEvent, *, order_id: UUID, payment_id: UUID
    ) -> None:
        """A cardholder has taken a payment back; nothing happens when that was known.

        Raises:
            DisputeNotFound: as far as is known here the payment is not captured, so it can't be in dispute yet.
        """
        async with self.database.tx(tenant_id) as tx:
            held = await hold(tx, order_id)
            if await disputes.opened(tx, provider, event, order_id=order_id, payment_id=payment_id):
                await save_states(held)
                await enter(held, "dispute_opened", SYSTEM, note=event.reason, amount=event.amount, provider=provider)
            else:
                await disputes.order_of(tx, provider, event.dispute_reference or "")

    async def closed(self, tenant_id: UUID, provider: str, reference: str, outcome: Outcome) -> UUID:
        """The bank has decided about an order's payment; nothing happens when that was known. Gives the order's id.

        Raises:
            DisputeNotFound: nobody has told of it being opened.
        """
        async with self.database.tx(tenant_id) as tx:
            held = await hold(tx, await disputes.order_of(tx, provider, reference))
            if await disputes.closed(tx, provider, reference, outcome):
                if outcome == "won":  # what was owed meanwhile can be given back now
                    await start_due_refunds(held, reason="dispute won")
                await save_states(held)
                await enter(held, f"dispute_{outcome}", SYSTEM, provider=provider)
        return held.id

    async def contest(self, tenant_id: UUID, dispute_id: UUID, evidence: str, actor: Actor) -> None:
        """Tell the bank why the money is rightly the shop's.

        Raises:
            DisputeNotFound, DisputeOver, CanNotBeContested, EvidenceRefused, ProviderUnavailable: nothing is kept.
        """
        async with self.database.tx(tenant_id, read_only=True) as tx:
            dispute = await disputes.to_contest(tx, dispute_id)
        provider = self.providers.named(dispute.provider)
        if not isinstance(provider, Contests):
            raise CanNotBeContested(provider=dispute.provider)
        await provider.contest(tenant_id, dispute.reference, evidence)
        async with self.database.tx(tenant_id) as tx:
            held = await hold(tx, dispute.order_id)
            await disputes.contested(tx, dispute_id, evidence)
            await enter(held, "dispute_contested", actor, amount=dispute.amount)
