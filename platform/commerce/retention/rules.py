"""How long what is kept about people is kept: a rule a kind, or the reason why a table has none.

The one place that says so: the worker, `tradewind privacy retain` and the reference page are read off it. A test fails
for a table that holds something of a person and is in none of the three.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from commerce.oauth import grants
from commerce.onboarding.finishing import KEY_SHOWN
from commerce.onboarding.service import KEPT_DAYS
from commerce.throttling import service as throttling
from commerce.webhooks import sending as webhooks
from foundation import idempotency
from foundation.living import CLAIMANT_LIVES

BEFORE = "CAST(:before AS timestamptz)"
AT_ONCE = timedelta(0)


class How(StrEnum):
    """What becomes of it."""

    DELETED = "deleted"
    EMPTIED = "emptied"
    """Some columns are; the rows stay."""
    KEY = "the key is thrown away"
    """The rows stay, and what they had sealed can't be read any more."""


@dataclass(frozen=True, slots=True)
class Rule:
    """When one kind of thing is thrown away."""

    name: str
    """What staff ask for it by."""
    what: str
    table: str
    over: str
    """Which rows are over, as SQL over `t`; `BEFORE` is the time of now less `kept`."""
    kept: timedelta
    since: str
    """What the time is counted from."""
    why: str
    how: How = How.DELETED
    key: Sequence[str] = ("id",)
    """What tells a row from others of its tenant."""
    emptied: str = ""
    """What is left of the columns that are emptied, as SQL."""
    along: Mapping[str, str] | None = None
    """Rows of other tables `a` that go with it, as SQL over `a` and `old`; each table's before those it refers to."""
    files: str | None = None
    """Files of the object store that go with it: `<files>/<id>.pdf`."""

    @property
    def tables(self) -> Sequence[str]:
        """The tables that it looks after."""
        return (self.table, *(self.along or {}))


def _none(table: str, link: str) -> str:
    return f"NOT EXISTS (SELECT FROM {table} o WHERE o.tenant_id = t.tenant_id AND o.{link})"


_SESSION_ENDED = "least(t.expires_at, t.idle_until, t.revoked_at)"
# What a row was made after can't be over before it: an index that no use of the row writes to.
_LEFT = (
    "t.customer_id IS NULL AND t.status IN ('open', 'merged')"
    f" AND t.created_at < {BEFORE} AND t.updated_at < {BEFORE} AND {_none('orders', 'cart_id = t.id')}"
)
_NEVER_PAID = _none("payment_attempt", "cart_id = t.id")
_IN_FLIGHT = f"t.status IS NULL AND t.claim IS NOT NULL AND {CLAIMANT_LIVES.replace('k.claim', 't.claim')}"
CARTS_KEPT = timedelta(days=90)

