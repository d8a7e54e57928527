"""Signed notifications in the Standard Webhooks form: https://www.standardwebhooks.com."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

TOLERANCE = timedelta(minutes=5)
"""How far the time a notification was signed at may be from ours, on either side."""
PREFIX = "whsec_"


class BadSignature(ValueError):
    """It was not signed with this secret, or not now."""


def sign(secret: str, message_id: str, body: bytes, *, at: datetime) -> dict[str, str]:
    """The headers that go with a notification."""
    seconds = str(int(at.timestamp()))
    return {
        "webhook-id": message_id,
        "webhook-timestamp": seconds,
        "webhook-signature": f"v1,{_signature(secret, message_id, seconds, body)}",
    }


def verify(secret: str, headers: Mapping[str, str], body: bytes, *, now: datetime) -> str:
    """The id of a notification that was signed with this secret; header names in lower case.

    Raises:
        BadSignature: it was not, or more than `TOLERANCE` from now.
    """
    message_id, seconds = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    if not message_id or not seconds.isascii() or not seconds.isdigit() or len(seconds) > 12:
        raise BadSignature
    if abs(now - datetime.fromtimestamp(int(seconds), tz=UTC)) > TOLERANCE:
        raise BadSignature
    expected = _signature(secret, message_id, seconds, body).encode()
    for given in headers.get("webhook-signature", "").split():
        version, _, signature = given.partition(",")
        if version == "v1" and hmac.compare_digest(expected, signature.encode()):
            return message_id
    raise BadSignature


def _signature(secret: str, message_id: str, seconds: str, body: bytes) -> str:
    try:
        key = base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    except binascii.Error as fault:
        raise BadSignature from fault
    signed = b".".join((message_id.encode(), seconds.encode(), body))
    return base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
