"""What a product shows: brought, described, put in order, agreed to and taken away.

Who may not publish brings a picture of a product that is live as a proposal: shoppers see it once somebody agrees.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import asyncpg
import orjson
from sqlalchemy import text

from commerce.catalog.products import reading
from commerce.catalog.products.checking import VariantNotOfProduct
from commerce.catalog.products.history import Author
from commerce.catalog.products.states import LIVE
from commerce.media import arriving, covers, leftovers, videos
from commerce.media.arriving import Arrived
from commerce.media.refusals import (
    AltRequired,
    MediaNotFound,
    MediaUnavailable,
    NoPictureTaken,
    OrderStale,
    ReviewNeeded,
    TooManyMedia,
)
from commerce.media.schemas import (
    MOST,
    MOST_FRAMES,
    FocalPoint,
    ImageIn,
    MediaChange,
    MediaIn,
    MediaList,
    SpinIn,
    StaffMedium,
    VideoIn,
)
from commerce.tenancy.service import Shop
from foundation import clock, objects
from foundation.database import Database, Tx, hot
from foundation.ids import new_id
from foundation.naming import ObjectPath, object_path
from foundation.outbound import Outbound
from foundation.settings import Settings

_ALL = """
    SELECT m.id, m.kind, m.alt, m.variant_id, m.focal_x, m.focal_y, m.video::text AS video, m.approved, m.added_by,
           (SELECT coalesce(json_agg(json_build_object(
               'id', i.id, 'status', i.status, 'fault', i.fault, 'width', i.width, 'height', i.height,
               'shown', i.shown) ORDER BY i.position, i.id), '[]')
            FROM media_picture i WHERE (i.tenant_id, i.media_id) = (m.tenant_id, m.id))::text AS pictures
    FROM product_media m WHERE m.tenant_id = :tenant_id AND m.product_id = :product_id
"""

# ix_product_media_product
_LIST = hot(text(f"{_ALL} ORDER BY m.position, m.id"))
_COUNT = hot(
    text(
        """
        SELECT count(*) AS media, coalesce(max(position) + 1, 0) AS next FROM product_media
        WHERE tenant_id = :tenant_id AND product_id = :product_id
        """
    )
)
_ONE = hot(
    text(
        """
        SELECT m.id, m.kind, m.approved, m.focal_x, m.focal_y,
               (SELECT count(*) FROM media_picture i WHERE (i.tenant_id, i.media_id) = (m.tenant_id, m.id)) AS pictures
        FROM product_media m WHERE m.tenant_id = :tenant_id AND m.product_id = :product_id AND m.id = :id
        """
    )
)
_VARIANT = hot(
    text(
        """
        SELECT id FROM variant
        WHERE tenant_id = :tenant_id AND product_id = :product_id AND id = :id AND NOT discontinued
        """
    )
)
_ADD = hot(
    text(
        """
        INSERT INTO product_media (tenant_id, id, product_id, variant_id, kind, position, alt, focal_x, focal_y, video,
                                   approved, added_by, created_at)
        VALUES (:tenant_id, :id, :product_id, CAST(:variant_id AS uuid), :kind, CAST(:position AS smallint), :alt,
                CAST(:focal_x AS smallint), CAST(:focal_y AS smallint), CAST(CAST(:video AS text) AS jsonb), :approved,
                :by, :now)
        """
    )
)
_ADD_PICTURES = hot(
    text(
        """
        INSERT INTO media_picture (tenant_id, id, media_id, position, width, height)
        SELECT :tenant_id, t.id, :media_id, :place + t.nth - 1, t.width, t.height
        FROM unnest(CAST(:ids AS uuid[]), CAST(:widths AS smallint[]), CAST(:heights AS smallint[]))
             WITH ORDINALITY AS t (id, width, height, nth)
        """
    )
)
_CHANGE = hot(
    text(
        """
        UPDATE product_media SET alt = coalesce(CAST(:alt AS text), alt), focal_x = CAST(:focal_x AS smallint),
               focal_y = CAST(:focal_y AS smallint),
               variant_id = CASE WHEN :moved THEN CAST(:variant_id AS uuid) ELSE variant_id END
        WHERE tenant_id = :tenant_id AND id = :id
        """
    )
)
_ANEW = "UPDATE media_picture SET status = 'waiting', attempt = 0, leased_until = NULL, fault = NULL"
_AGAIN = hot(text(f"{_ANEW} WHERE tenant_id = :tenant_id AND media_id = :id"))
_FAILED_AGAIN = hot(text(f"{_ANEW} WHERE tenant_id = :tenant_id AND media_id = :id AND status = 'failed'"))
_ORDER = hot(
    text(
        """
        UPDATE product_media m SET position = t.nth - 1
        FROM unnest(CAST(:ids AS uuid[])) WITH ORDINALITY AS t (id, nth)
        WHERE m.tenant_id = :tenant_id AND m.product_id = :product_id AND m.id = t.id
        """
    )
)
_APPROVE = hot(text("UPDATE product_media SET approved = true WHERE tenant_id = :tenant_id AND id = :id"))
_FORGET_PICTURES = hot(
    text("DELETE FROM media_picture WHERE tenant_id = :tenant_id AND media_id = :id RETURNING id, files")
)
_FORGET = hot(text("DELETE FROM product_media WHERE tenant_id = :tenant_id AND id = :id"))


@dataclass(frozen=True, slots=True)
class Desk:
    """Somebody who brings pictures, and where they are."""

    database: Database
    settings: Settings
    outbound: Outbound
    shop: Shop
    by: Author

    def tx(self) -> AbstractAsyncContextManager[Tx]:
        """A transaction of the shop's."""
        return self.database.tx(self.shop.id)

    async def held(self, tx: Tx, product_id: UUID) -> Mapping[str, Any]:
        """A product that nobody else changes until the transaction ends.

        Raises:
            ProductNotFound.
        """
        return await reading.held(tx, product_id, currency=self.shop.currency, vendor_id=self.by.vendor_id)

    def may_show(self, product: Mapping[str, Any]) -> bool:
        """Whether what they do is seen without anybody agreeing to it first."""
        return self.by.may_publish or product["status"] not in LIVE


