"""Keys of the API over HTTP."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import Field, StringConstraints

from commerce.identity.makers import Maker
from foundation.types import Input, Instant, Model, Slug, Text

Scope = Annotated[str, StringConstraints(min_length=1, max_length=100)]
Scopes = Annotated[list[Scope], Field(min_length=1, max_length=200)]


class MadeBy(Model):
    """The person who made a key or registered a program."""

    name: str
    works_here: bool
    """They have not been removed since."""


class VendorKeyIn(Input):
    """A key to make."""

    name: Text
    scopes: Scopes
    expires_at: Instant | None = None


class KeyIn(VendorKeyIn):
    """A key to make, for the shop or for one of its vendors."""

    vendor: Slug | None = None
    """The vendor's code: it opens the vendor's own part of the shop, and nothing else."""


class ReplaceIn(Input):
    """How a key is replaced."""

    overlap_hours: Annotated[int, Field(ge=0, le=168)] = 24
    """How long the old key stays good."""


class KeyOut(Model):
    """A key, without its secret."""

    id: UUID
    name: str
    prefix: str | None
    """How it begins."""
    scopes: tuple[str, ...]
    vendor_id: UUID | None
    created_by: str | None
    made_by: MadeBy | None
    """`null`: it was no person, or they are forgotten."""
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None
    """To the minute."""
    revoked_at: datetime | None


class KeyMade(KeyOut):
    """A new key."""

    key: str
    """Shown this once."""


class KeyList(Model):
    """The latest keys."""

    items: list[KeyOut]


def made_by(maker: Maker | None) -> MadeBy | None:
    """Who made something, as it is told."""
    return MadeBy(name=maker.name, works_here=maker.works_here) if maker else None
