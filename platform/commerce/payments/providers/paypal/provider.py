"""PayPal, by its own client: an order that the shopper approves on PayPal's page, then authorised and captured by us.

The reference is PayPal's order throughout; authorisation, capture and refunds are read from it. Nothing is held before
we authorise an approved order, and by then its name is known. Whatever was asked before is looked up before it is asked
again, since PayPal forgets a request's id after some hours.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from datetime import date, datetime, timedelta
from typing import Any, ClassVar, Literal
from uuid import UUID

from commerce.payments.providers.accounts import Accounts, own_account
from commerce.payments.providers.contract import (
    NEVER_ASKED,
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
_UNKNOWN = ("resource_not_found", "invalid_resource_id")
_OPEN = ("CREATED", "SAVED", "PAYER_ACTION_REQUIRED", "APPROVED")
_MARK = {"op": "add", "path": "/purchase_units/@reference_id=='default'/description", "value": "Cancelled"}
"""PayPal has no way to cancel an order that is not authorised: it is marked, and never authorised by us."""
_HELD = ("CREATED", "CAPTURED", "PARTIALLY_CAPTURED")


class PayPalProvider:
    """PayPal wallets."""

    name: ClassVar[str] = "paypal"
    deferred: ClassVar[bool] = False
    lets_go_within: ClassVar[timedelta] = timedelta()

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
        if to_paypal(charge.amount, charge.currency) is None:
            return Refused(UNPAYABLE)
        try:
            return await self._standing(charge, await self._created(charge))
        except NotAccepted as refusal:
            return Refused(refusal.issue)

    async def resume(self, charge: Charge) -> Authorised | ActionRequired | Refused:
        """What became of the order; one that was approved is authorised now.

        Of one whose name was lost nobody was told where to approve it.
        """
        if to_paypal(charge.amount, charge.currency) is None:
            return NEVER_ASKED
        try:
            order = await self._find(charge)
            standing = await self._standing(charge, order)
        except NotAccepted as refusal:
            return NEVER_ASKED if refusal.issue in _UNKNOWN else Refused(refusal.issue)
        return standing if charge.reference or not isinstance(standing, ActionRequired) else NEVER_ASKED

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
        """Void the authorisation; an order without one is marked, so that it gets none. What is captured stays."""
        if to_paypal(charge.amount, charge.currency) is None:
            return
        try:
            order = await self._find(charge)
            authorisation = _newest(order, "authorizations")
            if authorisation is None and order["status"] in _OPEN and not _is_let_go(order):
                asked: dict[str, Any] = {"id": order["id"], "body": [_MARK]}
                await self._client.call(charge.tenant_id, "orders", "patch_order", asked)
            elif authorisation is not None and authorisation["status"] in ("CREATED", "PENDING"):
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

    async def _find(self, charge: Charge) -> dict[str, Any]:
        """The order by its name, or as PayPal answers a request that it has had before; when it has not, the order that
        this makes is nobody's to approve, for nobody is told where.
        """
        if charge.reference:
            return await self._order(charge.tenant_id, charge.reference)
        made = await self._created(charge)
        return await self._order(charge.tenant_id, made["id"])

    async def _created(self, charge: Charge) -> dict[str, Any]:
        asked = {"body": _order(charge), "paypal_request_id": str(charge.payment_id), "prefer": _WHOLE}
        return await self._client.call(charge.tenant_id, "orders", "create_order", asked)

    async def _order(self, tenant_id: UUID, order_id: str) -> dict[str, Any]:
        return await self._client.call(tenant_id, "orders", "get_order", {"id": order_id})

    async def _standing(self, charge: Charge, order: dict[str, Any]) -> Authorised | ActionRequired | Refused:
        if _is_let_go(order):
            return Refused("let_go")
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


def _is_let_go(order: dict[str, Any]) -> bool:
    return bool(order["purchase_units"][0].get("description") == _MARK["value"])


def _order(charge: Charge) -> dict[str, Any]:
    context = {"user_action": "PAY_NOW", "shipping_preference": "NO_SHIPPING"}
    if charge.return_url:
        context |= {"return_url": charge.return_url, "cancel_url": charge.return_url}
    ours = str(charge.payment_id)
    return {
        "intent": "AUTHORIZE",
        "purchase_units": [
            {"custom_id": ours, "invoice_id": ours, "amount": to_paypal(charge.amount, charge.currency)}
        ],
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
