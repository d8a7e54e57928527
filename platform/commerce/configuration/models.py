"""The history of a shop's configuration."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Index
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from foundation.database import Base
from foundation.tables import Str, TenantOwned, Timestamp, Units


class ConfigurationChange(TenantOwned, Base):
    """A version of the configuration, whole; never changed and never removed while the shop is there."""

    __tablename__ = "configuration_change"
    __table_args__ = (Index("uq_configuration_change_version", "tenant_id", "version", unique=True),)

    version: Mapped[Units]
    configuration: Mapped[dict[str, Any]] = mapped_column(JSONB)
    changed_by: Mapped[Str]
    note: Mapped[Str] = mapped_column(server_default="")
    changed_at: Mapped[Timestamp]
