"""The test bank's books. A real provider keeps its own; nothing but the test provider reads these."""

from __future__ import annotations

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
    currency: Mapped[Str] = mapped_column(server_default="")
    reason: Mapped[Str] = mapped_column(server_default="")
    due_at: Mapped[Timestamp]
    delivered_at: Mapped[Timestamp | None]
