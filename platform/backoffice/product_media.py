"""What a product shows: pictures, sets that turn and videos; brought, described, put in order and taken away."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Request
from pydantic import BeforeValidator, Field
from starlette.responses import Response

from backoffice.shelf import OF_SHOP, Here, Page, Shelf, both, of_shop
from backoffice.typed import NOTHING, Typed, refused
from commerce.catalog.products import reading
from commerce.catalog.products.schemas import ProductOut, VariantContent
from commerce.catalog.products.states import LIVE
from commerce.catalog.schemas import Picture, PictureSet
from commerce.media import service as media
from commerce.media.schemas import (
    MOST,
    MOST_FRAMES,
    Alt,
    FocalPoint,
    ImageIn,
    MediaChange,
    Percent,
    StaffMedium,
    StaffPicture,
    Url,
    VideoIn,
)
from commerce.media.service import About, Brought
from foundation.errors import Problem
from foundation.http import InvalidFields
from foundation.types import Id, Input
from pages.forms import Button, blank, read, read_with_files, whole

ProductId = Annotated[Id, Path()]
MediaId = Annotated[Id, Path()]
Publisher = Annotated[Shelf, Depends(of_shop("catalog:publish"))]
OfVariant = Annotated[Id | None, BeforeValidator(blank)]
MOST_AT_ONCE = 20
"""Pictures that one form may bring."""
_WIDTH = re.compile(r" ([0-9]+)w")
_FIELDS = {
    "media.alt_required": "alt",
    "media.video_refused": "url",
    "media.not_fetched": "url",
    "outbound.address_refused": "url",
    "outbound.no_answer": "url",
    "outbound.answer_refused": "url",
}
FAULTS = {
    "lost": "What was brought is not in the object store any more. Take it away and bring it again.",
    "unreadable": "It can't be read any more. Take it away and bring it again.",
    "unavailable": "The object store, or the database, gave no answer.",
    None: "The worker came to an end each time it made it. Try again, or bring a smaller picture.",
}


class PicturesForm(Input):
    """Images from whoever sends them: words for each, or the same for all."""

    pictures: Annotated[list[bytes], Field(min_length=1)]
    alt: Annotated[list[Alt], Field(min_length=1)]
    variant_id: OfVariant = None

    def brought(self) -> list[Brought]:
        """Each picture with its words.

        Raises:
            InvalidFields: there are neither words for each nor one line for all.
        """
        words = self.alt * len(self.pictures) if len(self.alt) == 1 else self.alt
        if len(words) != len(self.pictures):
            raise InvalidFields(errors=[{"param": "alt", "message": "needs a line for each picture, or one for all"}])
        return [
            Brought(About("image", alt, self.variant_id, FocalPoint()), [body])
            for alt, body in zip(words, self.pictures, strict=True)
        ]


class AddressForm(Input):
    """An image that is fetched."""

    url: Url
    alt: Alt = ""
    variant_id: OfVariant = None


class VideoForm(Input):
    """A video that stays where it is."""

    url: Url
    alt: Alt = ""
    poster_url: Annotated[Url | None, BeforeValidator(blank)] = None


class SetForm(Input):
    """A set that turns, with its first frames; others come later."""

    alt: Alt = ""
    pictures: list[bytes]


class FramesForm(Input):
    """Frames of a set, or what stands for a video."""

    pictures: Annotated[list[bytes], Field(min_length=1)]


class SaidForm(Input):
    """What is said of a medium."""

    alt: Alt = ""
    variant_id: OfVariant = None
    focal_x: Annotated[Percent, BeforeValidator(whole)] = 50
    focal_y: Annotated[Percent, BeforeValidator(whole)] = 50


class PlaceForm(Input):
    """Where a medium comes: 0 is first."""

    place: Annotated[int, BeforeValidator(whole), Field(ge=0, lt=MOST)]


@dataclass(frozen=True, slots=True)
class Shown:
    """A medium as its page shows it."""

    medium: StaffMedium
    is_cover: bool
    """Lists show it."""
    variant: str | None
    state: Literal["ready", "making", "failed", "empty"]
    made: int
    """Of its pictures."""
    faults: Sequence[str]
    """Why some could not be made."""
    face: Picture | None
    """What stands for it here."""
    files: Sequence[str]
    """What was made of its first picture."""


def shown(media_there: Sequence[StaffMedium], product: ProductOut) -> list[Shown]:
    """All media of a product, in their order."""
    names = dict(choices(product))
    cover = next((one.id for one in media_there if one.kind != "video" and one.approved and _face(one)), None)
    return [
        Shown(
            medium=one,
            is_cover=one.id == cover,
            variant=names.get(one.variant_id) if one.variant_id else None,
            state=state(one.pictures),
            made=sum(picture.status == "ready" for picture in one.pictures),
            faults=sorted({FAULTS[picture.fault] for picture in one.pictures if picture.status == "failed"}),
            face=_face(one),
            files=_files(_face(one)),
        )
        for one in media_there
    ]


def choices(product: ProductOut) -> list[tuple[UUID, str]]:
    """The variants that a picture may show, and how each is called."""
    return [(one.id, _named(one)) for one in product.variants if one.id]


def _named(variant: VariantContent) -> str:
    return " · ".join([variant.sku, *variant.options.values()])


async def show(shelf: Here, product_id: ProductId) -> Response:
    """All media of a product, and how far each is."""
    return await _page(shelf, product_id)


async def upload(request: Request, shelf: Here, product_id: ProductId) -> Response:
    """Add the images that were sent."""

    async def bring(studio: media.Desk) -> None:
        form = await read_with_files(request, PicturesForm, "pictures", most_files=MOST_AT_ONCE, lists={"alt"})
        await media.upload_all(studio, product_id, form.brought())

    return await _did(request, shelf, product_id, "uploads", bring, "media-added")


async def fetch(request: Request, shelf: Here, product_id: ProductId) -> Response:
    """Add an image from an address."""

    async def bring(studio: media.Desk) -> None:
        form = await read(request, AddressForm)
        await media.add(studio, product_id, ImageIn(kind="image", **form.model_dump()))

    return await _did(request, shelf, product_id, "fetched", bring, "media-added")


async def add_video(request: Request, shelf: Here, product_id: ProductId) -> Response:
    """Name a video."""

    async def bring(studio: media.Desk) -> None:
        form = await read(request, VideoForm)
        await media.add(studio, product_id, VideoIn(kind="video", **form.model_dump()))

    return await _did(request, shelf, product_id, "videos", bring, "video-added")


async def add_set(request: Request, shelf: Here, product_id: ProductId) -> Response:
    """Begin a set that turns."""

    async def bring(studio: media.Desk) -> None:
        form = await read_with_files(request, SetForm, "pictures", most_files=MOST_FRAMES)
        await media.upload_all(
            studio, product_id, [Brought(About("spin", form.alt, None, FocalPoint()), form.pictures)]
        )

    return await _did(request, shelf, product_id, "sets", bring, "set-added")


async def add_frames(request: Request, shelf: Here, product_id: ProductId, media_id: MediaId) -> Response:
    """Add frames to a set, or have a picture stand for a video."""

    async def bring(studio: media.Desk) -> None:
        form = await read_with_files(request, FramesForm, "pictures", most_files=MOST_FRAMES)
        await media.add_pictures(studio, product_id, media_id, form.pictures)

    return await _did(request, shelf, product_id, f"{media_id}/pictures", bring, "media-added")


async def change(request: Request, shelf: Here, product_id: ProductId, media_id: MediaId) -> Response:
    """Say something else of a medium, or cut its squares around another point."""

    async def keep(studio: media.Desk) -> None:
        form = await read(request, SaidForm)
        focal = FocalPoint(x=form.focal_x, y=form.focal_y)
        # Of a product with one variant the form doesn't ask: what was said by another way stays.
        of_variant = form.model_dump(include={"variant_id"}, exclude_unset=True)
        await media.change(studio, product_id, media_id, MediaChange(alt=form.alt, focal=focal, **of_variant))

    return await _did(request, shelf, product_id, str(media_id), keep, "changed")


async def move(request: Request, shelf: Here, product_id: ProductId, media_id: MediaId) -> Response:
    """Put a medium elsewhere among the others."""

    async def put(studio: media.Desk) -> None:
        form = await read(request, PlaceForm)
        await media.move(studio, product_id, media_id, form.place)

    return await _did(request, shelf, product_id, "place", put, "changed")


async def retry(request: Request, shelf: Here, product_id: ProductId, media_id: MediaId) -> Response:
    """Have made once more what could not be made."""

    async def ask(studio: media.Desk) -> None:
        await read(request, Button)
        await media.retry(studio, product_id, media_id)

    return await _did(request, shelf, product_id, "retries", ask, "media-again")


async def remove(request: Request, shelf: Here, product_id: ProductId, media_id: MediaId) -> Response:
    """Take a medium away."""

    async def take(studio: media.Desk) -> None:
        await read(request, Button)
        await media.remove(studio, product_id, media_id)

    return await _did(request, shelf, product_id, "removal", take, "media-removed")


async def approve(request: Request, shelf: Publisher, product_id: ProductId, media_id: MediaId) -> Response:
    """Agree to what was brought for a product that is live."""

    async def agree(studio: media.Desk) -> None:
        await read(request, Button)
        await media.approve(studio, product_id, media_id)

    return await _did(request, shelf, product_id, "approval", agree, "media-approved")


async def _did(
    request: Request,
    shelf: Shelf,
    product_id: UUID,
    form: str,
    deed: Callable[[media.Desk], Awaitable[None]],
    notice: str,
) -> Response:
    """Do something with a product's media and show them; what is in the way is told at the form that asked for it."""
    try:
        await deed(shelf.studio())
    except Problem as problem:
        typed = await refused(request, problem, field=_FIELDS.get(problem.code))
        return await _page(shelf, product_id, typed=typed, wrong=form)
    return shelf.desk.redirect(f"{shelf.of(product_id)}/media", notice)


