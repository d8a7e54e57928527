"""PayPal, by its own client: an order that the shopper approves on PayPal's page, then authorised and captured by us.

The reference is PayPal's order throughout; authorisation, capture and refunds are read from it. Nothing is held before
we authorise an approved order, and by then its name is known. Whatever was asked before is looked up before it is asked
again, since PayPal forgets a request's id after some hours.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from datetime import date, datetime
from typing import Any, ClassVar, Literal
from uuid import UUID

from commerce.payments.providers.accounts import Accounts, own_account
from commerce.payments.providers.contract import (
    ActionRequired,
    Authorised,
    Captured,
    Charge,
    ProviderEvent,
    ProviderUnavailable,
    Refunded,
    Refused,
    Reimbursement,
    Settled,
)
from commerce.payments.providers.paypal import events, reports
from commerce.payments.providers.paypal.amounts import from_paypal, to_paypal
from commerce.payments.providers.paypal.client import Client, NotAccepted

UNPAYABLE = "amount_not_payable"
"""PayPal does not take the currency, or knows no fractions of it."""
_WHOLE = "return=representation"
_HELD = ("CREATED", "CAPTURED", "PARTIALLY_CAPTURED")


class PayPalProvider:
    """PayPal wallets."""

    name: ClassVar[str] = "paypal"
    deferred: ClassVar[bool] = False

    def __init__(
        self,
        client_id: str,
        client_secret: str,
        webhook_id: str,
        *,
        environment: Literal["sandbox", "live"] = "sandbox",
        api_base: str | None = None,
        accounts: Accounts = own_account,
        fetch: events.Fetch = events.fetch,
    ) -> None:
        self._client = Client(client_id, client_secret, environment=environment, api_base=api_base, accounts=accounts)
        self._webhook_id, self._fetch = webhook_id, fetch

    async def authorise(self, charge: Charge) -> Authorised | ActionRequired | Refused:
        """Create the order and send the shopper to approve it."""
        amount = to_paypal(charge.amount, charge.currency)
        if amount is None:
            return Refused(UNPAYABLE)
        asked = {"body": _order(charge, amount), "paypal_request_id": str(charge.payment_id), "prefer": _WHOLE}
        try:
            return await self._standing(
                charge, await self._client.call(charge.tenant_id, "orders", "create_order", asked)
            )
        except NotAccepted as refusal:
            return Refused(refusal.issue)

    async def resume(self, charge: Charge) -> Authorised | ActionRequired | Refused:
        """What became of the order; one that was approved is authorised now."""
        if not charge.reference:  # nobody was sent to approve it, so nothing can be held
            return Refused("not_started")
        try:
            return await self._standing(charge, await self._order(charge.tenant_id, charge.reference))
        except NotAccepted as refusal:
            return Refused("not_started" if refusal.issue in _UNKNOWN else refusal.issue)

    async def capture(self, charge: Charge) -> Captured | Refused:
        """Capture the authorisation; until PayPal has reviewed it there is no answer."""
        amount = to_paypal(charge.amount, charge.currency)
        reference = charge.reference or ""
        if amount is None:
            return Refused(UNPAYABLE)
        try:
            order = await self._order(charge.tenant_id, reference)
            captured = _newest(order, "captures")
            if captured is None:
                authorisation = _newest(order, "authorizations")
                if authorisation is None or authorisation["status"] not in _HELD:
                    return Refused("not_authorised" if authorisation is None else authorisation["status"].lower())
                asked = {
                    "authorization_id": authorisation["id"],
                    "paypal_request_id": f"{charge.payment_id}-capture",
                    "prefer": _WHOLE,
                    "body": {"amount": amount, "final_capture": True, "invoice_id": str(charge.payment_id)},
                }
                captured = await self._client.call(charge.tenant_id, "payments", "capture_authorized_payment", asked)
        except NotAccepted as refusal:
            return Refused(refusal.issue)
        if captured["status"] == "PENDING":
            raise ProviderUnavailable
        if captured["status"] in ("DECLINED", "FAILED"):
            return Refused(captured["status"].lower())
        return Captured(reference, fee=_fee(captured, charge.currency))

    async def void(self, charge: Charge) -> None:
        """Void the authorisation, if there is one that is not captured."""
        if not charge.reference:
            return
        try:
            authorisation = _newest(await self._order(charge.tenant_id, charge.reference), "authorizations")
            if authorisation is None or authorisation["status"] not in ("CREATED", "PENDING"):
                return
            asked = {"authorization_id": authorisation["id"], "paypal_request_id": f"{charge.payment_id}-void"}
            await self._client.call(charge.tenant_id, "payments", "void_payment", asked)
        except NotAccepted as refusal:
            if refusal.issue not in (*_UNKNOWN, "previously_voided", "previously_captured"):
                raise ProviderUnavailable from refusal

    async def refund(self, refund: Reimbursement) -> Refunded | Refused:
        """Refund the capture, unless it was; a pending refund counts until PayPal says that it failed."""
        amount = to_paypal(refund.amount, refund.currency)
        if amount is None:
            return Refused(UNPAYABLE)
        try:
            order = await self._order(refund.tenant_id, refund.reference)
            captured = _newest(order, "captures")
            if captured is None:
                return Refused("not_captured")
            refunds = _payments(order).get("refunds") or []
            made = next((one for one in refunds if one.get("custom_id") == str(refund.refund_id)), None)
            if made is None:
                asked = {
                    "capture_id": captured["id"],
                    "paypal_request_id": str(refund.refund_id),
                    "prefer": _WHOLE,
                    "body": {"amount": amount, "custom_id": str(refund.refund_id)},
                }
                made = await self._client.call(refund.tenant_id, "payments", "refund_captured_payment", asked)
        except NotAccepted as refusal:
            return Refused(refusal.issue)
        return Refused(made["status"].lower()) if made["status"] in ("FAILED", "CANCELLED") else Refunded(made["id"])

    def read_event(self, headers: Mapping[str, str], body: bytes, *, now: datetime) -> ProviderEvent:
        """The notification in a request.

        Raises:
            ForgedEvent: the signature is not PayPal's, or the notification is older than PayPal would send one again.
            ProviderUnavailable: PayPal's certificate can't be had.
        """
        return events.read_event(headers, body, webhook_id=self._webhook_id, now=now, fetch=self._fetch)

    async def settlements(self, tenant_id: UUID, day: date) -> AsyncIterator[Settled]:
        """The transactions of a day that changed the balance."""
        async for line in reports.settlements(self._client, tenant_id, day):
            yield line

    async def _order(self, tenant_id: UUID, order_id: str) -> dict[str, Any]:
        return await self._client.call(tenant_id, "orders", "get_order", {"id": order_id})

    async def _standing(self, charge: Charge, order: dict[str, Any]) -> Authorised | ActionRequired | Refused:
        match order["status"]:
            case "CREATED" | "SAVED" | "PAYER_ACTION_REQUIRED":
                return ActionRequired(order["id"], _approval(order))
            case "APPROVED":
                asked = {"id": order["id"], "paypal_request_id": f"{charge.payment_id}-authorise", "prefer": _WHOLE}
                return _held(await self._client.call(charge.tenant_id, "orders", "authorize_order", asked))
            case "COMPLETED":
                return _held(order)
            case status:
                return Refused(status.lower())


_UNKNOWN = ("resource_not_found", "invalid_resource_id")


def _order(charge: Charge, amount: dict[str, str]) -> dict[str, Any]:
    context = {"user_action": "PAY_NOW", "shipping_preference": "NO_SHIPPING"}
    if charge.return_url:
        context |= {"return_url": charge.return_url, "cancel_url": charge.return_url}
    ours = str(charge.payment_id)
    return {
        "intent": "AUTHORIZE",
        "purchase_units": [{"custom_id": ours, "invoice_id": ours, "amount": amount}],
        "payment_source": {"paypal": {"experience_context": context}},
    }


def _approval(order: dict[str, Any]) -> str:
    return next((link["href"] for link in order["links"] if link["rel"] in ("payer-action", "approve")), "")


def _held(order: dict[str, Any]) -> Authorised | Refused:
    authorisation = _newest(order, "authorizations")
    if authorisation is None:
        return Refused("not_authorised")
    if authorisation["status"] == "PENDING":
        raise ProviderUnavailable
    return Authorised(order["id"]) if authorisation["status"] in _HELD else Refused(authorisation["status"].lower())


def _payments(order: dict[str, Any]) -> dict[str, Any]:
    payments: dict[str, Any] = order["purchase_units"][0].get("payments") or {}
    return payments


def _newest(order: dict[str, Any], kind: str) -> dict[str, Any] | None:
    found: list[dict[str, Any]] = _payments(order).get(kind) or []
    return found[-1] if found else None


def _fee(captured: dict[str, Any], currency: str) -> int:
    fee = (captured.get("seller_receivable_breakdown") or {}).get("paypal_fee")
    return from_paypal(fee) if fee and fee["currency_code"] == currency else 0
