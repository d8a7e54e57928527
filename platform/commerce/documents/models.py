"""Who issues a shop's invoices, their numbers, and the invoices and credit notes themselves."""

from __future__ import annotations

from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from foundation.database import Base
from foundation.tables import Minor, Str, TenantOwned, Timestamp, Units, belongs_to


class Issuer(TenantOwned, Base):
    """Who a shop is in law. A shop without one issues no invoices."""

    __tablename__ = "document_issuer"
    __table_args__ = (
        CheckConstraint("invoice_on IN ('captured', 'sent')", name="invoice_on"),
        Index("uq_document_issuer", "tenant_id", unique=True),
    )

    invoice_on: Mapped[Str]
    """An order is invoiced when its money is taken, or when its first parcel leaves."""
    invoice_prefix: Mapped[Str]
    credit_note_prefix: Mapped[Str]
    details: Mapped[dict[str, Any]] = mapped_column(JSONB)
    """Name, address, tax numbers, how to be reached, and what stands at the foot of every page."""


class DocumentCounter(TenantOwned, Base):
    """The last number given out, by kind and year.

    It is locked from a number's being taken until the document is committed, so a number that is rolled back is given
    again and none is ever missing.
    """

    __tablename__ = "document_counter"
    __table_args__ = (
        Index("uq_document_counter", "tenant_id", "kind", "year", unique=True),
        CheckConstraint("kind IN ('invoice', 'credit_note')", name="kind"),
        CheckConstraint("last > 0", name="last"),
    )

    kind: Mapped[Str]
    year: Mapped[Units]
    last: Mapped[Units]


class Document(TenantOwned, Base):
    """An invoice or a credit note with all that stands on it; never changed. Amounts in minor units."""

    __tablename__ = "document"
    __table_args__ = (
        belongs_to("orders", "order_id"),
        ForeignKeyConstraint(["tenant_id", "invoice_id"], ["document.tenant_id", "document.id"]),
        CheckConstraint("kind IN ('invoice', 'credit_note')", name="kind"),
        CheckConstraint("(kind = 'credit_note') = (invoice_id IS NOT NULL)", name="invoice"),
        CheckConstraint("total = net + tax AND document_adds_up(data, net, tax, total)", name="sums"),
        Index("uq_document_sequence", "tenant_id", "kind", "year", "sequence", unique=True),
        Index("uq_document_number", "tenant_id", "number", unique=True),
        Index("ix_document_order", "tenant_id", "order_id", "id"),
    )

    kind: Mapped[Str]
    year: Mapped[Units]
    sequence: Mapped[Units]
    number: Mapped[Str]
    order_id: Mapped[UUID]
    invoice_id: Mapped[UUID | None]
    """The invoice that a credit note corrects."""
    currency: Mapped[Str]
    net: Mapped[Minor]
    tax: Mapped[Minor]
    total: Mapped[Minor]
    data: Mapped[dict[str, Any]] = mapped_column(JSONB)
    issued_on: Mapped[date]
    """Where the shop is."""
    issued_at: Mapped[Timestamp]
