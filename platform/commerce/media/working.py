"""The worker that makes what pages show of pictures, one after the other, and deletes files that nothing shows.

What it makes has names that follow from what it is made of: a worker that begins anew after another has died writes the
same files again, and shoppers see all of them or none.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any
from uuid import UUID

import orjson
import structlog
from sqlalchemy import text

from commerce.archives.queue import Leases, TakenOver, Turn, while_held
from commerce.media import covers, leftovers, rendering
from commerce.media.rendering import Focal, Made
from commerce.media.service import kept_path
from commerce.tenancy.rounds import keep_going_round
from commerce.tenancy.service import Shop
from foundation import objects
from foundation.database import Database, DatabaseUnavailable, Tx, hot
from foundation.settings import Settings

log = structlog.get_logger(__name__)
PERIOD_SECONDS = 2.0
A_ROUND = 8
"""Pictures of a shop that are made before others have their turn."""
QUEUE = Leases("media_picture", also=("media_id", "files"))

_FOCAL = hot(text("SELECT product_id, focal_x, focal_y FROM product_media WHERE tenant_id = :tenant_id AND id = :id"))
_HOLD = hot(
    text(
        """
        SELECT p.id FROM product p
        WHERE p.tenant_id = :tenant_id AND p.id = :id FOR NO KEY UPDATE
        """
    )
)
# Around another point meanwhile, it is not what was wanted.
_READY = hot(
    text(
        f"""
        UPDATE media_picture p SET status = 'ready', leased_until = NULL, fault = NULL,
               shown = CAST(CAST(:shown AS text) AS jsonb), cover = CAST(CAST(:cover AS text) AS jsonb),
               thumbnail = :thumbnail, files = CAST(:files AS text[])
        WHERE {QUEUE.mine} AND EXISTS (
            SELECT FROM product_media m WHERE m.tenant_id = p.tenant_id AND m.id = p.media_id
              AND m.focal_x = CAST(:x AS smallint) AND m.focal_y = CAST(:y AS smallint))
        RETURNING p.id
        """  # noqa: S608  (a literal of the queue)
    )
)
_FAULT = hot(text(f"UPDATE media_picture SET fault = :fault WHERE {QUEUE.mine}"))  # noqa: S608  (a literal of the queue)


async def run(database: Database, settings: Settings) -> None:
    """Go round all shops until it is cancelled; without an object store there are no pictures."""

    async def see_to_shop(shop: Shop) -> None:
        for _ in range(A_ROUND):
            if not await see_to(database, settings, shop):
                break
        await leftovers.sweep(database, settings, shop)

    if settings.objects_url is not None:
        await keep_going_round("media", database, see_to_shop, every=PERIOD_SECONDS, with_drafts=True)


async def see_to(database: Database, settings: Settings, shop: Shop) -> bool:
    """Make one picture that waits, if any does; whether one did."""
    async with database.tx(shop.id) as tx:
        claimed = await QUEUE.claim(tx)
        medium = None if claimed is None else await tx.one(_FOCAL, {"id": claimed["media_id"]})
    if claimed is None or medium is None:
        return False
    turn, focal = Turn(claimed["id"], claimed["attempt"]), Focal(medium["focal_x"], medium["focal_y"])

    async def prolong() -> None:
        async with database.tx(shop.id) as tx:
            await QUEUE.prolong(tx, turn)

    try:
        made = await while_held(_write(database, settings, shop, turn.id, focal), prolong)
        async with database.tx(shop.id) as tx:
            await _keep(tx, medium["product_id"], turn, focal, made, before=claimed["files"])
    except TakenOver:
        pass
    except (OSError, ValueError, DatabaseUnavailable) as fault:
        log.warning("media.failed", tenant=shop.slug, picture=str(turn.id), attempt=turn.attempt, error=str(fault))
        async with database.tx(shop.id) as tx:
            await tx.rows(_FAULT, {"id": turn.id, "attempt": turn.attempt, "fault": _fault_of(fault)})
            await QUEUE.let_go(tx, turn)
    return True


def _fault_of(fault: Exception) -> str:
    from PIL import UnidentifiedImageError  # noqa: PLC0415

    if isinstance(fault, FileNotFoundError):
        return "lost"
    return "unreadable" if isinstance(fault, ValueError | UnidentifiedImageError) else "unavailable"


async def _write(database: Database, settings: Settings, shop: Shop, picture_id: UUID, focal: Focal) -> list[Made]:
    """Make the files of a picture and write them, each doomed before it is there."""
    url = settings.objects_url or ""
    kept = await asyncio.to_thread(objects.get, url, kept_path(shop.id, picture_id))
    if kept is None:
        raise FileNotFoundError(str(picture_id))
    made = await asyncio.to_thread(lambda: list(rendering.make(kept, picture_id, focal, slug=shop.slug)))
    async with database.tx(shop.id) as tx:
        await leftovers.doom(tx, [one.path for one in made], after=leftovers.WRITTEN_WITHIN)
    for one in made:
        await asyncio.to_thread(objects.put, url, one.path, one.body)
    return made


async def _keep(
    tx: Tx, product_id: UUID, turn: Turn, focal: Focal, made: Sequence[Made], *, before: Sequence[str]
) -> None:
    """Show what was made, in place of what was shown before. The product is held first, as by whoever changes it.

    Raises:
        TakenOver.
    """
    await tx.rows(_HOLD, {"id": product_id})
    shown = rendering.shown(made)
    values: dict[str, Any] = {
        "id": turn.id,
        "attempt": turn.attempt,
        "shown": orjson.dumps(shown.document).decode(),
        "cover": orjson.dumps(shown.cover).decode(),
        "thumbnail": shown.thumbnail,
        "files": shown.files,
        "x": focal.x,
        "y": focal.y,
    }
    if await tx.one(_READY, values) is None:
        raise TakenOver
    await leftovers.doom(tx, [path for path in before if path not in shown.files], after=leftovers.SHOWN_STILL)
    await leftovers.spare(tx, shown.files)
    await covers.refresh(tx, product_id)
