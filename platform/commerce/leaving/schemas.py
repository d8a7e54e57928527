"""Leaving, over HTTP."""

from __future__ import annotations

from datetime import datetime
from typing import Literal
from uuid import UUID

from foundation.types import Input, Model, Text


class ExportOut(Model):
    """An archive of everything of the shop."""

    id: UUID
    status: Literal["waiting", "running", "ready", "failed"]
    requested_by: str
    requested_at: datetime
    at: str | None
    """What is being written: a table, `events`, `decisions` or `files`."""
    rows_done: int
    rows_total: int
    """Rows of the database; what comes after them is not counted beforehand."""
    finished_at: datetime | None
    expires_at: datetime | None
    """When it is deleted."""
    size: int | None
    """In bytes."""
    sha256: str | None
    """In hexadecimal."""


class ExportList(Model):
    """Archives, the latest first."""

    items: list[ExportOut]


class RemovalIn(Input):
    """That everything of a shop which is closing shall be deleted."""

    slug: Text
    """The shop's, typed once more."""
    now: bool = False
    """Although its time of grace is not over."""
