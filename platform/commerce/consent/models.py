"""Every answer that somebody gave."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import CheckConstraint, Index
from sqlalchemy.orm import Mapped

from foundation.database import Base
from foundation.tables import Str, TenantOwned, Timestamp, belongs_to


class ConsentAnswer(TenantOwned, Base):
    """An answer for one purpose, as it was given. It is never changed: the newest of a purpose counts."""

    __tablename__ = "consent_answer"
    __table_args__ = (
        belongs_to("customer", "customer_id"),
        CheckConstraint("purpose IN ('analytics', 'personalisation', 'marketing')", name="purpose"),
        CheckConstraint("source IN ('banner', 'account', 'api', 'import')", name="source"),
        Index("ix_consent_answer_customer", "tenant_id", "customer_id", "purpose", "answered_at"),
        Index("ix_consent_answer_visitor", "tenant_id", "visitor_id", "purpose", "answered_at"),
    )

    answered_at: Mapped[Timestamp]
    visitor_id: Mapped[UUID]
    """The browser; of an answer that was brought along from a study, the customer."""
    customer_id: Mapped[UUID | None]
    """Whose answer it is; without one it is the browser's alone."""
    purpose: Mapped[Str]
    given: Mapped[bool]
    """Whether they agreed; if not, they refused, or withdrew what they had agreed to."""
    source: Mapped[Str]
    """Where they answered."""
    text_version: Mapped[Str]
    """Which words they had read (`commerce.consent.wording`)."""
    carried_from: Mapped[UUID | None]
    """The answer of the browser that came along when its owner signed in: the same answer, at the time it was given."""
