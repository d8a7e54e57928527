"""What a person gets when they ask for what is kept about them (GDPR art. 15 and 20): which rows of which tables.

Whose rows they are is said by `holdings` where they hold something personal. A test holds both against the tables: one
that holds something of a person, or refers to one, is here, or `KEPT_BACK` says why not.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from commerce.privacy.holdings import CART, CUSTOMER, DOCUMENT, HOLDER, HOLDINGS, ORDER


@dataclass(frozen=True, slots=True)
class Part:
    """A table of an archive."""

    table: str
    theirs: str
    """Which rows are the person's, as SQL over `t`; the parameters are those of a holding."""
    without: frozenset[str] = frozenset()
    """Columns that are left out: they open something, are made of others, or are somebody else's."""


_HELD = {one.table: one.theirs for one in (*HOLDINGS, DOCUMENT)}


def _held(table: str, without: str = "") -> Part:
    return Part(table, _HELD[table], frozenset(without.split()))


def _other(table: str, theirs: str, without: str = "") -> Part:
    return Part(table, theirs, frozenset(without.split()))


PARTS: Sequence[Part] = (
    _held("customer", "email_digest price_group"),
    _held("account", "email_digest phone_digest password_hash"),
    _held("customer_address"),
    _other("consent_answer", CUSTOMER),
    _other("erasure_request", CUSTOMER, "message_id next_at requested_by"),
    _held("notification_preference"),
    _held("session", "token_hash acting_id provider_session"),
    _held("device", "token_hash networks"),
    _held("external_identity", "subject_digest"),
    _held("passkey", "credential_id public_key"),
    _other("oauth_grant", "(t.subject = 'customer' AND t.subject_id = :customer_id)"),
    _held("wishlist", "token token_hash"),
    _held("wishlist_item"),
    _held("saved_item"),
    _held("stock_alert", "email_digest token_hash home"),
    _held("review", "body_digest"),
    _held("review_vote"),
    _held("review_report"),
    _held("cart", "tax_quote"),
    _held("cart_line", "explanation"),
    _held("payment_method", "token"),
    _other("legal_acceptance", CART),
    _held("orders", "email_digest"),
    _held("order_line", "explanation vendor_id"),
    _held("order_consignment"),
    _held("order_entry", "actor data"),
    _held("order_change", "retaxed"),
    _held("order_change_action"),
    _held("order_claim"),
    _held("order_return"),
    _held("return_inspection"),
    _other("fulfilment", ORDER, "warehouse_id"),
    _other("download_right", ORDER),
    _other(
        "download",
        f"EXISTS (SELECT FROM download_right p WHERE p.tenant_id = t.tenant_id AND p.id = t.right_id AND p{ORDER[1:]})",
    ),
    _other("payment", f"({CART} OR {ORDER})", "action_url fee spared"),
    _other("refund", ORDER),
    _held("dispute", "fee"),
    _held("document"),
    _other("discount_redemption", f"({HOLDER} OR {ORDER})"),
    _other("coupon_redemption", CUSTOMER),
    _other("stored_value", CUSTOMER, "code_hash reason"),
    _other("delivery_booking", ORDER),
    _held("dead_letter"),
)
"""In the order in which somebody would read them."""

KEPT_BACK: Mapping[str, str] = {
    "acting": "who of the shop acted, and why, is said of its staff; that somebody did is shown where it was done",
    "authenticator": "it opens the account",
    "giving": "how much each of the staff has given away, which is said of them; the order says what was given",
    "idempotency_key": "answers kept for a day so that a retry is safe; they say what other files say",
    "membership": "it is of somebody who works for the shop, whose employer tells them",
    "outbox": "events on their way, which are in events.jsonl when they have arrived",
    "passkey_challenge": "a number that is good for a minute",
    "payment_attempt": "a step of a payment that says what the payment and the order say",
    "payment_method_setup": "a step of keeping a payment method that says what the method says",
    "payment_terms": "the shop's own decision on whom it sells to on account",
    "person_export": "the archives themselves",
    "price_quote": "a price that was shown for a moment; what was paid is in the order",
    "promise": "the shop's stock, by order",
    "proof": "it opens the account, or changes it, for some minutes",
    "reconciliation_exception": "the shop's books against its provider's, by payment",
    "recovery_code": "it opens the account",
    "reservation": "the shop's stock, by order",
    "settlement_line": "what a provider told the shop of a payment; it names nobody",
    "sign_in_attempt": "a step of signing in that is good for some minutes",
    "sign_up": "how a shop was opened, which is the shop's; it names the account of its owner",
    "sold_gift_card": "which card was sold by an order's line; the line says so",
    "tax_entry": "the shop's tax books, by order; the order says what was charged",
    "tombstone": "it is of people who are forgotten",
    "vendor_order": "what the shop owes a vendor",
}
"""Tables that hold or refer to something of a person and are in no archive, and why."""
