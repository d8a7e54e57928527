"""What became of a shop, and why."""

from __future__ import annotations

from sqlalchemy.orm import Mapped

from foundation.database import Base
from foundation.tables import Str, TenantOwned, Timestamp


class TenantChange(TenantOwned, Base):
    """The shop came into a state."""

    __tablename__ = "tenant_change"

    status: Mapped[Str]
    reason: Mapped[Str]
    changed_by: Mapped[Str]
    """`operator`, `billing`, or who of the shop's staff."""
    changed_at: Mapped[Timestamp]
