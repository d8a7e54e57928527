"""Gift cards and store credit as payment providers: their money is with the shop, in its own database."""

from __future__ import annotations

from datetime import timedelta
from typing import ClassVar
from uuid import UUID

from commerce.payments.providers.contract import (
    NEVER_ASKED,
    ActionRequired,
    Authorised,
    Captured,
    Charge,
    Refunded,
    Refused,
    Reimbursement,
)
from commerce.stored_value import service, spending
from commerce.stored_value.schemas import Kind
from commerce.stored_value.service import Issue
from commerce.stored_value.spending import SYSTEM, Outcome, Purse
from foundation.database import Database


class _StoredValue:
    name: ClassVar[str]
    kind: ClassVar[Kind]
    deferred: ClassVar[bool] = False
    lets_go_within: ClassVar[timedelta] = timedelta()

    def __init__(self, database: Database) -> None:
        self._database = database

    def _purse(self, charge: Charge) -> Purse:
        raise NotImplementedError

    async def authorise(self, charge: Charge) -> Authorised | ActionRequired | Refused:
        """Set the amount aside, all of it or nothing."""
        purse = self._purse(charge)
        try:
            async with self._database.tx(charge.tenant_id) as tx:
                _require_done(await spending.hold(tx, purse, charge.payment_id, charge.amount, charge.currency))
        except _NotDone as refused:
            return Refused(refused.outcome)
        return Authorised(self._reference(charge.payment_id))

    async def resume(self, charge: Charge) -> Authorised | ActionRequired | Refused:
        """Whether it was set aside; what was let go since is held no more and counts as never asked for."""
        async with self._database.tx(charge.tenant_id, read_only=True) as tx:
            outcome = await spending.held(tx, charge.payment_id)
        return Authorised(self._reference(charge.payment_id)) if outcome == "done" else NEVER_ASKED

    async def capture(self, charge: Charge) -> Captured | Refused:
        """Spend what was set aside."""
        async with self._database.tx(charge.tenant_id) as tx:
            outcome = await spending.spend(tx, charge.payment_id)
        return Captured(self._reference(charge.payment_id)) if outcome == "done" else Refused(outcome)

    async def void(self, charge: Charge) -> None:
        """Give back what was set aside, and set nothing aside for this payment any more."""
        async with self._database.tx(charge.tenant_id) as tx:
            await spending.release(tx, self.kind, charge.payment_id, charge.currency)

    async def refund(self, refund: Reimbursement) -> Refunded | Refused:
        """Put it back to where it was spent from."""
        try:
            async with self._database.tx(refund.tenant_id) as tx:
                _require_done(await spending.refund(tx, refund.payment_id, refund.refund_id, refund.amount))
        except _NotDone as refused:
            return Refused(refused.outcome)
        return Refunded(self._reference(refund.refund_id))

    def _reference(self, about: UUID) -> str:
        return f"{self.name}_{about.hex}"


class GiftCards(_StoredValue):
    """The token is the code of a card."""

    name: ClassVar[str] = "gift_card"
    kind: ClassVar[Kind] = "gift_card"

    def _purse(self, charge: Charge) -> Purse:
        return Purse("gift_card", code=charge.token)


class StoreCredit(_StoredValue):
    """The customer pays with their own credit; whatever they paid with can be refunded to it."""

    name: ClassVar[str] = "store_credit"
    kind: ClassVar[Kind] = "store_credit"

    def _purse(self, charge: Charge) -> Purse:
        return Purse("store_credit", customer_id=charge.customer_id)

    async def refund(self, refund: Reimbursement) -> Refunded | Refused:
        """Put it back to where it was spent from; as new credit, when it was paid otherwise."""
        async with self._database.tx(refund.tenant_id, read_only=True) as tx:
            own = await spending.paid_with(tx, refund.payment_id) == self.kind
        if own:
            return await super().refund(refund)
        if refund.customer_id is None:
            return Refused("no_customer")
        issued = Issue(
            kind="store_credit",
            amount=refund.amount,
            currency=refund.currency,
            funded_by=f"provider:{self.name}",
            reason="refund",
            customer_id=refund.customer_id,
        )
        async with self._database.tx(refund.tenant_id) as tx:
            # The grant has the refund's id, so there is one however often it is asked for.
            await service.issue(tx, issued, value_id=refund.refund_id, actor=SYSTEM, reference_id=refund.refund_id)
        return Refunded(self._reference(refund.refund_id))


class _NotDone(Exception):
    """Rolls back what was begun."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__(outcome)
        self.outcome = outcome


def _require_done(outcome: Outcome) -> None:
    if outcome != "done":
        raise _NotDone(outcome)
