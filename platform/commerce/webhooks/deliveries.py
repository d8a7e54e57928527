"""What became of each delivery, and telling something again."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg
from sqlalchemy import text

from commerce.webhooks import service
from commerce.webhooks.fanning import WANTED
from commerce.webhooks.schemas import Attempt, Delivery, DeliveryDetail, DeliveryStatus
from foundation.database import Tx, hot
from foundation.errors import NotFound, Unprocessable

MOST_REPLAYED = 10_000


class UnknownDelivery(NotFound):
    """There is no such delivery."""

    code = "webhooks.unknown_delivery"


class TooManyToReplay(Unprocessable):
    """More events than can be told again at once; ask for a shorter time."""

    code = "webhooks.too_many_to_replay"

    limit: int


_COLUMNS = """
    d.id, d.event_id, e.name AS event, e.occurred_at, d.status, d.attempts, d.created_at, d.ended_at, d.position,
    a.attempted_at, a.status AS answered, a.error, a.milliseconds, a.response
"""
_FROM = """
    webhook_delivery d JOIN webhook_event e ON e.tenant_id = d.tenant_id AND e.id = d.event_id
    LEFT JOIN LATERAL (
        SELECT * FROM webhook_attempt t WHERE t.tenant_id = d.tenant_id AND t.delivery_id = d.id
        ORDER BY t.id DESC LIMIT 1) a ON true
"""
# uq_webhook_delivery_event, pk_webhook_event, ix_webhook_attempt_delivery
_LIST = hot(
    text(
        f"""
        SELECT {_COLUMNS} FROM {_FROM}
        WHERE d.tenant_id = :tenant_id AND d.subscription_id = :subscription_id
          AND (CAST(:status AS text) IS NULL OR d.status = CAST(:status AS text))
          AND (CAST(:before AS bigint) IS NULL OR d.position < CAST(:before AS bigint))
        ORDER BY d.position DESC LIMIT :limit
        """  # noqa: S608  (literals)
    )
)
# pk_webhook_delivery
_ONE = hot(
    text(
        f"""
        SELECT {_COLUMNS}, e.body FROM {_FROM}
        WHERE d.tenant_id = :tenant_id AND d.subscription_id = :subscription_id AND d.id = :id
        """  # noqa: S608  (literals)
    )
)
# ix_webhook_attempt_delivery
_TRIES = hot(
    text(
        """
        SELECT attempted_at, status, error, milliseconds, response FROM webhook_attempt
        WHERE tenant_id = :tenant_id AND delivery_id = :id ORDER BY id
        """
    )
)
# pk_webhook_delivery. It goes to the end of the queue.
_AGAIN = hot(
    text(
        """
        UPDATE webhook_delivery SET status = 'pending', attempts = 0, ended_at = NULL, position = DEFAULT
        WHERE tenant_id = :tenant_id AND subscription_id = :subscription_id AND id = :id AND status <> 'pending'
        """
    )
)
# ix_webhook_event_recorded. In the order in which they happened; what waits already keeps its place.
_RANGE = hot(
    text(
        f"""
        WITH wanted AS (
            SELECT e.tenant_id, s.id AS subscription_id, e.id AS event_id, e.position
            FROM webhook_subscription s JOIN webhook_event e ON e.tenant_id = s.tenant_id
            WHERE s.tenant_id = :tenant_id AND s.id = :subscription_id AND {WANTED}
              AND e.recorded_at >= CAST(:since AS timestamptz) AND e.recorded_at < CAST(:until AS timestamptz)
              AND (NOT CAST(:only_failed AS boolean) OR EXISTS (
                    SELECT FROM webhook_delivery f WHERE f.tenant_id = e.tenant_id AND f.subscription_id = s.id
                       AND f.event_id = e.id AND f.status = 'failed'))
            ORDER BY e.position LIMIT CAST(:most AS bigint) + 1),
        queued AS (
            INSERT INTO webhook_delivery AS d (tenant_id, id, subscription_id, event_id)
            SELECT w.tenant_id, gen_random_uuid(), w.subscription_id, w.event_id FROM wanted w ORDER BY w.position
            ON CONFLICT (tenant_id, subscription_id, event_id) DO UPDATE
                SET status = 'pending', attempts = 0, ended_at = NULL, position = excluded.position
                WHERE d.status <> 'pending'
            RETURNING d.id)
        SELECT (SELECT count(*) FROM wanted) AS wanted, (SELECT count(*) FROM queued) AS queued
        """  # noqa: S608  (a literal)
    )
)


async def deliveries(
    tx: Tx, subscription_id: UUID, *, status: DeliveryStatus | None, before: int | None, limit: int
) -> tuple[list[Delivery], tuple[int, UUID] | None]:
    """A page of a subscription's deliveries, the latest queued first, and the place after which the next page begins.

    Raises:
        UnknownSubscription: there is none such.
    """
    await service.subscription(tx, subscription_id)
    values = {"subscription_id": subscription_id, "status": status, "before": before, "limit": limit + 1}
    rows = await tx.rows(_LIST, values)
    shown = rows[:limit]
    after = (shown[-1]["position"], shown[-1]["id"]) if len(rows) > limit else None
    return [_shown(row) for row in shown], after


async def delivery(tx: Tx, subscription_id: UUID, delivery_id: UUID) -> DeliveryDetail:
    """A delivery with all its tries.

    Raises:
        UnknownDelivery: there is none such.
    """
    row = await tx.one(_ONE, {"subscription_id": subscription_id, "id": delivery_id})
    if row is None:
        raise UnknownDelivery
    tries = [Attempt(**dict(tried)) for tried in await tx.rows(_TRIES, {"id": delivery_id})]
    return DeliveryDetail(**_shown(row).model_dump(), body=row["body"], tries=tries)


async def replay(tx: Tx, subscription_id: UUID, delivery_id: UUID) -> DeliveryDetail:
    """Tell a subscription something again, after what waits already; the `webhook-id` is the same as before.

    Raises:
        UnknownDelivery: there is none such.
    """
    await tx.rows(_AGAIN, {"subscription_id": subscription_id, "id": delivery_id})
    return await delivery(tx, subscription_id, delivery_id)


async def replay_range(tx: Tx, subscription_id: UUID, *, since: datetime, until: datetime, only_failed: bool) -> int:
    """Tell a subscription all that it wants of what was recorded in a time, in order; says how many deliveries.

    Raises:
        UnknownSubscription: there is none such.
        TooManyToReplay: nothing is told.
    """
    await service.subscription(tx, subscription_id)
    values = {"subscription_id": subscription_id, "since": since, "until": until, "only_failed": only_failed}
    row = await tx.one(_RANGE, {**values, "most": MOST_REPLAYED})
    if row is None:
        return 0
    if row["wanted"] > MOST_REPLAYED:
        raise TooManyToReplay(limit=MOST_REPLAYED)
    return int(row["queued"])


def _shown(row: asyncpg.Record) -> Delivery:
    last = None
    if row["attempted_at"] is not None:
        tried: dict[str, Any] = {name: row[name] for name in ("attempted_at", "error", "milliseconds", "response")}
        last = Attempt(**tried, status=row["answered"])
    named = ("id", "event_id", "event", "occurred_at", "status", "attempts", "created_at", "ended_at")
    return Delivery(**{name: row[name] for name in named}, last=last)
