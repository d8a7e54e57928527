"""The picture of a collection: brought as those of products are, and shown in place of a product's once it is made.

A collection that is removed leaves its picture behind without one; the worker forgets it, and dooms its files.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import asyncpg
import orjson
from sqlalchemy import text

from commerce.catalog.collections import filling
from commerce.catalog.collections import service as collections
from commerce.media import arriving, leftovers
from commerce.media.refusals import AltRequired, MediaNotFound, MediaUnavailable
from commerce.media.schemas import CollectionPictureChange, FocalPoint, StaffCollectionPicture
from commerce.media.service import kept_path
from commerce.tenancy.service import Shop
from foundation import objects
from foundation.database import Database, Tx, hot
from foundation.ids import new_id
from foundation.settings import Settings

# uq_collection_picture_collection
_ONE = hot(
    text(
        """
        SELECT id, alt, focal_x, focal_y, status, fault, width, height, shown::text AS shown FROM collection_picture
        WHERE tenant_id = :tenant_id AND collection_id = :collection_id
        """
    )
)
# What was made of the one before is shown until this one is made, and then goes.
_PUT = hot(
    text(
        """
        INSERT INTO collection_picture (tenant_id, id, collection_id, alt, focal_x, focal_y, width, height)
        VALUES (:tenant_id, :id, :collection_id, :alt, CAST(:focal_x AS smallint), CAST(:focal_y AS smallint),
                CAST(:width AS smallint), CAST(:height AS smallint))
        ON CONFLICT (tenant_id, collection_id) DO UPDATE SET
            id = excluded.id, alt = excluded.alt, focal_x = excluded.focal_x, focal_y = excluded.focal_y,
            width = excluded.width, height = excluded.height, status = 'waiting', attempt = 0, leased_until = NULL,
            fault = NULL
        """
    )
)
_FORGET = hot(
    text(
        """
        DELETE FROM collection_picture WHERE tenant_id = :tenant_id AND collection_id = :collection_id
        RETURNING id, files
        """
    )
)
_FORGET_ORPHANS = hot(
    text("DELETE FROM collection_picture WHERE tenant_id = :tenant_id AND collection_id IS NULL RETURNING id, files")
)
_CHANGE = hot(
    text(
        """
        UPDATE collection_picture SET alt = :alt, focal_x = CAST(:focal_x AS smallint),
               focal_y = CAST(:focal_y AS smallint)
        WHERE tenant_id = :tenant_id AND collection_id = :collection_id
        """
    )
)
_ANEW = hot(
    text(
        """
        UPDATE collection_picture SET status = 'waiting', attempt = 0, leased_until = NULL, fault = NULL
        WHERE tenant_id = :tenant_id AND collection_id = :collection_id
        """
    )
)


@dataclass(frozen=True, slots=True)
class Place:
    """Where pictures of a shop's collections are brought."""

    database: Database
    settings: Settings
    shop: Shop


async def read(tx: Tx, collection_id: UUID) -> StaffCollectionPicture:
    """The picture that was brought for a collection, and how far it is.

    Raises:
        CollectionNotFound, MediaNotFound.
    """
    await collections.read(tx, collection_id)
    return _out(await _one(tx, collection_id))


