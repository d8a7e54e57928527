"""A shop's domains, in and out."""

from __future__ import annotations

from datetime import datetime
from typing import Literal
from uuid import UUID

from foundation.types import Input, Model, Text

Status = Literal["pending", "verified", "failed", "lapsed"]


class DomainIn(Input):
    """A domain to claim."""

    host: Text
    """`shop.example.com`, or with letters of any script."""


class RecordOut(Model):
    """What to set in the DNS of the domain."""

    type: Literal["TXT"] = "TXT"
    name: str
    value: str


class DomainOut(Model):
    """A domain that the shop claims or has."""

    id: UUID
    host: str
    """As A-labels (punycode)."""
    status: Status
    is_primary: bool
    """Where pages asked for at the shop's other names are sent to."""
    record: RecordOut
    finding: Literal["found", "absent", "different", "unsure"] | None
    """What the last check found."""
    absent_since: datetime | None
    """Since when the record of a verified domain is missing; after a time it lapses."""
    verified_at: datetime | None
    checked_at: datetime | None
    created_at: datetime


class DomainList(Model):
    """The shop's domains, the oldest first."""

    items: list[DomainOut]
