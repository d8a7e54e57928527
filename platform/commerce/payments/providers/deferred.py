"""The goods go before the money: cash on delivery, and invoices on account.

The shop says who may pay so, see `payments.terms`. Nobody is called: that the money came is what staff write down.
"""

from __future__ import annotations

from datetime import timedelta
from typing import ClassVar

from commerce.payments import terms
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
from foundation import clock
from foundation.database import Database


class _Deferred:
    name: ClassVar[str]
    deferred: ClassVar[bool] = True
    lets_go_within: ClassVar[timedelta] = timedelta()

    def __init__(self, database: Database) -> None:
        self._database = database

    async def authorise(self, charge: Charge) -> Authorised | ActionRequired | Refused:
        """Vouch for whom the shop lets pay so."""
        async with self._database.tx(charge.tenant_id, read_only=True) as tx:
            days = await terms.days(tx, self.name, charge.customer_id)
        if days is None:
            return Refused("not_offered")
        return Authorised(f"{self.name}_{charge.payment_id.hex}", due_on=clock.now().date() + timedelta(days=days))

    async def resume(self, charge: Charge) -> Authorised | ActionRequired | Refused:
        """Nothing is remembered but what the payment says itself."""
        return Authorised(charge.reference) if charge.reference else NEVER_ASKED

    async def capture(self, charge: Charge) -> Captured | Refused:
        """It came: staff say so."""
        return Captured(charge.reference or "")

    async def void(self, charge: Charge) -> None:
        """Nothing was held."""

    async def refund(self, refund: Reimbursement) -> Refunded | Refused:
        """It goes back as it came, by hand."""
        return Refunded(f"{self.name}_{refund.refund_id.hex}")


class CashOnDelivery(_Deferred):
    """Whoever brings the parcel is paid."""

    name: ClassVar[str] = "cod"


class Invoices(_Deferred):
    """On account: the customer pays by a date."""

    name: ClassVar[str] = "invoice"
