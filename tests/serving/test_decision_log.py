"""Every decision reaches ClickHouse, once."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import pytest
from clickhouse_connect.driver.exceptions import ClickHouseError

from foundation import clients, clock
from foundation.settings import Settings
from pipelines.schema import ensure_schema
from serving import decision_log as module
from serving.decision_log import GROUP, STREAM, DecisionLog
from tests.serving.conftest import TENANT


def a_decision() -> dict[str, Any]:
    return {
        "tenant_id": TENANT,
        "kind": "recommendations",
        "decided_at": clock.now().isoformat(timespec="milliseconds"),
        "decision_id": uuid4(),
        "placement": "home",
        "candidates": ["a", "b"],
        "chosen": ["a"],
        "deterministic": 1,
        "features": '{"orders":3}',
        "fallback": None,
        "latency_ms": 1.5,
    }


@pytest.fixture
async def redis(settings: Settings) -> AsyncIterator[Any]:
    redis = clients.redis_async(settings)
    await redis.xgroup_create(STREAM, GROUP, id="0", mkstream=True)
    yield redis
    await redis.aclose()


@pytest.fixture
async def clickhouse(settings: Settings) -> AsyncIterator[Any]:
    client = clients.clickhouse(settings)
    ensure_schema(client)
    client.close()
    own = await clients.clickhouse_async(settings)
    yield own
    await own.close()


async def rows(clickhouse: Any) -> list[Any]:
    found = await clickhouse.query("SELECT toString(decision_id), candidates, features FROM decisions FINAL")
    return [tuple(row) for row in found.result_rows]


async def test_a_decision_is_a_row(settings: Settings, redis: Any, clickhouse: Any) -> None:
    decisions, row = DecisionLog(settings, redis), a_decision()
    await decisions.record(row)

    assert await decisions.write(clickhouse, block_ms=None) == 1
    assert await decisions.write(clickhouse, block_ms=None) == 0

    assert await rows(clickhouse) == [(str(row["decision_id"]), ["a", "b"], '{"orders":3}')]
    assert await redis.xlen(STREAM) == 0


async def test_a_batch_cut_short_is_written_again_and_counts_once(
    settings: Settings, redis: Any, clickhouse: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    decisions = DecisionLog(settings, redis)
    await decisions.record(a_decision())

    async def cut(*_: Any, **__: Any) -> None:
        raise ConnectionError

    with monkeypatch.context() as patch:
        patch.setattr(redis, "xack", cut)
        with pytest.raises(ConnectionError):
            await decisions.write(clickhouse, block_ms=None)
    monkeypatch.setattr(module, "ABANDONED_MS", 0)

    assert await DecisionLog(settings, redis).write(clickhouse, block_ms=None) == 1
    assert len(await rows(clickhouse)) == 1


async def test_what_clickhouse_refuses_stays_in_the_stream(settings: Settings, redis: Any, clickhouse: Any) -> None:
    decisions = DecisionLog(settings, redis)
    await decisions.record(a_decision())
    await clickhouse.command("RENAME TABLE decisions TO elsewhere")

    with pytest.raises(ClickHouseError):
        await decisions.write(clickhouse, block_ms=None)

    assert await redis.xlen(STREAM) == 1


async def test_without_redis_decisions_wait_in_memory_and_follow_later(
    settings: Settings, redis: Any, clickhouse: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    decisions = DecisionLog(settings, redis)

    async def away(*_: Any, **__: Any) -> None:
        raise ConnectionError

    with monkeypatch.context() as patch:
        patch.setattr(redis, "xadd", away)
        await decisions.record(a_decision())
        await decisions.record(a_decision())

    assert await decisions.write(clickhouse, block_ms=None) == 2
    assert len(await rows(clickhouse)) == 2