RULES: Sequence[Rule] = (
    Rule(
        "sessions",
        "Visits, and what somebody was signed in with",
        "session",
        f"t.created_at < {BEFORE} AND {_SESSION_ENDED} < {BEFORE}",
        timedelta(days=30),
        "it ended: signed out, expired, or at rest for too long",
        "somebody who finds that another was signed in as them can be told from where",
    ),
    Rule(
        "devices",
        "Browsers that an account was signed in to with",
        "device",
        f"t.seen_at < {BEFORE} AND {_none('session', 'device_id = t.id')}",
        timedelta(days=365),
        "the last time somebody signed in with it, when no session of it is left",
        "a browser that is known is not told of as new, and guesses from elsewhere don't keep it out",
    ),
    Rule(
        "guest_carts",
        "Carts that visitors left",
        "cart",
        f"{_LEFT} AND {_NEVER_PAID}",
        CARTS_KEPT,
        "it was last touched; not those that became an order or began to be paid",
        "whoever comes back finds their cart",
        along={"subject_key": "a.id = old.id"},
    ),
    Rule(
        "guest_carts_once_paid",
        "What visitors said in carts that they began to pay and left",
        "cart",
        f"{_LEFT} AND NOT ({_NEVER_PAID})",
        CARTS_KEPT,
        "it was last touched; not those that became an order",
        "the payments stay for the books, without their payer",
        How.KEY,
    ),
    Rule(
        "visitors_saved_items",
        "What visitors kept for later",
        "saved_item",
        f"t.saved_at < {BEFORE} AND {_none('customer', 'id = t.holder_id')}",
        timedelta(days=365),
        "it was put there",
        "whoever comes back finds it; a customer's stays with them",
    ),
    Rule(
        "stock_alerts",
        "Who waited for something and was told",
        "stock_alert",
        f"t.told_at < {BEFORE}",
        timedelta(days=30),
        "they were told",
        "as long as the mail that they were sent: whoever asks why they got it is told",
        along={"subject_key": "a.id = old.id"},
    ),
    Rule(
        "stock_alerts_in_vain",
        "Who waits for something that does not come back",
        "stock_alert",
        f"t.told_at IS NULL AND t.asked_at < {BEFORE}",
        timedelta(days=365),
        "they asked",
        "who asked a year ago has it from elsewhere; a mail then would come as a surprise",
        along={"subject_key": "a.id = old.id"},
    ),
    Rule(
        "review_reports",
        "Who reported a review, once staff have decided",
        "review_report",
        f"t.settled_at < {BEFORE}",
        timedelta(days=180),
        "staff decided on the review",
        "whoever doubts the decision can be told what it was about, for the six months in which they may complain",
    ),
    Rule(
        "shared_carts",
        "Copies of carts behind a link",
        "shared_cart",
        f"t.expires_at < {BEFORE}",
        AT_ONCE,
        "the link ended",
        "the link is good for nothing any more",
    ),
    Rule(
        "idempotency_keys",
        "Keys of requests, and their answers",
        "idempotency_key",
        f"t.claimed_at < {BEFORE} AND NOT ({_IN_FLIGHT})",
        idempotency.KEPT,
        "it was claimed; not while its request is still carried out",
        "a request that is sent again gets the answer that it had",
        key=("principal", "route", "key"),
    ),
    Rule(
        "proofs",
        "Links and codes that were sent, and who began to register by one and did not go on",
        "proof",
        f"t.expires_at < {BEFORE}",
        AT_ONCE,
        "it expired",
        "it proves nothing any more",
        along={
            "subject_key": "a.id = old.subject_id"
            " AND NOT EXISTS (SELECT FROM account o WHERE o.tenant_id = a.tenant_id AND o.id = a.id)"
            " AND NOT EXISTS (SELECT FROM customer o WHERE o.tenant_id = a.tenant_id AND o.id = a.id)"
        },
    ),
    Rule(
        "passkey_challenges",
        "Challenges that no passkey answered",
        "passkey_challenge",
        f"t.expires_at < {BEFORE}",
        AT_ONCE,
        "it expired",
        "it proves nothing any more",
    ),
    Rule(
        "sign_in_attempts",
        "Ways to a provider that nobody came back from",
        "sign_in_attempt",
        f"t.expires_at < {BEFORE}",
        AT_ONCE,
        "it expired",
        "it proves nothing any more",
    ),
    Rule(
        "first_keys",
        "The first key of a new shop's owner, as it is shown to them",
        "sign_up",
        f"t.api_key IS NOT NULL AND t.finished_at < {BEFORE}",
        KEY_SHOWN,
        "the shop was opened",
        "an owner whose browser lost the answer can ask once more",
        How.EMPTIED,
        emptied="api_key = NULL",
        along={"subject_key": "a.id = old.id"},
    ),
    Rule(
        "sign_ups",
        "Shops that somebody began to open and left, with their address and password",
        "sign_up",
        f"t.finished_at IS NULL AND t.created_at < {BEFORE}",
        timedelta(days=KEPT_DAYS),
        "it was begun",
        "whoever comes back goes on where they were",
        along={"subject_key": "a.id = old.id"},
    ),
    Rule(
        "throttles",
        "How often something was asked",
        "throttle_bucket",
        f"t.updated_at < {BEFORE}",
        throttling.FORGOTTEN_AFTER,
        "it was last counted",
        "it limits nothing any more: every bucket is full again",
    ),
    Rule(
        "guesses",
        "How often an address guessed at codes",
        "code_guess",
        f"t.until <= {BEFORE}",
        AT_ONCE,
        "its while was over",
        "it limits nothing any more",
    ),
    Rule(
        "messages",
        "Mails and text messages, sent or given up",
        "message",
        f"t.created_at < {BEFORE} AND t.status <> 'queued'",
        timedelta(days=30),
        "it was written; not those that are still to be sent",
        "staff can see whether somebody was written to",
    ),
    Rule(
        "api_keys",
        "Keys of staff and programs that are good no more",
        "api_key",
        f"least(t.revoked_at, t.expires_at) < {BEFORE}",
        timedelta(days=365),
        "it was revoked, or expired",
        "whoever reads the audit log finds the name of a key that did something",
    ),
    Rule(
        "grants",
        "What programs were let in by",
        "oauth_grant",
        f"least(t.expires_at, t.revoked_at) < {BEFORE}",
        grants.KEPT,
        "it was revoked, or expired",
        "one that is used after its end is known as stolen",
        along={"oauth_code": "a.grant_id = old.id", "oauth_refresh_token": "a.grant_id = old.id"},
    ),
    Rule(
        "webhook_events",
        "What programs were told, and what they answered",
        "webhook_event",
        f"t.recorded_at < {BEFORE}",
        webhooks.KEPT,
        "it happened",
        "a program that was down asks for it again",
        along={
            "webhook_attempt": "EXISTS (SELECT FROM webhook_delivery d WHERE d.tenant_id = a.tenant_id"
            " AND d.id = a.delivery_id AND d.event_id = old.id)",
            "webhook_delivery": "a.event_id = old.id",
        },
    ),
    Rule(
        "dead_letters",
        "Events of browsers that broke their contract",
        "dead_letter",
        f"t.received_at < {BEFORE}",
        timedelta(days=30),
        "it came in",
        "whoever looks after the events finds out what sends them",
    ),
    Rule(
        "papers",
        "Whom invoices and credit notes are to",
        "subject_key",
        f"t.kept_until < {BEFORE}",
        AT_ONCE,
        "the end of the year of issue and `TRADEWIND_PAPERS_KEPT_YEARS` after it, as it was when the paper was issued",
        "the law has a shop keep its papers, in many countries for six to ten years; after that they are nobody's",
        How.KEY,
        files="documents",
    ),
)

