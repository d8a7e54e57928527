"""Photos of what comes back: whatever was uploaded, a JPEG of our own making is kept, seen by its owner and staff."""

from __future__ import annotations

import asyncio
import io
import warnings
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import text

from commerce.identity.service import Shopper
from commerce.orders.held import Actor, enter, hold
from commerce.orders.returning import ReturnNotFound
from foundation import clock
from foundation.database import Database, Tx, hot
from foundation.errors import Conflict, NotFound, Problem, Unavailable
from foundation.ids import new_id
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
    """The return has as many photos as it may."""

    code = "orders.too_many_photos"

    most: int


class PhotoNotFound(NotFound):
    """The return has no such photo."""

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


# The primary key, and ix_return_photo_return
_RETURN = hot(
    text(
        """
        SELECT r.status, (SELECT count(*) FROM return_photo p WHERE p.tenant_id = r.tenant_id AND p.return_id = r.id)
                         AS photos
        FROM order_return r WHERE r.tenant_id = :tenant_id AND r.id = :return_id AND r.order_id = :order_id
        """
    )
)

_ADD = hot(
    text(
        """
        INSERT INTO return_photo (tenant_id, id, return_id, width, height, bytes, created_at)
        VALUES (:tenant_id, :id, :return_id, :width, :height, :bytes, CAST(:at AS timestamptz))
        """
    )
)

_FIND = hot(
    text(
        """
        SELECT p.id FROM return_photo p JOIN order_return r ON r.tenant_id = p.tenant_id AND r.id = p.return_id
        WHERE p.tenant_id = :tenant_id AND p.id = :photo_id AND p.return_id = :return_id AND r.order_id = :order_id
        """
    )
)


async def add(
    database: Database, settings: Settings, shopper: Shopper, actor: Actor, ids: tuple[UUID, UUID], upload: bytes
) -> UUID:
    """Keep a photo of a shopper's return, by the ids of the order and the return; gives the photo's id.

    It is read and stored outside any transaction; one that nobody takes note of then is never shown.

    Raises:
        OrderNotFound, ReturnNotFound, NotAPhoto, TooManyPhotos, PhotosUnavailable: nothing is kept.
    """
    order_id, return_id = ids
    if settings.objects_url is None:
        raise PhotosUnavailable
    photo_id = new_id()
    async with database.tx(shopper.tenant_id) as tx:
        await hold(tx, order_id, owner=shopper)
        await _require_room(tx, order_id, return_id)
    photo = await asyncio.to_thread(read, upload)
    await asyncio.to_thread(_store, settings.objects_url, _path(shopper.tenant_id, photo_id), photo.body)
    async with database.tx(shopper.tenant_id) as tx:
        held = await hold(tx, order_id, owner=shopper)
        await _require_room(tx, order_id, return_id)
        size = {"width": photo.width, "height": photo.height, "bytes": len(photo.body)}
        await tx.rows(_ADD, {"id": photo_id, "return_id": return_id, **size, "at": clock.now()})
        await enter(held, "return_photo_added", actor, return_id=return_id, photo_id=photo_id)
    return photo_id


async def load(settings: Settings, tx: Tx, order_id: UUID, return_id: UUID, photo_id: UUID) -> bytes:
    """A photo's JPEG; whoever calls knows that the order may be seen.

    Raises:
        PhotoNotFound, PhotosUnavailable.
    """
    found = await tx.one(_FIND, {"order_id": order_id, "return_id": return_id, "photo_id": photo_id})
    if found is None:
        raise PhotoNotFound
    if settings.objects_url is None:
        raise PhotosUnavailable
    return await asyncio.to_thread(_load, settings.objects_url, _path(tx.tenant_id, photo_id))


def read(upload: bytes) -> Photo:
    """What was uploaded, upright and no larger than need be; nothing else that was in the file is kept.

    Raises:
        NotAPhoto.
    """
    from PIL import Image, ImageOps  # noqa: PLC0415

    try:
        with warnings.catch_warnings(), Image.open(io.BytesIO(upload), formats=FORMATS) as opened:
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            if opened.width * opened.height > MAX_PIXELS:
                raise NotAPhoto
            photo = ImageOps.exif_transpose(opened).convert("RGB")
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as fault:
        raise NotAPhoto from fault
    photo.thumbnail((LONGEST_SIDE, LONGEST_SIDE))
    kept = io.BytesIO()
    photo.save(kept, "JPEG", quality=QUALITY, optimize=True)
    return Photo(kept.getvalue(), photo.width, photo.height)


async def _require_room(tx: Tx, order_id: UUID, return_id: UUID) -> None:
    row = await tx.one(_RETURN, {"order_id": order_id, "return_id": return_id})
    if row is None:
        raise ReturnNotFound
    if row["photos"] >= MAX_PHOTOS:
        raise TooManyPhotos(most=MAX_PHOTOS)


def _path(tenant_id: UUID, photo_id: UUID) -> str:
    return f"tenants/{tenant_id}/returns/{photo_id}.jpg"


def _store(url: str, path: str, body: bytes) -> None:
    import fsspec  # noqa: PLC0415

    store, root = fsspec.url_to_fs(url)
    target = f"{root}/{path}"
    store.makedirs(target.rpartition("/")[0], exist_ok=True)
    with store.transaction, store.open(target, "wb") as file:  # whole or not at all
        file.write(body)


def _load(url: str, path: str) -> bytes:
    import fsspec  # noqa: PLC0415

    store, root = fsspec.url_to_fs(url)
    try:
        body: bytes = store.cat_file(f"{root}/{path}")
    except FileNotFoundError as fault:
        raise PhotoNotFound from fault
    return body
