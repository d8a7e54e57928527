"""What is written about orders."""

from __future__ import annotations

from typing import Literal

from foundation.events.envelope import Payload
from foundation.types import Currency, Id, MinorUnits, Text


class DocumentIssued(Payload):
    """An invoice or a credit note was written."""

    name = "document.issued"

    document_id: Id
    kind: Literal["invoice", "credit_note"]
    order_id: Id
    number: Text
    total: MinorUnits
    """Minor units, the tax included."""
    tax: int
    currency: Currency
