"""The worker that makes what pages show of pictures, one after the other, and deletes files that nothing shows.

What it makes has names that follow from what it is made of: a worker that begins anew after another has died writes the
same files again, and shoppers see all of them or none.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import orjson
import structlog
from sqlalchemy import text

from commerce.archives.queue import Leases, TakenOver, Turn, while_held
from commerce.catalog.collections import filling
from commerce.media import collection_pictures, covers, leftovers, rendering
from commerce.media.rendering import Focal, Made
from commerce.media.service import kept_path
from commerce.tenancy.rounds import keep_going_round
from commerce.tenancy.service import Shop
from foundation import objects
from foundation.database import Database, DatabaseUnavailable, HotStatement, Tx, hot
from foundation.settings import Settings

log = structlog.get_logger(__name__)
PERIOD_SECONDS = 2.0
A_ROUND = 8
"""Pictures of a shop that are made before others have their turn."""

_FOCAL = hot(text("SELECT focal_x, focal_y FROM product_media WHERE tenant_id = :tenant_id AND id = :id"))
_HOLD_PRODUCT = hot(
    text(
        """
        SELECT p.id FROM product p JOIN product_media m ON (m.tenant_id, m.product_id) = (p.tenant_id, p.id)
        WHERE m.tenant_id = :tenant_id AND m.id = :id FOR NO KEY UPDATE OF p
        """
    )
)


@dataclass(frozen=True, slots=True)
class Line:
    """Pictures of a table that wait to be made, and whose they are."""

    queue: Leases
    ready: HotStatement
    failed: HotStatement
    focal: Callable[[Tx, Mapping[str, Any]], Awaitable[Focal | None]]
    """What one that was claimed is cut around; nothing when it is nobody's any more."""
    hold: Callable[[Tx, Mapping[str, Any]], Awaitable[UUID | None]]
    """Whose it is, which nobody else changes until the transaction ends."""
    told: Callable[[Tx, UUID], Awaitable[None]]
    """Say that they show something else."""


def _line(table: str, *, also: Sequence[str], around: str, **whose: Any) -> Line:
    """`around`: a condition of a picture `p`, that it is to be cut around `:x` and `:y` still."""
    queue = Leases(table, also=(*also, "files"))
    # Around another point meanwhile, it is not what was wanted.
    ready = f"""
        UPDATE {table} p SET status = 'ready', leased_until = NULL, fault = NULL,
               shown = CAST(CAST(:shown AS text) AS jsonb), cover = CAST(CAST(:cover AS text) AS jsonb),
               thumbnail = :thumbnail, files = CAST(:files AS text[])
        WHERE {queue.mine} AND {around} RETURNING p.id
    """  # noqa: S608  (literals of this module)
    failed = f"UPDATE {table} SET fault = :fault WHERE {queue.mine}"  # noqa: S608
    return Line(queue, hot(text(ready)), hot(text(failed)), **whose)


async def _focal_of_medium(tx: Tx, claimed: Mapping[str, Any]) -> Focal | None:
    medium = await tx.one(_FOCAL, {"id": claimed["media_id"]})
    return None if medium is None else Focal(medium["focal_x"], medium["focal_y"])


async def _hold_product(tx: Tx, claimed: Mapping[str, Any]) -> UUID | None:
    row = await tx.one(_HOLD_PRODUCT, {"id": claimed["media_id"]})
    return None if row is None else row["id"]


async def _focal_of_collection(_: Tx, claimed: Mapping[str, Any]) -> Focal | None:
    return None if claimed["collection_id"] is None else Focal(claimed["focal_x"], claimed["focal_y"])


async def _hold_collection(tx: Tx, claimed: Mapping[str, Any]) -> UUID | None:
    await filling.alone(tx)
    collection_id: UUID | None = claimed["collection_id"]
    return collection_id


async def _collection_told(tx: Tx, collection_id: UUID) -> None:
    await filling.told(tx, collection_id, ["picture"])


OF_PRODUCTS = _line(
    "media_picture",
    also=("media_id",),
    around="""EXISTS (
        SELECT FROM product_media m WHERE m.tenant_id = p.tenant_id AND m.id = p.media_id
          AND m.focal_x = CAST(:x AS smallint) AND m.focal_y = CAST(:y AS smallint))""",
    focal=_focal_of_medium,
    hold=_hold_product,
    told=covers.refresh,
)
OF_COLLECTIONS = _line(
    "collection_picture",
    also=("collection_id", "focal_x", "focal_y"),
    around="p.focal_x = CAST(:x AS smallint) AND p.focal_y = CAST(:y AS smallint) AND p.collection_id IS NOT NULL",
    focal=_focal_of_collection,
    hold=_hold_collection,
    told=_collection_told,
)


async def run(database: Database, settings: Settings) -> None:
    """Go round all shops until it is cancelled; without an object store there are no pictures."""

    async def see_to_shop(shop: Shop) -> None:
        for _ in range(A_ROUND):
            if not await see_to(database, settings, shop):
                break
        await collection_pictures.forget_orphans(database, shop)
        await leftovers.sweep(database, settings, shop)

    if settings.objects_url is not None:
        await keep_going_round("media", database, see_to_shop, every=PERIOD_SECONDS, with_drafts=True)


async def see_to(database: Database, settings: Settings, shop: Shop) -> bool:
    """Make one picture that waits, if any does; whether one did."""
    for line in (OF_PRODUCTS, OF_COLLECTIONS):
        if await _see_to(line, database, settings, shop):
            return True
    return False


async def _see_to(line: Line, database: Database, settings: Settings, shop: Shop) -> bool:
    async with database.tx(shop.id) as tx:
        claimed = await line.queue.claim(tx)
        focal = None if claimed is None else await line.focal(tx, claimed)
    if claimed is None or focal is None:
        return False
    turn = Turn(claimed["id"], claimed["attempt"])

    async def prolong() -> None:
        async with database.tx(shop.id) as tx:
            await line.queue.prolong(tx, turn)

    try:
        made = await while_held(_write(database, settings, shop, turn.id, focal), prolong)
        async with database.tx(shop.id) as tx:
            await _keep(tx, line, claimed, focal, made)
    except TakenOver:
        pass
    except (OSError, ValueError, DatabaseUnavailable) as fault:
        log.warning("media.failed", tenant=shop.slug, picture=str(turn.id), attempt=turn.attempt, error=str(fault))
        async with database.tx(shop.id) as tx:
            await tx.rows(line.failed, {"id": turn.id, "attempt": turn.attempt, "fault": _fault_of(fault)})
            await line.queue.let_go(tx, turn)
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


async def _keep(tx: Tx, line: Line, claimed: Mapping[str, Any], focal: Focal, made: Sequence[Made]) -> None:
    """Show what was made, in place of what was shown before. Whose it is, is held first, as by whoever changes it.

    Raises:
        TakenOver.
    """
    owner_id = await line.hold(tx, claimed)
    shown = rendering.shown(made)
    values: dict[str, Any] = {
        "id": claimed["id"],
        "attempt": claimed["attempt"],
        "shown": orjson.dumps(shown.document).decode(),
        "cover": orjson.dumps(shown.cover).decode(),
        "thumbnail": shown.thumbnail,
        "files": shown.files,
        "x": focal.x,
        "y": focal.y,
    }
    if owner_id is None or await tx.one(line.ready, values) is None:
        raise TakenOver
    await leftovers.doom(
        tx, [path for path in claimed["files"] if path not in shown.files], after=leftovers.SHOWN_STILL
    )
    await leftovers.spare(tx, shown.files)
    await line.told(tx, owner_id)
