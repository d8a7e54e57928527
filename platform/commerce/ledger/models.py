"""Double entry, append-only: the postings of a transaction sum to zero."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import CheckConstraint, Index
from sqlalchemy.orm import Mapped

from foundation.database import Base
from foundation.tables import Created, Minor, Str, TenantOwned, Timestamp


class Posting(TenantOwned, Base):
    """One side of a movement of money: debits are positive, credits negative."""

    __tablename__ = "ledger_posting"
    __table_args__ = (
        CheckConstraint("amount <> 0", name="amount"),
        Index("ix_ledger_posting_transaction", "tenant_id", "transaction_id"),
        Index("ix_ledger_posting_account", "tenant_id", "account", "occurred_at"),
        Index("ix_ledger_posting_reference", "tenant_id", "reference_id"),
    )

    transaction_id: Mapped[UUID]
    account: Mapped[Str]
    amount: Mapped[Minor]
    currency: Mapped[Str]
    reference_id: Mapped[UUID]
    """The order, payment or refund it is about."""
    occurred_at: Mapped[Timestamp]
    created_at: Mapped[Created]
