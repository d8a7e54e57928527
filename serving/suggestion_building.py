"""A tenant's suggestions from its catalogue and from what people searched for, written beside those in use."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

import psycopg

from foundation import clients, clock, objects
from foundation.settings import Settings
from foundation.suggestions import VERSIONS
from models.search.completion import Entry, Kind, write
from pipelines import suggestions
from pipelines.suggestions import Named
from serving.suggesting import stored_at

if TYPE_CHECKING:
    from redis import Redis


@dataclass(frozen=True, slots=True)
class Written:
    """What a tenant is suggested from now on."""

    version: str
    counts: Mapping[Kind, int]


def build(settings: Settings, tenant_id: UUID) -> Written | None:
    """Write a tenant's suggestions anew and name them; `None` where nothing of what they are made of has changed.

    What sells most changes all the time: they are written once a day in any case.

    Raises:
        EngineNotConfigured: an engine or the object store has no address.
        ClickHouseError, psycopg.Error, redis.exceptions.RedisError, OSError: they can't be reached; what was there
            stays.
    """
    store = settings.require("objects_url", "The object store")
    asked = suggestions.queries(settings, tenant_id)
    with (
        suggestions.catalogue(settings, tenant_id) as connection,
        closing(clients.redis(settings)) as redis,
        tempfile.TemporaryDirectory() as folder,
    ):
        version = _version(suggestions.mark(connection, tenant_id), asked)
        before = _named_now(redis, tenant_id)
        if version == before:
            return None
        file = Path(folder) / "suggestions.sqlite"
        counts = write(file, _entries(connection, tenant_id, asked))
        objects.put(store, stored_at(tenant_id, version), file.read_bytes())
        redis.hset(VERSIONS, str(tenant_id), version)
        if before is not None:
            objects.delete(store, stored_at(tenant_id, before))
    return Written(version, counts)


def keep_only(settings: Settings, tenant_ids: Collection[UUID]) -> None:
    """Name the suggestions of nobody else, such as tenants that are gone.

    Raises:
        redis.exceptions.RedisError: Redis can't be reached.
    """
    with closing(clients.redis(settings)) as redis:
        known: Any = redis.hkeys(VERSIONS)
        gone = set(known) - {str(one) for one in tenant_ids}
        if gone:
            redis.hdel(VERSIONS, *gone)


def _version(mark: str, asked: Sequence[str]) -> str:
    made_of = "\n".join((f"{clock.now():%Y-%m-%d}", mark, *asked))
    return hashlib.sha256(made_of.encode()).hexdigest()[:32]


def _named_now(redis: Redis, tenant_id: UUID) -> str | None:
    version: Any = redis.hget(VERSIONS, str(tenant_id))
    return version if version is None else str(version)


def _entries(connection: psycopg.Connection[Any], tenant_id: UUID, asked: Iterable[str]) -> dict[Kind, Iterable[Entry]]:
    return {
        Kind.QUERY: (Entry(query, "", query) for query in asked),
        Kind.CATEGORY: _of_named(suggestions.categories(connection, tenant_id)),
        Kind.BRAND: _of_named(suggestions.brands(connection, tenant_id)),
        Kind.PRODUCT: (
            Entry(str(sold.id), "", f"{sold.title} {sold.brand}")
            for sold in suggestions.products(connection, tenant_id)
        ),
    }


def _of_named(named: Iterable[Named]) -> Iterator[Entry]:
    return (Entry(one.slug, one.name, one.name) for one in named)
