"""OAuth clients, and what people have granted to them. Of every secret only the hash is kept."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, LargeBinary, Text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from foundation.database import Base
from foundation.tables import Created, Str, TenantOwned, Timestamp, belongs_to


class OauthClient(TenantOwned, Base):
    """A program that staff have registered; its `id` is its `client_id`."""

    __tablename__ = "oauth_client"
    __table_args__ = (
        CheckConstraint("kind IN ('confidential', 'public')", name="kind"),
        CheckConstraint("(kind = 'confidential') = (secret_hash IS NOT NULL)", name="secret"),
    )

    name: Mapped[Str]
    kind: Mapped[Str]
    """`confidential` can keep a secret; `public`, such as an app on a phone, can't."""
    secret_hash: Mapped[bytes | None] = mapped_column(LargeBinary)
    redirect_uris: Mapped[list[str]] = mapped_column(ARRAY(Text))
    grants: Mapped[list[str]] = mapped_column(ARRAY(Text))
    scopes: Mapped[list[str]] = mapped_column(ARRAY(Text))
    """The most it may ever ask for."""
    channel: Mapped[Str | None]
    """The code of the sales channel that customers are on for whom it acts."""
    created_by: Mapped[Str]
    created_at: Mapped[Created]
    disabled_at: Mapped[Timestamp | None]


class OauthSigningKey(TenantOwned, Base):
    """A key that signs a tenant's access tokens; its `id` is its `kid`."""

    __tablename__ = "oauth_signing_key"

    public_jwk: Mapped[dict[str, Any]] = mapped_column(JSONB)
    private_jwk: Mapped[Str]
    """Sealed by a data key of its own."""
    signs_from: Mapped[Timestamp]
    """Published before it signs, so that whoever keeps the set of keys for a while knows it by then."""
    created_at: Mapped[Created]


class OauthGrant(TenantOwned, Base):
    """What somebody lets a program do: the family of all tokens that come from one consent. Revoked, it ends them."""

    __tablename__ = "oauth_grant"
    __table_args__ = (
        belongs_to("oauth_client", "client_id"),
        CheckConstraint("subject IN ('client', 'customer', 'staff')", name="subject"),
        Index("ix_oauth_grant_subject", "tenant_id", "subject_id"),
        Index("ix_oauth_grant_client", "tenant_id", "client_id"),
    )

    client_id: Mapped[UUID]
    subject: Mapped[Str]
    """Whom the program acts for: itself, a customer, or a member of staff."""
    subject_id: Mapped[UUID]
    session_id: Mapped[UUID | None]
    """The session in which it was granted."""
    scopes: Mapped[list[str]] = mapped_column(ARRAY(Text))
    created_at: Mapped[Created]
    expires_at: Mapped[Timestamp]
    revoked_at: Mapped[Timestamp | None]
    revoked_reason: Mapped[Str | None]


class OauthCode(TenantOwned, Base):
    """An authorization code: good once, for a minute."""

    __tablename__ = "oauth_code"
    __table_args__ = (
        belongs_to("oauth_grant", "grant_id"),
        Index("uq_oauth_code_hash", "tenant_id", "code_hash", unique=True),
        Index("ix_oauth_code_grant", "tenant_id", "grant_id"),
    )

    grant_id: Mapped[UUID]
    code_hash: Mapped[bytes] = mapped_column(LargeBinary)
    redirect_uri: Mapped[Str]
    challenge: Mapped[Str]
    """PKCE's, by S256 (RFC 7636)."""
    created_at: Mapped[Created]
    expires_at: Mapped[Timestamp]
    used_at: Mapped[Timestamp | None]


class OauthRefreshToken(TenantOwned, Base):
    """A refresh token: good once. Shown again, somebody else has it, and the grant ends."""

    __tablename__ = "oauth_refresh_token"
    __table_args__ = (
        belongs_to("oauth_grant", "grant_id"),
        Index("uq_oauth_refresh_token_hash", "tenant_id", "token_hash", unique=True),
        Index("ix_oauth_refresh_token_grant", "tenant_id", "grant_id"),
    )

    grant_id: Mapped[UUID]
    token_hash: Mapped[bytes] = mapped_column(LargeBinary)
    created_at: Mapped[Created]
    expires_at: Mapped[Timestamp]
    used_at: Mapped[Timestamp | None]
