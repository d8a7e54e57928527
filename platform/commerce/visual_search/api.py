"""Search by picture over HTTP."""

from __future__ import annotations

import asyncio
from typing import Annotated, cast

from fastapi import APIRouter, Form, Path, Query, Request, Response

from commerce.deciding import DecisionClient
from commerce.http import Core, CoreDep, PresentShopper, ShopDep
from commerce.identity.service import Shopper
from commerce.policies import areas
from commerce.tenancy.service import Shop
from commerce.visual_search import looking, service
from commerce.visual_search.schemas import AlikeQuery, LooksOut, PictureForm
from commerce.visual_search.service import Asking
from foundation.access import ANYONE, needs
from foundation.http import json_bytes

router = APIRouter(prefix="/v1/store", tags=["catalogue"], route_class=areas.within(areas.BROWSING))


def asking(request: Request, core: Core, shop: Shop, shopper: Shopper | None) -> Asking:
    """Whoever asks, with the worker's way to the decision service."""
    return Asking(core.database, cast("DecisionClient", request.app.state.decisions), shop, shopper)


@router.post("/search/image", response_model=LooksOut)
@needs(ANYONE)
async def search_by_picture(
    request: Request, core: CoreDep, shop: ShopDep, shopper: PresentShopper, form: Annotated[PictureForm, Form()]
) -> Response:
    """Products that look like a picture, or like the part of it that is meant; with words, those that are both.

    The picture is looked at and not kept. Where nothing can be told by looks, what is shown instead is named as
    `fallback`: products by the words, or what sells.
    """
    picture = await asyncio.to_thread(looking.read, await form.picture.read(), form.crop)
    found = await service.by_picture(asking(request, core, shop, shopper), picture, form.query, limit=form.limit)
    return json_bytes(found)


@router.get("/products/{key}/alike", response_model=LooksOut)
@needs(ANYONE)
async def more_like_this(
    request: Request,
    core: CoreDep,
    shop: ShopDep,
    shopper: PresentShopper,
    key: Annotated[str, Path(max_length=200)],
    query: Annotated[AlikeQuery, Query()],
) -> Response:
    """Other products that look like one, by its handle or id.

    Where nothing can be told by looks, what sells in its category is shown, and `fallback` says so.
    """
    return json_bytes(await service.alike(asking(request, core, shop, shopper), key, limit=query.limit))
