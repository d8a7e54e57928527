"""Authenticator apps, recovery codes and passkeys of accounts."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import CheckConstraint, Index, LargeBinary, Text, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from foundation.database import Base
from foundation.tables import Created, Str, TenantOwned, Timestamp, Units, belongs_to


class Authenticator(TenantOwned, Base):
    """An app that shows codes (RFC 6238); one an account. It counts once a code of it has been shown."""

    __tablename__ = "authenticator"
    __table_args__ = (
        belongs_to("account", "account_id"),
        Index("uq_authenticator_account", "tenant_id", "account_id", unique=True),
    )

    account_id: Mapped[UUID]
    secret: Mapped[Str]
    """Sealed; in base32."""
    last_step: Mapped[Units] = mapped_column(server_default="0")
    """The time step of the last code that was used: none is used twice, and none before it."""
    created_at: Mapped[Created]
    confirmed_at: Mapped[Timestamp | None]
    used_at: Mapped[Timestamp | None]


class RecoveryCode(TenantOwned, Base):
    """A code on paper, good once, for whoever has lost the rest."""

    __tablename__ = "recovery_code"
    __table_args__ = (
        belongs_to("account", "account_id"),
        Index("uq_recovery_code_hash", "tenant_id", "account_id", "code_hash", unique=True),
    )

    account_id: Mapped[UUID]
    code_hash: Mapped[bytes] = mapped_column(LargeBinary)
    """Keyed, and of this account only."""
    created_at: Mapped[Created]
    used_at: Mapped[Timestamp | None]


class Passkey(TenantOwned, Base):
    """A key pair of an account for one host (WebAuthn level 3); the private half never leaves its authenticator."""

    __tablename__ = "passkey"
    __table_args__ = (
        belongs_to("account", "account_id"),
        Index("uq_passkey_credential", "tenant_id", "credential_id", unique=True),
        Index("ix_passkey_account", "tenant_id", "account_id"),
    )

    account_id: Mapped[UUID]
    credential_id: Mapped[bytes] = mapped_column(LargeBinary)
    public_key: Mapped[bytes] = mapped_column(LargeBinary)
    """In COSE's form."""
    rp_id: Mapped[Str]
    """The host it was made for; it works nowhere else."""
    sign_count: Mapped[Units]
    """What its authenticator had counted when it was last used; many always say 0."""
    name: Mapped[Str]
    """Sealed: what its owner calls it."""
    transports: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default=text("'{}'"))
    is_synced: Mapped[bool]
    """It may be on several of its owner's devices."""
    created_at: Mapped[Created]
    used_at: Mapped[Timestamp | None]


class PasskeyChallenge(TenantOwned, Base):
    """What a browser was asked to have signed; gone once it is, or after some minutes."""

    __tablename__ = "passkey_challenge"
    __table_args__ = (
        CheckConstraint("purpose IN ('register', 'sign_in', 'second_factor', 'step_up')", name="purpose"),
        Index("ix_passkey_challenge_expires", "tenant_id", "expires_at"),
    )

    purpose: Mapped[Str]
    challenge: Mapped[bytes] = mapped_column(LargeBinary)
    session_id: Mapped[UUID]
    """Of the browser that was asked; nobody else may answer."""
    account_id: Mapped[UUID | None]
    """Whose passkey it must be, if that is known."""
    expires_at: Mapped[Timestamp]
