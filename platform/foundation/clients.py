"""One way to each engine but Postgres: a client library and the URL in the settings.

A library is imported when its client is asked for, so that a worker pays only for what it uses.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from foundation.settings import Settings

if TYPE_CHECKING:
    from clickhouse_connect.driver.asyncclient import AsyncClient as AsyncClickHouse
    from clickhouse_connect.driver.client import Client as ClickHouse
    from qdrant_client import AsyncQdrantClient, QdrantClient
    from redis import Redis
    from redis.asyncio import Redis as AsyncRedis


def clickhouse(settings: Settings) -> ClickHouse:
    """ClickHouse over HTTP, from blocking code. One client a thread."""
    import clickhouse_connect  # noqa: PLC0415

    url = settings.require("clickhouse_url", "ClickHouse")
    return clickhouse_connect.get_client(dsn=url, autogenerate_session_id=False)


def clickhouse_reader(settings: Settings) -> ClickHouse:
    """ClickHouse as the role that reads for one shop at a time; as the platform's own, where there is no such role.

    `foundation.analytics` says for which shop; without that the role sees nothing.
    """
    if settings.clickhouse_reader_url is None:
        return clickhouse(settings)
    import clickhouse_connect  # noqa: PLC0415

    url = settings.clickhouse_reader_url.get_secret_value()
    return clickhouse_connect.get_client(dsn=url, autogenerate_session_id=False)


async def clickhouse_async(settings: Settings) -> AsyncClickHouse:
    """ClickHouse over HTTP, from a coroutine."""
    import clickhouse_connect  # noqa: PLC0415

    url = settings.require("clickhouse_url", "ClickHouse")
    return await clickhouse_connect.get_async_client(dsn=url, autogenerate_session_id=False)


def redis(settings: Settings) -> Redis:
    """Redis or Valkey, from blocking code."""
    from redis import Redis  # noqa: PLC0415

    return Redis.from_url(settings.require("redis_url", "Redis"), decode_responses=True)


def redis_async(settings: Settings, *, as_text: bool = True) -> AsyncRedis:
    """Redis or Valkey, from a coroutine; its answers are `str`, or `bytes` when not `as_text`."""
    from redis.asyncio import Redis  # noqa: PLC0415

    return Redis.from_url(settings.require("redis_url", "Redis"), decode_responses=as_text)


def qdrant(settings: Settings) -> QdrantClient:
    """Qdrant over REST, from blocking code."""
    from qdrant_client import QdrantClient  # noqa: PLC0415

    return QdrantClient(**_qdrant_arguments(settings), timeout=30)


def qdrant_async(settings: Settings) -> AsyncQdrantClient:
    """Qdrant over REST, from a coroutine."""
    from qdrant_client import AsyncQdrantClient  # noqa: PLC0415

    return AsyncQdrantClient(**_qdrant_arguments(settings), timeout=10)


def _qdrant_arguments(settings: Settings) -> dict[str, Any]:
    # A header, because the client warns of every key given as one on the way to loopback.
    key = settings.qdrant_api_key
    return {
        "url": settings.require("qdrant_url", "Qdrant"),
        "headers": {"api-key": key.get_secret_value()} if key else {},
        "check_compatibility": False,
    }
