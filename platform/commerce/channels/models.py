"""The table of sales channels."""

from __future__ import annotations

from sqlalchemy import Index
from sqlalchemy.orm import Mapped

from foundation.database import Base
from foundation.tables import Created, Str, TenantOwned, Timestamp, Units


class SalesChannel(TenantOwned, Base):
    """A way on which the shop sells. Its code never changes and it is never deleted, so what names it stays true."""

    __tablename__ = "sales_channel"
    __table_args__ = (Index("uq_sales_channel_code", "tenant_id", "code", unique=True),)

    code: Mapped[Str]
    name: Mapped[Str]
    created_at: Mapped[Created]
    retired_at: Mapped[Timestamp | None]
    version: Mapped[Units]
