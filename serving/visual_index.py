"""What products look like, in Qdrant: a vector a picture, one collection a tenant.

Built aside and switched to as `serving.search_index` is; each point carries its tenant and its product, and each
question the tenant's filter.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple
from uuid import UUID, uuid5

from foundation import clients
from foundation.settings import Settings
from models.arrays import Floats
from serving.index import (
    BATCH,
    OWNER,
    IndexUnavailable,
    collections_of,
    create_to_fill,
    is_settled,
    owned_by,
    reached,
    settle,
    switch,
    visual_alias_of,
    walking,
)
from serving.search_index import Hit

if TYPE_CHECKING:
    from qdrant_client import AsyncQdrantClient, QdrantClient, models

PRODUCT = "product_id"
PATH = "path"
ENCODER = "encoder"
_ASKED_SECONDS = 1.0
"""How often it is asked whether a graph is built."""
_POINTS = UUID("9c0f2f5e-7f0c-4a57-9f43-1f3a8f0f9f11")


class Look(NamedTuple):
    """A picture of a product, ready to be found."""

    product_id: UUID
    path: str
    """Where it lies; another path is another picture."""
    vector: Floats


class VisualIndex:
    """A worker's way to the index, for reading."""

    def __init__(self, client: AsyncQdrantClient) -> None:
        self._client = client

    @classmethod
    def connect(cls, settings: Settings) -> VisualIndex:
        """Reach the index when it is asked.

        Raises:
            EngineNotConfigured: Qdrant has no address.
        """
        return cls(clients.qdrant_async(settings))

    async def collections(self) -> dict[UUID, str]:
        """The collection that each tenant's pictures are looked for in.

        Raises:
            IndexUnavailable.
        """
        with reached():
            aliases = (await self._client.get_aliases()).aliases
        prefix = visual_alias_of(None)
        return {
            UUID(one.alias_name.removeprefix(prefix)): one.collection_name
            for one in aliases
            if one.alias_name.startswith(prefix)
        }

    def of(self, tenant_id: UUID) -> TenantLooks:
        """The index as one tenant sees it."""
        return TenantLooks(self._client, tenant_id)

    async def close(self) -> None:
        """Let go of the connections."""
        await self._client.close()


@dataclass(frozen=True, slots=True)
class TenantLooks:
    """What the products of one tenant look like: of any others that came into its collection, nothing is seen.

    Each question raises `IndexUnavailable` when Qdrant can't be reached, or the tenant has no index.
    """

    _client: AsyncQdrantClient
    _tenant_id: UUID

    async def encoder(self) -> str:
        """The name of the encoder whose vectors these are."""
        with reached():
            found = await self._client.get_collection(visual_alias_of(self._tenant_id))
        return _encoder_in(found.config.metadata)

    async def alike(self, vector: Floats, *, limit: int) -> list[Hit]:
        """The products with a picture that is like a vector, each once, the most alike first."""
        return await self._products(vector.tolist(), owned_by(self._tenant_id), limit)

    async def like(self, product_id: UUID, *, limit: int) -> list[Hit]:
        """The other products with a picture like those of a product; none, when nothing is known of how it looks."""
        from qdrant_client import models  # noqa: PLC0415

        its = models.FieldCondition(key=PRODUCT, match=models.MatchValue(value=str(product_id)))
        with reached():
            points, _ = await self._client.scroll(
                visual_alias_of(self._tenant_id),
                scroll_filter=owned_by(self._tenant_id, must=[its]),
                limit=BATCH,
                with_payload=False,
            )
        if not points:
            return []
        known: list[models.VectorInput] = [point.id for point in points]
        mean = models.RecommendInput(positive=known, strategy=models.RecommendStrategy.AVERAGE_VECTOR)
        others = owned_by(self._tenant_id, must_not=[its])
        return await self._products(models.RecommendQuery(recommend=mean), others, limit)

    async def _products(
        self, query: list[float] | models.RecommendQuery, among: models.Filter, limit: int
    ) -> list[Hit]:
        with reached():
            found = await self._client.query_points_groups(
                visual_alias_of(self._tenant_id),
                group_by=PRODUCT,
                query=query,
                query_filter=among,
                limit=limit,
                group_size=1,
                with_payload=False,
                search_params=walking(),
            )
        return [Hit(str(group.id), group.hits[0].score) for group in found.groups]


