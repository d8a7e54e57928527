"""Razorpay, by its own client: an order that is paid by UPI, net banking or its Checkout, and captured by hand.

The token says how: `upi` opens the shopper's UPI app, `upi:NAME@BANK` asks in the app of that address,
`netbanking:HDFC` goes to the bank's page, and `checkout` leaves it to Razorpay's Checkout, which the shop's page opens
with the reference as its `order_id` (cards come this way: their numbers never pass us). The reference is Razorpay's
order, whose receipt is our payment's id, so it is found again when its answer was lost. An authorised payment can't be
let go at once: its order is marked, and Razorpay gives it back when `GIVEN_BACK_AFTER` has passed without a capture.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from datetime import date, datetime, timedelta
from typing import Any, ClassVar
from uuid import UUID

from commerce.payments.providers.accounts import Accounts, own_account
from commerce.payments.providers.contract import (
    NEVER_ASKED,
    ActionRequired,
    Authorised,
    Captured,
    Charge,
    EvidenceRefused,
    ProviderEvent,
    Refunded,
    Refused,
    Reimbursement,
    Settled,
)
from commerce.payments.providers.razorpay import events
from commerce.payments.providers.razorpay.client import Client, NotAccepted
from commerce.payments.providers.razorpay.evidence import letter
from foundation.money import exponent

GIVEN_BACK_AFTER = timedelta(days=1)
UNPAYABLE = "amount_not_payable"
_LAST_DIGIT_IS_ZERO = 3
"""Of amounts with three decimals Razorpay takes those that end in zero."""
_NOBODY = {"email": "void@razorpay.com", "contact": "+919999999999"}
"""Razorpay wants both with every payment. The order keeps the shopper's; Razorpay is told neither."""
_LET_GO = "let_go"
"""The note on an order that no payment for it is wanted any more."""
LET_GO = Refused("let_go")
_PAGE = 100
_SUMMARY = 1_000
"""So much of what is said fits the summary; all of it is in the letter."""


