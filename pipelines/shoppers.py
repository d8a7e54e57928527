"""The stream that says of which shoppers something new is known, for whoever keeps their features."""

from __future__ import annotations

from collections.abc import Collection
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

from foundation.naming import entity_key, shared_key

if TYPE_CHECKING:
    from redis import Redis

SHOPPERS_STREAM = shared_key("shoppers")
STREAM_LENGTH = 100_000
RECENT = timedelta(days=2)
"""Older events are history being loaded: features are materialised for them in bulk."""


def announce(redis: Redis, touched: Collection[tuple[UUID, UUID]]) -> None:
    """Say that something is known of these: each a tenant, and a shopper or a browser of theirs.

    Raises:
        redis.exceptions.RedisError: the stream can't be reached.
    """
    if not touched:
        return
    with redis.pipeline(transaction=False) as pipe:
        for tenant_id, shopper_id in sorted(touched):
            fields: dict[Any, Any] = {"tenant_id": str(tenant_id), "shopper_key": entity_key(tenant_id, shopper_id)}
            pipe.xadd(SHOPPERS_STREAM, fields, maxlen=STREAM_LENGTH, approximate=True)
        pipe.execute()
