"""What PayPal notifies us of.

A notification is signed with RSA over its id, its time, the webhook's id and the CRC-32 of the body. That proves that
PayPal sent a notification with such a sum; a sum of 32 bits does not prove the body against somebody who has seen one
on its way and can change it. So nothing but disputes is believed from a body: of payments and refunds it only says:
look.
"""

from __future__ import annotations

import base64
import binascii
import json
import zlib
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

from commerce.payments.providers.contract import EventKind, ForgedEvent, ProviderEvent, ProviderUnavailable
from commerce.payments.providers.paypal.amounts import from_paypal
from commerce.payments.providers.references import our_id

RETRIED_FOR = timedelta(days=3, hours=1)
"""PayPal sends a notification again for three days."""
SKEW = timedelta(minutes=5)
_HOSTS = ("api.paypal.com", "api-m.paypal.com", "api.sandbox.paypal.com", "api-m.sandbox.paypal.com")
_FETCH_SECONDS = 5.0

_OUTCOMES: dict[str, EventKind] = {
    "RESOLVED_SELLER_FAVOUR": "dispute_won",
    "RESOLVED_BUYER_FAVOUR": "dispute_lost",
}

Fetch = Callable[[str], bytes]
"""Gets the certificate at an address."""


@lru_cache(maxsize=16)
def fetch(url: str) -> bytes:
    """The certificate at an address of PayPal's; a certificate's address never changes its meaning.

    Raises:
        ProviderUnavailable: it can't be had.
    """
    import httpx  # noqa: PLC0415  (needed once a certificate)

    try:
        return httpx.get(url, timeout=_FETCH_SECONDS).raise_for_status().content
    except httpx.HTTPError as fault:
        raise ProviderUnavailable from fault


def read_event(
    headers: Mapping[str, str], body: bytes, *, webhook_id: str, now: datetime, fetch: Fetch
) -> ProviderEvent:
    """The notification in a request. The first one under a certificate waits until that is fetched.

    Raises:
        ForgedEvent: the signature is not PayPal's, or the notification is older than PayPal would send one again.
        ProviderUnavailable: the certificate can't be had.
    """
    try:
        sent_at = datetime.fromisoformat(headers["paypal-transmission-time"])
        signature = base64.b64decode(headers["paypal-transmission-sig"], validate=True)
        url, transmission = headers["paypal-cert-url"], headers["paypal-transmission-id"]
    except (KeyError, ValueError, binascii.Error) as fault:
        raise ForgedEvent from fault
    address = urlsplit(url)
    if not webhook_id or sent_at.tzinfo is None or not now - RETRIED_FOR <= sent_at <= now + SKEW:
        raise ForgedEvent
    if address.scheme != "https" or address.netloc not in _HOSTS:
        raise ForgedEvent
    signed = f"{transmission}|{headers['paypal-transmission-time']}|{webhook_id}|{zlib.crc32(body)}"
    _verify(fetch(url), signature, signed.encode(), now)
    return _event(json.loads(body))


def _verify(certificate: bytes, signature: bytes, signed: bytes, now: datetime) -> None:
    from cryptography import x509  # noqa: PLC0415  (needed where notifications are read)
    from cryptography.exceptions import InvalidSignature  # noqa: PLC0415
    from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15  # noqa: PLC0415
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey  # noqa: PLC0415
    from cryptography.hazmat.primitives.hashes import SHA256  # noqa: PLC0415

    try:
        found = x509.load_pem_x509_certificate(certificate)
        key = found.public_key()
        if not isinstance(key, RSAPublicKey) or not found.not_valid_before_utc <= now <= found.not_valid_after_utc:
            raise ForgedEvent
        key.verify(signature, signed, PKCS1v15(), SHA256())
    except (ValueError, InvalidSignature) as fault:
        raise ForgedEvent from fault


def _event(event: dict[str, Any]) -> ProviderEvent:
    resource, kind = event["resource"], _kind(event)
    disputed = kind.startswith("dispute_")
    about = resource["disputed_transactions"][0] if disputed else {}
    amount = resource.get("dispute_amount") if disputed else None
    custom = about.get("custom") if disputed else resource.get("custom_id")
    if custom is None and resource.get("purchase_units"):
        custom = resource["purchase_units"][0].get("custom_id")
    return ProviderEvent(
        id=event["id"],
        kind=kind,
        occurred_at=datetime.fromisoformat(event["create_time"]).astimezone(UTC),
        payment_id=our_id(custom) if kind != "refund_changed" else None,
        reference=_order_id(event),
        refund_id=our_id(custom) if kind == "refund_changed" else None,
        amount=from_paypal(amount) if amount else 0,
        currency=amount["currency_code"] if amount else "",
        dispute_reference=resource["dispute_id"] if disputed else None,
        reason=resource.get("reason") or "" if disputed else "",
    )


def _kind(event: dict[str, Any]) -> EventKind:
    name: str = event["event_type"]
    if name in ("PAYMENT.CAPTURE.REFUNDED", "PAYMENT.CAPTURE.REVERSED") or name.startswith("PAYMENT.REFUND."):
        return "refund_changed"
    if name.startswith(("PAYMENT.AUTHORIZATION.", "PAYMENT.CAPTURE.", "CHECKOUT.ORDER.")):
        return "payment_changed"
    if name in ("CUSTOMER.DISPUTE.CREATED", "CUSTOMER.DISPUTE.UPDATED"):
        # While buyer and seller talk, no money is asked back.
        return "other" if event["resource"].get("dispute_life_cycle_stage") == "INQUIRY" else "dispute_opened"
    if name == "CUSTOMER.DISPUTE.RESOLVED":
        return _OUTCOMES.get((event["resource"].get("dispute_outcome") or {}).get("outcome_code", ""), "other")
    return "other"


def _order_id(event: dict[str, Any]) -> str | None:
    resource = event["resource"]
    if event["event_type"].startswith("CHECKOUT.ORDER."):
        return str(resource["id"])
    order_id: str | None = resource.get("supplementary_data", {}).get("related_ids", {}).get("order_id")
    return order_id
