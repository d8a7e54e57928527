"""Every column that holds something of a person: how it is kept, whose it is, and what is left of it at erasure.

The one place that says so: sealing what is there, forgetting somebody and the reference page are all read off it. A
test holds it against the tables, so a new column can't be forgotten: it is here, or `declared` as not personal.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from foundation import veil
from foundation.veil import Shape


class Kept(StrEnum):
    """How a column is kept."""

    SEALED = "sealed"
    """By the statement that writes it (`foundation.veil`)."""
    SEALED_BY_ITSELF = "sealed by its service"
    """By whoever writes it (`foundation.sealing`)."""
    DIGEST = "digest"
    """It is found by its value, and says nothing."""
    PLAIN = "plain"


@dataclass(frozen=True, slots=True)
class Column:
    """A personal column."""

    name: str
    erased: str
    """What is left of it, as SQL."""
    kept: Kept = Kept.SEALED
    shape: Shape | None = None
    """Which strings of a document."""


@dataclass(frozen=True, slots=True)
class Holding:
    """The personal columns of a table."""

    table: str
    columns: Sequence[Column]
    theirs: str
    """Which rows are a person's, as SQL over `t` and `:customer_id`, `:accounts`, `:visitors`, `:carts`, `:orders`,
    `:alerts`."""
    subject: str = "t.id"
    """By whose key a row that is still plain is sealed, as SQL over `t`."""
    removed: bool = False
    """The rows go as a whole."""


_NO_ADDRESS = """'{"name": "", "line1": "", "line2": null, "postal_code": "", "city": "", "phone": null}'"""


def _address(name: str) -> Column:
    return Column(name, f"t.{name} || {_NO_ADDRESS}", shape=veil.ADDRESS)


def _gift() -> Column:
    return Column("gift", "CASE WHEN t.gift ? 'message' THEN t.gift || '{\"message\": null}' END", shape=veil.GIFT)


def _gone(name: str, shape: Shape | None = None, kept: Kept = Kept.SEALED) -> Column:
    return Column(name, "NULL", kept, shape)


def _empty(name: str, kept: Kept = Kept.SEALED) -> Column:
    return Column(name, "''", kept)


ORDER = "t.order_id = ANY (CAST(:orders AS uuid[]))"
ACCOUNT = "t.account_id = ANY (CAST(:accounts AS uuid[]))"
HOLDER = "(t.holder_id = :customer_id OR t.holder_id = ANY (CAST(:visitors AS uuid[])))"
CART = "t.cart_id = ANY (CAST(:carts AS uuid[]))"
CUSTOMER = "t.customer_id = :customer_id"


def _of_order(table: str, column: str) -> str:
    return f"EXISTS (SELECT FROM {table} p WHERE p.tenant_id = t.tenant_id AND p.id = t.{column} AND p{ORDER[1:]})"


def _subject_of(table: str, column: str) -> str:
    return f"(SELECT p.order_id FROM {table} p WHERE p.tenant_id = t.tenant_id AND p.id = t.{column})"  # noqa: S608


_PLACED_BY = "coalesce(t.customer_id, t.cart_id)"
_ORDERED_BY = (
    "(SELECT coalesce(o.customer_id, o.cart_id) FROM orders o WHERE o.tenant_id = t.tenant_id AND o.id = t.order_id)"
)

# Rows that refer to others come before them.
HOLDINGS: Sequence[Holding] = (
    Holding(
        "cart_line",
        (_gift(),),
        CART,
        "(SELECT coalesce(c.customer_id, c.id) FROM cart c WHERE c.tenant_id = t.tenant_id AND c.id = t.cart_id)",
    ),
    Holding(
        "cart",
        (
            _gone("email"),
            _gone("address", veil.ADDRESS),
            _gone("consignments", veil.ADDRESSES),
            _gone("vat_id", veil.BUSINESS),
            _gone("note"),
            _gone("gift", veil.GIFT),
        ),
        "t.id = ANY (CAST(:carts AS uuid[]))",
        "coalesce(t.customer_id, t.id)",
    ),
    Holding("saved_item", (Column("holder_id", "NULL", Kept.PLAIN),), HOLDER, removed=True),
    Holding(
        "wishlist_item",
        (Column("wishlist_id", "NULL", Kept.PLAIN),),
        "EXISTS (SELECT FROM wishlist w WHERE w.tenant_id = t.tenant_id AND w.id = t.wishlist_id"
        f" AND {HOLDER.replace('t.', 'w.')})",
        removed=True,
    ),
    Holding("wishlist", (Column("name", "''", Kept.SEALED_BY_ITSELF),), HOLDER, removed=True),
    Holding(
        "stock_alert",
        (_gone("email", kept=Kept.SEALED_BY_ITSELF), _gone("email_digest", kept=Kept.DIGEST)),
        f"({CUSTOMER} OR t.id = ANY (CAST(:alerts AS uuid[])))",
        removed=True,
    ),
    Holding("review_vote", (Column("customer_id", "NULL", Kept.PLAIN),), CUSTOMER, removed=True),
    Holding("review_report", (Column("holder_id", "NULL", Kept.PLAIN),), HOLDER, removed=True),
    Holding(
        "review",
        (
            _empty("title"),
            _empty("body"),
            _empty("author"),
            _gone("note"),
            _gone("body_digest", kept=Kept.DIGEST),
        ),
        CUSTOMER,
        "t.customer_id",
        removed=True,
    ),
    Holding("customer_address", (Column("content", "''", Kept.SEALED_BY_ITSELF),), CUSTOMER, removed=True),
    Holding("notification_preference", (Column("topic", "''", Kept.PLAIN),), CUSTOMER, removed=True),
    Holding("payment_method_setup", (Column("reference", "''", Kept.PLAIN),), CUSTOMER, removed=True),
    Holding(
        "dead_letter",
        (Column("body", "'{}'", Kept.PLAIN),),
        "(t.visitor_id = ANY (CAST(:visitors AS uuid[])) OR t.shopper_id = :customer_id)",
        removed=True,
    ),
    Holding(
        "payment_method",
        (Column("token", "''", Kept.PLAIN), Column("label", "''", Kept.PLAIN)),
        CUSTOMER,
        removed=True,
    ),
    Holding(
        "payment_attempt",
        (_gone("email"), _empty("checked"), _gone("checked_digest", kept=Kept.DIGEST)),
        f"({CART} OR {ORDER})",
        _PLACED_BY,
    ),
    Holding(
        "order_line",
        (_gift(),),
        ORDER,
        _ORDERED_BY,
    ),
    Holding("order_consignment", (_address("address"),), ORDER, _ORDERED_BY),
    Holding("order_entry", (_empty("note"),), ORDER, "t.order_id"),
    Holding(
        "order_change_action",
        (Column("data", "t.data - 'address' - 'text'", shape=veil.CHANGE),),
        _of_order("order_change", "change_id"),
        _subject_of("order_change", "change_id"),
    ),
    Holding(
        "order_change",
        (_empty("note"), Column("preview", "t.preview - 'address' - 'consignments'", shape=veil.ADDRESSES)),
        f"({ORDER} AND t.status <> 'awaiting_payment')",
        "t.order_id",
    ),
    Holding("order_claim", (_empty("note"), _empty("answer")), ORDER, "t.order_id"),
    Holding(
        "return_inspection",
        (_empty("note"),),
        _of_order("order_return", "return_id"),
        _subject_of("order_return", "return_id"),
    ),
    Holding("order_return", (_empty("note"),), ORDER, "t.order_id"),
    Holding("dispute", (_gone("evidence"),), ORDER, "t.id"),
    Holding(
        "idempotency_key",
        (Column("body", "NULL", Kept.SEALED_BY_ITSELF), Column("names", "'{}'", Kept.PLAIN)),
        "(t.principal = ANY (CAST(:principals AS text[])) OR t.names && CAST(:named AS uuid[]))",
        removed=True,
    ),
    Holding(
        "orders",
        (
            _gone("email"),
            _gone("email_digest", kept=Kept.DIGEST),
            _address("address"),
            _gone("customer_note"),
            _empty("delivery_note"),
            _gone("vat_id", veil.BUSINESS),
            _gift(),
        ),
        "t.id = ANY (CAST(:orders AS uuid[]))",
        _PLACED_BY,
    ),
    Holding(
        "person_export",
        (Column("key", "''", Kept.SEALED_BY_ITSELF), Column("expires_at", "CAST(:now AS timestamptz)", Kept.PLAIN)),
        CUSTOMER,
    ),
    Holding("device", (Column("networks", "'{}'", Kept.DIGEST),), ACCOUNT),
    Holding(
        "session",
        (
            _gone("browser", kept=Kept.SEALED_BY_ITSELF),
            _gone("address", kept=Kept.SEALED_BY_ITSELF),
            Column("provider_session", "NULL", Kept.DIGEST),
            Column("revoked_at", "coalesce(t.revoked_at, now())", Kept.PLAIN),
        ),
        f"({CUSTOMER} OR {ACCOUNT} OR (t.customer_id IS NULL AND t.visitor_id = ANY (CAST(:visitors AS uuid[]))))",
    ),
    Holding("external_identity", (Column("subject_digest", "''", Kept.DIGEST),), ACCOUNT, removed=True),
    Holding("recovery_code", (Column("code_hash", "''", Kept.DIGEST),), ACCOUNT, removed=True),
    Holding("authenticator", (Column("secret", "''", Kept.SEALED_BY_ITSELF),), ACCOUNT, removed=True),
    Holding("passkey", (Column("name", "''", Kept.SEALED_BY_ITSELF),), ACCOUNT, removed=True),
    Holding(
        "account",
        (
            _empty("display_name", Kept.SEALED_BY_ITSELF),
            _gone("email", kept=Kept.SEALED_BY_ITSELF),
            _gone("email_digest", kept=Kept.DIGEST),
            _gone("phone", kept=Kept.SEALED_BY_ITSELF),
            _gone("phone_digest", kept=Kept.DIGEST),
            _gone("password_hash", kept=Kept.PLAIN),
            Column("status", "'closed'", Kept.PLAIN),
        ),
        "t.id = ANY (CAST(:accounts AS uuid[]))",
    ),
    Holding(
        "customer",
        (
            Column("reference", "'erased-' || t.id", Kept.PLAIN),
            _empty("display_name"),
            _gone("email"),
            _gone("email_digest", kept=Kept.DIGEST),
            Column("traits", "'{}'", shape=veil.EVERYTHING),
            Column("erased_at", "CAST(:now AS timestamptz)", Kept.PLAIN),
        ),
        "t.id = :customer_id",
    ),
)
DOCUMENT = Holding("document", (Column("data", "t.data", shape=veil.BUYER),), ORDER, "t.id")
"""Invoices are kept as the law asks: sealed by a key of their own, which is thrown away when the period is over."""
SEALED = tuple(one for one in (*HOLDINGS, DOCUMENT) if any(column.kept is Kept.SEALED for column in one.columns))
"""Tables in which plain rows may be left from before."""
