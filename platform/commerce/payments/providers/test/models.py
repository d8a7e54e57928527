"""The test bank's books. A real provider keeps its own; nothing but the test provider reads these."""

from __future__ import annotations

from datetime import date
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from foundation.database import Base
from foundation.tables import Created, Minor, Str, TenantOwned, Timestamp, belongs_to


class BankPayment(TenantOwned, Base):
    """A payment by test card. Its id is the shop's."""

    __tablename__ = "test_bank_payment"
    __table_args__ = (
        CheckConstraint(
            "status IN ('challenge', 'processing', 'held', 'captured', 'voided', 'refused')", name="status"
        ),
    )

    card: Mapped[Str]
    """A test card's number, or the token of one without."""
    amount: Mapped[Minor]
    currency: Mapped[Str]
    status: Mapped[Str]
    refusal: Mapped[Str | None]
    return_url: Mapped[Str | None]
    created_at: Mapped[Created]


class BankRefund(TenantOwned, Base):
    """What went back of a payment. Its id is the shop's."""

    __tablename__ = "test_bank_refund"
    __table_args__ = (
        belongs_to("test_bank_payment", "payment_id"),
        CheckConstraint("status IN ('pending', 'succeeded', 'failed')", name="status"),
        CheckConstraint("amount > 0", name="amount"),
        Index("ix_test_bank_refund_payment", "tenant_id", "payment_id"),
    )

    payment_id: Mapped[UUID]
    amount: Mapped[Minor]
    status: Mapped[Str]
    failure: Mapped[Str | None]


class BankEvent(TenantOwned, Base):
    """Something that the bank has to tell the shop."""

    __tablename__ = "test_bank_event"
    __table_args__ = (
        belongs_to("test_bank_payment", "payment_id"),
        Index("ix_test_bank_event_due", "tenant_id", "due_at", postgresql_where=text("delivered_at IS NULL")),
    )

    kind: Mapped[Str]
    payment_id: Mapped[UUID]
    refund_id: Mapped[UUID | None]
    amount: Mapped[Minor] = mapped_column(server_default="0")
    fee: Mapped[Minor] = mapped_column(server_default="0")
    currency: Mapped[Str] = mapped_column(server_default="")
    reason: Mapped[Str] = mapped_column(server_default="")
    due_at: Mapped[Timestamp]
    delivered_at: Mapped[Timestamp | None]


class BankTransaction(TenantOwned, Base):
    """A line of the bank's report of a day: what it took, kept or sent back."""

    __tablename__ = "test_bank_transaction"
    __table_args__ = (
        CheckConstraint("kind IN ('capture', 'refund', 'dispute', 'reversal')", name="kind"),
        # What happened once is reported once.
        Index("uq_test_bank_transaction_line", "tenant_id", "kind", "reference", unique=True),
        Index("ix_test_bank_transaction_day", "tenant_id", "settles_on", "id"),
    )

    kind: Mapped[Str]
    reference: Mapped[Str]
    """The bank's name for the payment, refund or dispute."""
    payment_id: Mapped[UUID | None]
    """The shop's, which the bank was given to keep; nobody's, where a test card makes it report what never was."""
    refund_id: Mapped[UUID | None]
    amount: Mapped[Minor]
    """Before the fee, positive when the money goes to the shop."""
    fee: Mapped[Minor]
    currency: Mapped[Str]
    settles_on: Mapped[date]
