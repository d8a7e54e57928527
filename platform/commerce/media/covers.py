"""What lists show of a product: the squares of its first image or set that is ready, kept where lists read."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import text

from commerce.catalog import indexing
from commerce.catalog.products.writing import changed
from foundation import clock
from foundation.database import Tx, hot

# The product is written whatever it shows: whoever keeps answers about it is told by that. One that never had media
# keeps the image it came with.
_REFRESH = hot(
    text(
        """
        UPDATE product p SET picture = cover.picture, updated_at = CAST(:now AS timestamptz),
               image = CASE WHEN p.picture IS NULL AND cover.picture IS NULL THEN p.image ELSE cover.image END
        FROM (SELECT) one LEFT JOIN LATERAL (
            SELECT jsonb_build_object('alt', m.alt) || i.cover AS picture, i.thumbnail AS image
            FROM product_media m JOIN media_picture i ON (i.tenant_id, i.media_id) = (m.tenant_id, m.id)
            WHERE m.tenant_id = :tenant_id AND m.product_id = :id AND m.kind <> 'video' AND m.approved
              AND i.shown IS NOT NULL
            ORDER BY m.position, m.id, i.position, i.id LIMIT 1) cover ON true
        WHERE p.tenant_id = :tenant_id AND p.id = :id RETURNING p.version, p.status
        """
    )
)


async def refresh(tx: Tx, product_id: UUID) -> None:
    """Have lists show what a product shows first now, and say that it shows something else."""
    row = await tx.one(_REFRESH, {"id": product_id, "now": clock.now()})
    if row is not None:
        await indexing.touch(tx, [product_id])
        await changed(tx, product_id, row["version"], ["media"])
