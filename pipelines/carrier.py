"""The carrier: from the spool of this machine to ClickHouse, at least once.

`python -m pipelines.carrier` runs until it is told to stop, one beside the web workers of each machine. Segments are
inserted as they lie there, the shoppers they touch are announced, then the segments are removed: a crash between any
two of these carries them again, and `events` counts each once. Tombstones are asked about each frame after it was read:
nothing is loaded of whoever was forgotten before, nor of a shop that is gone.
"""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self
from uuid import UUID

import orjson
import psycopg
import structlog
from clickhouse_connect.driver.exceptions import ClickHouseError
from redis.exceptions import RedisError

from foundation import clients, clock, telemetry
from foundation.events.spooled import Frame
from foundation.settings import Settings, get_settings
from foundation.spool import Left, carrying, left_in
from pipelines import shoppers, tombstones
from pipelines.forgetting import loadable
from pipelines.outbox import Row
from pipelines.schema import ensure_schema
from pipelines.shoppers import RECENT
from pipelines.tombstones import Subject
from pipelines.worker import keep, until_signalled

if TYPE_CHECKING:
    from clickhouse_connect.driver.client import Client
    from redis import Redis

log = structlog.get_logger(__name__)

BATCH_BYTES = 16 * 2**20
POLL_SECONDS = 0.1
LEAD_SECONDS = 1.0
FAULTS = (psycopg.Error, ClickHouseError, RedisError, OSError)
_HOW = {"date_time_input_format": "best_effort", "input_format_skip_unknown_fields": 0}
_TENANTS = "SELECT id FROM tenant WHERE id = ANY (%s)"


@dataclass(frozen=True, slots=True)
class Backlog:
    """What waits in the spool of this machine."""

    bytes: int
    seconds: float
    """The age of the oldest of it."""


class Carrier:
    """One batch of segments after another, while the connections hold."""

    def __init__(
        self, folder: Path, homes: Sequence[psycopg.Connection[Any]], clickhouse: Client, redis: Redis
    ) -> None:
        self._folder = folder
        self._homes = homes
        self._clickhouse = clickhouse
        self._redis = redis
        self._held = ExitStack()
        self._leads = False

    @classmethod
    def connect(cls, settings: Settings) -> Self:
        """Reach all engines, every database among them, and make sure of the tables.

        Raises:
            EngineNotConfigured: one of them has no address.
        """
        urls = settings.everywhere("relay_url", "Postgres for the relay").values()
        clickhouse = clients.clickhouse(settings)
        ensure_schema(clickhouse)
        homes = [psycopg.connect(url, autocommit=True) for url in urls]
        return cls(settings.spool, homes, clickhouse, clients.redis(settings))

    def turn(self, stop: threading.Event) -> None:
        """One batch when this carrier has the spool, else another try to have it; with nothing to do, a pause."""
        if not self._leads:
            self._leads = self._held.enter_context(carrying(self._folder))
            if not self._leads:
                stop.wait(LEAD_SECONDS)
        elif not self.carry():
            stop.wait(POLL_SECONDS)

    def carry(self) -> int:
        """One batch: insert, announce, remove. Says how many segments; 0 when there is nothing to do."""
        segments = list(_some(left_in(self._folder)))
        if not segments:
            return 0
        frames = [Frame.read(body) for segment in segments for body in segment.frames()]
        loaded = list(self._loadable(frames))
        self._insert(loaded)
        shoppers.announce(self._redis, _touched(loaded, clock.now() - RECENT))
        for segment in segments:
            segment.done()
        return len(segments)

    def _loadable(self, frames: Sequence[Frame]) -> Iterator[Frame]:
        """The frames with what may be loaded of them."""
        tenants = {frame.tenant_id for frame in frames}
        known = {row[0] for row in self._homes[0].execute(_TENANTS, (list(tenants),)).fetchall()}
        asked = list({(frame.tenant_id, one) for frame in frames for one in frame.people})
        buried = set[Subject]().union(*(tombstones.among(home, asked) for home in self._homes))
        for frame in frames:
            if frame.tenant_id not in known:
                continue
            if buried.isdisjoint((frame.tenant_id, one) for one in frame.people):
                yield frame
            elif rows := _left(frame, buried):
                yield Frame(frame.tenant_id, None, None, None, is_personal=False, latest=frame.latest, rows=rows)

    def _insert(self, frames: Sequence[Frame]) -> None:
        if frames:
            rows = b"\n".join(frame.rows for frame in frames)
            self._clickhouse.raw_insert("events", insert_block=rows, settings=_HOW, fmt="JSONEachRow")

    def close(self) -> None:
        """Let go of the connections, and of the spool."""
        self._held.close()
        for home in self._homes:
            home.close()
        self._clickhouse.close()
        self._redis.close()


def _some(left: Sequence[Left]) -> Iterator[Left]:
    """As many of the oldest as one insert takes, and one at least."""
    size = 0
    for segment in left:
        if size > BATCH_BYTES:
            return
        size += segment.path.stat().st_size
        yield segment


def _touched(frames: Sequence[Frame], since: datetime) -> set[tuple[UUID, UUID]]:
    return {
        (frame.tenant_id, shopper)
        for frame in frames
        if frame.is_personal and frame.latest > since and (shopper := frame.shopper_id or frame.visitor_id)
    }


def _left(frame: Frame, buried: Collection[Subject]) -> bytes:
    """The rows of somebody who was forgotten, as the event store may have them: by the rule of what the relay loads."""
    kept = []
    for line in frame.rows.splitlines():
        told = orjson.loads(line)
        for row in loadable([_row(told)], buried):
            named = {name: getattr(row, name) for name in ("shopper_id", "visitor_id", "session_id")}
            kept.append(orjson.dumps({**told, **named}))
    return b"\n".join(kept)


def _row(told: dict[str, Any]) -> Row:
    ids = ("event_id", "tenant_id", "aggregate_id", "shopper_id", "visitor_id", "session_id", "decision_id")
    instants = ("occurred_at", "recorded_at")
    return Row(
        xid="0",
        seq=0,
        name=told["name"],
        version=told["version"],
        consent=told.get("consent", []),
        is_bot=told["is_bot"],
        is_internal=told["is_internal"],
        payload=told["payload"],
        **{name: UUID(told[name]) if told.get(name) else None for name in ids},  # type: ignore[arg-type]
        **{name: datetime.fromisoformat(told[name]) for name in instants},  # type: ignore[arg-type]
    )


def backlog(settings: Settings) -> Backlog:
    """What waits in the spool of this machine."""
    sizes = []
    for path in settings.spool.glob("*.*"):
        try:
            found = path.stat()
        except FileNotFoundError:
            continue
        if found.st_size:
            sizes.append((found.st_mtime, found.st_size))
    oldest = min((at for at, _ in sizes), default=clock.now().timestamp())
    return Backlog(sum(size for _, size in sizes), max(clock.now().timestamp() - oldest, 0.0))


def run(settings: Settings, stop: threading.Event) -> None:
    """Carry until `stop` is set, reconnecting when an engine goes away."""
    keep("carrier", lambda: Carrier.connect(settings), FAULTS, stop)


def main() -> None:
    """Run the carrier in the foreground until SIGTERM or SIGINT."""
    settings = get_settings()
    telemetry.configure(settings)
    run(settings, until_signalled())


if __name__ == "__main__":
    main()
