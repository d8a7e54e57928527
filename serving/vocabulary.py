"""The words of each tenant's catalogue, by which a worker knows how they are spelt.

Whoever builds the index writes them into Redis, one hash a build; a worker reads them when the build is new, and what
was added since.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast
from uuid import UUID

from foundation.naming import CacheKey, cache_key
from models.search.spelling import Speller
from serving.column_store import Held, Holder

if TYPE_CHECKING:
    from redis import Redis
    from redis.asyncio import Redis as AsyncRedis


def words_key(tenant_id: UUID, build: str) -> CacheKey:
    """Where the words of a build are: how many products have each."""
    return cache_key(tenant_id, "search_words", build)


def write(redis: Redis, tenant_id: UUID, build: str, words: Mapping[str, int]) -> None:
    """Keep the words of a build."""
    if words:
        redis.hset(words_key(tenant_id, build), mapping=dict(words))


def forget(redis: Redis, tenant_id: UUID, *, but: str) -> None:
    """Keep the words of no other build."""
    for other in redis.scan_iter(match=words_key(tenant_id, "*")):
        if other != words_key(tenant_id, but):
            redis.unlink(other)


def add(redis: Redis, tenant_id: UUID, build: str, words: Mapping[str, int]) -> None:
    """Add the words of products that came later; what is known of a word stays until the next rebuild counts it."""
    with redis.pipeline(transaction=False) as pipe:
        for word, products in words.items():
            pipe.hsetnx(words_key(tenant_id, build), word, str(products))
        pipe.execute()


@dataclass(slots=True)
class Known:
    """What a worker knows of a tenant's products."""

    held: Held
    speller: Speller
    words: int
    """How many of them are learnt."""


class Vocabularies:
    """What can be searched, and how its words are spelt. `refresh` asks for it; `of` only looks."""

    def __init__(self, redis: AsyncRedis, holder: Holder) -> None:
        self._redis = redis
        self._holder = holder
        self._known: dict[UUID, Known] = {}

    def of(self, tenant_id: UUID) -> Known | None:
        """What is known of a tenant's products; `None` when it has no index."""
        return self._known.get(tenant_id)

    async def refresh(self) -> None:
        """Learn what is new.

        Raises:
            redis.exceptions.RedisError, OSError: it can't be asked; what was known stays.
        """
        await asyncio.to_thread(self._holder.refresh)
        held = self._holder.all()
        for tenant_id, one in held.items():
            await self._learn(tenant_id, one)
        for gone in self._known.keys() - held.keys():
            del self._known[gone]

    async def _learn(self, tenant_id: UUID, held: Held) -> None:
        build, known = held.about.build, self._known.get(tenant_id)
        key = words_key(tenant_id, build)
        there = int(await self._redis.hlen(key))  # type: ignore[misc]
        if known is not None and known.held.about.build == build:
            known.held = held
            if known.words != there:
                await asyncio.to_thread(known.speller.learn, await self._words(key))
                known.words = there
            return
        words = await self._words(key)
        speller = await asyncio.to_thread(Speller, words, held.about.language)
        self._known[tenant_id] = Known(held, speller, len(words))

    async def _words(self, key: CacheKey) -> dict[str, int]:
        found = cast("dict[str, str]", await self._redis.hgetall(key))  # type: ignore[misc]
        return {word: int(products) for word, products in found.items()}
