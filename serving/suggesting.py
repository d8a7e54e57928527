"""What to suggest to somebody who types a query, out of the tenant's file of completions.

The files are written by `serving.suggestion_building` and lie in the object store, each under a version of its own;
which one is a tenant's now is in Valkey. A worker fetches a new one when it is named, and opens it on its own disk,
where the workers of a machine share it.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import sqlite3
from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import UUID

import structlog

from foundation import objects
from foundation.naming import ObjectPath, object_path
from foundation.settings import Settings
from foundation.suggestions import VERSIONS, NamedSuggestion, Suggestions, SuggestionsRequest
from models.search.completion import Completions, Kind, Suggested

if TYPE_CHECKING:
    from redis.asyncio import Redis

log = structlog.get_logger(__name__)

NOTHING = Suggestions(exact=True, queries=[], categories=[], brands=[], products=[])


def stored_at(tenant_id: UUID, version: str) -> ObjectPath:
    """Where a version of a tenant's suggestions lies in the object store."""
    return object_path(tenant_id, "suggestions", f"{version}.sqlite")


@dataclass(frozen=True, slots=True)
class _Held:
    version: str
    completions: Completions


class Suggesting:
    """The suggestions of each tenant. `refresh` fetches what is new; `answer` only looks."""

    def __init__(self, redis: Redis, store: str, folder: Path) -> None:
        self._redis = redis
        self._store = store
        self._folder = folder
        self._held: dict[UUID, _Held] = {}

    @classmethod
    def from_settings(cls, settings: Settings, redis: Redis) -> Suggesting:
        """Files come from the settings' object store, and are kept under `var_dir`.

        Raises:
            EngineNotConfigured: the object store has no address.
        """
        store = settings.require("objects_url", "The object store")
        return cls(redis, store, settings.var_dir / "serving" / "suggestions")

    async def answer(self, asked: SuggestionsRequest) -> Suggestions:
        """What to suggest; nothing for a tenant that has no suggestions, or where it takes too long."""
        held = self._held.get(asked.tenant_id)
        if held is None:
            return NOTHING
        limits = {
            Kind.QUERY: asked.queries,
            Kind.CATEGORY: asked.categories,
            Kind.BRAND: asked.brands,
            Kind.PRODUCT: asked.products,
        }
        try:
            async with asyncio.timeout(asked.deadline_ms / 1000):
                completed = await asyncio.to_thread(held.completions.complete, asked.query, limits)
        except TimeoutError:
            return NOTHING
        found = completed.found
        return Suggestions(
            exact=completed.is_exact,
            queries=[one.key for one in found[Kind.QUERY]],
            categories=_named(found[Kind.CATEGORY]),
            brands=_named(found[Kind.BRAND]),
            products=[UUID(one.key) for one in found[Kind.PRODUCT]],
        )

    async def refresh(self) -> None:
        """Fetch what is new; a file that can't be fetched leaves the one before in place.

        Raises:
            redis.exceptions.RedisError: Redis can't be reached; what was there stays.
        """
        versions: dict[str, str] = await self._redis.hgetall(VERSIONS)  # type: ignore[misc]
        now = {UUID(tenant): version for tenant, version in versions.items()}
        for tenant_id, version in now.items():
            held = self._held.get(tenant_id)
            if held is None or held.version != version:
                await self._hold(tenant_id, version)
        for gone in self._held.keys() - now.keys():
            # Whoever still reads it keeps it open until they have.
            del self._held[gone]
        await asyncio.to_thread(self._clear_away, {str(tenant_id) for tenant_id in now})

    async def _hold(self, tenant_id: UUID, version: str) -> None:
        try:
            completions = await asyncio.to_thread(self._fetched, tenant_id, version)
        except (OSError, sqlite3.DatabaseError) as fault:
            log.warning("suggestions.unreadable", tenant_id=str(tenant_id), version=version, error=str(fault))
            return
        self._held[tenant_id] = _Held(version, completions)
        log.info("suggestions.held", tenant_id=str(tenant_id), version=version)

    def _fetched(self, tenant_id: UUID, version: str) -> Completions:
        folder = self._folder / str(tenant_id)
        file = folder / f"{version}.sqlite"
        if not file.exists():
            body = objects.get(self._store, stored_at(tenant_id, version))
            if body is None:
                raise FileNotFoundError(stored_at(tenant_id, version))
            folder.mkdir(parents=True, exist_ok=True)
            # Written beside, then moved: a file with its name is whole, and another worker may write the same.
            partial = folder / f"{version}.{os.getpid()}.partial"
            partial.write_bytes(body)
            partial.rename(file)
        completions = Completions(file)
        for other in folder.glob("*.sqlite"):
            if other != file:
                with suppress(FileNotFoundError):
                    other.unlink()
        return completions

    def _clear_away(self, kept: Collection[str]) -> None:
        """Delete what tenants have left that have no suggestions any more."""
        for folder in self._folder.glob("*"):
            if folder.name not in kept:
                shutil.rmtree(folder, ignore_errors=True)


def _named(found: Sequence[Suggested]) -> list[NamedSuggestion]:
    return [NamedSuggestion(name=one.text, slug=one.key) for one in found]
