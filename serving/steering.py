"""What each tenant says of its search, as the core's worker tells it through Valkey."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from uuid import UUID

import structlog
from pydantic import ValidationError

from foundation.search import CATEGORY
from foundation.steering import VERSIONS, Steering, steering_key
from models.search.recognising import Names, Thing, stemmed
from models.search.synonyms import Synonyms

if TYPE_CHECKING:
    from redis.asyncio import Redis

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class Steered:
    """What one tenant's staff say, ready to be asked."""

    version: str
    said: Steering
    _synonyms: dict[str, Synonyms] = field(default_factory=dict)
    _categories: dict[str, Names] = field(default_factory=dict)

    def synonyms(self, language: str) -> Synonyms:
        """Its synonyms, in the language of its index."""
        known = self._synonyms.get(language)
        if known is None:
            known = self._synonyms[language] = Synonyms.of(self.said.synonyms, language)
        return known

    def categories(self, language: str) -> Names:
        """What its categories are called, in any form of the words."""
        known = self._categories.get(language)
        if known is None:
            names = ((Thing(CATEGORY, str(one.id)), name) for one in self.said.categories for name in one.names)
            known = self._categories[language] = Names.of(names, stemmed(language), self.said.synonyms)
        return known


NOTHING = Steered("", Steering())


class Steerings:
    """What holds for each tenant. `refresh` hears what is new; `of` only looks."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._known: dict[UUID, Steered] = {}

    def of(self, tenant_id: UUID) -> Steered:
        """What the tenant's staff say; nothing, where nothing was heard."""
        return self._known.get(tenant_id, NOTHING)

    async def refresh(self) -> None:
        """Hear what is new. What can't be read leaves what was known in place.

        Raises:
            redis.exceptions.RedisError: Valkey can't be reached; what was known stays.
        """
        told: dict[str, str] = await self._redis.hgetall(VERSIONS)  # type: ignore[misc]
        versions = {UUID(tenant): version for tenant, version in told.items()}
        for tenant_id, version in versions.items():
            if self.of(tenant_id).version != version:
                await self._hear(tenant_id, version)
        for gone in self._known.keys() - versions.keys():
            del self._known[gone]

    async def _hear(self, tenant_id: UUID, version: str) -> None:
        document = await self._redis.get(steering_key(tenant_id))
        try:
            self._known[tenant_id] = Steered(version, Steering.model_validate_json(document or ""))
        except ValidationError as fault:
            log.warning("steering.unreadable", tenant_id=str(tenant_id), version=version, faults=fault.error_count())
