"""The tables of synonyms and of rules."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from foundation.database import Base
from foundation.tables import Str, TenantOwned, Timestamp, Units


class SearchSynonym(TenantOwned, Base):
    """Words that stand for others in a search."""

    __tablename__ = "search_synonym"

    phrases: Mapped[list[str]] = mapped_column(ARRAY(Text))
    written: Mapped[Str | None]
    """Set where it goes one way: what somebody writes for whom `phrases` are looked for too."""
    version: Mapped[Units] = mapped_column(server_default="1")


class SearchRule(TenantOwned, Base):
    """What is to become of the order of a search or of a category's page: as it is written, and as it holds."""

    __tablename__ = "search_rule"

    name: Mapped[Str]
    draft: Mapped[dict[str, Any]] = mapped_column(JSONB)
    """`RuleIn` as it was last written."""
    live: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    """`RuleIn` as it was when it was last published; none while it does not hold."""
    version: Mapped[Units] = mapped_column(server_default="1")
    """Of the draft."""
    previewed: Mapped[Units] = mapped_column(server_default="0")
    """The version that somebody last looked at before and after."""
    published: Mapped[Units | None]
    """The version that holds."""
    published_at: Mapped[Timestamp | None]
