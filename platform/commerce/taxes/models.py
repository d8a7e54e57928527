"""A shop's tax rates, and where it sells from."""

from __future__ import annotations

from decimal import Decimal
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, Numeric, Text, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from foundation.database import Base
from foundation.tables import Minor, Str, TenantOwned, Timestamp, Units, belongs_to


class TaxPolicy(TenantOwned, Base):
    """Whether a shop's prices include tax, and where it sells from. A shop without one charges none."""

    __tablename__ = "tax_policy"
    __table_args__ = (
        CheckConstraint("ioss_limit > 0", name="ioss_limit"),
        Index("uq_tax_policy", "tenant_id", unique=True),
    )

    included: Mapped[bool]
    country: Mapped[Str]
    region: Mapped[Str | None]
    lower_when_free: Mapped[bool] = mapped_column(server_default="true")
    """Prices that include tax are lowered by it where none is charged."""
    oss: Mapped[bool] = mapped_column(server_default="true")
    """Distance sales within the EU are taxed where they arrive."""
    ioss_limit: Mapped[Minor | None]
    """Registered for IOSS: what EUR 150 are in the shop's currency."""
    vat_id: Mapped[Str | None]
    """The shop's own; without one nothing is sold free of tax to businesses elsewhere in the EU."""
    engine: Mapped[Str] = mapped_column(server_default="table")
    """Who says what the taxes are: the shop's own table, or an engine outside."""
    engine_codes: Mapped[dict[str, str]] = mapped_column(JSONB, server_default=text("'{}'"))
    """What that engine calls the shop's classes of goods."""


class TaxClass(TenantOwned, Base):
    """What is special about a class of what a shop sells; a class that nobody spoke of is of goods."""

    __tablename__ = "tax_class"
    __table_args__ = (
        CheckConstraint("kind IN ('goods', 'service', 'digital')", name="kind"),
        Index("uq_tax_class_code", "tenant_id", "code", unique=True),
    )

    code: Mapped[Str]
    kind: Mapped[Str] = mapped_column(server_default="goods")
    reverse_charge: Mapped[bool] = mapped_column(server_default="false")


class TaxEntry(TenantOwned, Base):
    """What a movement of an order's money is of: so much sold to a country at a rate, or given back; never changed."""

    __tablename__ = "tax_entry"
    __table_args__ = (
        belongs_to("ledger_posting", "posting_id"),
        belongs_to("orders", "order_id"),
        Index("uq_tax_entry", "tenant_id", "posting_id", "country", "scheme", "name", "rate", unique=True),
        Index("ix_tax_entry_order", "tenant_id", "order_id"),
        Index("ix_tax_entry_occurred", "tenant_id", "occurred_at"),
    )

    posting_id: Mapped[UUID]
    order_id: Mapped[UUID]
    occurred_at: Mapped[Timestamp]
    currency: Mapped[Str]
    country: Mapped[Str]
    """Where it went."""
    scheme: Mapped[Str]
    name: Mapped[Str]
    rate: Mapped[Str]
    taxable: Mapped[Minor]
    """Without the tax."""
    tax: Mapped[Minor]


class TaxRate(TenantOwned, Base):
    """A rate that a country, or a region of one, has for a class of goods."""

    __tablename__ = "tax_rate"
    __table_args__ = (
        CheckConstraint("rate >= 0 AND rate < 1", name="rate"),
        CheckConstraint("applies IN ('always', 'within_region', 'across_regions')", name="applies"),
        Index("ix_tax_rate_destination", "tenant_id", "country", "position"),
    )

    country: Mapped[Str]
    region: Mapped[Str | None]
    """Of the destination; without one, the whole country."""
    postal_prefixes: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default=text("'{}'"))
    """How the destination's postal code begins; none means any."""
    tax_class: Mapped[Str] = mapped_column(server_default="standard")
    name: Mapped[Str]
    rate: Mapped[Decimal] = mapped_column(Numeric(9, 8))
    """A share: 0.19 is 19 %."""
    compound: Mapped[bool] = mapped_column(server_default="false")
    """It is taken on the taxes before it too."""
    applies: Mapped[Str] = mapped_column(server_default="always")
    """India's GST: CGST and SGST within the seller's own region, IGST across regions."""
    position: Mapped[Units] = mapped_column(server_default="0")
