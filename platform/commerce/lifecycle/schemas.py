"""The life of a shop, in and out."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from foundation.types import Input, Model, Note, Text


class SuspensionIn(Input):
    """Why a shop is closed for now."""

    reason: Note


class ClosureIn(Input):
    """That a shop shall end."""

    name: Text
    """The shop's name, typed by whoever wants that."""
    reason: Note | None = None


class StatusOut(Model):
    """A state that the shop came into."""

    status: str
    reason: str
    changed_by: str
    changed_at: datetime


class ClosureOut(Model):
    """How the shop stands."""

    status: str
    closes_at: datetime | None
    """When everything is deleted, unless it is undone before."""
    history: list[StatusOut]
    """The latest first."""


class TenantOut(Model):
    """A shop as the platform's operator sees it."""

    id: UUID
    slug: str
    name: str
    currency: str
    locale: str
    status: str
    hosts: list[str]
    created_at: datetime
    closes_at: datetime | None
    database: str | None
    """The one it has for its own; none, if its rows are in the one that shops share."""


class TenantList(Model):
    """Shops by slug."""

    items: list[TenantOut]
    has_more: bool