async def put(place: Place, collection_id: UUID, alt: str, focal: FocalPoint, body: bytes) -> None:
    """Have a collection shown by a picture, in place of the one it had once it is made.

    Raises:
        CollectionNotFound, AltRequired, MediaUnavailable, and what `arriving.read` raises: the one that was there
            stays.
    """
    if not alt:
        raise AltRequired
    url = place.settings.objects_url
    async with place.database.tx(place.shop.id, read_only=True) as tx:
        await collections.read(tx, collection_id)
    if url is None:
        raise MediaUnavailable
    picture_id, arrived = new_id(), await asyncio.to_thread(arriving.read, body)
    path = kept_path(place.shop.id, picture_id)
    async with place.database.tx(place.shop.id) as tx:
        await leftovers.doom(tx, [path], after=leftovers.WRITTEN_WITHIN)
    try:
        await asyncio.to_thread(objects.put, url, path, arrived.body)
    except OSError as fault:
        raise MediaUnavailable from fault
    async with place.database.tx(place.shop.id) as tx:
        await _held(tx, collection_id)
        before = await tx.one(_ONE, {"collection_id": collection_id})
        if before is not None:
            await leftovers.doom(tx, [kept_path(tx.tenant_id, before["id"])], after=leftovers.SHOWN_STILL)
        values = {"id": picture_id, "collection_id": collection_id, "alt": alt, "focal_x": focal.x, "focal_y": focal.y}
        await tx.rows(_PUT, {**values, "width": arrived.width, "height": arrived.height})
        await leftovers.spare(tx, [path])
        await filling.told(tx, collection_id, ["picture"])


async def change(tx: Tx, collection_id: UUID, body: CollectionPictureChange) -> None:
    """Say something else of it. Around another point it is made anew; it is shown as it was until then.

    Raises:
        CollectionNotFound, MediaNotFound, AltRequired.
    """
    if body.alt == "":
        raise AltRequired
    await _held(tx, collection_id)
    found = await _one(tx, collection_id)
    before = FocalPoint(x=found["focal_x"], y=found["focal_y"])
    focal = body.focal or before
    alt = found["alt"] if body.alt is None else body.alt
    named = {"collection_id": collection_id}
    await tx.rows(_CHANGE, {**named, "alt": alt, "focal_x": focal.x, "focal_y": focal.y})
    if focal != before:
        await tx.rows(_ANEW, named)
    await filling.told(tx, collection_id, ["picture"])


async def retry(tx: Tx, collection_id: UUID) -> None:
    """Have it made once more, if it could not be made.

    Raises:
        CollectionNotFound, MediaNotFound.
    """
    await _held(tx, collection_id)
    if (await _one(tx, collection_id))["status"] == "failed":
        await tx.rows(_ANEW, {"collection_id": collection_id})


async def remove(tx: Tx, collection_id: UUID) -> None:
    """Take it away: a product's picture stands for the collection again.

    Raises:
        CollectionNotFound, MediaNotFound.
    """
    await _held(tx, collection_id)
    gone = await tx.rows(_FORGET, {"collection_id": collection_id})
    if not gone:
        raise MediaNotFound
    await _forget(tx, gone)
    await filling.told(tx, collection_id, ["picture"])


async def forget_orphans(database: Database, shop: Shop) -> int:
    """Forget pictures whose collection is gone; how many."""
    async with database.tx(shop.id) as tx:
        gone = await tx.rows(_FORGET_ORPHANS)
        if gone:
            await _forget(tx, gone)
    return len(gone)


async def _held(tx: Tx, collection_id: UUID) -> None:
    """Nobody else changes collections of the shop until the transaction ends."""
    await filling.alone(tx)
    await collections.read(tx, collection_id)


async def _one(tx: Tx, collection_id: UUID) -> asyncpg.Record:
    found = await tx.one(_ONE, {"collection_id": collection_id})
    if found is None:
        raise MediaNotFound
    return found


async def _forget(tx: Tx, gone: Sequence[Mapping[str, Any]]) -> None:
    files = [path for row in gone for path in (kept_path(tx.tenant_id, row["id"]), *row["files"])]
    await leftovers.doom(tx, files, after=leftovers.SHOWN_STILL)


def _out(row: Mapping[str, Any]) -> StaffCollectionPicture:
    return StaffCollectionPicture(
        **{name: row[name] for name in ("id", "alt", "status", "fault", "width", "height")},
        focal=FocalPoint(x=row["focal_x"], y=row["focal_y"]),
        shown=row["shown"] and orjson.loads(row["shown"]),
    )
