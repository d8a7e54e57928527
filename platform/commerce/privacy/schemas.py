"""What people may ask of what is kept about them, over HTTP."""

from __future__ import annotations

from typing import Literal

from foundation.types import Id, Input, Instant, Model, Note


class ErasureIn(Input):
    """Why a customer is forgotten."""

    reason: Note


class PersonExportIn(Input):
    """Why a customer's data is put together for them."""

    reason: Note


class PersonExportOut(Model):
    """An archive of what is kept about a person."""

    id: Id
    status: Literal["waiting", "running", "ready", "failed"]
    requested_at: Instant
    finished_at: Instant | None
    expires_at: Instant | None
    """When it is deleted."""
    size: int | None
    """In bytes."""
    sha256: str | None
    """In hexadecimal."""


class PersonExportList(Model):
    """Archives, the latest first."""

    items: list[PersonExportOut]
