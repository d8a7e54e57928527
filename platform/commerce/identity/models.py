"""Customers and their sessions."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, LargeBinary, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from foundation.database import Base
from foundation.tables import Created, Str, TenantOwned, Timestamp, belongs_to


class Customer(TenantOwned, Base):
    """A person or household that buys."""

    __tablename__ = "customer"
    __table_args__ = (
        Index("uq_customer_reference", "tenant_id", "reference", unique=True),
        Index("uq_customer_email", "tenant_id", "email", unique=True),
        CheckConstraint("email = lower(email)", name="email_normalised"),
    )

    reference: Mapped[Str]
    """The customer's number in the system it came from."""
    display_name: Mapped[Str]
    email: Mapped[Str | None]
    price_group: Mapped[Str | None]
    """The group whose prices they get."""
    traits: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default=text("'{}'"))
    created_at: Mapped[Created]


class Session(TenantOwned, Base):
    """A browser's visit: a visitor, signed in as a customer or not. Only the hash of its token is kept."""

    __tablename__ = "session"
    __table_args__ = (
        belongs_to("customer", "customer_id"),
        Index("uq_session_token_hash", "tenant_id", "token_hash", unique=True),
        Index("ix_session_customer", "tenant_id", "customer_id"),
    )

    token_hash: Mapped[bytes] = mapped_column(LargeBinary)
    visitor_id: Mapped[UUID]
    customer_id: Mapped[UUID | None]
    consent: Mapped[list[str]] = mapped_column(JSONB, server_default=text("'[]'"))
    created_at: Mapped[Created]
    expires_at: Mapped[Timestamp]
    revoked_at: Mapped[Timestamp | None]
