"""Every decision to ClickHouse: through a stream, so that no answer waits for it and none is lost with the process."""

from __future__ import annotations

import asyncio
import os
import socket
from collections import deque
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol
from uuid import UUID

import orjson
import structlog
from clickhouse_connect.driver.exceptions import ClickHouseError
from redis.exceptions import RedisError, ResponseError

from foundation import clients, clock
from foundation.naming import shared_key
from foundation.settings import Settings
from pipelines.schema import ensure_schema

if TYPE_CHECKING:
    from clickhouse_connect.driver.asyncclient import AsyncClient
    from redis.asyncio import Redis

log = structlog.get_logger(__name__)

STREAM = shared_key("decisions")
GROUP = "clickhouse"
STREAM_LENGTH = 1_000_000
BACKLOG = 10_000
BATCH = 1_000
BLOCK_MS = 500
ABANDONED_MS = 30_000
RETRY_SECONDS = 1.0
GATHER_SECONDS = 1.0
"""How long decisions are gathered for one insert. ClickHouse makes a part of each: merging those of every answer cost
more than the answers."""
FAULTS = (ClickHouseError, RedisError, OSError)


class Answered(Protocol):
    """What every decision's answer says of itself."""

    @property
    def decision_id(self) -> UUID:
        """Its own."""

    @property
    def policy(self) -> str:
        """By what it was decided."""

    @property
    def fallback(self) -> str | None:
        """What to do instead; `None` when there is an answer."""

    @property
    def fallback_reason(self) -> str | None:
        """Why."""


def row_of(
    kind: str, tenant_id: UUID, answer: Answered, *, placement: str, features: Any, latency_ms: float, **columns: Any
) -> dict[str, Any]:
    """A decision as the log has it: deterministic, of nobody in particular, by no model and in no experiment, but for
    what `columns` say.
    """
    return {
        "tenant_id": tenant_id,
        "kind": kind,
        "decided_at": clock.now().isoformat(timespec="milliseconds"),
        "decision_id": answer.decision_id,
        "placement": placement,
        "shopper_id": None,
        "visitor_id": None,
        "session_id": None,
        "policy": answer.policy,
        "model_name": "",
        "model_version": "",
        "experiment": "",
        "arm": "",
        "propensities": [],
        "deterministic": 1,
        "features": orjson.dumps(features).decode(),
        "feature_view_version": "",
        "guardrails": [],
        "fallback": answer.fallback,
        "fallback_reason": answer.fallback_reason,
        "latency_ms": round(latency_ms, 3),
        **columns,
    }


class DecisionLog:
    """`record` takes a decision; `run` takes what was recorded to ClickHouse, at least once.

    While Redis can't be reached, the latest `BACKLOG` decisions wait in memory.
    """

    def __init__(self, settings: Settings, redis: Redis) -> None:
        self._settings = settings
        self._redis = redis
        self._backlog: deque[bytes] = deque(maxlen=BACKLOG)
        self._name = f"{socket.gethostname()}-{os.getpid()}"

    async def record(self, row: dict[str, Any]) -> None:
        """Keep a decision; never fails."""
        data = orjson.dumps(row)
        try:
            await self._add(data)
        except (RedisError, OSError) as fault:
            self._backlog.append(data)
            log.warning("decision_log.waiting", decisions=len(self._backlog), error=str(fault))

    async def run(self) -> None:
        """Write until cancelled, coming back when an engine goes away."""
        while True:
            client: AsyncClient | None = None
            try:
                await asyncio.to_thread(_ensure_tables, self._settings)
                client = await clients.clickhouse_async(self._settings)
                await self._join()
                while True:
                    if await self.write(client) < BATCH:
                        await asyncio.sleep(GATHER_SECONDS)
            except FAULTS as fault:
                log.warning("decision_log.interrupted", error=str(fault).strip().splitlines()[:1])
                await asyncio.sleep(RETRY_SECONDS)
            finally:
                if client is not None:
                    await client.close()

    async def write(self, client: AsyncClient, *, block_ms: int | None = BLOCK_MS) -> int:
        """One batch, waiting `block_ms` for it (not at all, when None); says how many decisions."""
        await self._flush()
        entries = await self._abandoned() or await self._new(block_ms)
        if not entries:
            return 0
        block = b"\n".join(row for _, row in entries)
        settings = {"date_time_input_format": "best_effort"}
        await client.raw_insert("decisions", insert_block=block, fmt="JSONEachRow", settings=settings)
        ids = [entry_id for entry_id, _ in entries]
        await self._redis.xack(STREAM, GROUP, *ids)
        await self._redis.xdel(STREAM, *ids)
        return len(entries)

    async def _flush(self) -> None:
        while self._backlog:
            data = self._backlog.popleft()
            try:
                await self._add(data)
            except (RedisError, OSError):
                self._backlog.appendleft(data)
                raise

    async def _add(self, data: bytes) -> None:
        await self._redis.xadd(STREAM, {"row": data}, maxlen=STREAM_LENGTH, approximate=True)

    async def _join(self) -> None:
        try:
            await self._redis.xgroup_create(STREAM, GROUP, id="0", mkstream=True)
        except ResponseError as error:
            if "BUSYGROUP" not in str(error):
                raise

    async def _abandoned(self) -> Sequence[tuple[str, bytes]]:
        answer: Any = await self._redis.xautoclaim(STREAM, GROUP, self._name, ABANDONED_MS, count=BATCH)
        return _rows(answer[1])

    async def _new(self, block_ms: int | None) -> Sequence[tuple[str, bytes]]:
        answer: Any = await self._redis.xreadgroup(GROUP, self._name, {STREAM: ">"}, count=BATCH, block=block_ms)
        return _rows([entry for _, entries in answer or () for entry in entries])


def _rows(entries: Sequence[tuple[str, dict[str, str]]]) -> list[tuple[str, bytes]]:
    return [(entry_id, fields["row"].encode()) for entry_id, fields in entries if fields]


def _ensure_tables(settings: Settings) -> None:
    client = clients.clickhouse(settings)
    try:
        ensure_schema(client)
    finally:
        client.close()
