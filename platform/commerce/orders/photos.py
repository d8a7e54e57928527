"""Photos of what comes back or came wrong: a JPEG of our own making is kept, seen by its owner and staff."""

from __future__ import annotations

import asyncio
import io
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import text

from commerce.identity.service import Shopper
from commerce.orders.claiming import ClaimNotFound
from commerce.orders.held import Actor, enter, hold
from commerce.orders.returning import ReturnNotFound
from foundation import clock, objects, pictures
from foundation.database import Database, HotStatement, Tx, hot
from foundation.errors import Conflict, NotFound, Problem, Unavailable
from foundation.ids import new_id
from foundation.naming import ObjectPath, object_path
from foundation.settings import Settings

FORMATS = ("JPEG", "PNG", "WEBP")
MAX_PHOTOS = 8
MAX_PIXELS = 50_000_000
LONGEST_SIDE = 2_000
QUALITY = 85


class NotAPhoto(Problem):
    """A photo is a JPEG, PNG or WebP of at most 50 million pixels."""

    status = 415
    code = "orders.not_a_photo"


class TooManyPhotos(Conflict):
    """The return or claim has as many photos as it may."""

    code = "orders.too_many_photos"

    most: int


class PhotoNotFound(NotFound):
    """The return or claim has no such photo."""

    code = "orders.photo_not_found"


class PhotosUnavailable(Unavailable):
    """This installation keeps no photos."""

    code = "orders.photos_unavailable"


@dataclass(frozen=True, slots=True)
class Photo:
    """A photo as it is kept."""

    body: bytes
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Album:
    """Where photos are kept: of returns, or of claims."""

    of: str
    missing: type[NotFound]
    """What is said when there is no such return or claim."""
    count: HotStatement
    add: HotStatement
    find: HotStatement


def _album(of: str, missing: type[NotFound]) -> Album:
    """The statements for photos of `return` or `claim`: the primary keys, and ix_return_photo_return or its like."""
    owner, photo, owner_id = f"order_{of}", f"{of}_photo", f"{of}_id"
    return Album(
        of,
        missing,
        count=hot(
            text(
                f"""
                SELECT (SELECT count(*) FROM {photo} p WHERE p.tenant_id = r.tenant_id AND p.{owner_id} = r.id)
                       AS photos
                FROM {owner} r WHERE r.tenant_id = :tenant_id AND r.id = :owner_id AND r.order_id = :order_id
                """  # noqa: S608  (the names are literals of this module)
            )
        ),
        add=hot(
            text(
                f"""
                INSERT INTO {photo} (tenant_id, id, {owner_id}, width, height, bytes, created_at)
                VALUES (:tenant_id, :id, :owner_id, :width, :height, :bytes, CAST(:at AS timestamptz))
                """  # noqa: S608
            )
        ),
        find=hot(
            text(
                f"""
                SELECT p.id FROM {photo} p JOIN {owner} r ON r.tenant_id = p.tenant_id AND r.id = p.{owner_id}
                WHERE p.tenant_id = :tenant_id AND p.id = :photo_id AND p.{owner_id} = :owner_id
                  AND r.order_id = :order_id
                """  # noqa: S608
            )
        ),
    )


RETURNS = _album("return", ReturnNotFound)
CLAIMS = _album("claim", ClaimNotFound)


async def add(
    database: Database,
    settings: Settings,
    album: Album,
    ids: tuple[UUID, UUID, UUID],
    actor: Actor,
    upload: bytes,
    *,
    owner: Shopper | None = None,
) -> UUID:
    """Keep a photo, by the ids of the shop, the order, and the return or claim; gives the photo's id.

    It is read and stored outside any transaction; one that nobody takes note of then is never shown.

    Raises:
        OrderNotFound, ReturnNotFound, ClaimNotFound, NotAPhoto, TooManyPhotos, PhotosUnavailable: nothing is kept.
    """
    tenant_id, order_id, owner_id = ids
    if settings.objects_url is None:
        raise PhotosUnavailable
    photo_id = new_id()
    async with database.tx(tenant_id) as tx:
        await hold(tx, order_id, owner=owner)
        await _require_room(tx, album, order_id, owner_id)
    photo = await asyncio.to_thread(read, upload)
    await asyncio.to_thread(objects.put, settings.objects_url, _path(tenant_id, album, photo_id), photo.body)
    async with database.tx(tenant_id) as tx:
        held = await hold(tx, order_id, owner=owner)
        await _require_room(tx, album, order_id, owner_id)
        size = {"width": photo.width, "height": photo.height, "bytes": len(photo.body)}
        await tx.rows(album.add, {"id": photo_id, "owner_id": owner_id, **size, "at": clock.now()})
        said: dict[str, Any] = {f"{album.of}_id": owner_id}
        await enter(held, f"{album.of}_photo_added", actor, photo_id=photo_id, **said)
    return photo_id


async def load(settings: Settings, tx: Tx, album: Album, order_id: UUID, owner_id: UUID, photo_id: UUID) -> bytes:
    """A photo's JPEG; whoever calls knows that the order may be seen.

    Raises:
        PhotoNotFound, PhotosUnavailable.
    """
    found = await tx.one(album.find, {"order_id": order_id, "owner_id": owner_id, "photo_id": photo_id})
    if found is None:
        raise PhotoNotFound
    if settings.objects_url is None:
        raise PhotosUnavailable
    body = await asyncio.to_thread(objects.get, settings.objects_url, _path(tx.tenant_id, album, photo_id))
    if body is None:
        raise PhotoNotFound
    return body


def read(upload: bytes) -> Photo:
    """What was uploaded, upright and no larger than need be; nothing else that was in the file is kept.

    Raises:
        NotAPhoto.
    """
    try:
        photo = pictures.opened(upload, FORMATS, max_pixels=MAX_PIXELS).convert("RGB")
    except pictures.NotAPicture as fault:
        raise NotAPhoto from fault
    photo.thumbnail((LONGEST_SIDE, LONGEST_SIDE))
    kept = io.BytesIO()
    photo.save(kept, "JPEG", quality=QUALITY, optimize=True)
    return Photo(kept.getvalue(), photo.width, photo.height)


async def _require_room(tx: Tx, album: Album, order_id: UUID, owner_id: UUID) -> None:
    row = await tx.one(album.count, {"order_id": order_id, "owner_id": owner_id})
    if row is None:
        raise album.missing
    if row["photos"] >= MAX_PHOTOS:
        raise TooManyPhotos(most=MAX_PHOTOS)


def _path(tenant_id: UUID, album: Album, photo_id: UUID) -> ObjectPath:
    return object_path(tenant_id, f"{album.of}s", f"{photo_id}.jpg")
