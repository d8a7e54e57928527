"""What each shop has subscribed to, and what it has used, by day."""

from __future__ import annotations

from datetime import date
from typing import Any

from sqlalchemy import CheckConstraint, Date, Index, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from foundation.database import Base
from foundation.tables import Created, Str, TenantOwned, Timestamp, Units


class TenantPlan(TenantOwned, Base):
    """A shop's plan; a shop without a row has the first."""

    __tablename__ = "tenant_plan"
    __table_args__ = (Index("uq_tenant_plan", "tenant_id", unique=True),)

    code: Mapped[Str]
    overrides: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default=text("'{}'"))
    """What was agreed with this shop in place of the plan's own limits."""
    since: Mapped[Created]


class Usage(TenantOwned, Base):
    """How much of something a shop used on a day (UTC), counted from the stream of events."""

    __tablename__ = "usage"
    __table_args__ = (
        Index("uq_usage_metric_day", "tenant_id", "metric", "day", unique=True),
        CheckConstraint("quantity >= 0", name="quantity"),
    )

    metric: Mapped[Str]
    day: Mapped[date] = mapped_column(Date)
    quantity: Mapped[Units]
    counted_at: Mapped[Timestamp]