class RazorpayProvider:
    """UPI, net banking, cards and what else Razorpay's Checkout offers."""

    name: ClassVar[str] = "razorpay"
    deferred: ClassVar[bool] = False
    lets_go_within: ClassVar[timedelta] = GIVEN_BACK_AFTER

    def __init__(
        self,
        key_id: str,
        key_secret: str,
        webhook_secret: str,
        *,
        api_base: str | None = None,
        accounts: Accounts = own_account,
    ) -> None:
        self._client = Client(key_id, key_secret, api_base=api_base, accounts=accounts)
        self._webhook_secret = webhook_secret

    async def authorise(self, charge: Charge) -> Authorised | ActionRequired | Refused:
        """Create the order, unless there is one, and start a payment for it."""
        if not _payable(charge.amount, charge.currency):
            return Refused(UNPAYABLE)
        method, _, detail = charge.token.partition(":")
        if method not in ("upi", "netbanking", "checkout") or (method == "netbanking" and not detail):
            return Refused("invalid_token")
        try:
            order = await self._find(charge)
            if order is None:
                order = await self._client.call(charge.tenant_id, "order", "create", _order(charge))
            standing = await self._standing(charge, order)
            if isinstance(standing, Authorised) or standing == LET_GO:
                return standing
            if method == "checkout":
                return _asked(charge, order, charge.return_url)
            return await self._start(charge, order, method, detail)
        except NotAccepted:
            return Refused("invalid_request")

    async def resume(self, charge: Charge) -> Authorised | ActionRequired | Refused:
        """What became of the payments for the order."""
        try:
            order = await self._find(charge)
            return NEVER_ASKED if order is None else await self._standing(charge, order)
        except NotAccepted:
            return NEVER_ASKED

    async def capture(self, charge: Charge) -> Captured | Refused:
        """Capture the payment that was authorised, with Razorpay's fee and the tax on it."""
        try:
            payment = await self._payment(charge.tenant_id, charge.reference or "")
            if payment is None:
                return Refused("not_authorised")
            if payment["status"] == "authorized":
                if _is_let_go(await self._client.call(charge.tenant_id, "order", "fetch", charge.reference)):
                    return LET_GO
                payment = await self._client.call(
                    charge.tenant_id, "payment", "capture", payment["id"], charge.amount, {"currency": charge.currency}
                )
        except NotAccepted:
            return Refused("expired")
        if payment["status"] != "captured":
            return Refused(payment["status"])
        return Captured(charge.reference or "", fee=payment.get("fee") or 0)

    async def void(self, charge: Charge) -> None:
        """Write on the order that it is let go, unless it is captured: what is not, Razorpay gives back."""
        try:
            order = await self._find(charge)
            if order is None or _is_let_go(order):
                return
            payment = await self._payment(charge.tenant_id, order["id"])
            if payment is None or payment["status"] != "captured":
                notes = {"payment_id": str(charge.payment_id), _LET_GO: "yes"}
                await self._client.call(charge.tenant_id, "order", "edit", order["id"], {"notes": notes})
        except NotAccepted:
            return

    async def refund(self, refund: Reimbursement) -> Refunded | Refused:
        """Refund the payment of the order, unless it was refunded already."""
        if not _payable(refund.amount, refund.currency):
            return Refused(UNPAYABLE)
        tenant_id = refund.tenant_id
        try:
            payment = await self._payment(tenant_id, refund.reference)
            if payment is None:
                return Refused("not_captured")
            made = await self._refund_made(refund, payment["id"])
            if made is None:
                made = await self._client.call(
                    tenant_id,
                    "payment",
                    "refund",
                    payment["id"],
                    {
                        "amount": refund.amount,
                        "receipt": refund.refund_id.hex,
                        "notes": {"refund_id": str(refund.refund_id)},
                    },
                    X_Refund_Idempotency=refund.refund_id.hex,
                )
        except NotAccepted:
            return Refused("invalid_request")
        return Refused("failed") if made["status"] == "failed" else Refunded(made["id"])

    def read_event(self, headers: Mapping[str, str], body: bytes, *, now: datetime) -> ProviderEvent:
        """The notification in a request.

        Raises:
            ForgedEvent: the signature is not Razorpay's, or the notification is older than it would send one again.
        """
        return events.read_event(headers, body, secret=self._webhook_secret, now=now)

    async def settlements(self, tenant_id: UUID, day: date) -> AsyncIterator[Settled]:
        """The lines of the settlements of a day, by Razorpay's combined report."""
        skip = 0
        while True:
            asked = {"year": day.year, "month": day.month, "day": day.day, "count": _PAGE, "skip": skip}
            page = (await self._client.call(tenant_id, "settlement", "report", asked))["items"]
            for line in page:
                yield events.settled(line, day)
            if len(page) < _PAGE:
                return
            skip += _PAGE

    async def contest(self, tenant_id: UUID, dispute_reference: str, evidence: str) -> None:
        """Upload the evidence as a document, and submit it; Razorpay takes it once.

        Raises:
            EvidenceRefused: it is too late, or Razorpay does not know the dispute.
        """
        try:
            dispute = await self._client.call(tenant_id, "dispute", "fetch", dispute_reference)
            if (dispute.get("evidence") or {}).get("submitted_at"):
                return
            pdf = await asyncio.to_thread(letter, dispute_reference, evidence)
            uploaded = {"file": (f"{dispute_reference}.pdf", pdf, "application/pdf"), "purpose": "dispute_evidence"}
            document = await self._client.call(tenant_id, "document", "create", uploaded)
            said = {"summary": evidence[:_SUMMARY], "explanation_letter": [document["id"]], "action": "submit"}
            await self._client.call(tenant_id, "dispute", "contest", dispute_reference, said)
        except NotAccepted as refusal:
            raise EvidenceRefused from refusal

    async def _find(self, charge: Charge) -> dict[str, Any] | None:
        if charge.reference:
            return await self._client.call(charge.tenant_id, "order", "fetch", charge.reference)
        found = await self._client.call(charge.tenant_id, "order", "all", {"receipt": charge.payment_id.hex})
        orders: list[dict[str, Any]] = found["items"]
        return orders[0] if orders else None

    async def _payment(self, tenant_id: UUID, order_id: str) -> dict[str, Any] | None:
        """The payment that holds or took the money of an order, if one does."""
        payments = (await self._client.call(tenant_id, "order", "payments", order_id))["items"]
        for status in ("captured", "refunded", "authorized"):
            for payment in payments:
                if payment["status"] == status:
                    return {**payment, "status": "captured" if status == "refunded" else status}
        return None

    async def _standing(self, charge: Charge, order: dict[str, Any]) -> Authorised | ActionRequired | Refused:
        if _is_let_go(order):
            return LET_GO
        payments = (await self._client.call(charge.tenant_id, "order", "payments", order["id"]))["items"]
        if any(payment["status"] in ("authorized", "captured", "refunded") for payment in payments):
            return Authorised(order["id"])
        if payments and all(payment["status"] == "failed" for payment in payments):
            last = max(payments, key=lambda payment: int(payment["created_at"]))
            return Refused(last.get("error_reason") or "payment_failed")
        return _asked(charge, order, charge.return_url)

    async def _start(self, charge: Charge, order: dict[str, Any], method: str, detail: str) -> ActionRequired | Refused:
        wanted: dict[str, Any] = {
            "amount": charge.amount,
            "currency": charge.currency,
            "order_id": order["id"],
            "method": method,
            "notes": {"payment_id": str(charge.payment_id)},
            **_NOBODY,
        }
        if method == "upi":
            wanted["upi"] = {"flow": "collect", "vpa": detail} if detail else {"flow": "intent"}
            started = await self._client.call(charge.tenant_id, "payment", "createUpi", wanted)
            return _asked(charge, order, started.get("link") or charge.return_url)
        wanted |= {"bank": detail, "callback_url": charge.return_url}
        started = await self._client.call(charge.tenant_id, "payment", "createPaymentJson", wanted)
        to_bank = next((step["url"] for step in started["next"] if step["action"] == "redirect"), None)
        return _asked(charge, order, to_bank) if to_bank else Refused("payment_failed")

    async def _refund_made(self, refund: Reimbursement, payment_id: str) -> dict[str, Any] | None:
        found = await self._client.call(
            refund.tenant_id, "payment", "fetch_multiple_refund", payment_id, {"count": _PAGE}
        )
        made: list[dict[str, Any]] = found["items"]
        return next((one for one in made if one.get("receipt") == refund.refund_id.hex), None)


def _order(charge: Charge) -> dict[str, Any]:
    expiry = int(GIVEN_BACK_AFTER.total_seconds() // 60)
    return {
        "amount": charge.amount,
        "currency": charge.currency,
        "receipt": charge.payment_id.hex,
        "notes": {"payment_id": str(charge.payment_id)},
        "payment": {
            "capture": "manual",
            "capture_options": {"manual_expiry_period": expiry, "refund_speed": "normal"},
        },
    }


def _asked(charge: Charge, order: dict[str, Any], url: str | None) -> ActionRequired:
    return ActionRequired(order["id"], url or charge.return_url or "")


def _is_let_go(order: dict[str, Any]) -> bool:
    notes = order.get("notes") or {}  # nothing is `[]`
    return isinstance(notes, dict) and _LET_GO in notes


def _payable(amount: int, currency: str) -> bool:
    return exponent(currency) != _LAST_DIGIT_IS_ZERO or amount % 10 == 0
