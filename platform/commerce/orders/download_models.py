"""What whoever bought a download may get, and when they got it."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import Index
from sqlalchemy.orm import Mapped

from foundation.database import Base
from foundation.tables import Created, TenantOwned, Units, belongs_to


class DownloadRight(TenantOwned, Base):
    """A line of an order whose files were handed out. Whether it still holds follows from the order."""

    __tablename__ = "download_right"
    __table_args__ = (
        belongs_to("orders", "order_id"),
        belongs_to("order_line", "order_line_id"),
        Index("ix_download_right_order", "tenant_id", "order_id"),
        Index("uq_download_right_line", "tenant_id", "order_line_id", unique=True),
    )

    order_id: Mapped[UUID]
    order_line_id: Mapped[UUID]
    granted_at: Mapped[Created]
    counted_from: Mapped[Created]
    """From when days and downloads are counted: staff may let them begin anew."""


class Download(TenantOwned, Base):
    """A file was asked for, from its beginning."""

    __tablename__ = "download"
    __table_args__ = (
        belongs_to("download_right", "right_id"),
        Index("ix_download_right_file", "tenant_id", "right_id", "file_id", "begun_at"),
    )

    right_id: Mapped[UUID]
    file_id: Mapped[UUID]
    file_version: Mapped[Units]
    begun_at: Mapped[Created]
