"""The files of variants that are downloaded."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import Index
from sqlalchemy.orm import Mapped

from foundation.database import Base
from foundation.tables import Created, Str, TenantOwned, Units, belongs_to


class DigitalFile(TenantOwned, Base):
    """A file of a variant. Whoever bought the variant gets the version that there is."""

    __tablename__ = "digital_file"
    __table_args__ = (
        belongs_to("variant", "variant_id"),
        Index("ix_digital_file_variant", "tenant_id", "variant_id", "id"),
    )

    variant_id: Mapped[UUID]
    name: Mapped[Str]
    media_type: Mapped[Str]
    size: Mapped[Units]
    """Bytes."""
    sha256: Mapped[Str]
    version: Mapped[Units]
    """Goes up whenever another file is put in its place."""
    content_id: Mapped[UUID]
    """What it is called in the object store: no two uploads write to one place."""
    uploaded_at: Mapped[Created]
