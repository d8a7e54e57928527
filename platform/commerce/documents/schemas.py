"""Papers, in and out."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from commerce.taxes.schemas import Region
from foundation.types import Country, Currency, Email, Id, Input, LongText, Model, Text

Prefix = Annotated[str, StringConstraints(pattern=r"^[A-Z0-9/-]{0,12}$")]
InvoiceOn = Literal["captured", "sent"]


class IssuerAddress(Input):
    """Where a shop is in law."""

    line1: Text
    line2: Text | None = None
    postal_code: Text
    city: Text
    region: Region | None = None
    country: Country


class TaxNumber(Input):
    """A number that a tax office gave the shop, and what it is called there."""

    name: Text
    """Such as `VAT ID` or `GSTIN`."""
    number: Text


class IssuerIn(Input):
    """Who a shop is in law: what stands on every invoice."""

    name: Text
    address: IssuerAddress
    tax_numbers: list[TaxNumber] = Field(default_factory=list, max_length=5)
    email: Email | None = None
    phone: Text | None = None
    website: Text | None = None
    footer: Annotated[LongText, Field(max_length=600)] = ""
    """What stands at the foot of every page: the register, the directors, the bank."""
    invoice_on: InvoiceOn = "captured"
    """An order is invoiced when its money is taken, or when its first parcel leaves."""
    invoice_prefix: Prefix = "INV-"
    credit_note_prefix: Prefix = "CN-"


class IssuerOut(Model):
    """Who a shop is in law; nothing until it has said so, and until then it issues no invoices."""

    issuer: IssuerIn | None


class DocumentOut(Model):
    """An invoice or a credit note; amounts in minor units."""

    id: Id
    kind: Literal["invoice", "credit_note"]
    number: str
    order_id: Id
    invoice_id: Id | None
    """The invoice that a credit note corrects."""
    currency: Currency
    net: int
    tax: int
    total: int
    issued_on: date
    issued_at: datetime


class DocumentList(Model):
    """An order's invoices and credit notes, oldest first."""

    items: list[DocumentOut]
