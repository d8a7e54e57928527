"""What providers tell us, kept before anything is done about it: once by the provider's id of the event, however often
it comes.

An event that could not be handled is tried again, ever later, and in the end left for staff to see.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

import asyncpg
from sqlalchemy import text

from commerce.payments.providers import ProviderEvent
from commerce.payments.schemas import ProviderEventOut
from foundation import clock
from foundation.database import HotStatement, Tx, hot
from foundation.errors import NotFound
from foundation.ids import new_id

GRACE = timedelta(seconds=30)
"""How long whoever took an event has to handle it, before it is taken for forgotten."""
MAX_TRIES = 12
_LONGEST = timedelta(hours=6)


class EventNotFound(NotFound):
    """There is no such event that could be tried again."""

    code = "payments.event_not_found"


@dataclass(frozen=True, slots=True)
class Kept:
    """An event that is to be handled."""

    id: UUID
    provider: str
    tries: int
    event: ProviderEvent


# uq_provider_event
_KEEP = hot(
    text(
        """
        INSERT INTO provider_event (tenant_id, id, provider, event_id, kind, occurred_at, payment_id, reference,
                                    refund_id, amount, fee, currency, dispute_reference, reason, next_at, received_at)
        VALUES (:tenant_id, :id, :provider, :event_id, :kind, CAST(:occurred_at AS timestamptz),
                CAST(:payment_id AS uuid), CAST(:reference AS text), CAST(:refund_id AS uuid), :amount, :fee, :currency,
                CAST(:dispute_reference AS text), :reason, CAST(:next_at AS timestamptz), CAST(:now AS timestamptz))
        ON CONFLICT (tenant_id, provider, event_id) DO NOTHING RETURNING id
        """
    )
)

_COLUMNS = """
    id, provider, event_id, kind, occurred_at, payment_id, reference, refund_id, amount, fee, currency,
    dispute_reference, reason, tries
"""

# ix_provider_event_due
_DUE = hot(
    text(
        f"""
        SELECT {_COLUMNS} FROM provider_event
        WHERE tenant_id = :tenant_id AND status = 'received' AND next_at <= CAST(:now AS timestamptz)
        ORDER BY next_at LIMIT :limit
        """  # noqa: S608  (the fragment is a literal of this module)
    )
)


def _step(becomes: str) -> HotStatement:
    return hot(
        text(
            f"""
            UPDATE provider_event SET {becomes}
            WHERE tenant_id = :tenant_id AND id = :id AND status = 'received' RETURNING id
            """  # noqa: S608  (what it becomes is a literal of this module)
        )
    )


_HANDLED = _step("status = 'handled', handled_at = CAST(:now AS timestamptz), problem = NULL")
_PUT_OFF = _step(
    "tries = CAST(:tries AS bigint), next_at = CAST(:next_at AS timestamptz), problem = CAST(:problem AS text), "
    "status = CASE WHEN CAST(:tries AS bigint) >= CAST(:max_tries AS bigint) THEN 'failed' ELSE 'received' END"
)

_AGAIN = hot(
    text(
        f"""
        UPDATE provider_event SET status = 'received', tries = 0, next_at = CAST(:now AS timestamptz)
        WHERE tenant_id = :tenant_id AND id = :id AND status <> 'handled' RETURNING {_COLUMNS}
        """  # noqa: S608  (the fragment is a literal of this module)
    )
)

# The primary key, or ix_provider_event_status.
_PAGE = hot(
    text(
        """
        SELECT id, provider, event_id, kind, occurred_at, received_at, payment_id, refund_id, dispute_reference, status,
               tries, problem
        FROM provider_event
        WHERE tenant_id = :tenant_id AND (CAST(:status AS text) IS NULL OR status = CAST(:status AS text))
          AND (CAST(:after AS uuid) IS NULL OR id < CAST(:after AS uuid))
        ORDER BY id DESC LIMIT :limit
        """
    )
)


async def keep(tx: Tx, provider: str, event: ProviderEvent) -> Kept | None:
    """Keep an event that is new; `None` when it is known already."""
    kept = Kept(new_id(), provider, 0, event)
    now = clock.now()
    values = {
        "id": kept.id,
        "provider": provider,
        "event_id": event.id,
        "kind": event.kind,
        "occurred_at": event.occurred_at,
        "payment_id": event.payment_id,
        "reference": event.reference,
        "refund_id": event.refund_id,
        "amount": event.amount,
        "fee": event.fee,
        "currency": event.currency,
        "dispute_reference": event.dispute_reference,
        "reason": event.reason,
        "next_at": now + GRACE,
        "now": now,
    }
    return kept if await tx.rows(_KEEP, values) else None


async def due(tx: Tx, *, limit: int = 50) -> Sequence[Kept]:
    """Events that are to be tried again now, the longest due first."""
    return [_kept(row) for row in await tx.rows(_DUE, {"now": clock.now(), "limit": limit})]


async def handled(tx: Tx, event_id: UUID) -> None:
    """What an event told is done."""
    await tx.rows(_HANDLED, {"id": event_id, "now": clock.now()})


async def put_off(tx: Tx, kept: Kept, problem: str) -> None:
    """An event could not be handled: later, or, after many tries, when staff say so."""
    tries = kept.tries + 1
    wait = min(timedelta(seconds=5 * 2**tries), _LONGEST)
    values = {"id": kept.id, "tries": tries, "max_tries": MAX_TRIES, "problem": problem[:500]}
    await tx.rows(_PUT_OFF, {**values, "next_at": clock.now() + wait})


async def again(tx: Tx, event_id: UUID) -> Kept:
    """An event that staff want to be tried again.

    Raises:
        EventNotFound: there is none, or it is handled.
    """
    row = await tx.one(_AGAIN, {"id": event_id, "now": clock.now()})
    if row is None:
        raise EventNotFound
    return _kept(row)


async def page(tx: Tx, *, status: str | None, after: UUID | None, limit: int) -> list[ProviderEventOut]:
    """The events there are, the last first, after the one named."""
    rows = await tx.rows(_PAGE, {"status": status, "after": after, "limit": limit})
    return [ProviderEventOut.model_validate(dict(row)) for row in rows]


def _kept(row: asyncpg.Record) -> Kept:
    event = ProviderEvent(
        id=row["event_id"],
        kind=row["kind"],
        occurred_at=row["occurred_at"],
        payment_id=row["payment_id"],
        reference=row["reference"],
        refund_id=row["refund_id"],
        amount=row["amount"],
        fee=row["fee"],
        currency=row["currency"],
        dispute_reference=row["dispute_reference"],
        reason=row["reason"],
    )
    return Kept(row["id"], row["provider"], row["tries"], event)
