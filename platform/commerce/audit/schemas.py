"""What the audit log tells, over HTTP."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from pydantic import AwareDatetime, Field

from commerce.audit.verifying import Kind
from foundation.types import Input, Instant, Model, Text


class AuditQuery(Input):
    """Which entries are asked for, the latest first."""

    actor: Text | None = None
    """The principal: `key:...`, `account:...`."""
    action: Text | None = None
    """`orders.refund`; `orders.*` for all of a context."""
    object: Text | None = None
    """`order:...`"""
    since: Instant | None = None
    until: Instant | None = None
    cursor: Annotated[str, Field(max_length=200)] | None = None
    limit: Annotated[int, Field(ge=1, le=100, strict=False)] = 50


class AuditEntryOut(Model):
    """Something that somebody did."""

    id: UUID
    seq: int | None
    """Its place in the chain; none until it is linked, within seconds."""
    at: AwareDatetime
    actor: str
    action: str
    object: str | None
    reason: str | None
    """None was given, or the person it spoke of is erased."""
    details: dict[str, Any]
    hash: str | None
    """In hexadecimal."""


class AuditEntries(Model):
    """Entries of the audit log."""

    items: list[AuditEntryOut]
    has_more: bool
    next_cursor: str | None


class AuditFault(Model):
    """Something that is wrong with the log."""

    kind: Kind
    seq: int
    entry_id: UUID | None
    detail: str


class Verification(Model):
    """Whether the log is what was written."""

    intact: bool
    entries: int
    waiting: int
    """Entries that are not linked yet."""
    checkpoints: int
    signed_to: int
    """The last entry that a signed checkpoint vouches for; one deleted after it could have gone unseen."""
    faults: list[AuditFault]
