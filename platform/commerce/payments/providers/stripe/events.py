"""What Stripe notifies us of."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from commerce.payments.providers.contract import EventKind, ForgedEvent, ProviderEvent
from commerce.payments.providers.references import our_id
from commerce.payments.providers.stripe.amounts import from_stripe

TOLERANCE = timedelta(minutes=5)
"""How far the time a notification was signed at may be from ours, on either side."""

_REFUNDS = ("refund.", "charge.refund")
_CLOSED: dict[str, EventKind] = {"won": "dispute_won", "lost": "dispute_lost"}


def read_event(headers: Mapping[str, str], body: bytes, *, secret: str, now: datetime) -> ProviderEvent:
    """The notification in a request, by the SDK's check of its signature and our clock.

    Raises:
        ForgedEvent: the signature is not Stripe's, or was made more than `TOLERANCE` from now.
    """
    import stripe  # noqa: PLC0415  (0.7 s, paid only where Stripe is used)

    header = headers.get("stripe-signature", "")
    try:
        # The SDK would read the system's clock: the age is checked below, by the one that tests can set.
        event = stripe.Webhook.construct_event(body, header, secret, tolerance=0).to_dict()
        signed_at = int(dict(part.split("=", 1) for part in header.split(",") if "=" in part)["t"])
    except (stripe.SignatureVerificationError, ValueError, KeyError) as fault:
        raise ForgedEvent from fault
    if abs(now.timestamp() - signed_at) > TOLERANCE.total_seconds():
        raise ForgedEvent
    return _event(event)


def _event(event: dict[str, Any]) -> ProviderEvent:
    kind = _kind(event)
    about = event["data"]["object"]
    metadata = about.get("metadata") or {}
    currency = str(about.get("currency") or "").upper()
    disputed = kind.startswith("dispute_")
    return ProviderEvent(
        id=event["id"],
        kind=kind,
        occurred_at=datetime.fromtimestamp(event["created"], tz=UTC),
        payment_id=our_id(metadata.get("payment_id")),
        reference=about["id"] if about.get("object") == "payment_intent" else about.get("payment_intent"),
        refund_id=our_id(metadata.get("refund_id")),
        amount=from_stripe(about["amount"], currency) if disputed else 0,
        currency=currency if disputed else "",
        dispute_reference=about["id"] if disputed else None,
        reason=about.get("reason") or "" if disputed else "",
    )


def _kind(event: dict[str, Any]) -> EventKind:
    name: str = event["type"]
    if name.startswith("payment_intent."):
        return "payment_changed"
    if name.startswith(_REFUNDS):
        return "refund_changed"
    # An inquiry takes no money; when it becomes a chargeback, and when there was none before, the funds are withdrawn.
    if name == "charge.dispute.funds_withdrawn":
        return "dispute_opened"
    if name == "charge.dispute.closed":
        return _CLOSED.get(event["data"]["object"]["status"], "other")
    return "other"
