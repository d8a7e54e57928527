"""Webhooks in the Standard Webhooks form: signed with a shared secret, good for a few minutes.

https://www.standardwebhooks.com: the header `webhook-signature` is `v1,` and the base64 of the HMAC-SHA256 of
`{webhook-id}.{webhook-timestamp}.{body}`; several may be given, parted by spaces, while a secret is replaced.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import secrets
from collections.abc import Mapping
from datetime import datetime, timedelta

PREFIX = "whsec_"
TOLERANCE = timedelta(minutes=5)
"""How far the sender's clock may be from ours."""
MAX_ID = 200


class Forged(ValueError):
    """The signature is missing, wrong, too old, or from the future."""


def new_secret() -> str:
    """A secret for one sender."""
    return PREFIX + base64.b64encode(secrets.token_bytes(24)).decode()


def sign(secret: str, webhook_id: str, sent_at: datetime, body: bytes) -> str:
    """The value of `webhook-signature`."""
    signed = f"{webhook_id}.{int(sent_at.timestamp())}.".encode() + body
    return "v1," + base64.b64encode(hmac.new(_key(secret), signed, hashlib.sha256).digest()).decode()


def verify(secret: str, headers: Mapping[str, str], body: bytes, *, now: datetime) -> str:
    """The webhook's id, once it is known to come from whoever knows the secret.

    Raises:
        Forged.
    """
    webhook_id, stamp = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    if not 1 <= len(webhook_id) <= MAX_ID or not webhook_id.isprintable() or not (stamp.isascii() and stamp.isdigit()):
        raise Forged("the id or the time is missing")
    if abs(int(stamp) - now.timestamp()) > TOLERANCE.total_seconds():
        raise Forged("too old, or from the future")
    expected = hmac.new(_key(secret), f"{webhook_id}.{stamp}.".encode() + body, hashlib.sha256).digest()
    for given in headers.get("webhook-signature", "").split():
        version, _, signature = given.partition(",")
        if version == "v1" and hmac.compare_digest(_bytes(signature), expected):
            return webhook_id
    raise Forged("no signature is the sender's")


def _key(secret: str) -> bytes:
    return base64.b64decode(secret.removeprefix(PREFIX))


def _bytes(signature: str) -> bytes:
    try:
        return base64.b64decode(signature, validate=True)
    except (binascii.Error, ValueError):
        return b""
