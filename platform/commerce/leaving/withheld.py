"""What a shop does not take along, and why. Everything else that is in its tables it does.

A test holds this against the catalogue: a column that looks like a secret is withheld here, or declared to be none.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum


class Why(StrEnum):
    """Reasons to leave something out."""

    SECRET = "secret"  # noqa: S105  (a reason)
    """It opens something: a hash of a password or a key, a key, a link that signs somebody in."""
    DERIVED = "derived"
    """It is made of other rows, and can be made again."""
    PASSING = "passing"
    """What the platform remembers for a moment of its own work."""


TABLES: Mapping[str, Why] = {
    "authenticator": Why.SECRET,
    "catalogue_export": Why.PASSING,
    "catalogue_import": Why.PASSING,
    "code_guess": Why.PASSING,
    "collection_due": Why.PASSING,
    "idempotency_key": Why.PASSING,
    "import_bad_row": Why.PASSING,
    "oauth_code": Why.SECRET,
    "oauth_refresh_token": Why.SECRET,
    "oauth_signing_key": Why.SECRET,
    "passkey_challenge": Why.PASSING,
    "person_export": Why.PASSING,
    "product_feed_build": Why.PASSING,
    "proof": Why.SECRET,
    "recovery_code": Why.SECRET,
    "search_document": Why.DERIVED,
    "shop_export": Why.PASSING,
    "sign_in_attempt": Why.PASSING,
    "subject_key": Why.SECRET,
    "throttle_bucket": Why.PASSING,
    "webhook_cursor": Why.PASSING,
}
COLUMNS: Mapping[str, Mapping[str, Why]] = {
    "account": {"email_digest": Why.DERIVED, "password_hash": Why.SECRET, "phone_digest": Why.DERIVED},
    "api_key": {"token_hash": Why.SECRET},
    "carrier_account": {"secret": Why.SECRET},
    "customer": {"email_digest": Why.DERIVED},
    "device": {"networks": Why.DERIVED, "token_hash": Why.SECRET},
    "external_identity": {"subject_digest": Why.DERIVED},
    "identity_provider": {"client_secret": Why.SECRET},
    "membership": {"email_digest": Why.DERIVED},
    "message": {"content": Why.SECRET},
    "oauth_client": {"secret_hash": Why.SECRET},
    "orders": {"email_digest": Why.DERIVED},
    "outbox": {"xid": Why.PASSING},
    "payment_attempt": {"checked_digest": Why.DERIVED},
    "product_feed": {"token_hash": Why.SECRET},
    "review": {"body_digest": Why.DERIVED},
    "session": {"token_hash": Why.SECRET, "provider_session": Why.DERIVED},
    "shared_cart": {"token_hash": Why.SECRET},
    "sign_up": {
        "api_key": Why.SECRET,
        "password_hash": Why.SECRET,
        "proof_hash": Why.SECRET,
        "token_hash": Why.SECRET,
    },
    "stock_alert": {"email_digest": Why.DERIVED, "token_hash": Why.SECRET},
    "stored_value": {"code_hash": Why.SECRET},
    "webhook_subscription": {"previous_secret": Why.SECRET, "secret": Why.SECRET},
    "wishlist": {"token": Why.SECRET, "token_hash": Why.SECRET},
}
"""`message.content` may be a link that signs somebody in; of a gift card's code there is only the hash."""

NO_SECRET: Mapping[str, str] = {
    "audit_checkpoint": "hash signature",
    "audit_entry": "hash prev",
    "domain": "token",
    "passkey": "credential_id public_key",
    "payment_method": "token",
    "product_feed": "token_shown",
}
"""Columns that look like one: the chain of the audit log, which anybody may check; a record that is public in the DNS;
what proves a signature and makes none; what stands for a card in the shop's own account at its provider, which only the
shop can charge there; and the beginning of a token, by which nothing is opened.
"""


def columns_of(table: str) -> Mapping[str, Why]:
    """The columns of a table that are left out."""
    return COLUMNS.get(table, {})
