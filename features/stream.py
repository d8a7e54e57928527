"""What shoppers do, online within seconds.

`python -m features.stream` reads the announcements of the relay (a Valkey stream of who did something), computes those
shoppers anew from ClickHouse by the one definition, and pushes them online. An announcement is acknowledged after the
push, so a crash repeats it, and repeating changes nothing. Then it goes: it names a shopper.
"""

from __future__ import annotations

import os
import socket
import threading
from collections import defaultdict
from collections.abc import Sequence
from contextlib import closing
from typing import TYPE_CHECKING, Any
from uuid import UUID

import structlog
from clickhouse_connect.driver.exceptions import ClickHouseError
from redis.exceptions import RedisError, ResponseError

from features.compute import ensure_schema, shopper_activity
from features.forgetting import forgotten_meanwhile, take_offline
from features.materialise import push
from features.store import apply
from foundation import clients, clock, telemetry
from foundation.analytics import ShopRows
from foundation.settings import Settings, get_settings
from pipelines.relay import SHOPPERS_STREAM
from pipelines.schema import ensure_schema as ensure_event_schema
from pipelines.worker import keep, until_signalled

if TYPE_CHECKING:
    from clickhouse_connect.driver.client import Client
    from feast import FeatureStore
    from redis import Redis

log = structlog.get_logger(__name__)

GROUP = "features"
BATCH = 200
BLOCK_MS = 1_000
ABANDONED_MS = 15_000
"""An announcement that its reader has not acknowledged for so long goes to another."""
FAULTS = (ClickHouseError, RedisError, OSError)


class ShopperStream:
    """One round after another, while the connections hold."""

    def __init__(self, store: FeatureStore, reader: Client, redis: Redis) -> None:
        self._store = store
        self._reader = reader
        self._redis = redis
        self._name = f"{socket.gethostname()}-{os.getpid()}"

    @classmethod
    def connect(cls, settings: Settings, store: FeatureStore) -> ShopperStream:
        """Reach the engines, and make sure of the tables and the consumer group.

        Raises:
            EngineNotConfigured: one of them has no address.
        """
        with closing(clients.clickhouse(settings)) as clickhouse:
            ensure_event_schema(clickhouse)
            ensure_schema(clickhouse)
        redis = clients.redis(settings)
        try:
            redis.xgroup_create(SHOPPERS_STREAM, GROUP, id="0", mkstream=True)
        except ResponseError as error:
            if "BUSYGROUP" not in str(error):
                raise
        return cls(store, clients.clickhouse_reader(settings), redis)

    def turn(self, stop: threading.Event) -> None:  # noqa: ARG002 - reading waits for no longer than a second
        """Serve what is announced by now or within a second."""
        self.refresh()

    def refresh(self, *, block_ms: int | None = BLOCK_MS) -> int:
        """Serve what is announced, waiting `block_ms` for it (not at all, when None); says how many shoppers."""
        entries = self._abandoned() or self._new(block_ms)
        by_tenant: dict[UUID, set[UUID]] = defaultdict(set)
        for found in map(_shopper, entries):
            if found is not None:
                by_tenant[found[0]].add(found[1])
        for tenant_id, shoppers in by_tenant.items():
            shop, asked = ShopRows(self._reader, tenant_id), sorted(shoppers)
            rows = shopper_activity(shop, until=clock.now(), shoppers=asked)
            if not rows.is_empty():
                push(self._store, rows)
            take_offline(self._redis, tenant_id, forgotten_meanwhile(shop, asked))
        if entries:
            served = [entry_id for entry_id, _ in entries]
            self._redis.xack(SHOPPERS_STREAM, GROUP, *served)
            self._redis.xdel(SHOPPERS_STREAM, *served)
        return sum(map(len, by_tenant.values()))

    def close(self) -> None:
        """Let go of the connections."""
        self._reader.close()
        self._redis.close()

    def _abandoned(self) -> Sequence[tuple[str, dict[str, str]]]:
        answer: Any = self._redis.xautoclaim(SHOPPERS_STREAM, GROUP, self._name, ABANDONED_MS, count=BATCH)
        return [(entry_id, fields) for entry_id, fields in answer[1] if fields]

    def _new(self, block_ms: int | None) -> Sequence[tuple[str, dict[str, str]]]:
        answer: Any = self._redis.xreadgroup(GROUP, self._name, {SHOPPERS_STREAM: ">"}, count=BATCH, block=block_ms)
        return [entry for _, entries in answer or () for entry in entries]


def run(settings: Settings, stop: threading.Event) -> None:
    """Keep shoppers' features fresh until `stop` is set, reconnecting when an engine goes away."""
    store = apply(settings)
    keep("features", lambda: ShopperStream.connect(settings, store), FAULTS, stop)


def _shopper(entry: tuple[str, dict[str, str]]) -> tuple[UUID, UUID] | None:
    """The tenant and the shopper of an announcement."""
    entry_id, fields = entry
    try:
        tenant_id, shopper_id = map(UUID, fields["shopper_key"].split(":"))
    except (KeyError, ValueError):
        log.warning("features.unreadable_announcement", entry=entry_id)
        return None
    return tenant_id, shopper_id


def main() -> None:
    """Follow the stream in the foreground until SIGTERM or SIGINT."""
    settings = get_settings()
    telemetry.configure(settings)
    run(settings, until_signalled())


if __name__ == "__main__":
    main()
