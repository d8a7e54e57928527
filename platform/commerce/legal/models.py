"""The versions of a shop's legal pages, and which of them a buyer accepted."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import CheckConstraint, Index
from sqlalchemy.orm import Mapped

from foundation.database import Base
from foundation.tables import Str, TenantOwned, Timestamp, Units, belongs_to


class LegalPage(TenantOwned, Base):
    """A version of a page in a language; never changed, so that what somebody accepted can always be read."""

    __tablename__ = "legal_page"
    __table_args__ = (
        CheckConstraint("kind IN ('terms', 'privacy', 'imprint', 'returns', 'shipping')", name="kind"),
        Index("uq_legal_page_version", "tenant_id", "kind", "locale", "version", unique=True),
    )

    kind: Mapped[Str]
    locale: Mapped[Str]
    version: Mapped[Units]
    """1, 2, 3, ... of a kind and a language."""
    title: Mapped[Str | None]
    """In the page's language; without one it is the platform's."""
    markdown: Mapped[Str]
    """Empty when the page was taken back."""
    published_by: Mapped[Str]
    published_at: Mapped[Timestamp]


class LegalAcceptance(TenantOwned, Base):
    """Which version of a page was accepted with the payment for a cart; its order has the same cart."""

    __tablename__ = "legal_acceptance"
    __table_args__ = (
        belongs_to("legal_page", "page_id"),
        Index("uq_legal_acceptance_kind", "tenant_id", "cart_id", "kind", unique=True),
    )

    cart_id: Mapped[UUID]
    kind: Mapped[Str]
    page_id: Mapped[UUID]
    accepted_at: Mapped[Timestamp]
