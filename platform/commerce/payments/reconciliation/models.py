"""What providers settled, the days that were compared, and what did not agree."""

from __future__ import annotations

from datetime import date
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, text
from sqlalchemy.orm import Mapped

from foundation.database import Base
from foundation.tables import Created, Minor, Str, TenantOwned, Timestamp, Units


class SettlementLine(TenantOwned, Base):
    """A line of a provider's report, once. Its id is what the ledger's postings about it refer to."""

    __tablename__ = "settlement_line"
    __table_args__ = (
        CheckConstraint("kind IN ('capture', 'refund', 'dispute', 'reversal', 'fee')", name="kind"),
        Index("uq_settlement_line_line", "tenant_id", "provider", "line", unique=True),
        Index(
            "uq_settlement_line_subject",
            "tenant_id",
            "subject_id",
            "kind",
            unique=True,
            postgresql_where=text("subject_id IS NOT NULL"),
        ),
    )

    provider: Mapped[Str]
    line: Mapped[Str]
    """The provider's name for it."""
    kind: Mapped[Str]
    reference: Mapped[Str]
    subject_id: Mapped[UUID | None]
    """The payment, refund or dispute that it settles: each is settled by one line, and its reversal by another."""
    amount: Mapped[Minor]
    """Before the fee, positive when the money came to us."""
    fee: Mapped[Minor]
    currency: Mapped[Str]
    settled_on: Mapped[date]
    created_at: Mapped[Created]


class Reconciliation(TenantOwned, Base):
    """A day of a provider that was compared."""

    __tablename__ = "reconciliation"
    __table_args__ = (Index("uq_reconciliation_day", "tenant_id", "provider", "day", unique=True),)

    provider: Mapped[Str]
    day: Mapped[date]
    lines: Mapped[Units]
    """How many lines of the day there are."""
    first_run_at: Mapped[Created]
    last_run_at: Mapped[Created]


class ReconciliationException(TenantOwned, Base):
    """Something in which a provider and our books do not agree, until somebody or a later line explains it."""

    __tablename__ = "reconciliation_exception"
    __table_args__ = (
        CheckConstraint(
            "kind IN ('unknown', 'twice', 'amount_differs', 'currency_differs', 'fee_differs', 'late', "
            "'missing_at_provider')",
            name="kind",
        ),
        CheckConstraint("(resolved_at IS NULL) = (resolution IS NULL)", name="resolved"),
        # A line has one of each kind, and so has a payment or refund that no line settles.
        Index("uq_reconciliation_exception_about", "tenant_id", "provider", "kind", "about", unique=True),
        Index("ix_reconciliation_exception_open", "tenant_id", "id", postgresql_where=text("resolved_at IS NULL")),
    )

    provider: Mapped[Str]
    day: Mapped[date]
    kind: Mapped[Str]
    about: Mapped[Str]
    """The provider's name for the line, or our name for what no line settles: its id."""
    reference: Mapped[Str]
    subject_id: Mapped[UUID | None]
    """Our payment, refund or dispute, when there is one."""
    expected_amount: Mapped[Minor | None]
    expected_currency: Mapped[Str | None]
    amount: Mapped[Minor | None]
    currency: Mapped[Str | None]
    expected_fee: Mapped[Minor | None]
    """What the provider had said that it would keep, when it had."""
    fee: Mapped[Minor | None]
    created_at: Mapped[Created]
    resolved_at: Mapped[Timestamp | None]
    resolution: Mapped[Str | None]
