"""The table of synonyms."""

from __future__ import annotations

from sqlalchemy import Text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from foundation.database import Base
from foundation.tables import Str, TenantOwned, Units


class SearchSynonym(TenantOwned, Base):
    """Words that stand for others in a search."""

    __tablename__ = "search_synonym"

    phrases: Mapped[list[str]] = mapped_column(ARRAY(Text))
    written: Mapped[Str | None]
    """Set where it goes one way: what somebody writes for whom `phrases` are looked for too."""
    version: Mapped[Units] = mapped_column(server_default="1")
