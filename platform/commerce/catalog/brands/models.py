"""The table of brands."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Index, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from foundation.database import Base
from foundation.tables import Str, TenantOwned, Units


class Brand(TenantOwned, Base):
    """A brand. Products are of it by its name, which is what shoppers see and find them by."""

    __tablename__ = "brand"
    __table_args__ = (
        Index("uq_brand_slug", "tenant_id", "slug", unique=True),
        Index("uq_brand_name", "tenant_id", "name", unique=True),
    )

    name: Mapped[Str]
    slug: Mapped[Str]
    translations: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default=text("'{}'"))
    """By locale, texts by their names; `catalog.translations` writes them."""
    version: Mapped[Units] = mapped_column(server_default="1")
