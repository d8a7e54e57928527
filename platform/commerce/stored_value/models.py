"""Gift cards and grants of store credit, what payments hold and spend of them, and every movement."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import CheckConstraint, Index, LargeBinary, text
from sqlalchemy.orm import Mapped, mapped_column

from foundation.database import Base
from foundation.tables import Created, Minor, Str, TenantOwned, Timestamp, belongs_to


class StoredValue(TenantOwned, Base):
    """A gift card, or one grant of store credit to a customer; amounts in minor units.

    issued = available + held + spent + expired + withdrawn, always.
    """

    __tablename__ = "stored_value"
    __table_args__ = (
        belongs_to("customer", "customer_id"),
        CheckConstraint(
            "(kind = 'gift_card' AND code_hash IS NOT NULL AND code_ending IS NOT NULL AND customer_id IS NULL)"
            " OR (kind = 'store_credit' AND code_hash IS NULL AND code_ending IS NULL AND customer_id IS NOT NULL)",
            name="kind",
        ),
        CheckConstraint("status IN ('active', 'disabled')", name="status"),
        CheckConstraint(
            "issued > 0 AND available >= 0 AND held >= 0 AND spent >= 0 AND expired >= 0 AND withdrawn >= 0"
            " AND issued = available + held + spent + expired + withdrawn",
            name="balance",
        ),
        Index(
            "uq_stored_value_code",
            "tenant_id",
            "code_hash",
            unique=True,
            postgresql_where=text("code_hash IS NOT NULL"),
        ),
        Index(
            "ix_stored_value_customer",
            "tenant_id",
            "customer_id",
            postgresql_where=text("customer_id IS NOT NULL"),
        ),
        Index(
            "ix_stored_value_expiring",
            "tenant_id",
            "expires_at",
            postgresql_where=text("available > 0 AND expires_at IS NOT NULL"),
        ),
    )

    kind: Mapped[Str]
    code_hash: Mapped[bytes | None] = mapped_column(LargeBinary)
    """The code itself is shown once and never stored."""
    code_ending: Mapped[Str | None]
    customer_id: Mapped[UUID | None]
    currency: Mapped[Str]
    issued: Mapped[Minor]
    available: Mapped[Minor]
    held: Mapped[Minor] = mapped_column(server_default="0")
    """Set aside for payments that are authorised and not captured."""
    spent: Mapped[Minor] = mapped_column(server_default="0")
    expired: Mapped[Minor] = mapped_column(server_default="0")
    withdrawn: Mapped[Minor] = mapped_column(server_default="0")
    """What staff took back."""
    status: Mapped[Str] = mapped_column(server_default="active")
    funded_by: Mapped[Str]
    """The ledger's account that it came from."""
    reason: Mapped[Str]
    expires_at: Mapped[Timestamp | None]
    """The first moment at which it is no longer good."""
    created_at: Mapped[Created]


class StoredValuePayment(TenantOwned, Base):
    """A payment by gift card or store credit. Its id is the payment's own, so asking twice does nothing twice."""

    __tablename__ = "stored_value_payment"
    __table_args__ = (
        CheckConstraint("kind IN ('gift_card', 'store_credit')", name="kind"),
        CheckConstraint("status IN ('held', 'spent', 'released')", name="status"),
        CheckConstraint(
            "amount >= 0 AND refunded BETWEEN 0 AND amount AND (refunded = 0 OR status = 'spent')", name="amount"
        ),
    )

    kind: Mapped[Str]
    status: Mapped[Str]
    amount: Mapped[Minor]
    refunded: Mapped[Minor] = mapped_column(server_default="0")
    currency: Mapped[Str]
    created_at: Mapped[Created]


class StoredValuePart(TenantOwned, Base):
    """What a payment holds, or spent, of one card or grant."""

    __tablename__ = "stored_value_part"
    __table_args__ = (
        belongs_to("stored_value_payment", "payment_id"),
        belongs_to("stored_value", "value_id"),
        CheckConstraint("amount > 0 AND refunded BETWEEN 0 AND amount", name="amount"),
        Index("uq_stored_value_part", "tenant_id", "payment_id", "value_id", unique=True),
    )

    payment_id: Mapped[UUID]
    value_id: Mapped[UUID]
    amount: Mapped[Minor]
    refunded: Mapped[Minor] = mapped_column(server_default="0")


class StoredValueEntry(TenantOwned, Base):
    """One movement of a card or grant; never changed. Its balance can be rebuilt from them."""

    __tablename__ = "stored_value_entry"
    __table_args__ = (
        belongs_to("stored_value", "value_id"),
        CheckConstraint(
            "kind IN ('issued', 'held', 'released', 'spent', 'refunded', 'expired', 'withdrawn', 'disabled', "
            "'enabled')",
            name="kind",
        ),
        CheckConstraint("(amount > 0) = (kind NOT IN ('disabled', 'enabled')) AND amount >= 0", name="amount"),
        Index("ix_stored_value_entry_value", "tenant_id", "value_id", "id"),
        Index("ix_stored_value_entry_reference", "tenant_id", "reference_id"),
    )

    value_id: Mapped[UUID]
    kind: Mapped[Str]
    amount: Mapped[Minor] = mapped_column(server_default="0")
    reference_id: Mapped[UUID | None]
    """The payment or refund it was for."""
    actor: Mapped[Str]
    """`system`, or `staff:` and the key's name."""
    reason: Mapped[Str] = mapped_column(server_default="")
    at: Mapped[Timestamp]


class CodeGuess(TenantOwned, Base):
    """Wrong codes that came from one place in a while; `id` is derived from the place."""

    __tablename__ = "code_guess"
    __table_args__ = (CheckConstraint("failures >= 0", name="failures"),)

    failures: Mapped[Minor]
    until: Mapped[Timestamp]
    """When they are forgotten."""