async def _page(shelf: Shelf, product_id: UUID, *, typed: Typed = NOTHING, wrong: str = "") -> Response:
    async with shelf.desk.tx(read_only=True) as tx:
        product = await reading.read(tx, product_id, currency=shelf.currency, vendor_id=shelf.vendor_id)
        there = await media.every(tx, product_id, currency=shelf.currency, vendor_id=shelf.vendor_id)
    found = shown(there.items, product)
    return shelf.page(
        "product_media.html",
        typed=typed,
        untouched=NOTHING,
        wrong=wrong,
        product=product,
        media=found,
        variants=choices(product),
        may_show=shelf.by.may_publish or product.status not in LIVE,
        goes_on=any(one.state == "making" for one in found),
        **limits(shelf),
    )


def limits(shelf: Shelf) -> dict[str, Any]:
    """What the forms say about how much is taken."""
    return {"largest_mb": shelf.desk.core.settings.max_photo_bytes // 1_048_576, "most_at_once": MOST_AT_ONCE}


def _face(one: StaffMedium) -> Picture | None:
    return next((picture.shown for picture in one.pictures if picture.shown), None)


def state(pictures: Sequence[StaffPicture]) -> Literal["ready", "making", "failed", "empty"]:
    """How far pictures are together."""
    there = {one.status for one in pictures}
    if there & {"waiting", "running"}:
        return "making"
    return "failed" if "failed" in there else "ready" if there else "empty"


def _files(picture: Picture | None) -> list[str]:
    if picture is None:
        return []
    formats = " and ".join(one.type.removeprefix("image/").upper() for one in picture.square.sources)
    return [
        f"Squares of {_widths(picture.square)} pixels",
        f"The whole picture, {_widths(picture.whole)} pixels across",
        f"Each as {formats}",
    ]


def _widths(made: PictureSet) -> str:
    return ", ".join(_WIDTH.findall(made.sources[0].srcset))


def _routes() -> APIRouter:
    one = "/{product_id}/media/{media_id}"
    router = both(
        (
            Page("GET", "/{product_id}/media", show, "catalog:read"),
            Page("POST", "/{product_id}/media/uploads", upload, "catalog:write"),
            Page("POST", "/{product_id}/media/fetched", fetch, "catalog:write"),
            Page("POST", "/{product_id}/media/videos", add_video, "catalog:write"),
            Page("POST", "/{product_id}/media/sets", add_set, "catalog:write"),
            Page("POST", one, change, "catalog:write"),
            Page("POST", f"{one}/pictures", add_frames, "catalog:write"),
            Page("POST", f"{one}/place", move, "catalog:write"),
            Page("POST", f"{one}/retries", retry, "catalog:write"),
            Page("POST", f"{one}/removal", remove, "catalog:write"),
        )
    )
    router.add_api_route(f"{OF_SHOP}{one}/approval", approve, methods=["POST"])
    return router


router = _routes()
