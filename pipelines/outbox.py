"""The outbox as a consumer reads it: in order, and only what can't be overtaken any more.

A transaction's id is taken when it begins to write and its rows appear when it commits. Rows are therefore read in the
order (transaction, sequence) and only below the oldest transaction still running: nothing can appear behind the cursor.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import psycopg
from psycopg.rows import class_row

READ = """
    SELECT o.xid::text AS xid, o.seq, o.event_id, o.tenant_id, o.name, o.version, o.occurred_at, o.recorded_at,
           o.aggregate_id, o.shopper_id, o.visitor_id, o.session_id, o.decision_id, o.consent,
           o.is_bot, o.is_internal, o.payload::text AS payload
    FROM outbox o
    WHERE (o.xid, o.seq) > (%(xid)s::text::xid8, %(seq)s) AND o.xid < pg_snapshot_xmin(pg_current_snapshot())
    ORDER BY o.xid, o.seq LIMIT %(limit)s
"""

ADVANCE = """
    UPDATE outbox_cursor SET xid = %(xid)s::text::xid8, seq = %(seq)s, delivered = delivered + %(delivered)s,
                             updated_at = now()
    WHERE consumer = %(consumer)s
"""

# Every consumer has passed what lies behind the slowest cursor; a tenant's webhooks have one of their own.
PRUNE = """
    DELETE FROM outbox o USING (SELECT c.xid, c.seq FROM outbox_cursor c ORDER BY c.xid, c.seq LIMIT 1) slowest
    WHERE (o.xid, o.seq) <= (slowest.xid, slowest.seq)
      AND NOT EXISTS (SELECT FROM webhook_cursor w
                      WHERE w.tenant_id = o.tenant_id AND (o.xid, o.seq) > (w.xid, w.seq))
"""

LAG = """
    SELECT count(*), coalesce(extract(epoch FROM now() - min(o.recorded_at)), 0)
    FROM outbox o
    WHERE (o.xid, o.seq) > coalesce((SELECT (c.xid, c.seq) FROM outbox_cursor c WHERE c.consumer = %s), ('0'::xid8, 0))
"""


@dataclass(frozen=True, slots=True)
class Row:
    """An event of the outbox, with its place."""

    xid: str
    seq: int
    event_id: UUID
    tenant_id: UUID
    name: str
    version: int
    occurred_at: datetime
    recorded_at: datetime
    aggregate_id: UUID
    shopper_id: UUID | None
    visitor_id: UUID | None
    session_id: UUID | None
    decision_id: UUID | None
    consent: list[str]
    is_bot: bool
    is_internal: bool
    payload: str

    @property
    def is_counted(self) -> bool:
        """Whether it is behaviour that nobody agreed to (`foundation.events.counted`)."""
        return self.event_id == self.aggregate_id and not self.consent


@dataclass(frozen=True, slots=True)
class Place:
    """Up to where a consumer has delivered."""

    xid: str
    seq: int


@dataclass(frozen=True, slots=True)
class Lag:
    """What a consumer has not delivered yet."""

    rows: int
    seconds: float
    """The age of the oldest of them."""


def place_of(connection: psycopg.Connection[Any], consumer: str) -> Place:
    """Where the consumer stands; a new one stands at the beginning."""
    connection.execute("INSERT INTO outbox_cursor (consumer) VALUES (%s) ON CONFLICT DO NOTHING", (consumer,))
    row = connection.execute("SELECT xid::text, seq FROM outbox_cursor WHERE consumer = %s", (consumer,)).fetchone()
    if row is None:
        raise LookupError(consumer)
    return Place(row[0], row[1])


def read(connection: psycopg.Connection[Any], after: Place, limit: int) -> Sequence[Row]:
    """The next rows, oldest first."""
    with connection.cursor(row_factory=class_row(Row)) as cursor:
        return cursor.execute(READ, {"xid": after.xid, "seq": after.seq, "limit": limit}).fetchall()


def advance(connection: psycopg.Connection[Any], consumer: str, rows: Sequence[Row]) -> None:
    """Remember that these are delivered."""
    last = rows[-1]
    values = {"consumer": consumer, "xid": last.xid, "seq": last.seq, "delivered": len(rows)}
    connection.execute(ADVANCE, values)


def prune(connection: psycopg.Connection[Any]) -> int:
    """Throw away what every consumer has delivered; says how many rows."""
    return connection.execute(PRUNE).rowcount


def lag(connection: psycopg.Connection[Any], consumer: str = "clickhouse") -> Lag:
    """How far the consumer is behind."""
    row = connection.execute(LAG, (consumer,)).fetchone()
    return Lag(0, 0.0) if row is None else Lag(int(row[0]), float(row[1]))
