"""Looking by a picture: sending one, choosing the part that is meant, and more that looks like a product."""

from __future__ import annotations

import asyncio
import base64
import binascii
from dataclasses import dataclass
from typing import Annotated, cast

from fastapi import APIRouter, Path, Request
from pydantic import BeforeValidator, Field, StringConstraints
from starlette.responses import Response

from commerce.catalog import service as catalog
from commerce.catalog.schemas import ProductDetail
from commerce.deciding import DecisionClient
from commerce.media.refusals import BrokenPicture
from commerce.policies import areas
from commerce.visual_search import looking, service
from commerce.visual_search.schemas import CropFields, LooksOut
from commerce.visual_search.service import Asking
from foundation.errors import Problem
from foundation.types import Input
from pages.forms import blank, read_with_file, validated
from storefront.forms import OptionalText
from storefront.rails import list_event
from storefront.visit import Visit, VisitDep

SHOWN = 36
"""Products on the page."""
LONGEST_SIDE = 800
"""Pixels of the picture that the page shows, and sends back when another part of it is meant."""
LARGEST_TEXT = 900_000
"""Characters of that picture, as the form sends it."""
PARTS = ("x", "y", "width", "height")
IMAGES = "'self' data:"
"""Where the page may have images from: the shopper's own picture is in the page itself, and nowhere else."""

router = APIRouter(route_class=areas.within(areas.BROWSING))

Part = Annotated[str | None, StringConstraints(max_length=30), BeforeValidator(blank)]


class NoPictureSent(Problem):
    """There is no picture in the form: choose one, or take one."""

    status = 422
    code = "storefront.no_picture_sent"


class LookForm(Input):
    """A picture, or the one that the page has shown; the part of it that is meant; and words that say more."""

    picture: bytes = b""
    shown: Annotated[str | None, Field(max_length=LARGEST_TEXT), BeforeValidator(blank)] = None
    query: OptionalText = None
    x: Part = None
    y: Part = None
    width: Part = None
    height: Part = None


@dataclass(frozen=True, slots=True)
class Sent:
    """What somebody looks by: all of the picture, which part of it, and words."""

    picture: bytes
    part: CropFields
    query: str | None

    @property
    def inline(self) -> str:
        """The picture as it is sent back."""
        return base64.b64encode(self.picture).decode()


@router.get("/search/image")
async def begin(visit: VisitDep) -> Response:
    """Where a picture is chosen or taken."""
    return _page(visit)


@router.post("/search/image")
async def look(request: Request, visit: VisitDep) -> Response:
    """What looks like a picture. It is in the answer, and is kept nowhere."""
    try:
        sent = await _sent(request)
        seen = await asyncio.to_thread(looking.read, sent.picture, sent.part.crop)
    except Problem as problem:
        return _page(visit, problem=problem)
    found = await service.by_picture(_asking(visit), seen, sent.query, limit=SHOWN)
    return _page(visit, sent, LooksOut.model_validate_json(found))


@router.get("/p/{handle}/alike")
async def alike(visit: VisitDep, handle: Annotated[str, Path(max_length=200, pattern=r"^[^\x00]+$")]) -> Response:
    """More that looks like a product."""
    asking = _asking(visit)
    shown = await catalog.product(asking.database, asking.shop, handle, asking.shopper)
    found = LooksOut.model_validate_json(await service.alike(asking, handle, limit=SHOWN))
    return visit.page(
        "alike.html",
        product=ProductDetail.model_validate_json(shown.body),
        found=found,
        event=list_event("alike", found.items, found.decision_id),
    )


def _asking(visit: Visit) -> Asking:
    client = cast("DecisionClient", visit.request.app.state.decisions)
    return Asking(visit.core.database, client, visit.shop, visit.shopper)


def _page(
    visit: Visit, sent: Sent | None = None, found: LooksOut | None = None, problem: Problem | None = None
) -> Response:
    return visit.page(
        "look.html",
        status=problem.status if problem else 200,
        images_from=IMAGES,
        sent=sent,
        found=found,
        problem=problem,
        event=list_event("visual-search", found.items, found.decision_id) if found else {},
    )


async def _sent(request: Request) -> Sent:
    """What the form says.

    Raises:
        NoPictureSent, UnsupportedForm, InvalidFields, WrongType, SvgRefused, PictureTooLarge, BrokenPicture.
    """
    form = await read_with_file(request, LookForm, "picture")
    given = {name: value for name in PARTS if (value := getattr(form, name)) is not None}
    if form.picture:
        whole = await asyncio.to_thread(looking.read, form.picture, longest=LONGEST_SIDE)
        return Sent(whole, CropFields(), form.query)
    if form.shown is None:
        raise NoPictureSent
    try:
        body = base64.b64decode(form.shown, validate=True)
    except binascii.Error as fault:
        raise BrokenPicture from fault
    whole = await asyncio.to_thread(looking.read, body, longest=LONGEST_SIDE)
    return Sent(whole, validated(CropFields, given), form.query)
