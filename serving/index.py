"""The products' vectors in Qdrant: one collection a tenant and model version, behind the tenant's alias.

This, `search_index` and `visual_index` are the places that speak to Qdrant. Whoever asks does so as a tenant
(`Vectors.of`), and each question carries that tenant's filter; whoever builds does so for a tenant, and each point
carries its id. No other module imports the library (`pyproject.toml`, and `tests/isolation/test_one_door.py`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

from foundation import clients
from foundation.progress import Progress, silent
from foundation.settings import Settings

if TYPE_CHECKING:
    import numpy as np
    from qdrant_client import AsyncQdrantClient, QdrantClient, models

OWNER = "tenant_id"
"""The field of a point that says whose it is."""
BATCH = 500
EDGES = 16
CONSIDERED = 100
"""What a large collection's graph (HNSW) has of edges a point, and how many are considered for them."""
WALKED = 200
"""How many points a question keeps in hand while it walks the graph."""
OVERSAMPLED = 2.0
"""How many times as many are found by their bytes as are asked for; the whole vectors tell which are the best."""
UNGRAPHED_KB = 10_000
"""Up to so many kilobytes, vectors are looked through one by one: a few milliseconds."""
_NEVER = 2**31 - 1


class IndexUnavailable(RuntimeError):
    """The index can't be reached, or the tenant has none."""


def alias_of(tenant_id: UUID) -> str:
    """The name that a tenant's vectors are asked by."""
    return f"items-{tenant_id}"


def search_alias_of(tenant_id: UUID | None) -> str:
    """The name that a tenant's products are searched by; how all those names begin, without one."""
    return f"search-{tenant_id or ''}"


def visual_alias_of(tenant_id: UUID | None) -> str:
    """The name that a tenant's pictures are looked for by; how all those names begin, without one."""
    return f"looks-{tenant_id or ''}"


def collection_of(tenant_id: UUID, version: str) -> str:
    """The collection that holds the vectors of one version."""
    return f"{alias_of(tenant_id)}-v{version}"


class Vectors:
    """A worker's way to the index, for reading."""

    def __init__(self, client: AsyncQdrantClient) -> None:
        self._client = client

    @classmethod
    def connect(cls, settings: Settings) -> Vectors:
        """Reach the index when it is asked.

        Raises:
            EngineNotConfigured: Qdrant has no address.
        """
        return cls(clients.qdrant_async(settings))

    def of(self, tenant_id: UUID) -> TenantVectors:
        """The index as one tenant sees it."""
        return TenantVectors(self._client, tenant_id)

    async def close(self) -> None:
        """Let go of the connections."""
        await self._client.close()


@dataclass(frozen=True, slots=True)
class TenantVectors:
    """The vectors of one tenant: of any others that came into its collection, nothing is seen."""

    _client: AsyncQdrantClient
    _tenant_id: UUID

    async def nearest(self, to: Sequence[UUID], *, limit: int, exclude: Collection[str]) -> list[tuple[str, float]]:
        """The products most like those in `to`, with their cosine similarity, best first.

        Products that the index doesn't know are passed over; with none that it knows there is no answer.

        Raises:
            IndexUnavailable.
        """
        from qdrant_client import models  # noqa: PLC0415

        with reached():
            known = await self._known(to)
            if not known:
                return []
            unwanted: list[int | str | UUID] = [*exclude, *(str(one) for one in to)]
            answer = await self._client.query_points(
                alias_of(self._tenant_id),
                query=models.RecommendQuery(
                    recommend=models.RecommendInput(positive=known, strategy=models.RecommendStrategy.AVERAGE_VECTOR)
                ),
                query_filter=owned_by(self._tenant_id, must_not=[models.HasIdCondition(has_id=unwanted)]),
                limit=limit,
                with_payload=False,
            )
        return [(str(point.id), point.score) for point in answer.points]

    async def _known(self, products: Sequence[UUID]) -> list[models.VectorInput]:
        from qdrant_client import models  # noqa: PLC0415

        ids: list[int | str | UUID] = [str(one) for one in products]
        points, _ = await self._client.scroll(
            alias_of(self._tenant_id),
            scroll_filter=owned_by(self._tenant_id, must=[models.HasIdCondition(has_id=ids)]),
            limit=max(len(ids), 1),
            with_payload=False,
        )
        return [point.id for point in points]


def owned_by(
    tenant_id: UUID, *, must: Sequence[models.Condition] = (), must_not: Sequence[models.Condition] = ()
) -> models.Filter:
    """The one place where a tenant's filter is put together."""
    from qdrant_client import models  # noqa: PLC0415

    owner = models.FieldCondition(key=OWNER, match=models.MatchValue(value=str(tenant_id)))
    return models.Filter(must=[owner, *must], must_not=list(must_not))


