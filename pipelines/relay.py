"""The relay: from the outbox to ClickHouse, at least once, in order.

`python -m pipelines.relay` runs until it is told to stop. A batch is inserted, the shoppers it touches are announced on
a Valkey stream, then the cursor moves: a crash between any two of these delivers the batch again, and `events` counts
it once. Tombstones are asked about each batch after it was read: nothing is loaded of whoever was forgotten before.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Self

import psycopg
import structlog
from clickhouse_connect.driver.exceptions import ClickHouseError
from redis.exceptions import RedisError

from foundation import clients, clock, telemetry
from foundation.progress import Progress
from foundation.settings import Settings, get_settings
from pipelines import outbox, shoppers, tombstones
from pipelines.forgetting import loadable, named_in
from pipelines.outbox import Lag, Row, lag
from pipelines.schema import ensure_schema
from pipelines.shoppers import RECENT, SHOPPERS_STREAM
from pipelines.worker import keep, until_signalled

if TYPE_CHECKING:
    from clickhouse_connect.driver.client import Client
    from redis import Redis

log = structlog.get_logger(__name__)

CONSUMER = "clickhouse"
BATCH = 5_000
POLL_SECONDS = 0.2
LEAD_SECONDS = 1.0
"""How long a relay that doesn't lead waits until it tries again."""
PRUNE_EVERY = 50
STALLED_SECONDS = 60.0
LOCK_KEY = 7_261_411
"""Postgres's advisory lock of the one relay that may deliver."""
FAULTS = (psycopg.Error, ClickHouseError, RedisError, OSError)
COLUMNS = (
    "event_id",
    "tenant_id",
    "name",
    "version",
    "occurred_at",
    "recorded_at",
    "aggregate_id",
    "shopper_id",
    "visitor_id",
    "session_id",
    "decision_id",
    "consent",
    "is_bot",
    "is_internal",
    "payload",
)

__all__ = [
    "CONSUMER",
    "SHOPPERS_STREAM",
    "Lag",
    "Relay",
    "RelayStalled",
    "behind",
    "lag",
    "run",
    "wait_until_delivered",
]


class RelayStalled(RuntimeError):
    """Events wait and none is delivered."""

    def __init__(self, rows: int) -> None:
        super().__init__(f"{rows:,} events wait in the outbox and none moves: is `python -m pipelines.relay` running?")


class Relay:
    """One delivery after another, while the connections hold."""

    def __init__(self, connection: psycopg.Connection[Any], clickhouse: Client, redis: Redis) -> None:
        self._connection = connection
        self._clickhouse = clickhouse
        self._redis = redis
        self._rounds = 0
        self._leads = False

    @classmethod
    def connect(cls, settings: Settings, database: str = "") -> Self:
        """Reach all three engines and make sure of the tables; `database` names one that a tenant has of its own.

        Raises:
            EngineNotConfigured: one of them has no address.
        """
        url = settings.everywhere("relay_url", "Postgres for the relay")[database]
        clickhouse = clients.clickhouse(settings)
        ensure_schema(clickhouse)
        return cls(psycopg.connect(url, autocommit=True), clickhouse, clients.redis(settings))

    def lead(self) -> bool:
        """Become the one relay that delivers, for as long as this connection lives."""
        row = self._connection.execute("SELECT pg_try_advisory_lock(%s)", (LOCK_KEY,)).fetchone()
        return bool(row and row[0])

    def turn(self, stop: threading.Event) -> None:
        """One batch when this relay leads, else another try to lead; with nothing to do, a pause."""
        if not self._leads:
            self._leads = self.lead()
            if self._leads:
                log.info("relay.leading")
            else:
                stop.wait(LEAD_SECONDS)
        elif self.deliver() < BATCH:
            stop.wait(POLL_SECONDS)

    def deliver(self) -> int:
        """One batch: insert, announce, advance. Says how many events; 0 when there is nothing to do."""
        after = outbox.place_of(self._connection, CONSUMER)
        rows = outbox.read(self._connection, after, BATCH)
        if not rows:
            return 0
        kept = loadable(rows, tombstones.among(self._connection, named_in(rows)))
        self._insert(kept)
        self._announce(kept)
        outbox.advance(self._connection, CONSUMER, rows)
        self._rounds += 1
        if self._rounds % PRUNE_EVERY == 0 or len(rows) < BATCH:
            outbox.prune(self._connection)
        return len(rows)

    def _insert(self, rows: Sequence[Row]) -> None:
        if not rows:
            return
        if told := [[getattr(row, column) for column in COLUMNS] for row in rows if not row.is_counted]:
            self._clickhouse.insert("events", told, column_names=COLUMNS)
        # The instants of writing and of delivery would say what happened together.
        unlinked = [replace(row, recorded_at=row.occurred_at) for row in rows if row.is_counted]
        if counted := [[*(getattr(row, column) for column in COLUMNS), row.occurred_at] for row in unlinked]:
            self._clickhouse.insert("events", counted, column_names=(*COLUMNS, "delivered_at"))

    def _announce(self, rows: Sequence[Row]) -> None:
        horizon = clock.now() - RECENT
        shoppers.announce(
            self._redis,
            {
                (row.tenant_id, shopper_id)
                for row in rows
                if row.occurred_at > horizon
                and (shopper_id := row.shopper_id or row.visitor_id)
                and "personalisation" in row.consent
            },
        )

    def close(self) -> None:
        """Let go of the connections, and of the lead."""
        self._connection.close()
        self._clickhouse.close()
        self._redis.close()


def run(settings: Settings, stop: threading.Event) -> None:
    """Deliver from every database until `stop` is set, reconnecting when an engine goes away.

    Each database has its outbox and its cursor, and is gone through by itself: that one is away holds no other up.
    """
    others = [
        threading.Thread(target=_keep, args=(settings, stop, name), name=f"relay-{name}") for name in settings.databases
    ]
    for other in others:
        other.start()
    try:
        _keep(settings, stop)
    finally:
        stop.set()
        for other in others:
            other.join()


def _keep(settings: Settings, stop: threading.Event, database: str = "") -> None:
    keep(f"relay {database}".rstrip(), lambda: Relay.connect(settings, database), FAULTS, stop)


def behind(settings: Settings) -> Lag:
    """What is not delivered yet, of all databases together.

    Raises:
        EngineNotConfigured: Postgres has no address.
    """
    lags = []
    for url in settings.everywhere("relay_url", "Postgres for the relay").values():
        with psycopg.connect(url, autocommit=True) as connection:
            lags.append(lag(connection, CONSUMER))
    return Lag(sum(one.rows for one in lags), max(one.seconds for one in lags))


def wait_until_delivered(settings: Settings, progress: Progress) -> None:
    """Stay until the running relay has delivered what is in the outbox; for jobs that read what was just loaded.

    Raises:
        EngineNotConfigured: Postgres has no address.
        RelayStalled: nothing moved for a minute.
    """
    total = left = behind(settings).rows
    moved_at = time.monotonic()
    while left:
        progress(total - left, total, f"{left:,} events to go")
        time.sleep(POLL_SECONDS)
        before, left = left, behind(settings).rows
        total = max(total, left)
        if left != before:
            moved_at = time.monotonic()
        elif time.monotonic() - moved_at > STALLED_SECONDS:
            raise RelayStalled(left)


def main() -> None:
    """Run the relay in the foreground until SIGTERM or SIGINT."""
    settings = get_settings()
    telemetry.configure(settings)
    run(settings, until_signalled())


if __name__ == "__main__":
    main()
