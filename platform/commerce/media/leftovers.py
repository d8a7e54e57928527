"""Files that nothing shows: each is written down before it is written, so that none is left when somebody dies.

Whoever writes a file doesn't know yet whether its row will be kept. They say first that it is to be deleted, and take
that back in the transaction that keeps the row.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy import text

from commerce.tenancy.service import Shop
from foundation import clock, objects
from foundation.database import Database, Tx, hot
from foundation.naming import ObjectPath
from foundation.settings import Settings

WRITTEN_WITHIN = timedelta(hours=1)
"""Longer than it takes to write a file and to keep its row."""
SHOWN_STILL = timedelta(days=1)
"""How long pages that were read before may go on asking for a file that is shown no more."""
_AT_ONCE = 100

_DOOM = hot(
    text(
        """
        INSERT INTO media_leftover (tenant_id, path, due_at)
        SELECT :tenant_id, path, CAST(:due_at AS timestamptz) FROM unnest(CAST(:paths AS text[])) path
        ON CONFLICT (tenant_id, path) DO UPDATE SET due_at = greatest(media_leftover.due_at, excluded.due_at)
        """
    )
)
_SPARE = hot(text("DELETE FROM media_leftover WHERE tenant_id = :tenant_id AND path = ANY(CAST(:paths AS text[]))"))

# ix_media_leftover_due
_DUE = hot(
    text(
        f"""
        SELECT path FROM media_leftover WHERE tenant_id = :tenant_id AND due_at <= CAST(:now AS timestamptz)
        ORDER BY due_at LIMIT {_AT_ONCE} FOR UPDATE SKIP LOCKED
        """  # noqa: S608  (a literal)
    )
)


async def doom(tx: Tx, paths: Sequence[str], *, after: timedelta) -> None:
    """Have files deleted some time from now, unless they are spared."""
    await tx.rows(_DOOM, {"paths": list(paths), "due_at": clock.now() + after})


async def spare(tx: Tx, paths: Sequence[str]) -> None:
    """Keep files: a row that is kept shows them."""
    await tx.rows(_SPARE, {"paths": list(paths)})


async def sweep(database: Database, settings: Settings, shop: Shop) -> int:
    """Delete files whose time is over; how many. They stay written down until they are gone."""
    async with database.tx(shop.id) as tx:
        paths = [row["path"] for row in await tx.rows(_DUE, {"now": clock.now()})]
        for path in paths:
            await asyncio.to_thread(objects.delete, settings.objects_url or "", ObjectPath(path))
        await spare(tx, paths)
    return len(paths)
