"""What products mean, in Qdrant: a vector of each, one collection a tenant and encoder.

Each point carries its tenant and each question the tenant's filter, as in `serving.index`; and which sentence its
vector is of, so that a sentence that did not change is never encoded again. A new encoder's collection is filled beside
the present one, and then the alias is switched: no search sees half of it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple
from uuid import UUID

from foundation import clients
from foundation.settings import Settings
from models.arrays import Floats
from serving.index import (
    BATCH,
    OWNER,
    collections_of,
    create_to_fill,
    is_settled,
    owned_by,
    reached,
    search_alias_of,
    settle,
    switch,
    walking,
)

if TYPE_CHECKING:
    from qdrant_client import AsyncQdrantClient, QdrantClient

SENTENCE = "sentence"
"""The field of a point with the digest of the sentence that its vector is of."""


class Point(NamedTuple):
    """What a product means."""

    id: str
    sentence: str
    """Its digest."""
    vector: Floats


class Hit(NamedTuple):
    """A product found, and how alike it is: a cosine."""

    id: str
    score: float


def digest(sentence: str) -> str:
    """By which a sentence is known again."""
    return hashlib.blake2b(sentence.encode(), digest_size=12).hexdigest()


class SearchIndex:
    """A worker's way to the index, for reading."""

    def __init__(self, client: AsyncQdrantClient) -> None:
        self._client = client

    @classmethod
    def connect(cls, settings: Settings) -> SearchIndex:
        """Reach the index when it is asked.

        Raises:
            EngineNotConfigured: Qdrant has no address.
        """
        return cls(clients.qdrant_async(settings))

    async def encoders(self) -> dict[UUID, str]:
        """The encoder of each tenant's vectors, where all of a tenant's products have one.

        Raises:
            IndexUnavailable.
        """
        with reached():
            aliases = (await self._client.get_aliases()).aliases
        prefix = search_alias_of(None)
        theirs = {one.alias_name: one.collection_name for one in aliases if one.alias_name.startswith(prefix)}
        return {UUID(alias.removeprefix(prefix)): _encoder_of(name) for alias, name in theirs.items()}

    def of(self, tenant_id: UUID) -> TenantSearch:
        """The index as one tenant sees it."""
        return TenantSearch(self._client, tenant_id)

    async def close(self) -> None:
        """Let go of the connections."""
        await self._client.close()


@dataclass(frozen=True, slots=True)
class TenantSearch:
    """The products of one tenant: of any others that came into its collection, nothing is seen."""

    _client: AsyncQdrantClient
    _tenant_id: UUID

    async def alike(self, meaning: Floats, *, encoder: str, limit: int) -> list[Hit]:
        """The products that mean about the same, the most alike first.

        The collection is asked by its own name, not by the alias: a vector never meets those of another encoder, to
        which the alias may have been switched meanwhile.

        Raises:
            IndexUnavailable: Qdrant can't be reached, or the tenant has no vectors of that encoder any more.
        """
        with reached():
            answer = await self._client.query_points(
                _collection_of(self._tenant_id, encoder),
                query=meaning.tolist(),
                query_filter=owned_by(self._tenant_id),
                limit=limit,
                with_payload=False,
                search_params=walking(),
            )
        return [Hit(str(point.id), point.score) for point in answer.points]


class SearchBuilding:
    """The way to the index for whoever builds it, from blocking code.

    Each method raises `IndexUnavailable` when Qdrant can't be reached, or refuses.
    """

    def __init__(self, client: QdrantClient) -> None:
        self._client = client

    @classmethod
    def connect(cls, settings: Settings) -> SearchBuilding:
        """Reach the index when it is asked.

        Raises:
            EngineNotConfigured: Qdrant has no address.
        """
        return cls(clients.qdrant(settings))

    def close(self) -> None:
        """Let go of the connection."""
        self._client.close()

    def prepare(self, tenant_id: UUID, encoder: str, dimensions: int) -> str:
        """The collection for a tenant's vectors of an encoder, made where there is none; gives its name.

        A new one is filled without a graph: it would be built again and again. `settle` has it built.
        """
        collection = _collection_of(tenant_id, encoder)
        with reached():
            if not self._client.collection_exists(collection):
                self._create(collection, dimensions)
        return collection

    def sentences(self, collection: str, ids: Sequence[str]) -> Mapping[str, str]:
        """The digests of the sentences of those products that have a vector."""
        with reached():
            found = self._client.retrieve(collection, list(ids), with_payload=[SENTENCE])
        return {str(point.id): str((point.payload or {}).get(SENTENCE)) for point in found}

    def write(self, tenant_id: UUID, collection: str, points: Sequence[Point]) -> None:
        """Write vectors of products, in place of those they had."""
        from qdrant_client import models  # noqa: PLC0415

        owner = str(tenant_id)
        with reached():
            for first in range(0, len(points), BATCH):
                batch = [
                    models.PointStruct(
                        id=one.id, vector=one.vector.tolist(), payload={OWNER: owner, SENTENCE: one.sentence}
                    )
                    for one in points[first : first + BATCH]
                ]
                self._client.upsert(collection, batch, wait=True)

    def encoders(self, tenant_id: UUID) -> list[str]:
        """Those whose vectors a tenant has collections of, also such as are being filled."""
        with reached():
            return [_encoder_of(name) for name in collections_of(self._client, search_alias_of(tenant_id))]

    def settle(self, collection: str) -> None:
        """Have its graph built from now on, in the background."""
        with reached():
            settle(self._client, collection)

    def is_settled(self, collection: str) -> bool:
        """Whether its graph is built, where it is large enough for one."""
        with reached():
            return is_settled(self._client, collection)

    def is_released(self, tenant_id: UUID, collection: str) -> bool:
        """Whether the tenant is searched in this collection."""
        with reached():
            aliases = self._client.get_aliases().aliases
        return (search_alias_of(tenant_id), collection) in {(one.alias_name, one.collection_name) for one in aliases}

    def release(self, tenant_id: UUID, collection: str) -> None:
        """Search in this collection from now on; the tenant's others are deleted."""
        with reached():
            switch(self._client, search_alias_of(tenant_id), collection)

    def remove(self, tenant_id: UUID, ids: Iterable[str]) -> None:
        """Take products out of every collection of the tenant."""
        from qdrant_client import models  # noqa: PLC0415

        gone: list[int | str | UUID] = list(ids)
        if not gone:
            return
        theirs = owned_by(tenant_id, must=[models.HasIdCondition(has_id=gone)])
        with reached():
            for collection in collections_of(self._client, search_alias_of(tenant_id)):
                self._client.delete(collection, models.FilterSelector(filter=theirs), wait=True)

    def _create(self, collection: str, dimensions: int) -> None:
        from qdrant_client import models  # noqa: PLC0415

        create_to_fill(self._client, collection, dimensions)
        self._client.create_payload_index(collection, OWNER, models.PayloadSchemaType.KEYWORD, wait=True)


@contextmanager
def building(settings: Settings) -> Iterator[SearchBuilding]:
    """Reach the index to build in it.

    Raises:
        EngineNotConfigured: Qdrant has no address.
    """
    with closing(SearchBuilding.connect(settings)) as index:
        yield index


def _collection_of(tenant_id: UUID, encoder: str) -> str:
    return f"{search_alias_of(tenant_id)}-v{encoder}"


def _encoder_of(collection: str) -> str:
    """A tenant's id has no `v` in it."""
    return collection.partition("-v")[2]
