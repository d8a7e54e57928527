"""Customers, the accounts people sign in to, and their sessions."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, LargeBinary, Text, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from foundation.database import Base
from foundation.tables import Created, Str, TenantOwned, Timestamp, Units, belongs_to


class Customer(TenantOwned, Base):
    """A person or household that buys."""

    __tablename__ = "customer"
    __table_args__ = (
        Index("uq_customer_reference", "tenant_id", "reference", unique=True),
        Index("uq_customer_email", "tenant_id", "email", unique=True, postgresql_where=text("email_digest IS NULL")),
        Index("uq_customer_email_digest", "tenant_id", "email_digest", unique=True),
        CheckConstraint("email_digest IS NOT NULL OR email = lower(email)", name="email_normalised"),
    )

    reference: Mapped[Str]
    """The customer's number in the system it came from."""
    display_name: Mapped[Str]
    """Sealed, like their e-mail address and their traits."""
    email: Mapped[Str | None]
    email_digest: Mapped[bytes | None] = mapped_column(LargeBinary)
    price_group: Mapped[Str | None]
    """The group whose prices they get."""
    traits: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default=text("'{}'"))
    created_at: Mapped[Created]
    erased_at: Mapped[Timestamp | None]
    """When they were forgotten; all that is left of them is this row, for orders and the ledger to refer to."""


class Account(TenantOwned, Base):
    """What a person signs in to: a customer of the shop, somebody who works for it, or both.

    What they are reached by is sealed by the account's own key, and found by its digest.
    """

    __tablename__ = "account"
    __table_args__ = (
        belongs_to("customer", "customer_id"),
        CheckConstraint("status IN ('active', 'closed')", name="status"),
        Index("uq_account_email_digest", "tenant_id", "email_digest", unique=True),
        Index("uq_account_phone_digest", "tenant_id", "phone_digest", unique=True),
        Index("uq_account_customer", "tenant_id", "customer_id", unique=True),
    )

    customer_id: Mapped[UUID | None]
    """Whom they buy as."""
    display_name: Mapped[Str]
    """Sealed."""
    email: Mapped[Str | None]
    """Sealed; `digest(tenant_id, "email", address)` of the address in lower case finds it."""
    email_digest: Mapped[bytes | None] = mapped_column(LargeBinary)
    email_verified_at: Mapped[Timestamp | None]
    phone: Mapped[Str | None]
    """Sealed, in E.164; `digest(tenant_id, "phone", number)` finds it."""
    phone_digest: Mapped[bytes | None] = mapped_column(LargeBinary)
    phone_verified_at: Mapped[Timestamp | None]
    password_hash: Mapped[Str | None]
    password_changed_at: Mapped[Timestamp | None]
    status: Mapped[Str] = mapped_column(server_default="active")
    created_at: Mapped[Created]


class Session(TenantOwned, Base):
    """A browser's visit: a visitor, signed in as a customer or not. Only the hash of its token is kept."""

    __tablename__ = "session"
    __table_args__ = (
        belongs_to("customer", "customer_id"),
        belongs_to("account", "account_id"),
        belongs_to("device", "device_id"),
        belongs_to("acting", "acting_id"),
        Index("uq_session_token_hash", "tenant_id", "token_hash", unique=True),
        Index("ix_session_customer", "tenant_id", "customer_id"),
        Index("ix_session_account", "tenant_id", "account_id"),
        Index("ix_session_created", "tenant_id", "created_at"),
        Index("ix_session_device", "tenant_id", "device_id", postgresql_where=text("device_id IS NOT NULL")),
        Index(
            "ix_session_provider_session",
            "tenant_id",
            "provider_session",
            postgresql_where=text("provider_session IS NOT NULL"),
        ),
        Index("ix_session_acting", "tenant_id", "acting_id", postgresql_where=text("acting_id IS NOT NULL")),
    )

    token_hash: Mapped[bytes] = mapped_column(LargeBinary)
    visitor_id: Mapped[UUID]
    customer_id: Mapped[UUID | None]
    account_id: Mapped[UUID | None]
    """The account they signed in to."""
    amr: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default=text("'{}'"))
    """How they proved who they are (RFC 8176: `pwd`, `otp`, `sms`, `hwk`, `fed`, ...)."""
    authenticated_at: Mapped[Timestamp | None]
    """When they last did; a sensitive action asks for it anew after a while."""
    consent: Mapped[list[str]] = mapped_column(JSONB, server_default=text("'[]'"))
    """What they agree to, once they were asked."""
    consented_at: Mapped[Timestamp | None]
    """When they last said so; without it they have agreed to nothing."""
    created_at: Mapped[Created]
    expires_at: Mapped[Timestamp]
    revoked_at: Mapped[Timestamp | None]
    device_id: Mapped[UUID | None]
    """The browser it was signed in with."""
    seen_at: Mapped[Timestamp | None]
    """When it was last used, to some minutes; of those that are signed in."""
    idle_until: Mapped[Timestamp | None]
    """When it ends unless it is used."""
    browser: Mapped[Str | None]
    """Sealed: the browser and its system in words."""
    address: Mapped[Str | None]
    """Sealed: where it was signed in from."""
    provider_id: Mapped[UUID | None]
    """The identity provider on whose word they are signed in."""
    provider_session: Mapped[bytes | None] = mapped_column(LargeBinary)
    """The provider's own session (`sid`), as a digest: it can say that this one is over."""
    acting_id: Mapped[UUID | None]
    """By which a member of staff is in the shop as a customer."""


class Device(TenantOwned, Base):
    """A browser that has signed in to an account before, which its cookie proves.

    Guesses from anywhere else are counted apart from it, so they can't keep its owner out.
    """

    __tablename__ = "device"
    __table_args__ = (
        belongs_to("account", "account_id"),
        Index("uq_device_account", "tenant_id", "account_id", "token_hash", unique=True),
        Index("ix_device_seen", "tenant_id", "seen_at"),
    )

    account_id: Mapped[UUID]
    token_hash: Mapped[bytes] = mapped_column(LargeBinary)
    networks: Mapped[list[bytes]] = mapped_column(ARRAY(LargeBinary), server_default=text("'{}'"))
    """Digests of the networks it has signed in from, the last at the end."""
    created_at: Mapped[Created]
    seen_at: Mapped[Timestamp]


class Proof(TenantOwned, Base):
    """Something secret that was sent to somebody, and what whoever shows it has proved. It is gone once it is shown."""

    __tablename__ = "proof"
    __table_args__ = (
        Index("uq_proof_target", "tenant_id", "purpose", "target", unique=True),
        Index("uq_proof_secret", "tenant_id", "secret_hash", unique=True),
        Index("ix_proof_expires", "tenant_id", "expires_at"),
    )

    purpose: Mapped[Str]
    target: Mapped[bytes] = mapped_column(LargeBinary)
    """A digest of whom it is for: a new one for the same takes its place."""
    subject_id: Mapped[UUID]
    """By whose key the content is sealed."""
    secret_hash: Mapped[bytes] = mapped_column(LargeBinary)
    content: Mapped[Str]
    """What it is about, as JSON, sealed."""
    attempts_left: Mapped[Units]
    created_at: Mapped[Created]
    expires_at: Mapped[Timestamp]
