"""Who is told of what, and what became of it."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, Identity, Index, SmallInteger, Text, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from foundation.database import Base
from foundation.outbox import Xid8
from foundation.tables import Created, Str, TenantOwned, Timestamp, Units, belongs_to


class WebhookSubscription(TenantOwned, Base):
    """An endpoint, and which events it is told of."""

    __tablename__ = "webhook_subscription"
    __table_args__ = (CheckConstraint("status IN ('active', 'paused', 'disabled')", name="status"),)

    url: Mapped[Str]
    description: Mapped[Str]
    events: Mapped[list[str]] = mapped_column(ARRAY(Text))
    """Names, or `order.*` for all of a kind, or `*`."""
    secret: Mapped[Str]
    """Sealed, as is the one it replaced, which signs too until `previous_until`."""
    previous_secret: Mapped[Str | None]
    previous_until: Mapped[Timestamp | None]
    contact: Mapped[Str]
    """Sealed: who is told by mail when it is disabled."""
    status: Mapped[Str] = mapped_column(server_default="active")
    """`paused` by staff; `disabled` by us, after days of failures or because it said it is gone."""
    disabled_reason: Mapped[Str | None]
    failures: Mapped[Units] = mapped_column(server_default="0")
    """In a row."""
    failing_since: Mapped[Timestamp | None]
    next_attempt_at: Mapped[Timestamp]
    claim: Mapped[UUID | None]
    """Whoever delivers to it now; until `claimed_until`, or until they say that they are done."""
    claimed_until: Mapped[Timestamp | None]
    created_at: Mapped[Created]
    deleted_at: Mapped[Timestamp | None]


class WebhookCursor(Base):
    """How far a tenant's outbox is read. There is one once the tenant has had a subscription."""

    __tablename__ = "webhook_cursor"

    tenant_id: Mapped[UUID] = mapped_column(primary_key=True)
    xid: Mapped[int] = mapped_column(Xid8)
    seq: Mapped[int] = mapped_column(BigInteger)


class WebhookEvent(TenantOwned, Base):
    """An event as it is told, kept for a while so that it can be told again; `id` is the event's own."""

    __tablename__ = "webhook_event"
    __table_args__ = (Index("ix_webhook_event_recorded", "tenant_id", "recorded_at"),)

    name: Mapped[Str]
    occurred_at: Mapped[Timestamp]
    recorded_at: Mapped[Timestamp]
    body: Mapped[Str]
    """The very bytes that are signed and sent."""
    position: Mapped[int] = mapped_column(BigInteger, Identity(always=True))
    """Its place among the tenant's events."""


class WebhookDelivery(TenantOwned, Base):
    """An event that a subscription is told of, once, however often that has to be tried."""

    __tablename__ = "webhook_delivery"
    __table_args__ = (
        belongs_to("webhook_subscription", "subscription_id"),
        belongs_to("webhook_event", "event_id"),
        CheckConstraint("status IN ('pending', 'delivered', 'failed')", name="status"),
        Index("uq_webhook_delivery_event", "tenant_id", "subscription_id", "event_id", unique=True),
        Index("ix_webhook_delivery_event", "tenant_id", "event_id"),
        Index(
            "ix_webhook_delivery_pending",
            "tenant_id",
            "subscription_id",
            "position",
            postgresql_where=text("status = 'pending'"),
        ),
    )

    subscription_id: Mapped[UUID]
    event_id: Mapped[UUID]
    position: Mapped[int] = mapped_column(BigInteger, Identity())
    """Its place in the queue of its subscription."""
    status: Mapped[Str] = mapped_column(server_default="pending")
    attempts: Mapped[Units] = mapped_column(server_default="0")
    created_at: Mapped[Created]
    ended_at: Mapped[Timestamp | None]


class WebhookAttempt(TenantOwned, Base):
    """One try, and what was answered."""

    __tablename__ = "webhook_attempt"
    __table_args__ = (
        belongs_to("webhook_delivery", "delivery_id"),
        Index("ix_webhook_attempt_delivery", "tenant_id", "delivery_id", "id"),
    )

    delivery_id: Mapped[UUID]
    attempted_at: Mapped[Timestamp]
    status: Mapped[int | None] = mapped_column(SmallInteger)
    """The answer's, when there was one."""
    error: Mapped[Str | None]
    """Why there was none: `timeout`, `connection`, `not_public`, ..."""
    milliseconds: Mapped[Units]
    response: Mapped[Str]
    """The head of the answer's body."""
