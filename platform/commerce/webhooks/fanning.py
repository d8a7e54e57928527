"""From the outbox to the queues of subscriptions: each event once for each subscription that wants it.

The outbox is read as the relay reads it, in the order (transaction, sequence) and only below the oldest transaction
still running, by a cursor of the tenant's own. Events, deliveries and the cursor are written in one transaction, so a
crash leaves none of them or all; the relay throws nothing away that the cursor has not passed. A tenant without
webhooks has no cursor and costs one look at an empty table.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import asyncpg
import orjson
from sqlalchemy import text

from foundation.database import Tx, hot

BATCH = 500

_HORIZON = "pg_snapshot_xmin(pg_current_snapshot())"

# pk_webhook_cursor. Events of before the first subscription are nobody's to be told of.
_OPEN = hot(
    text(
        f"""
        INSERT INTO webhook_cursor (tenant_id, xid, seq) VALUES (:tenant_id, {_HORIZON}, -1)
        ON CONFLICT (tenant_id) DO NOTHING
        """  # noqa: S608  (a literal)
    )
)
# pk_webhook_cursor. A cursor ahead of every transaction comes from another database: there everything is read again,
# and what was queued before is not queued twice.
_TAKE = hot(
    text(
        """
        SELECT CASE WHEN xid > pg_snapshot_xmax(pg_current_snapshot()) THEN '0' ELSE xid::text END AS xid,
               CASE WHEN xid > pg_snapshot_xmax(pg_current_snapshot()) THEN -1 ELSE seq END AS seq
        FROM webhook_cursor WHERE tenant_id = :tenant_id FOR UPDATE SKIP LOCKED
        """
    )
)
# ix_outbox_order. One row more than there are events, so that the horizon comes with them, of the same snapshot.
_READ = hot(
    text(
        f"""
        WITH horizon AS MATERIALIZED (SELECT {_HORIZON} AS xmin)
        SELECT h.xmin::text AS horizon, o.xid::text AS xid, o.seq, o.event_id, o.name, o.version, o.occurred_at,
               o.recorded_at, o.aggregate_id, o.shopper_id, o.payload::text AS payload
        FROM horizon h LEFT JOIN LATERAL (
            SELECT * FROM outbox
            WHERE tenant_id = :tenant_id AND (xid, seq) > (CAST(CAST(:xid AS text) AS xid8), CAST(:seq AS bigint))
              AND xid < h.xmin AND strpos(name, '.') > 0
            ORDER BY xid, seq LIMIT :batch) o ON true
        """  # noqa: S608  (a literal)
    )
)
# pk_webhook_event
_KEEP = hot(
    text(
        """
        INSERT INTO webhook_event (tenant_id, id, name, occurred_at, recorded_at, body)
        SELECT :tenant_id, e.id, e.name, e.occurred_at, e.recorded_at, e.body
        FROM jsonb_to_recordset(CAST(:events AS jsonb)) AS e (
            id uuid, name text, occurred_at timestamptz, recorded_at timestamptz, body text, place bigint)
        ORDER BY e.place ON CONFLICT (tenant_id, id) DO NOTHING
        """
    )
)
WANTED = """
    (e.name = ANY (s.events) OR split_part(e.name, '.', 1) || '.*' = ANY (s.events) OR '*' = ANY (s.events))
"""
"""Whether a subscription `s` is told of an event `e`."""
# pk_webhook_event, uq_webhook_delivery_event. Ids are drawn in the database: a subscription that is told of much must
# not cost a list of them.
_QUEUE = hot(
    text(
        f"""
        INSERT INTO webhook_delivery (tenant_id, id, subscription_id, event_id)
        SELECT e.tenant_id, gen_random_uuid(), s.id, e.id
        FROM webhook_event e JOIN webhook_subscription s ON s.tenant_id = e.tenant_id
        WHERE e.tenant_id = :tenant_id AND e.id = ANY (CAST(:events AS uuid[])) AND s.deleted_at IS NULL
          AND s.status IN ('active', 'paused') AND e.recorded_at >= s.created_at AND {WANTED}
        ORDER BY e.position ON CONFLICT (tenant_id, subscription_id, event_id) DO NOTHING
        """  # noqa: S608  (a literal)
    )
)
_ADVANCE = hot(
    text(
        """
        UPDATE webhook_cursor SET xid = CAST(CAST(:xid AS text) AS xid8), seq = :seq WHERE tenant_id = :tenant_id
        """
    )
)


async def open_cursor(tx: Tx) -> None:
    """Read the tenant's outbox from now on."""
    await tx.rows(_OPEN)


async def fan_out(tx: Tx) -> int:
    """Queue the next events for whoever wants them; says how many events were read, at most `BATCH`.

    Another worker that does the same for this tenant at this moment is left to it.
    """
    cursor = await tx.one(_TAKE)
    if cursor is None:
        return 0
    rows = await tx.rows(_READ, {"xid": cursor["xid"], "seq": cursor["seq"], "batch": BATCH})
    events = [row for row in rows if row["event_id"] is not None]
    if events:
        await tx.rows(_KEEP, {"events": _told(events)})
        await tx.rows(_QUEUE, {"events": [row["event_id"] for row in events]})
    more = len(events) == BATCH
    place = (events[-1]["xid"], events[-1]["seq"]) if more else (rows[0]["horizon"], -1)
    if place != (cursor["xid"], cursor["seq"]):
        await tx.rows(_ADVANCE, {"xid": place[0], "seq": place[1]})
    return len(events)


def _told(rows: Sequence[asyncpg.Record]) -> str:
    kept: list[dict[str, Any]] = [
        {
            "id": row["event_id"],
            "name": row["name"],
            "occurred_at": row["occurred_at"],
            "recorded_at": row["recorded_at"],
            "body": _body(row),
            "place": place,
        }
        for place, row in enumerate(rows)
    ]
    return orjson.dumps(kept, default=str).decode()


def _body(row: asyncpg.Record) -> str:
    """What is sent: the form that Standard Webhooks recommends, with ids only, as in the event itself."""
    told = {
        "type": row["name"],
        "timestamp": row["occurred_at"],
        "data": orjson.loads(row["payload"]),
        "id": row["event_id"],
        "version": row["version"],
        "aggregate_id": row["aggregate_id"],
        "customer_id": row["shopper_id"],
    }
    return orjson.dumps(told, default=str).decode()
