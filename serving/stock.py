"""What is sold out, as the core's worker tells it: in memory, so that a decision never waits for it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, cast
from uuid import UUID

from foundation.naming import cache_key

if TYPE_CHECKING:
    from redis.asyncio import Redis


class SoldOut:
    """The products of each tenant that nobody can buy now."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._products: dict[UUID, frozenset[str]] = {}

    def of(self, tenant_id: UUID) -> frozenset[str] | None:
        """The tenant's; `None` when nothing was heard yet."""
        return self._products.get(tenant_id)

    async def refresh(self, tenant_ids: Iterable[UUID]) -> None:
        """Hear what is sold out now.

        Raises:
            redis.exceptions.RedisError: Redis can't be reached; what was known stays.
        """
        for tenant_id in tenant_ids:
            members = await self._redis.smembers(cache_key(tenant_id, "out_of_stock"))  # type: ignore[misc]
            self._products[tenant_id] = frozenset(cast("set[str]", members))
