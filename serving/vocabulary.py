"""The words of each tenant's catalogue, by which a worker knows how they are spelt.

Whoever builds the index writes them into Redis, one hash a collection; a worker reads them when the collection is new,
and what was added since.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast
from uuid import UUID

from foundation.naming import CacheKey, cache_key
from models.search.spelling import Speller
from serving.search_index import Description, SearchIndex

if TYPE_CHECKING:
    from redis import Redis
    from redis.asyncio import Redis as AsyncRedis


def words_key(tenant_id: UUID, collection: str) -> CacheKey:
    """Where the words of a collection are: how many products have each."""
    return cache_key(tenant_id, "search_words", collection)


def write(redis: Redis, tenant_id: UUID, collection: str, words: Mapping[str, int]) -> None:
    """Keep the words of a collection that was built, and those of no other."""
    key = words_key(tenant_id, collection)
    for other in redis.scan_iter(match=words_key(tenant_id, "*")):
        if other != key:
            redis.unlink(other)
    if words:
        redis.hset(key, mapping=dict(words))


def add(redis: Redis, tenant_id: UUID, collection: str, words: Mapping[str, int]) -> None:
    """Add the words of products that came later; what is known of a word stays until the next rebuild counts it."""
    with redis.pipeline(transaction=False) as pipe:
        for word, products in words.items():
            pipe.hsetnx(words_key(tenant_id, collection), word, str(products))
        pipe.execute()


@dataclass(slots=True)
class Known:
    """What a worker knows of a tenant's collection."""

    collection: str
    description: Description
    speller: Speller
    words: int
    """How many of them are learnt."""


class Vocabularies:
    """What can be searched, and how its words are spelt. `refresh` asks for it; `of` only looks."""

    def __init__(self, redis: AsyncRedis, index: SearchIndex) -> None:
        self._redis = redis
        self._index = index
        self._known: dict[UUID, Known] = {}

    def of(self, tenant_id: UUID) -> Known | None:
        """What is known of a tenant's collection; `None` when it has none."""
        return self._known.get(tenant_id)

    async def refresh(self) -> None:
        """Learn what is new.

        Raises:
            IndexUnavailable: Qdrant can't be reached; what was known stays.
            redis.exceptions.RedisError: Redis can't be reached; what was known stays.
        """
        collections = await self._index.collections()
        for tenant_id, collection in collections.items():
            await self._learn(tenant_id, collection)
        for gone in self._known.keys() - collections.keys():
            del self._known[gone]

    async def _learn(self, tenant_id: UUID, collection: str) -> None:
        key, known = words_key(tenant_id, collection), self._known.get(tenant_id)
        there = int(await self._redis.hlen(key))  # type: ignore[misc]
        if known is not None and (known.collection, known.words) == (collection, there):
            return
        found = cast("dict[str, str]", await self._redis.hgetall(key))  # type: ignore[misc]
        words = {word: int(products) for word, products in found.items()}
        if known is not None and known.collection == collection:
            await asyncio.to_thread(known.speller.learn, words)
            known.words = len(words)
            return
        description = await self._index.of(tenant_id).description()
        speller = await asyncio.to_thread(Speller, words, description.language)
        self._known[tenant_id] = Known(collection, description, speller, len(words))
