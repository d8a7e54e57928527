"""The ways in which a shop delivers."""

from __future__ import annotations

from sqlalchemy import CheckConstraint, Index, Text, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from foundation.database import Base
from foundation.tables import Minor, Str, TenantOwned, Units


class DeliveryMethod(TenantOwned, Base):
    """A way to get goods to a shopper: sent to an address, or collected. A shop without any asks for no address."""

    __tablename__ = "delivery_method"
    __table_args__ = (
        CheckConstraint("kind IN ('ship', 'collect')", name="kind"),
        CheckConstraint("price >= 0 AND free_from >= 0", name="price"),
        CheckConstraint("min_days >= 0 AND max_days >= min_days", name="days"),
        Index("uq_delivery_method_code", "tenant_id", "code", unique=True),
    )

    code: Mapped[Str]
    name: Mapped[Str]
    kind: Mapped[Str] = mapped_column(server_default="ship")
    countries: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default=text("'{}'"))
    """Where it goes; none means everywhere."""
    price: Mapped[Minor]
    free_from: Mapped[Minor | None]
    """What goods must cost, discounts taken off, for it to be free."""
    min_days: Mapped[Units] = mapped_column(server_default="0")
    max_days: Mapped[Units] = mapped_column(server_default="0")
    tax_class: Mapped[Str] = mapped_column(server_default="standard")
    position: Mapped[Units] = mapped_column(server_default="0")
    active: Mapped[bool] = mapped_column(server_default="true")
