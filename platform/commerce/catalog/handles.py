"""Which product is at which address."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import text

from foundation.database import Tx, hot

# uq_product_handle: one at a time, else a table that has grown since it was analysed is read from end to end.
_BY_HANDLE = hot(
    text(
        """
        SELECT p.id, p.handle FROM unnest(CAST(:handles AS text[])) AS t (handle)
        CROSS JOIN LATERAL (
            SELECT id, handle FROM product WHERE tenant_id = :tenant_id AND handle = t.handle LIMIT 1) p
        """
    )
)
# pk_product_handle
_MOVED = hot(
    text(
        """
        SELECT p.handle FROM product_handle h JOIN product p ON (p.tenant_id, p.id) = (h.tenant_id, h.product_id)
        WHERE h.tenant_id = :tenant_id AND h.handle = :handle AND p.status = 'published'
        """
    )
)
_BY_ID = hot(text("SELECT id, handle FROM product WHERE tenant_id = :tenant_id AND id = ANY(CAST(:ids AS uuid[]))"))


async def by_handle(tx: Tx, handles: Sequence[str]) -> dict[str, UUID]:
    """The products at some handles, whatever their status; none where there is none."""
    return {row["handle"]: row["id"] for row in await tx.rows(_BY_HANDLE, {"handles": list(handles)})}


async def moved_to(tx: Tx, handle: str) -> str | None:
    """The handle of the product that had this one before; `None` where none had, or it is not in the shop."""
    row = await tx.one(_MOVED, {"handle": handle})
    return row["handle"] if row else None


async def by_id(tx: Tx, ids: Sequence[UUID]) -> dict[UUID, str]:
    """The handles of some products, whatever their status."""
    return {row["id"]: row["handle"] for row in await tx.rows(_BY_ID, {"ids": list(ids)})}
