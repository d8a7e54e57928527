"""The outbox: events written in the transaction that made them true.

Behaviour of somebody who has not agreed to it is counted, and tied to nobody: it is made so here, whoever announces it.

The relay reads them in the order (transaction, sequence), only those of transactions older than every running one, so a
transaction that commits late is never skipped (the snapshot horizon of `pg_current_snapshot()`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Identity, Index, PrimaryKeyConstraint, SmallInteger, Text, insert, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, TIMESTAMP
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column
from sqlalchemy.types import UserDefinedType

from foundation import clock
from foundation.database import Base, HotStatement, Tx, hot
from foundation.events import Event, Payload, recordable
from foundation.ids import row_ids

TIMESTAMPTZ = TIMESTAMP(timezone=True)


class Xid8(UserDefinedType[int]):
    """Postgres's 64-bit transaction id."""

    cache_ok = True

    def get_col_spec(self, **_: Any) -> str:
        """The type's name in DDL."""
        return "xid8"


class OutboxRow(Base):
    """An event on its way out; deleted once every consumer's cursor has passed it."""

    __tablename__ = "outbox"
    __table_args__ = (
        PrimaryKeyConstraint("tenant_id", "seq"),
        Index("ix_outbox_order", "xid", "seq"),
    )

    tenant_id: Mapped[UUID]
    seq: Mapped[int] = mapped_column(BigInteger, Identity(always=True))
    xid: Mapped[int] = mapped_column(Xid8, server_default=text("pg_current_xact_id()"))
    event_id: Mapped[UUID]
    name: Mapped[str] = mapped_column(Text)
    version: Mapped[int] = mapped_column(SmallInteger)
    occurred_at: Mapped[datetime] = mapped_column(TIMESTAMPTZ)
    recorded_at: Mapped[datetime] = mapped_column(TIMESTAMPTZ)
    aggregate_id: Mapped[UUID]
    shopper_id: Mapped[UUID | None]
    visitor_id: Mapped[UUID | None]
    session_id: Mapped[UUID | None]
    decision_id: Mapped[UUID | None]
    consent: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default=text("'{}'"))
    is_bot: Mapped[bool] = mapped_column(server_default=text("false"))
    is_internal: Mapped[bool] = mapped_column(server_default=text("false"))
    payload: Mapped[dict[str, Any]] = mapped_column(JSONB)


class OutboxCursor(Base):
    """How far a consumer has come: the last (xid, seq) it delivered."""

    __tablename__ = "outbox_cursor"

    consumer: Mapped[str] = mapped_column(Text, primary_key=True)
    xid: Mapped[int] = mapped_column(Xid8, server_default=text("'0'::xid8"))
    seq: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))
    delivered: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))
    updated_at: Mapped[datetime] = mapped_column(TIMESTAMPTZ, server_default=text("now()"))


class DeadLetter(Base):
    """An event that broke its contract, kept with the reason, and with what its envelope would say."""

    __tablename__ = "dead_letter"
    __table_args__ = (
        PrimaryKeyConstraint("tenant_id", "id"),
        Index("ix_dead_letter_visitor", "tenant_id", "visitor_id", postgresql_where=text("visitor_id IS NOT NULL")),
        Index("ix_dead_letter_shopper", "tenant_id", "shopper_id", postgresql_where=text("shopper_id IS NOT NULL")),
    )

    tenant_id: Mapped[UUID]
    id: Mapped[UUID]
    received_at: Mapped[datetime] = mapped_column(TIMESTAMPTZ)
    source: Mapped[str] = mapped_column(Text)
    reason: Mapped[str] = mapped_column(Text)
    body: Mapped[dict[str, Any]] = mapped_column(JSONB)
    visitor_id: Mapped[UUID | None]
    """Whose browser sent it: it may say anything, and goes with them."""
    shopper_id: Mapped[UUID | None]
    session_id: Mapped[UUID | None]
    name: Mapped[str | None] = mapped_column(Text)
    """What it says it is; nobody has checked it."""
    consent: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default=text("'{}'"))
    is_bot: Mapped[bool] = mapped_column(server_default=text("false"))
    is_internal: Mapped[bool] = mapped_column(server_default=text("false"))


