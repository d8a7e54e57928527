"""A shop that somebody is setting up."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, LargeBinary, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from foundation.database import Base
from foundation.tables import Created, Str, TenantOwned, Timestamp


class SignUp(TenantOwned, Base):
    """What somebody has said so far of the shop they are opening. It is a row of the tenant to be."""

    __tablename__ = "sign_up"
    __table_args__ = (
        CheckConstraint(
            "CASE WHEN finished_at IS NULL THEN email IS NOT NULL AND password_hash IS NOT NULL"
            " ELSE email IS NULL AND password_hash IS NULL END",
            name="owner",
        ),
        Index("uq_sign_up_tenant", "tenant_id", unique=True),
    )

    token_hash: Mapped[bytes] = mapped_column(LargeBinary)
    email: Mapped[Str | None]
    """The owner's, sealed, until they have an account."""
    password_hash: Mapped[Str | None]
    """Likewise."""
    account_id: Mapped[UUID | None]
    """The owner's, once there is a shop."""
    answers: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default=text("'{}'"))
    products: Mapped[list[Any]] = mapped_column(JSONB, server_default=text("'[]'"))
    created_at: Mapped[Created]
    finished_at: Mapped[Timestamp | None]
    api_key: Mapped[Str | None]
    """The owner's first key, sealed, for as long as finishing may be asked again."""
    proof_hash: Mapped[bytes | None] = mapped_column(LargeBinary)
    """Of what the owner is sent to prove their address."""
    proved_at: Mapped[Timestamp | None]
