"""The ways in which a shop delivers."""

from __future__ import annotations

from datetime import date, time
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, Date, Index, Text, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from foundation.database import Base
from foundation.tables import Minor, Str, TenantOwned, Timestamp, Units, belongs_to


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
    place: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    """Where it is collected: name, address, opening hours."""


class DeliveryCalendar(TenantOwned, Base):
    """A shop's business days, in its own zone."""

    __tablename__ = "delivery_calendar"
    __table_args__ = (
        CheckConstraint("cardinality(working_days) > 0", name="working_days"),
        Index("uq_delivery_calendar", "tenant_id", unique=True),
    )

    zone: Mapped[Str]
    working_days: Mapped[list[int]] = mapped_column(ARRAY(BigInteger))
    """Monday is 0."""
    cutoff: Mapped[time | None]
    holidays: Mapped[list[date]] = mapped_column(ARRAY(Date), server_default=text("'{}'"))


class DeliverySlot(TenantOwned, Base):
    """Hours of a weekday in which a method delivers, and how many orders can be brought then."""

    __tablename__ = "delivery_slot"
    __table_args__ = (
        belongs_to("delivery_method", "method_id"),
        CheckConstraint("weekday BETWEEN 0 AND 6", name="weekday"),
        CheckConstraint("ends > begins", name="hours"),
        CheckConstraint("capacity >= 0 AND cutoff_minutes >= 0", name="capacity"),
        Index("uq_delivery_slot_window", "tenant_id", "method_id", "weekday", "begins", "ends", unique=True),
    )

    method_id: Mapped[UUID]
    weekday: Mapped[Units]
    """Monday is 0."""
    begins: Mapped[time]
    ends: Mapped[time]
    capacity: Mapped[Units]
    cutoff_minutes: Mapped[Units] = mapped_column(server_default="0")
    """How long before it begins it can be chosen last."""
    active: Mapped[bool] = mapped_column(server_default="true")


class DeliveryDay(TenantOwned, Base):
    """How many orders took a window on a day, and how many could when the last one did."""

    __tablename__ = "delivery_day"
    __table_args__ = (
        belongs_to("delivery_slot", "slot_id"),
        CheckConstraint("taken BETWEEN 0 AND capacity", name="taken"),
        Index("uq_delivery_day", "tenant_id", "slot_id", "day", unique=True),
    )

    slot_id: Mapped[UUID]
    day: Mapped[date]
    taken: Mapped[Units]
    capacity: Mapped[Units]


class DeliveryBooking(TenantOwned, Base):
    """A place in a window that an order took, until it is given back."""

    __tablename__ = "delivery_booking"
    __table_args__ = (
        belongs_to("delivery_slot", "slot_id"),
        Index("ix_delivery_booking_order", "tenant_id", "order_id"),
        Index("ix_delivery_booking_day", "tenant_id", "slot_id", "day"),
    )

    order_id: Mapped[UUID]
    slot_id: Mapped[UUID]
    day: Mapped[date]
    released_at: Mapped[Timestamp | None]
