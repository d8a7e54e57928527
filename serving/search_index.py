"""The products as they are searched for, in Qdrant: words and meaning of each, one collection a tenant.

A rebuild goes into a new collection beside the present one and then switches the alias, so that no search sees half of
it. Each point carries its tenant and each question the tenant's filter, as in `serving.index`; and because a collection
holds one tenant's products, the inverse document frequencies that Qdrant multiplies in are that tenant's.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple
from uuid import UUID

from foundation import clients
from foundation.settings import Settings
from models.arrays import Floats
from models.search.documents import Field
from models.search.lexical import SparseVector, Statistics
from serving.index import BATCH, OWNER, IndexUnavailable, collections_of, owned_by, reached, search_alias_of, switch

if TYPE_CHECKING:
    from qdrant_client import AsyncQdrantClient, QdrantClient, models

WORDS = "words"
MEANING = "meaning"
IDENTIFIERS = "identifiers"


class Point(NamedTuple):
    """A product, ready to be searched for."""

    id: str
    words: SparseVector
    meaning: Floats
    identifiers: Sequence[str]


class Hit(NamedTuple):
    """A product found, and how much spoke for it."""

    id: str
    score: float


@dataclass(frozen=True, slots=True)
class Description:
    """What a collection was built with, kept with it: a query is read the same way, and so is what comes later."""

    encoder: str
    language: str
    statistics: Statistics

    def to_json(self) -> dict[str, Any]:
        """As the collection's metadata."""
        lengths = {name.value: length for name, length in self.statistics.lengths.items()}
        return {"encoder": self.encoder, "language": self.language, "lengths": lengths}

    @classmethod
    def read(cls, metadata: dict[str, Any]) -> Description:
        """From a collection's metadata.

        Raises:
            KeyError: it has none of ours.
        """
        lengths = {Field(name): float(length) for name, length in metadata["lengths"].items()}
        return cls(metadata["encoder"], metadata["language"], Statistics(lengths))


@dataclass(frozen=True, slots=True)
class Answers:
    """What each way found for one question, best first."""

    words: Sequence[Hit]
    meaning: Sequence[Hit]


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

    async def collections(self) -> dict[UUID, str]:
        """The collection that each tenant's products are searched in.

        Raises:
            IndexUnavailable.
        """
        with reached():
            aliases = (await self._client.get_aliases()).aliases
        prefix = search_alias_of(None)
        return {
            UUID(one.alias_name.removeprefix(prefix)): one.collection_name
            for one in aliases
            if one.alias_name.startswith(prefix)
        }

    def of(self, tenant_id: UUID) -> TenantSearch:
        """The index as one tenant sees it."""
        return TenantSearch(self._client, tenant_id)

    async def close(self) -> None:
        """Let go of the connections."""
        await self._client.close()


