"""A shop that somebody is setting up."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Index, LargeBinary, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from foundation.database import Base
from foundation.tables import Created, Str, TenantOwned, Timestamp


class SignUp(TenantOwned, Base):
    """What somebody has said so far of the shop they are opening. It is a row of the tenant to be."""

    __tablename__ = "sign_up"
    __table_args__ = (Index("uq_sign_up_tenant", "tenant_id", unique=True),)

    token_hash: Mapped[bytes] = mapped_column(LargeBinary)
    email: Mapped[Str]
    """The owner's; sealed."""
    password_hash: Mapped[Str]
    answers: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default=text("'{}'"))
    products: Mapped[list[Any]] = mapped_column(JSONB, server_default=text("'[]'"))
    created_at: Mapped[Created]
    finished_at: Mapped[Timestamp | None]
    api_key: Mapped[Str | None]
    """The owner's first key, sealed, for as long as finishing may be asked again."""
    proof_hash: Mapped[bytes | None] = mapped_column(LargeBinary)
    """Of what the owner is sent to prove their address."""
    proved_at: Mapped[Timestamp | None]