@dataclass(frozen=True, slots=True)
class About:
    """What is said of a medium."""

    kind: str
    alt: str
    variant_id: UUID | None
    focal: FocalPoint
    video: dict[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Brought:
    """What is added: what is said of it, and the pictures in it."""

    about: About
    bodies: Sequence[bytes] = ()


async def every(tx: Tx, product_id: UUID, *, currency: str, vendor_id: UUID | None = None) -> MediaList:
    """All that a product shows or will show, in its order.

    Raises:
        ProductNotFound.
    """
    await reading.row_of(tx, product_id, currency=currency, vendor_id=vendor_id)
    return MediaList(items=[_out(row) for row in await tx.rows(_LIST, {"product_id": product_id})])


async def upload(desk: Desk, product_id: UUID, about: About, body: bytes) -> UUID:
    """Add an image that was sent; its id.

    Raises:
        ProductNotFound, AltRequired, VariantNotOfProduct, TooManyMedia, MediaUnavailable, and what `arriving.read`
            raises: nothing is added.
    """
    (made,) = await upload_all(desk, product_id, [Brought(about, [body])])
    return made


async def upload_all(desk: Desk, product_id: UUID, brought: Sequence[Brought]) -> list[UUID]:
    """Add several that were sent, in their order, all of them or none; their ids.

    Raises:
        What `upload` does: nothing is added.
    """
    for one in brought:
        _require_alt(one.about)
        await _require_room(desk, product_id, one)
    return await _bring(desk, product_id, brought)


async def add(desk: Desk, product_id: UUID, body: MediaIn) -> UUID:
    """Add what lies elsewhere: pictures are fetched and kept, a video is named. Its id.

    Raises:
        VideoRefused, and what `upload` and `arriving.fetch` raise: nothing is added.
    """
    video = videos.read(body.url) if isinstance(body, VideoIn) else None
    about = About(body.kind, body.alt, body.variant_id, body.focal, video)
    _require_alt(about)
    await _require_room(desk, product_id, Brought(about))
    (made,) = await _bring(desk, product_id, [Brought(about, [await _fetched(desk, url) for url in _urls(body)])])
    return made


async def add_pictures(desk: Desk, product_id: UUID, media_id: UUID, bodies: Sequence[bytes]) -> UUID:
    """Add frames to a set, or have a picture stand for a video, in place of the one that did. The medium's id.

    Raises:
        MediaNotFound, NoPictureTaken, ReviewNeeded, and what `upload` raises: nothing is added.
    """
    async with desk.tx() as tx:
        await _take_pictures(desk, tx, product_id, media_id, len(bodies))
    kept = await _kept(desk, bodies)
    async with desk.tx() as tx:
        found = await _take_pictures(desk, tx, product_id, media_id, len(bodies))
        if found["kind"] == "video":
            await _forget_pictures(tx, media_id)
        await _add_pictures(tx, media_id, found["pictures"], kept)
        await covers.refresh(tx, product_id)
    return media_id


async def change(desk: Desk, product_id: UUID, media_id: UUID, body: MediaChange) -> None:
    """Say something else of a medium. Around another point its squares are cut anew; the old ones stay until then.

    Raises:
        ProductNotFound, MediaNotFound, AltRequired, VariantNotOfProduct, ReviewNeeded.
    """
    if body.alt == "":
        raise AltRequired
    async with desk.tx() as tx:
        found = await _touch(desk, tx, product_id, media_id)
        await _require_variant(tx, product_id, body.variant_id)
        focal = body.focal or FocalPoint(x=found["focal_x"], y=found["focal_y"])
        values = {"alt": body.alt, "variant_id": body.variant_id, "moved": "variant_id" in body.model_fields_set}
        await tx.rows(_CHANGE, {**values, "id": media_id, "focal_x": focal.x, "focal_y": focal.y})
        if (focal.x, focal.y) != (found["focal_x"], found["focal_y"]):
            await tx.rows(_AGAIN, {"id": media_id})
        await covers.refresh(tx, product_id)


async def order(desk: Desk, product_id: UUID, ids: Sequence[UUID]) -> None:
    """Put all media of a product in an order.

    Raises:
        ProductNotFound, MediaNotFound, OrderStale, ReviewNeeded.
    """
    async with desk.tx() as tx:
        product = await desk.held(tx, product_id)
        there = [row["id"] for row in await tx.rows(_LIST, {"product_id": product_id})]
        if not set(ids) <= set(there):
            raise MediaNotFound
        if sorted(there) != sorted(ids):
            raise OrderStale
        if not desk.may_show(product):
            raise ReviewNeeded
        await tx.rows(_ORDER, {"product_id": product_id, "ids": list(ids)})
        await covers.refresh(tx, product_id)


async def move(desk: Desk, product_id: UUID, media_id: UUID, place: int) -> None:
    """Put one medium of a product elsewhere among the others: 0 is the first place, what is too far is the last.

    Raises:
        ProductNotFound, MediaNotFound, ReviewNeeded.
    """
    async with desk.tx() as tx:
        product = await desk.held(tx, product_id)
        ids = [row["id"] for row in await tx.rows(_LIST, {"product_id": product_id})]
        if media_id not in ids:
            raise MediaNotFound
        if not desk.may_show(product):
            raise ReviewNeeded
        ids.remove(media_id)
        ids.insert(place, media_id)
        await tx.rows(_ORDER, {"product_id": product_id, "ids": ids})
        await covers.refresh(tx, product_id)


async def retry(desk: Desk, product_id: UUID, media_id: UUID) -> None:
    """Have those pictures of a medium made once more that could not be made.

    Raises:
        ProductNotFound, MediaNotFound.
    """
    async with desk.tx() as tx:
        await desk.held(tx, product_id)
        await _one(tx, product_id, media_id)
        await tx.rows(_FAILED_AGAIN, {"id": media_id})


async def approve(desk: Desk, product_id: UUID, media_id: UUID) -> None:
    """Agree to what was brought for a product that is live.

    Raises:
        ProductNotFound, MediaNotFound.
    """
    async with desk.tx() as tx:
        await desk.held(tx, product_id)
        await _one(tx, product_id, media_id)
        await tx.rows(_APPROVE, {"id": media_id})
        await covers.refresh(tx, product_id)


async def remove(desk: Desk, product_id: UUID, media_id: UUID) -> None:
    """Take a medium away, and its files after some time.

    Raises:
        ProductNotFound, MediaNotFound, ReviewNeeded.
    """
    async with desk.tx() as tx:
        await _touch(desk, tx, product_id, media_id)
        await _forget_pictures(tx, media_id)
        await tx.rows(_FORGET, {"id": media_id})
        await covers.refresh(tx, product_id)


def kept_path(tenant_id: UUID, picture_id: UUID) -> ObjectPath:
    """Where a picture lies of which others are made: nobody's address leads there."""
    return object_path(tenant_id, "media", str(picture_id))


async def _bring(desk: Desk, product_id: UUID, brought: Sequence[Brought]) -> list[UUID]:
    kept = [await _kept(desk, one.bodies) for one in brought]
    async with desk.tx() as tx:
        product = await desk.held(tx, product_id)
        return [await _add(desk, tx, product, one.about, pictures) for one, pictures in zip(brought, kept, strict=True)]


async def _add(desk: Desk, tx: Tx, product: Mapping[str, Any], about: About, pictures: Mapping[UUID, Arrived]) -> UUID:
    media_id = new_id()
    await _require_variant(tx, product["id"], about.variant_id)
    values = {
        "id": media_id,
        "product_id": product["id"],
        "variant_id": about.variant_id,
        "kind": about.kind,
        "position": await _place(tx, product["id"]),
        "alt": about.alt,
        "focal_x": about.focal.x,
        "focal_y": about.focal.y,
        "video": None if about.video is None else orjson.dumps(about.video).decode(),
        "approved": desk.may_show(product),
        "by": desk.by.principal,
        "now": clock.now(),
    }
    await tx.rows(_ADD, values)
    await _add_pictures(tx, media_id, 0, pictures)
    return media_id


async def _kept(desk: Desk, bodies: Sequence[bytes]) -> dict[UUID, Arrived]:
    """Pictures that were read and lie in the object store, to be deleted unless their rows are added."""
    url = desk.settings.objects_url
    if not bodies:
        return {}
    if url is None:
        raise MediaUnavailable
    read = {new_id(): await asyncio.to_thread(arriving.read, body) for body in bodies}
    paths = {picture_id: kept_path(desk.shop.id, picture_id) for picture_id in read}
    async with desk.tx() as tx:
        await leftovers.doom(tx, list(paths.values()), after=leftovers.WRITTEN_WITHIN)
    try:
        for picture_id, arrived in read.items():
            await asyncio.to_thread(objects.put, url, paths[picture_id], arrived.body)
    except OSError as fault:
        raise MediaUnavailable from fault
    return read


async def _add_pictures(tx: Tx, media_id: UUID, place: int, kept: Mapping[UUID, Arrived]) -> None:
    values = {
        "media_id": media_id,
        "place": place,
        "ids": list(kept),
        "widths": [one.width for one in kept.values()],
        "heights": [one.height for one in kept.values()],
    }
    await tx.rows(_ADD_PICTURES, values)
    await leftovers.spare(tx, [kept_path(tx.tenant_id, picture_id) for picture_id in kept])


async def _forget_pictures(tx: Tx, media_id: UUID) -> None:
    rows = await tx.rows(_FORGET_PICTURES, {"id": media_id})
    files = [path for row in rows for path in (kept_path(tx.tenant_id, row["id"]), *row["files"])]
    await leftovers.doom(tx, files, after=leftovers.SHOWN_STILL)


async def _fetched(desk: Desk, url: str) -> bytes:
    return await arriving.fetch(desk.outbound, url, max_bytes=desk.settings.max_photo_bytes)


def _urls(body: MediaIn) -> list[str]:
    match body:
        case ImageIn():
            return [body.url]
        case SpinIn():
            return body.urls
        case VideoIn():
            return [body.poster_url] if body.poster_url else []


async def _require_room(desk: Desk, product_id: UUID, brought: Brought) -> None:
    """Before anything is fetched or kept, stop what will be refused."""
    if len(brought.bodies) > MOST_FRAMES:
        raise TooManyMedia(most=MOST_FRAMES)
    async with desk.tx() as tx:
        await desk.held(tx, product_id)
        await _require_variant(tx, product_id, brought.about.variant_id)
        await _place(tx, product_id)


async def _place(tx: Tx, product_id: UUID) -> int:
    row = await tx.one(_COUNT, {"product_id": product_id})
    if row is None or row["media"] >= MOST:
        raise TooManyMedia(most=MOST)
    place: int = row["next"]
    return place


async def _require_variant(tx: Tx, product_id: UUID, variant_id: UUID | None) -> None:
    if variant_id is not None and await tx.one(_VARIANT, {"product_id": product_id, "id": variant_id}) is None:
        raise VariantNotOfProduct


async def _one(tx: Tx, product_id: UUID, media_id: UUID) -> asyncpg.Record:
    found = await tx.one(_ONE, {"product_id": product_id, "id": media_id})
    if found is None:
        raise MediaNotFound
    return found


async def _touch(desk: Desk, tx: Tx, product_id: UUID, media_id: UUID) -> asyncpg.Record:
    """A medium that whoever asks may change, its product held."""
    product = await desk.held(tx, product_id)
    found = await _one(tx, product_id, media_id)
    if found["approved"] and not desk.may_show(product):
        raise ReviewNeeded
    return found


async def _take_pictures(desk: Desk, tx: Tx, product_id: UUID, media_id: UUID, more: int) -> asyncpg.Record:
    found = await _touch(desk, tx, product_id, media_id)
    if found["kind"] == "image":
        raise NoPictureTaken
    if found["kind"] == "spin" and found["pictures"] + more > MOST_FRAMES:
        raise TooManyMedia(most=MOST_FRAMES)
    if found["kind"] == "video" and more > 1:
        raise TooManyMedia(most=1)
    return found


def _require_alt(about: About) -> None:
    if not about.alt:
        raise AltRequired


def _out(row: Mapping[str, Any]) -> StaffMedium:
    said = {name: row[name] for name in ("id", "kind", "alt", "variant_id", "approved", "added_by")}
    return StaffMedium(
        **said,
        focal=FocalPoint(x=row["focal_x"], y=row["focal_y"]),
        video=row["video"] and orjson.loads(row["video"]),
        pictures=orjson.loads(row["pictures"]),
    )
