"""What shops use, counted from the stream of events: exactly, however often an event was delivered.

A count is never added to. The days that can still change are counted anew from ClickHouse, where an event is there
once (`FINAL`), and written over what stood there; so a second delivery, a second round or a crash between two of them
changes nothing. An event that comes late is in the next round's count.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING
from uuid import UUID

import structlog
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from commerce.plans.catalogue import Metric
from commerce.plans.service import month_of
from foundation import clients, clock
from foundation.database import Database, DatabaseUnavailable, Tx, hot
from foundation.ids import new_id
from foundation.settings import Settings

if TYPE_CHECKING:
    from clickhouse_connect.driver.asyncclient import AsyncClient

log = structlog.get_logger(__name__)

PERIOD_SECONDS = 30.0
EVENTS: Mapping[str, Metric] = {"order.placed": Metric.ORDERS}
"""Which event counts as what."""
SETTLED_AFTER = timedelta(days=3)
"""How long after a month's end its days are still counted anew: later than that no event comes."""

_COUNT = """
    SELECT tenant_id, name, toDate(occurred_at) AS day, count() AS quantity
    FROM events FINAL
    WHERE name IN {names:Array(String)} AND occurred_at >= {first:DateTime64(3)} AND occurred_at < {end:DateTime64(3)}
    GROUP BY tenant_id, name, day
"""

Day = tuple[Metric, date, int]


def open_since(now: datetime) -> date:
    """The first day that is still counted anew: of this month, or of the last while it isn't settled."""
    return month_of(now - SETTLED_AFTER)


async def counted(events: AsyncClient, *, since: date, until: datetime) -> Mapping[UUID, Sequence[Day]]:
    """What every shop used, by metric and day."""
    first = datetime(since.year, since.month, since.day)  # noqa: DTZ001  (the client takes UTC without saying so)
    parameters = {"names": list(EVENTS), "first": first, "end": until.replace(tzinfo=None)}
    found = await events.query(_COUNT, parameters=parameters)
    days: dict[UUID, list[Day]] = defaultdict(list)
    for tenant_id, name, day, quantity in found.result_rows:
        days[tenant_id].append((EVENTS[name], day, quantity))
    return days


# uq_usage_metric_day
_WRITE = hot(
    text(
        """
        INSERT INTO usage AS u (tenant_id, id, metric, day, quantity, counted_at)
        SELECT :tenant_id, id, metric, day, quantity, CAST(:now AS timestamptz)
        FROM unnest(CAST(:ids AS uuid[]), CAST(:metrics AS text[]), CAST(:days AS date[]),
                    CAST(:quantities AS bigint[])) AS of (id, metric, day, quantity)
        ON CONFLICT (tenant_id, metric, day) DO UPDATE
            SET quantity = excluded.quantity, counted_at = excluded.counted_at
            WHERE u.counted_at < excluded.counted_at AND u.quantity <> excluded.quantity
        """
    )
)


async def write(tx: Tx, days: Sequence[Day], *, at: datetime) -> None:
    """Write what was counted at a moment; a count that is newer stays."""
    values = {
        "ids": [new_id() for _ in days],
        "metrics": [str(metric) for metric, _, _ in days],
        "days": [day for _, day, _ in days],
        "quantities": [quantity for _, _, quantity in days],
        "now": at,
    }
    await tx.rows(_WRITE, values)


async def run(database: Database, settings: Settings) -> None:
    """Meter until it is cancelled; without ClickHouse there is no stream to count from."""
    from clickhouse_connect.driver.exceptions import ClickHouseError  # noqa: PLC0415

    if settings.clickhouse_url is None:
        log.warning("metering.no_stream")
        return
    while True:
        try:
            events = await clients.clickhouse_async(settings)
            try:
                while True:
                    await meter(database, events)
                    await asyncio.sleep(PERIOD_SECONDS)
            finally:
                await events.close()
        except (ClickHouseError, DatabaseUnavailable, SQLAlchemyError, OSError) as fault:
            log.warning("metering.interrupted", error=str(fault).splitlines()[:1])
        await asyncio.sleep(PERIOD_SECONDS)


async def meter(database: Database, events: AsyncClient) -> int:
    """One round for all shops; how many had used something."""
    now = clock.now()
    days = await counted(events, since=open_since(now), until=now)
    for tenant_id, of_shop in days.items():
        async with database.tx(tenant_id) as tx:
            await write(tx, of_shop, at=now)
    return len(days)