async def publish(session: AsyncSession, events: Iterable[Event]) -> None:
    """Write events into the transaction of `session`: they leave if, and only if, it commits."""
    rows: Sequence[dict[str, Any]] = [event.model_dump() for event in recordable(events)]
    if rows:
        await session.execute(insert(OutboxRow), rows)


_INSERT = """
    INSERT INTO outbox (tenant_id, event_id, name, version, occurred_at, recorded_at, aggregate_id, shopper_id,
                        visitor_id, session_id, decision_id, consent, is_bot, is_internal, payload)
    SELECT tenant_id, event_id, name, version, occurred_at, recorded_at, aggregate_id, shopper_id, visitor_id,
           session_id, decision_id, ARRAY(SELECT jsonb_array_elements_text(consent)), is_bot, is_internal,
           payload
    FROM jsonb_to_recordset(CAST(:events AS jsonb)) AS e (
        tenant_id uuid, event_id uuid, name text, version smallint, occurred_at timestamptz,
        recorded_at timestamptz, aggregate_id uuid, shopper_id uuid, visitor_id uuid, session_id uuid,
        decision_id uuid, consent jsonb, is_bot boolean, is_internal boolean, payload jsonb)
"""
_PUBLISH = hot(text(_INSERT))


async def announce(tx: Tx, events: Sequence[Event]) -> None:
    """`publish`, for a transaction of hot statements."""
    if said := recordable(events):
        await tx.rows(_PUBLISH, told(said))


# Facts that come in thousands: an envelope of each as JSON would cost more than the rest of what made them true.
_FACTS = hot(
    text(
        """
        INSERT INTO outbox (tenant_id, event_id, name, version, occurred_at, recorded_at, aggregate_id, payload)
        SELECT :tenant_id, t.event_id, t.name, t.version, CAST(:now AS timestamptz), CAST(:now AS timestamptz),
               t.aggregate_id, CAST(t.payload AS jsonb)
        FROM unnest(CAST(:ids AS uuid[]), CAST(:names AS text[]), CAST(:versions AS smallint[]),
                    CAST(:aggregate_ids AS uuid[]), CAST(:payloads AS text[]))
             AS t (event_id, name, version, aggregate_id, payload)
        """
    )
)


async def announce_many(tx: Tx, facts: Sequence[tuple[Payload, UUID]]) -> None:
    """Announce facts of the catalogue, each with what it is about: the same rows that `announce` writes of them.

    They are nobody's behaviour, and of no shopper.
    """
    if facts:
        await tx.rows(*announcement(facts))


def announcement(facts: Sequence[tuple[Payload, UUID]]) -> tuple[HotStatement, Mapping[str, Any]]:
    """What `announce_many` has the database do."""
    values = {
        "ids": row_ids(len(facts)),
        "names": [fact.name for fact, _ in facts],
        "versions": [fact.version for fact, _ in facts],
        "aggregate_ids": [about for _, about in facts],
        "payloads": [fact.model_dump_json(exclude_none=True) for fact, _ in facts],
        "now": clock.now(),
    }
    return _FACTS, values


def announcing(statement: str) -> HotStatement:
    """A hot statement that announces what `told` is given as well: one trip to Postgres instead of two.

    It announces whether it finds its rows or not: whoever finds none rolls the transaction back.
    """
    rest = statement.lstrip()
    rest = f", {rest.removeprefix('WITH ')}" if rest.startswith("WITH ") else rest
    return hot(text(f"WITH announced AS ({_INSERT}) {rest}"))


def told(events: Iterable[Event]) -> dict[str, str]:
    """Events as a statement that announces them takes them."""
    return {"events": f"[{','.join(event.model_dump_json() for event in recordable(events))}]"}
