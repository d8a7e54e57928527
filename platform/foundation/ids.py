"""Identifiers: UUIDv7, so that keys sort by creation and indexes grow at one end (RFC 9562, section 5.7)."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime

import uuid_utils
from asyncpg.pgproto.pgproto import UUID as _DriversId  # noqa: N811
from uuid_utils.compat import uuid7


def new_id() -> uuid.UUID:
    """A new UUIDv7."""
    return uuid7()


def row_ids(count: int) -> list[uuid.UUID]:
    """New UUIDv7s for rows that come in thousands, as the driver of the database has them: nothing is made of them on
    the way there.
    """
    return [_DriversId(uuid_utils.uuid7().bytes) for _ in range(count)]


def derived_id(namespace: uuid.UUID, *parts: str) -> uuid.UUID:
    """The same id for the same parts, always (UUIDv5): what an idempotent load gives to a fact of another system."""
    return uuid.uuid5(namespace, "\x1f".join(parts))


def created_at(identifier: uuid.UUID) -> datetime:
    """The millisecond a UUIDv7 was made, in UTC."""
    return datetime.fromtimestamp((identifier.int >> 80) / 1000, tz=UTC)
