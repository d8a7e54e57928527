"""Messages on their way to people."""

from __future__ import annotations

from sqlalchemy import CheckConstraint, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from foundation.database import Base
from foundation.tables import Created, Str, TenantOwned, Timestamp, Units


class Message(TenantOwned, Base):
    """A message, written in the transaction that made it true and sent afterwards."""

    __tablename__ = "message"
    __table_args__ = (
        CheckConstraint("channel IN ('email', 'sms')", name="channel"),
        CheckConstraint("status IN ('queued', 'sent', 'failed')", name="status"),
        Index("ix_message_created", "tenant_id", "created_at"),
        Index("ix_message_due", "tenant_id", "next_attempt_at", postgresql_where=text("status = 'queued'")),
    )

    channel: Mapped[Str]
    template: Mapped[Str]
    locale: Mapped[Str]
    recipient: Mapped[Str]
    """Sealed by the key of whom it is for."""
    content: Mapped[Str]
    """The template's values as JSON, sealed likewise."""
    status: Mapped[Str] = mapped_column(server_default="queued")
    attempts: Mapped[Units] = mapped_column(server_default="0")
    next_attempt_at: Mapped[Timestamp]
    created_at: Mapped[Created]
    sent_at: Mapped[Timestamp | None]
    error: Mapped[Str | None]
