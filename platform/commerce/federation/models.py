"""Providers that a shop trusts, sign-ins on their way, and whom a provider knows an account as."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import CheckConstraint, Index, LargeBinary, Text, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from foundation.database import Base
from foundation.tables import Created, Str, TenantOwned, Timestamp, Units, belongs_to


class IdentityProvider(TenantOwned, Base):
    """An OpenID provider of the shop's own choice: a customer's company, or where its staff have their accounts."""

    __tablename__ = "identity_provider"
    __table_args__ = (
        CheckConstraint("kind IN ('oidc', 'google', 'apple', 'facebook')", name="kind"),
        CheckConstraint("audience IN ('customers', 'staff')", name="audience"),
        CheckConstraint("client_authentication IN ('basic', 'post')", name="client_authentication"),
        Index("uq_identity_provider_client", "tenant_id", "issuer", "client_id", unique=True),
    )

    kind: Mapped[Str] = mapped_column(server_default="oidc")
    """`commerce.federation.kinds`: what is peculiar to it."""
    name: Mapped[Str]
    """What its button says."""
    issuer: Mapped[Str]
    client_id: Mapped[Str]
    client_secret: Mapped[Str]
    """Sealed, by a key of the row's own; Apple's is the private key that secrets are signed with."""
    client_authentication: Mapped[Str] = mapped_column(server_default="basic")
    audience: Mapped[Str]
    domains: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default=text("'{}'"))
    """The e-mail domains that it speaks for, in lower case; with an address elsewhere nobody signs in by it."""
    role: Mapped[Str | None]
    """What somebody new among the staff may do, as a role's name; without one nobody is hired but by invitation."""
    team_id: Mapped[Str | None]
    """Apple's: whose key it is."""
    key_id: Mapped[Str | None]
    """Apple's: which key it is."""
    is_enabled: Mapped[bool] = mapped_column(server_default=text("true"))
    version: Mapped[Units] = mapped_column(server_default="1")
    created_at: Mapped[Created]


class SignInAttempt(TenantOwned, Base):
    """A browser that was sent to a provider, and what it must come back with; gone once it does."""

    __tablename__ = "sign_in_attempt"
    __table_args__ = (
        CheckConstraint("purpose IN ('sign_in', 'link', 'step_up')", name="purpose"),
        Index("uq_sign_in_attempt_state", "tenant_id", "state_hash", unique=True),
        Index("ix_sign_in_attempt_expires", "tenant_id", "expires_at"),
    )

    state_hash: Mapped[bytes] = mapped_column(LargeBinary)
    session_id: Mapped[UUID]
    """Of the browser that was sent; nobody else may come back."""
    purpose: Mapped[Str]
    provider: Mapped[Str]
    """Whom it was sent to: the id of an `IdentityProvider`."""
    redirect_uri: Mapped[Str]
    """Where it comes back to."""
    nonce: Mapped[Str]
    """Sealed by the provider's key, as is the next."""
    verifier: Mapped[Str]
    """Of PKCE (RFC 7636)."""
    onward: Mapped[Str]
    """The page of the shop to go to afterwards."""
    account_id: Mapped[UUID | None]
    """Who is to be linked, or to prove anew who they are; without one, somebody signs in."""
    started_at: Mapped[Timestamp]
    expires_at: Mapped[Timestamp]


class ExternalIdentity(TenantOwned, Base):
    """Whom a provider knows an account's owner as."""

    __tablename__ = "external_identity"
    __table_args__ = (
        belongs_to("account", "account_id"),
        Index("uq_external_identity_subject", "tenant_id", "subject_digest", unique=True),
        Index("ix_external_identity_account", "tenant_id", "account_id"),
        Index("ix_external_identity_provider", "tenant_id", "provider"),
    )

    account_id: Mapped[UUID]
    provider: Mapped[Str]
    """The id of the `IdentityProvider` that it was linked by."""
    subject_digest: Mapped[bytes] = mapped_column(LargeBinary)
    """Of issuer and subject: what it is found by."""
    label: Mapped[Str]
    """Sealed: the address that the provider told, or its name for them."""
    created_at: Mapped[Created]
    used_at: Mapped[Timestamp]


class StaffSignIn(TenantOwned, Base):
    """The shop's own staff must come by one provider; there is a row where it is so."""

    __tablename__ = "staff_sign_in"
    __table_args__ = (
        belongs_to("identity_provider", "provider_id"),
        belongs_to("account", "owner_account_id"),
        Index("uq_staff_sign_in_tenant", "tenant_id", unique=True),
    )

    provider_id: Mapped[UUID]
    owner_account_id: Mapped[UUID]
    """Who may come in by other ways all the same, for the day the provider is down (break-glass)."""
    created_at: Mapped[Created]