ELSEWHERE: Mapping[str, str] = {
    "bulk_price_change": "Seven days from its preview, with its rows, unless it is applied: `commerce/bulk_pricing`.",
    "catalogue_export": "Seven days from when it is over, with its file: `commerce/exchange/making.py`.",
    "catalogue_import": "Seven days from when it is over, with its file and bad rows: `commerce/exchange/working.py`.",
    "erasure_request": "It is ended by `commerce/privacy/parting.py`, and says of somebody who is forgotten only when.",
    "person_export": "Seven days from when it is made, with its file: `commerce/privacy/making.py`.",
    "product_feed_build": "Until the next is made, with its files: `commerce/feeds/builds.py`.",
    "shop_export": "Seven days from when it is made, with its file: `commerce/leaving/working.py`.",
    "tenant": "A shop that nobody finished opening is removed as a whole: `commerce/leaving/removing.py`.",
}
"""Tables whose rows another service throws away, because there is more to it than rows."""

_ORDERS = "Part of an order, which the books rest on. It is kept as long as the customer, and emptied with them."
_THEIRS = "The customer's own, until they take it away or are forgotten."
_SHOPS = "The shop's own, until its staff take it away or the shop is removed."
KEPT: Mapping[str, str] = {
    "account": _THEIRS,
    "acting": "Who was in the shop as a customer and why: a record for the customer, sealed by their key.",
    "audit_entry": "A chain in which each entry is hashed with the one before: without one nothing after it could be "
    "proved. Names and addresses are not in it, and reasons are sealed by the key of whom they are about.",
    "authenticator": _THEIRS,
    "billing_account": "What the platform bills the shop by, as long as there is the shop.",
    "carrier_account": _SHOPS,
    "built_in_role": _SHOPS,
    "cart_line": "Goes with its cart.",
    "consent_answer": "What somebody agreed to has to be proved as long as anything rests on it.",
    "customer": "Whom orders and the books refer to; when they are forgotten an empty row is left.",
    "customer_address": _THEIRS,
    "dispute": _ORDERS,
    "document": "Papers stay; whom they are to can be read until the rule `papers` throws the key away.",
    "document_issuer": _SHOPS,
    "external_identity": _THEIRS,
    "identity_provider": _SHOPS,
    "membership": "Who worked here, for the audit log to refer to.",
    "notification_preference": _THEIRS,
    "oauth_signing_key": _SHOPS,
    "order_change": _ORDERS,
    "order_change_action": _ORDERS,
    "order_claim": _ORDERS,
    "order_consignment": _ORDERS,
    "order_entry": _ORDERS,
    "order_line": _ORDERS,
    "order_return": _ORDERS,
    "orders": _ORDERS,
    "passkey": _THEIRS,
    "payment_account": _SHOPS,
    "payment_attempt": "What was to be paid, for the books; a visitor's can't be read once `guest_carts_once_paid` has "
    "thrown the key away.",
    "payment_method": _THEIRS,
    "payment_method_setup": _THEIRS,
    "recovery_code": _THEIRS,
    "return_inspection": _ORDERS,
    "review": "Until its author takes it away or is forgotten: others go by it as long as the product is there.",
    "review_vote": "Goes with its review, or with whoever gave it.",
    "stored_value": "Money that the shop owes somebody, and the books rest on.",
    "stored_value_entry": "Money that the shop owes somebody, and the books rest on.",
    "webhook_subscription": _SHOPS,
    "wishlist": "Until whoever made it takes it away or is forgotten: others may have its link.",
    "wishlist_item": "Goes with its list.",
}
"""Tables that have no rule, and why: they are kept as long as the customer, or the shop."""