class Building:
    """The way to the index for whoever builds it, from blocking code."""

    def __init__(self, client: QdrantClient) -> None:
        self._client = client

    def aliases(self) -> Mapping[str, str]:
        """The collection that each alias stands for, of all tenants."""
        return {one.alias_name: one.collection_name for one in self._client.get_aliases().aliases}

    def publish(
        self,
        tenant_id: UUID,
        version: str,
        products: Sequence[tuple[str, np.ndarray]],
        *,
        progress: Progress = silent,
    ) -> str:
        """Build the tenant's collection of a version, unless it is there, and switch the alias; gives its name."""
        collection = collection_of(tenant_id, version)
        client = self._client
        if not client.collection_exists(collection) or client.count(collection).count != len(products):
            self._build(tenant_id, collection, products, progress)
        switch(client, alias_of(tenant_id), collection)
        return collection

    def drop(self, tenant_id: UUID) -> int:
        """Delete all vectors of a tenant; how many collections that were."""
        kinds = (alias_of(tenant_id), search_alias_of(tenant_id), visual_alias_of(tenant_id))
        theirs = [name for alias in kinds for name in collections_of(self._client, alias)]
        for name in theirs:
            self._client.delete_collection(name)
        return len(theirs)

    def _build(
        self, tenant_id: UUID, collection: str, products: Sequence[tuple[str, np.ndarray]], progress: Progress
    ) -> None:
        from qdrant_client import models  # noqa: PLC0415

        client, payload = self._client, {OWNER: str(tenant_id)}
        client.delete_collection(collection)
        size = len(products[0][1]) if products else 1
        vectors = models.VectorParams(size=size, distance=models.Distance.COSINE)
        client.create_collection(collection, vectors_config=vectors)
        client.create_payload_index(collection, OWNER, models.PayloadSchemaType.KEYWORD, wait=True)
        for first in range(0, len(products), BATCH):
            batch = products[first : first + BATCH]
            points = [models.PointStruct(id=one, vector=vector.tolist(), payload=payload) for one, vector in batch]
            client.upsert(collection, points, wait=True)
            progress(first + len(batch), len(products), "products")


def switch(client: QdrantClient, alias: str, collection: str) -> None:
    """Let the alias stand for the collection, and delete those that it stood for before."""
    from qdrant_client import models  # noqa: PLC0415

    create = models.CreateAlias(collection_name=collection, alias_name=alias)
    client.update_collection_aliases([models.CreateAliasOperation(create_alias=create)])
    for other in collections_of(client, alias):
        if other != collection:
            client.delete_collection(other)


def create_to_fill(client: QdrantClient, collection: str, dimensions: int, **about: Any) -> None:
    """A collection of vectors that are found by their bytes; `about` goes with it.

    It is filled without a graph, which would be built again and again: `settle` has it built.
    """
    from qdrant_client import models  # noqa: PLC0415

    scalar = models.ScalarQuantizationConfig(type=models.ScalarType.INT8, always_ram=True)
    client.create_collection(
        collection,
        vectors_config=models.VectorParams(
            size=dimensions,
            distance=models.Distance.COSINE,
            quantization_config=models.ScalarQuantization(scalar=scalar),
        ),
        hnsw_config=models.HnswConfigDiff(m=EDGES, ef_construct=CONSIDERED),
        optimizers_config=models.OptimizersConfigDiff(indexing_threshold=0, vacuum_min_vector_number=_NEVER),
        **about,
    )


def settle(client: QdrantClient, collection: str) -> None:
    """Have a filled collection's graph built, in the background, and kept from now on."""
    from qdrant_client import models  # noqa: PLC0415

    usual = models.OptimizersConfigDiff(indexing_threshold=UNGRAPHED_KB, vacuum_min_vector_number=1_000)
    client.update_collection(collection, optimizers_config=usual)


def is_settled(client: QdrantClient, collection: str) -> bool:
    """Whether all that is large enough for a graph has one."""
    from qdrant_client import models  # noqa: PLC0415

    return client.get_collection(collection).status == models.CollectionStatus.GREEN


def walking() -> models.SearchParams:
    """How a collection with a graph is searched."""
    from qdrant_client import models  # noqa: PLC0415

    whole = models.QuantizationSearchParams(rescore=True, oversampling=OVERSAMPLED)
    return models.SearchParams(hnsw_ef=WALKED, quantization=whole)


def collections_of(client: QdrantClient, alias: str) -> list[str]:
    """Every collection that was built for the alias."""
    return [one.name for one in client.get_collections().collections if one.name.startswith(f"{alias}-v")]


@contextmanager
def building(settings: Settings) -> Iterator[Building]:
    """Reach the index to build in it.

    Raises:
        EngineNotConfigured: Qdrant has no address.
    """
    client = clients.qdrant(settings)
    try:
        yield Building(client)
    finally:
        client.close()


@contextmanager
def reached() -> Iterator[None]:
    """Turn whatever Qdrant's client raises into `IndexUnavailable`."""
    import httpx  # noqa: PLC0415
    from qdrant_client.http.exceptions import ApiException  # noqa: PLC0415

    try:
        yield
    except (ApiException, httpx.HTTPError, OSError) as fault:
        raise IndexUnavailable(str(fault).splitlines()[0] if str(fault) else type(fault).__name__) from fault
