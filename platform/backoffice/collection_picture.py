"""The picture of a collection: brought, described and taken away on the collection's page."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Request
from pydantic import BeforeValidator, Field
from starlette.responses import Response

from backoffice import collections
from backoffice.collections import HERE, CollectionId, Publisher
from backoffice.desk import Desk
from backoffice.typed import refused
from commerce.media import collection_pictures as service
from commerce.media.collection_pictures import Place
from commerce.media.schemas import Alt, CollectionPictureChange, FocalPoint, Percent
from foundation.errors import Problem
from foundation.types import Input
from pages.forms import Button, read, read_with_files, whole

router = APIRouter(prefix="/back-office/collections/{collection_id}/picture")


class PictureForm(Input):
    """A picture, and what is seen in it."""

    pictures: Annotated[list[bytes], Field(min_length=1)]
    alt: Alt = ""


class SaidForm(Input):
    """What is said of the picture that is there."""

    alt: Alt = ""
    focal_x: Annotated[Percent, BeforeValidator(whole)] = 50
    focal_y: Annotated[Percent, BeforeValidator(whole)] = 50


@router.post("")
async def put(request: Request, desk: Publisher, collection_id: CollectionId) -> Response:
    """Have the collection shown by a picture."""

    async def keep() -> None:
        form = await read_with_files(request, PictureForm, "pictures", most_files=1)
        place = Place(desk.core.database, desk.core.settings, desk.shop)
        await service.put(place, collection_id, form.alt, FocalPoint(), form.pictures[0])

    return await _did(request, desk, collection_id, "picture", keep, "media-added")


@router.post("/words")
async def change(request: Request, desk: Publisher, collection_id: CollectionId) -> Response:
    """Say something else of it, or cut its squares around another point."""

    async def keep() -> None:
        form = await read(request, SaidForm)
        focal = FocalPoint(x=form.focal_x, y=form.focal_y)
        async with desk.tx() as tx:
            await service.change(tx, collection_id, CollectionPictureChange(alt=form.alt, focal=focal))

    return await _did(request, desk, collection_id, "picture-words", keep, "kept")


@router.post("/retries")
async def retry(request: Request, desk: Publisher, collection_id: CollectionId) -> Response:
    """Have it made once more."""

    async def ask() -> None:
        await read(request, Button)
        async with desk.tx() as tx:
            await service.retry(tx, collection_id)

    return await _did(request, desk, collection_id, "", ask, "media-again")


@router.post("/removal")
async def remove(request: Request, desk: Publisher, collection_id: CollectionId) -> Response:
    """Take it away."""

    async def take() -> None:
        await read(request, Button)
        async with desk.tx() as tx:
            await service.remove(tx, collection_id)

    return await _did(request, desk, collection_id, "", take, "media-removed")


async def _did(
    request: Request, desk: Desk, collection_id: UUID, form: str, deed: Callable[[], Awaitable[None]], notice: str
) -> Response:
    """Do something with a collection's picture; what is in the way is told at the form that asked for it."""
    try:
        await deed()
    except Problem as problem:
        field = "alt" if problem.code == "media.alt_required" else None
        typed = await refused(request, problem, field=field)
        return await collections.page(desk, collection_id, typed=typed, of_form=form)
    return desk.redirect(f"{HERE}/{collection_id}", notice)
