"""Up to where whoever follows the catalogue has come, kept in Valkey for each database."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID

from pipelines.products import BEGINNING, Place

if TYPE_CHECKING:
    from redis import Redis

    from foundation.naming import CacheKey


def reached(redis: Redis, key: CacheKey, database: str) -> Place:
    """The place of the last change that was followed; the beginning, where none is known."""
    kept: Any = redis.hget(key, database)
    if kept is None:
        return BEGINNING
    changed_in, tenant_id, product_id = kept.split("/")
    return Place(changed_in, UUID(tenant_id), UUID(product_id))


def reach(redis: Redis, key: CacheKey, database: str, place: Place) -> None:
    """Remember that all up to this place was followed."""
    redis.hset(key, database, "/".join(map(str, place)))
