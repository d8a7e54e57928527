"""The products' vectors in Qdrant: one collection a tenant and model version, behind the tenant's alias."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING
from uuid import UUID

if TYPE_CHECKING:
    from qdrant_client import AsyncQdrantClient


def alias_of(tenant_id: UUID) -> str:
    """The name that a tenant's vectors are asked by."""
    return f"items-{tenant_id}"


def collection_of(tenant_id: UUID, version: str) -> str:
    """The collection that holds the vectors of one version."""
    return f"{alias_of(tenant_id)}-v{version}"


async def nearest(
    client: AsyncQdrantClient, tenant_id: UUID, to: Sequence[UUID], *, limit: int, exclude: Collection[str]
) -> list[tuple[str, float]]:
    """The products most like those in `to`, with their cosine similarity, best first.

    Products that the index doesn't know are passed over; with none that it knows there is no answer.

    Raises:
        qdrant_client.http.exceptions.ApiException: the index can't be reached, or the tenant has none.
    """
    from qdrant_client import models  # noqa: PLC0415

    known = await client.retrieve(alias_of(tenant_id), ids=[str(one) for one in to], with_payload=False)
    if not known:
        return []
    unwanted: list[int | str | UUID] = [*exclude, *(str(one) for one in to)]
    answer = await client.query_points(
        alias_of(tenant_id),
        query=models.RecommendQuery(
            recommend=models.RecommendInput(
                positive=[point.id for point in known], strategy=models.RecommendStrategy.AVERAGE_VECTOR
            )
        ),
        query_filter=models.Filter(
            must=[models.FieldCondition(key="tenant_id", match=models.MatchValue(value=str(tenant_id)))],
            must_not=[models.HasIdCondition(has_id=unwanted)],
        ),
        limit=limit,
        with_payload=False,
    )
    return [(str(point.id), point.score) for point in answer.points]