@dataclass(frozen=True, slots=True)
class TenantSearch:
    """The products of one tenant: of any others that came into its collection, nothing is seen.

    Each question raises `IndexUnavailable` when Qdrant can't be reached, or the tenant has no index.
    """

    _client: AsyncQdrantClient
    _tenant_id: UUID

    async def description(self) -> Description:
        """What the tenant's collection was built with."""
        with reached():
            found = await self._client.get_collection(search_alias_of(self._tenant_id))
        try:
            return Description.read(found.config.metadata or {})
        except (KeyError, ValueError) as fault:
            raise IndexUnavailable("the collection does not say what it was built with") from fault

    async def ask(self, words: SparseVector, meaning: Floats, *, limit: int) -> Answers:
        """The products that have the words, and those that mean the same."""
        from qdrant_client import models  # noqa: PLC0415

        by_words = models.SparseVector(indices=words.indices, values=words.values)
        asked = [self._request(WORDS, by_words, limit), self._request(MEANING, meaning.tolist(), limit)]
        with reached():
            answers = await self._client.query_batch_points(search_alias_of(self._tenant_id), requests=asked)
        return Answers(*(_hits(answer.points) for answer in answers))

    async def identified(self, identifier: str, *, limit: int) -> list[str]:
        """The products with a SKU or GTIN."""
        from qdrant_client import models  # noqa: PLC0415

        same = models.FieldCondition(key=IDENTIFIERS, match=models.MatchValue(value=identifier))
        with reached():
            points, _ = await self._client.scroll(
                search_alias_of(self._tenant_id),
                scroll_filter=owned_by(self._tenant_id, must=[same]),
                limit=limit,
                with_payload=False,
            )
        return [str(point.id) for point in points]

    def _request(self, using: str, query: Any, limit: int) -> models.QueryRequest:
        from qdrant_client import models  # noqa: PLC0415

        return models.QueryRequest(query=query, using=using, filter=owned_by(self._tenant_id), limit=limit)


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

    def present(self, tenant_id: UUID) -> tuple[str, Description] | None:
        """The collection that the tenant's products are searched in, and what it was built with."""
        with reached():
            aliases = {one.alias_name: one.collection_name for one in self._client.get_aliases().aliases}
            collection = aliases.get(search_alias_of(tenant_id))
            if collection is None:
                return None
            metadata = self._client.get_collection(collection).config.metadata
        return (collection, Description.read(metadata)) if metadata else None

    def rebuild(
        self,
        tenant_id: UUID,
        version: str,
        dimensions: int,
        description: Description,
        points: Iterable[Sequence[Point]],
    ) -> str:
        """Build the tenant's collection anew from batches of points, then switch the alias; gives its name."""
        collection = f"{search_alias_of(tenant_id)}-v{version}"
        with reached():
            self._create(collection, dimensions, description)
        for batch in points:
            with reached():
                self._write(tenant_id, collection, batch)
        with reached():
            switch(self._client, search_alias_of(tenant_id), collection)
        return collection

    def upsert(self, tenant_id: UUID, points: Sequence[Point]) -> None:
        """Write products into every collection of the tenant: one that is being built is to have them as well."""
        with reached():
            for collection in collections_of(self._client, search_alias_of(tenant_id)):
                for first in range(0, len(points), BATCH):
                    self._write(tenant_id, collection, points[first : first + BATCH])

    def remove(self, tenant_id: UUID, ids: Sequence[str]) -> None:
        """Take products out of every collection of the tenant."""
        from qdrant_client import models  # noqa: PLC0415

        if not ids:
            return
        theirs = owned_by(tenant_id, must=[models.HasIdCondition(has_id=list(ids))])
        with reached():
            for collection in collections_of(self._client, search_alias_of(tenant_id)):
                self._client.delete(collection, models.FilterSelector(filter=theirs), wait=True)

    def _create(self, collection: str, dimensions: int, description: Description) -> None:
        from qdrant_client import models  # noqa: PLC0415

        bytes_ = models.ScalarQuantizationConfig(type=models.ScalarType.INT8, always_ram=True)
        meaning = models.VectorParams(
            size=dimensions,
            distance=models.Distance.COSINE,
            quantization_config=models.ScalarQuantization(scalar=bytes_),
        )
        self._client.delete_collection(collection)
        self._client.create_collection(
            collection,
            vectors_config={MEANING: meaning},
            sparse_vectors_config={WORDS: models.SparseVectorParams(modifier=models.Modifier.IDF)},
            metadata=description.to_json(),
        )
        for key in (OWNER, IDENTIFIERS):
            self._client.create_payload_index(collection, key, models.PayloadSchemaType.KEYWORD, wait=True)

    def _write(self, tenant_id: UUID, collection: str, points: Sequence[Point]) -> None:
        from qdrant_client import models  # noqa: PLC0415

        owner = str(tenant_id)
        self._client.upsert(
            collection,
            [
                models.PointStruct(
                    id=one.id,
                    vector={
                        WORDS: models.SparseVector(indices=one.words.indices, values=one.words.values),
                        MEANING: one.meaning.tolist(),
                    },
                    payload={OWNER: owner, IDENTIFIERS: list(one.identifiers)},
                )
                for one in points
            ],
            wait=True,
        )


@contextmanager
def building(settings: Settings) -> Iterator[SearchBuilding]:
    """Reach the index to build in it.

    Raises:
        EngineNotConfigured: Qdrant has no address.
    """
    with closing(SearchBuilding.connect(settings)) as index:
        yield index


def _hits(points: Sequence[models.ScoredPoint]) -> list[Hit]:
    return [Hit(str(point.id), point.score) for point in points]
