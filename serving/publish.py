"""From the champion to the index: its products' vectors into Qdrant, and the tenant's alias onto them."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

import numpy as np

from foundation.progress import Progress, silent
from foundation.settings import Settings
from serving.champions import Champion, Champions
from serving.index import building


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
    products = _products(champion)
    with building(settings) as index:
        collection = index.publish(tenant_id, champion.version, products, progress=progress)
    return Published(champion.name, champion.version, collection, len(products))


def _products(champion: Champion) -> list[tuple[str, np.ndarray]]:
    """Each with its vector; a product that the factors know nothing of has no direction and is left out."""
    ids, vectors = champion.model.item_vectors
    directed = np.linalg.norm(vectors, axis=1) > 0
    return [(one, vector) for one, vector, directs in zip(ids, vectors, directed, strict=True) if directs]
