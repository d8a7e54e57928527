"""How many products a shop has."""

from __future__ import annotations

from sqlalchemy import text

from foundation.database import Tx, hot

_COUNT = hot(text("SELECT count(*) FROM product WHERE tenant_id = :tenant_id"))


async def products(tx: Tx) -> int:
    """Products of the shop, whatever their status."""
    row = await tx.one(_COUNT)
    return int(row[0]) if row else 0
