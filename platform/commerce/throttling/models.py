"""Buckets of tokens: one by what is counted."""

from __future__ import annotations

from sqlalchemy import Double, Index
from sqlalchemy.orm import Mapped, mapped_column

from foundation.database import Base
from foundation.tables import Created, Str, TenantOwned


class Bucket(TenantOwned, Base):
    """What is left of how often something may be asked; it fills again as time passes."""

    __tablename__ = "throttle_bucket"
    __table_args__ = (
        Index("uq_throttle_bucket_subject", "tenant_id", "subject", unique=True),
        Index("ix_throttle_bucket_updated", "tenant_id", "updated_at"),
    )

    subject: Mapped[Str]
    """A digest: nobody's address or number is kept."""
    tokens: Mapped[float] = mapped_column(Double)
    updated_at: Mapped[Created]