class VisualBuilding:
    """The way to the index for whoever builds it, from blocking code.

    Each method raises `IndexUnavailable` when Qdrant can't be reached, or refuses.
    """

    def __init__(self, client: QdrantClient) -> None:
        self._client = client

    @classmethod
    def connect(cls, settings: Settings) -> VisualBuilding:
        """Reach the index when it is asked.

        Raises:
            EngineNotConfigured: Qdrant has no address.
        """
        return cls(clients.qdrant(settings))

    def close(self) -> None:
        """Let go of the connection."""
        self._client.close()

    def collections(self, tenant_id: UUID) -> dict[str, str]:
        """Every collection of a tenant, one that is being built too, and the encoder of each."""
        with reached():
            names = collections_of(self._client, visual_alias_of(tenant_id))
            return {name: _encoder_in(self._client.get_collection(name).config.metadata) for name in names}

    def create(self, tenant_id: UUID, version: str, encoder: str, dimensions: int) -> str:
        """A new collection of a tenant, which nobody asks yet; its name."""
        from qdrant_client import models  # noqa: PLC0415

        collection = f"{visual_alias_of(tenant_id)}-v{version}"
        with reached():
            create_to_fill(self._client, collection, dimensions, metadata={ENCODER: encoder})
            for key in (OWNER, PRODUCT):
                self._client.create_payload_index(collection, key, models.PayloadSchemaType.KEYWORD, wait=True)
        return collection

    def settle(self, collection: str) -> None:
        """Have its graph built, and wait for it: until then whatever is asked now goes on being asked."""
        with reached():
            settle(self._client, collection)
            while not is_settled(self._client, collection):
                time.sleep(_ASKED_SECONDS)

    def release(self, tenant_id: UUID, collection: str) -> None:
        """Have a collection asked from now on, and delete the others of the tenant."""
        with reached():
            switch(self._client, visual_alias_of(tenant_id), collection)

    def paths(self, tenant_id: UUID, collection: str, product_ids: Sequence[UUID]) -> Mapping[UUID, set[str]]:
        """The pictures that a collection has of these products."""
        from qdrant_client import models  # noqa: PLC0415

        these = models.FieldCondition(key=PRODUCT, match=models.MatchAny(any=[str(one) for one in product_ids]))
        found: dict[UUID, set[str]] = defaultdict(set)
        offset: models.ExtendedPointId | None = None
        while product_ids:
            with reached():
                points, offset = self._client.scroll(
                    collection, scroll_filter=owned_by(tenant_id, must=[these]), limit=BATCH, offset=offset
                )
            for point in points:
                payload = point.payload or {}
                found[UUID(payload[PRODUCT])].add(payload[PATH])
            if offset is None:
                break
        return found

    def write(self, tenant_id: UUID, collection: str, looks: Sequence[Look]) -> None:
        """Write pictures into a collection."""
        from qdrant_client import models  # noqa: PLC0415

        owner = str(tenant_id)
        points = [
            models.PointStruct(
                id=_point(one.product_id, one.path),
                vector=one.vector.tolist(),
                payload={OWNER: owner, PRODUCT: str(one.product_id), PATH: one.path},
            )
            for one in looks
        ]
        if points:
            with reached():
                self._client.upsert(collection, points, wait=True)

    def remove(self, tenant_id: UUID, collection: str, pictures: Sequence[tuple[UUID, str]]) -> None:
        """Take pictures of products out of a collection."""
        from qdrant_client import models  # noqa: PLC0415

        if not pictures:
            return
        theirs = models.HasIdCondition(has_id=[_point(product_id, path) for product_id, path in pictures])
        with reached():
            selected = models.FilterSelector(filter=owned_by(tenant_id, must=[theirs]))
            self._client.delete(collection, selected, wait=True)


@contextmanager
def building(settings: Settings) -> Iterator[VisualBuilding]:
    """Reach the index to build in it.

    Raises:
        EngineNotConfigured: Qdrant has no address.
    """
    with closing(VisualBuilding.connect(settings)) as index:
        yield index


def _point(product_id: UUID, path: str) -> str:
    return str(uuid5(_POINTS, f"{product_id}/{path}"))


def _encoder_in(metadata: Mapping[str, object] | None) -> str:
    encoder = (metadata or {}).get(ENCODER)
    if not isinstance(encoder, str):
        raise IndexUnavailable("the collection does not say what it was built with")
    return encoder
