"""What Razorpay notifies us of, and what it settled."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

from commerce.payments.providers.contract import EventKind, ForgedEvent, ProviderEvent, Settled
from commerce.payments.providers.references import our_id

RETRIED_FOR = timedelta(hours=25)
"""Razorpay sends the same body again for a day, and its signature has no time but the body's."""
SKEW = timedelta(minutes=5)

_DISPUTES: dict[str, EventKind] = {
    "payment.dispute.created": "dispute_opened",
    "payment.dispute.won": "dispute_won",
    "payment.dispute.lost": "dispute_lost",
}
_INQUIRIES = ("fraud", "retrieval")
"""Phases of a dispute in which no money is asked back yet."""


def read_event(headers: Mapping[str, str], body: bytes, *, secret: str, now: datetime) -> ProviderEvent:
    """The notification in a request. Its id is made of the body, which is signed; the id in the header is not.

    Raises:
        ForgedEvent: the signature is not Razorpay's, or the body's time is too long ago or to come.
    """
    signature = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    if not secret or not hmac.compare_digest(signature.encode(), headers.get("x-razorpay-signature", "").encode()):
        raise ForgedEvent
    event = json.loads(body)
    occurred_at = datetime.fromtimestamp(event["created_at"], tz=UTC)
    if not now - RETRIED_FOR <= occurred_at <= now + SKEW:
        raise ForgedEvent
    return _event(hashlib.sha256(body).hexdigest(), event, occurred_at)


def _event(identifier: str, event: dict[str, Any], occurred_at: datetime) -> ProviderEvent:
    parts = {name: part["entity"] for name, part in event["payload"].items()}
    payment, refund, dispute = (parts.get(name, {}) for name in ("payment", "refund", "dispute"))
    kind = _kind(event["event"], dispute)
    disputed = kind.startswith("dispute_")
    return ProviderEvent(
        id=identifier,
        kind=kind,
        occurred_at=occurred_at,
        payment_id=our_id(_notes(payment).get("payment_id")),
        reference=payment.get("order_id") or parts.get("order", {}).get("id"),
        refund_id=our_id(_notes(refund).get("refund_id")),
        amount=dispute["amount"] if disputed else 0,
        currency=dispute["currency"] if disputed else "",
        dispute_reference=dispute["id"] if disputed else None,
        reason=dispute.get("reason_code") or "" if disputed else "",
    )


def _kind(name: str, dispute: dict[str, Any]) -> EventKind:
    if name in _DISPUTES:
        return "other" if dispute.get("phase") in _INQUIRIES else _DISPUTES[name]
    if name.startswith("refund."):
        return "refund_changed"
    if name.startswith(("payment.", "order.")) and ".dispute." not in name and ".downtime." not in name:
        return "payment_changed"
    return "other"


def settled(line: dict[str, Any], day: date) -> Settled:
    """A line of the combined reconciliation report."""
    notes = _notes(line)
    reference, kind, amount = line["entity_id"], "fee", line["credit"] - line["debit"]
    fee = 0
    if line["type"] == "payment":
        reference, kind, amount, fee = line.get("order_id") or reference, "capture", line["amount"], line["fee"]
    elif line["type"] == "refund":
        kind, amount, fee = "refund", -line["amount"], line["fee"]
    elif line.get("dispute_id"):
        reference, kind = line["dispute_id"], "reversal" if amount > 0 else "dispute"
    return Settled(
        id=line["entity_id"],
        reference=reference,
        kind=kind,  # type: ignore[arg-type]  # one of its literals
        amount=amount,
        fee=fee,
        currency=line["currency"],
        settled_on=day,
        payment_id=our_id(notes.get("payment_id") or line.get("order_receipt")),
        refund_id=our_id(notes.get("refund_id")),
    )


def _notes(of: dict[str, Any]) -> dict[str, Any]:
    """What we gave Razorpay to keep; it says `[]` for nothing."""
    notes = of.get("notes") or {}
    if isinstance(notes, str):  # in reports they are text
        notes = json.loads(notes)
    return notes if isinstance(notes, dict) else {}
