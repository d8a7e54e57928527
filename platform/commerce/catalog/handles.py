"""Which product is at which address."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import text

from foundation.database import Tx, hot

# uq_product_handle
_BY_HANDLE = hot(
    text("SELECT id, handle FROM product WHERE tenant_id = :tenant_id AND handle = ANY(CAST(:handles AS text[]))")
)
_BY_ID = hot(text("SELECT id, handle FROM product WHERE tenant_id = :tenant_id AND id = ANY(CAST(:ids AS uuid[]))"))


async def by_handle(tx: Tx, handles: Sequence[str]) -> dict[str, UUID]:
    """The products at some handles, whatever their status; none where there is none."""
    return {row["handle"]: row["id"] for row in await tx.rows(_BY_HANDLE, {"handles": list(handles)})}


async def by_id(tx: Tx, ids: Sequence[UUID]) -> dict[UUID, str]:
    """The handles of some products, whatever their status."""
    return {row["id"]: row["handle"] for row in await tx.rows(_BY_ID, {"ids": list(ids)})}
