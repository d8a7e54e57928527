"""From the champion to the index: its products' vectors into Qdrant, and the tenant's alias onto them."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

import numpy as np
from qdrant_client import QdrantClient, models

from foundation import clients
from foundation.progress import Progress, silent
from foundation.settings import Settings
from serving.champions import Champion, Champions
from serving.index import alias_of, collection_of

BATCH = 500


class NoChampion(LookupError):
    """The tenant has no model to publish."""

    def __init__(self, tenant_id: UUID) -> None:
        super().__init__(f"No registered model of tenant {tenant_id} holds the alias `champion`: train one first.")


@dataclass(frozen=True, slots=True)
class Published:
    """What the tenant's alias stands for now."""

    model_name: str
    version: str
    collection: str
    points: int


def publish(settings: Settings, tenant_id: UUID, *, progress: Progress = silent) -> Published:
    """Build the champion's collection beside the present one, then switch the alias and drop the others.

    Raises:
        EngineNotConfigured: MLflow or Qdrant has no address.
        NoChampion: there is nothing to publish.
    """
    progress(0, None, "loading the champion")
    champion = Champions.from_settings(settings).load(tenant_id)
    if champion is None:
        raise NoChampion(tenant_id)
    client = clients.qdrant(settings)
    try:
        return _publish(client, champion, progress)
    finally:
        client.close()


def _publish(client: QdrantClient, champion: Champion, progress: Progress) -> Published:
    collection = collection_of(champion.tenant_id, champion.version)
    points = _points(champion)
    if not client.collection_exists(collection) or client.count(collection).count != len(points):
        _build(client, collection, points, progress)
    _switch(client, champion.tenant_id, collection)
    return Published(champion.name, champion.version, collection, len(points))


def _points(champion: Champion) -> list[models.PointStruct]:
    """One a product; a product that the factors know nothing of has no direction and is left out."""
    ids, vectors = champion.model.item_vectors
    payload = {"tenant_id": str(champion.tenant_id)}
    directed = np.linalg.norm(vectors, axis=1) > 0
    return [
        models.PointStruct(id=product_id, vector=vector.tolist(), payload=payload)
        for product_id, vector, has_direction in zip(ids, vectors, directed, strict=True)
        if has_direction
    ]


def _build(client: QdrantClient, collection: str, points: list[models.PointStruct], progress: Progress) -> None:
    client.delete_collection(collection)
    size = len(points[0].vector) if points and isinstance(points[0].vector, list) else 1
    client.create_collection(collection, vectors_config=models.VectorParams(size=size, distance=models.Distance.COSINE))
    client.create_payload_index(collection, "tenant_id", models.PayloadSchemaType.KEYWORD, wait=True)
    for first in range(0, len(points), BATCH):
        client.upsert(collection, points[first : first + BATCH], wait=True)
        progress(min(first + BATCH, len(points)), len(points), "products")


def _switch(client: QdrantClient, tenant_id: UUID, collection: str) -> None:
    alias = alias_of(tenant_id)
    create = models.CreateAliasOperation(create_alias=models.CreateAlias(collection_name=collection, alias_name=alias))
    client.update_collection_aliases([create])
    for other in client.get_collections().collections:
        if other.name.startswith(f"{alias}-v") and other.name != collection:
            client.delete_collection(other.name)
