"""What a shop says is its domain, and how far it has proved that.

Who answers to a name is said by the directory alone (`tenant_domain`), where a name is there once for all shops.
"""

from __future__ import annotations

from sqlalchemy import CheckConstraint, Index
from sqlalchemy.orm import Mapped

from foundation.database import Base
from foundation.tables import Created, Str, TenantOwned, Timestamp


class Domain(TenantOwned, Base):
    """A name that a shop claims."""

    __tablename__ = "domain"
    __table_args__ = (
        CheckConstraint("status IN ('pending', 'verified', 'failed', 'lapsed')", name="status"),
        Index("uq_domain_host", "tenant_id", "host", unique=True),
        Index("ix_domain_next_check", "tenant_id", "next_check_at"),
    )

    host: Mapped[Str]
    """Lower case, as A-labels (RFC 5891), without a dot at the end."""
    token: Mapped[Str]
    """What the record must say. Everybody may read it in DNS: it proves who writes there, and is no secret."""
    status: Mapped[Str]
    finding: Mapped[Str | None]
    """What the last check found: `found`, `absent`, `different`, or `unsure` when no server said anything definite."""
    absent_since: Mapped[Timestamp | None]
    """Since when each definite answer has been that the record isn't there."""
    verified_at: Mapped[Timestamp | None]
    checked_at: Mapped[Timestamp | None]
    next_check_at: Mapped[Timestamp | None]
    """When the worker looks; never again by itself when there is none."""
    created_at: Mapped[Created]
