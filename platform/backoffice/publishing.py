"""What only whoever may publish does with products: agree to them, put them into the shop and take them out again."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from pydantic import AfterValidator, BeforeValidator, Field
from starlette.responses import Response

from backoffice.products import ProductId, StepForm, page, step
from backoffice.shelf import OF_SHOP, Shelf, of_shop
from backoffice.typed import refused
from commerce.catalog.links import service as links
from commerce.catalog.links.schemas import KINDS, LinksIn, once
from commerce.catalog.links.schemas import MOST as MOST_BESIDE
from commerce.catalog.products import living
from commerce.catalog.products.schemas import Handle
from foundation.errors import Problem
from foundation.types import Note, WallTime
from pages.forms import blank, read, split_words

router = APIRouter(prefix=OF_SHOP)
Publisher = Annotated[Shelf, Depends(of_shop("catalog:publish"))]


class RejectionForm(StepForm):
    """Why it is not agreed to."""

    reason: Note


class PublicationForm(StepForm):
    """When it is to be in the shop, by the shop's clocks."""

    at: Annotated[WallTime | None, BeforeValidator(blank)] = None


Handles = Annotated[list[Handle], BeforeValidator(split_words), Field(max_length=MOST_BESIDE), AfterValidator(once)]


class LinksForm(StepForm):
    """The handles of what is shown beside a product, one a word."""

    related: Handles = Field(default_factory=list)
    up_sell: Handles = Field(default_factory=list)
    cross_sell: Handles = Field(default_factory=list)


@router.post("/{product_id}/links")
async def link(request: Request, shelf: Publisher, product_id: ProductId) -> Response:
    """Say what the shop shows beside it."""
    try:
        form = await read(request, LinksForm)
        async with shelf.desk.tx() as tx:
            named = {kind: await links.ids_of(tx, getattr(form, kind)) for kind in KINDS}
            body = LinksIn(**named, version=form.version)
            await links.put(tx, shelf.by, product_id, body, currency=shelf.currency)
    except Problem as problem:
        return await page(shelf, product_id, typed=await refused(request, problem))
    return shelf.desk.redirect(shelf.of(product_id), "kept")


@router.post("/{product_id}/approval")
async def approve(request: Request, shelf: Publisher, product_id: ProductId) -> Response:
    """Agree to what waits."""
    return await step(request, shelf, product_id, StepForm, living.approve, "product-approved")


@router.post("/{product_id}/rejection")
async def reject(request: Request, shelf: Publisher, product_id: ProductId) -> Response:
    """Not agree, and say why."""
    return await step(request, shelf, product_id, RejectionForm, living.reject, "product-rejected")


@router.post("/{product_id}/publication")
async def publish(request: Request, shelf: Publisher, product_id: ProductId) -> Response:
    """Put it into the shop, at once or on a date."""
    return await step(request, shelf, product_id, PublicationForm, living.publish, "product-published")


@router.post("/{product_id}/unpublication")
async def unpublish(request: Request, shelf: Publisher, product_id: ProductId) -> Response:
    """Take it out of the shop, or its date away."""
    return await step(request, shelf, product_id, StepForm, living.unpublish, "product-unpublished")


@router.post("/{product_id}/archiving")
async def archive(request: Request, shelf: Publisher, product_id: ProductId) -> Response:
    """Sell it no more."""
    return await step(request, shelf, product_id, StepForm, living.archive, "product-archived")
