"""The test provider: no money moves, the token says what happens."""

from __future__ import annotations

from typing import ClassVar

from commerce.payments.providers.contract import (
    NEVER_ASKED,
    ActionRequired,
    Authorised,
    Captured,
    Charge,
    ProviderUnavailable,
    Refunded,
    Refused,
    Reimbursement,
)

_NO_REFUNDS = "test_no_refunds_"
_REFUSALS = {"tok_declined": "card_declined", "tok_insufficient_funds": "insufficient_funds"}


class TestProvider:
    """The token says the answer: `tok_ok`, `tok_declined`, `tok_insufficient_funds`, `tok_unavailable`.

    `tok_refund_fails` is captured, and its refunds are refused.
    """

    __test__ = False
    name: ClassVar[str] = "test"
    deferred: ClassVar[bool] = False

    async def authorise(self, charge: Charge) -> Authorised | ActionRequired | Refused:
        """Decide by the token."""
        if charge.token == "tok_unavailable":  # noqa: S105
            raise ProviderUnavailable
        if charge.token == "tok_refund_fails":  # noqa: S105
            return Authorised(f"{_NO_REFUNDS}{charge.payment_id.hex}")
        if charge.token != "tok_ok":  # noqa: S105
            return Refused(_REFUSALS.get(charge.token, "invalid_token"))
        return Authorised(f"test_{charge.payment_id.hex}")

    async def resume(self, charge: Charge) -> Authorised | ActionRequired | Refused:
        """What has a reference was authorised; nothing else is remembered."""
        return Authorised(charge.reference) if charge.reference else NEVER_ASKED

    async def capture(self, charge: Charge) -> Captured | Refused:
        """Nothing moves at a test."""
        return Captured(charge.reference or "")

    async def void(self, charge: Charge) -> None:
        """Nothing was held."""

    async def refund(self, refund: Reimbursement) -> Refunded | Refused:
        """Decide by the token that the payment was made with."""
        if refund.reference.startswith(_NO_REFUNDS):
            return Refused("card_closed")
        return Refunded(f"test_refund_{refund.refund_id.hex}")
