"""Brands: named, named anew, taken away."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Request
from pydantic import BeforeValidator
from starlette.responses import Response

from backoffice.desk import Desk, desk
from backoffice.typed import NOTHING, Typed, refused
from commerce.catalog.brands import service
from commerce.catalog.brands.schemas import BrandChange, BrandIn
from commerce.catalog.schemas import Cursor, Version
from commerce.paging import page_of, place_of
from foundation.errors import Problem
from foundation.types import Slug
from pages.forms import Button, blank, read, whole

router = APIRouter(prefix="/back-office/brands")
Reader = Annotated[Desk, Depends(desk("catalog:read"))]
Writer = Annotated[Desk, Depends(desk("catalog:write"))]
BrandSlug = Annotated[Slug, Path()]
HERE = "/back-office/brands"
_SHOWN = 100


class NewForm(BrandIn):
    """`BrandIn`, where an address that is left empty is made of the name."""

    slug: Annotated[Slug | None, BeforeValidator(blank)] = None


class ChangeForm(BrandChange):
    """`BrandChange`, as a form sends it."""

    version: Annotated[Version, BeforeValidator(whole)]


@router.get("")
async def show(desk: Reader, cursor: Annotated[Cursor | None, Query()] = None) -> Response:
    """The shop's brands."""
    return await _page(desk, cursor=cursor)


@router.post("")
async def add(request: Request, desk: Writer) -> Response:
    """A new one."""
    try:
        form = await read(request, NewForm)
        async with desk.tx() as tx:
            await service.add(tx, form)
    except Problem as problem:
        return await _page(desk, typed=await refused(request, problem, field="name"))
    return desk.redirect(HERE, "brand-added")


@router.post("/{slug}")
async def change(request: Request, desk: Writer, slug: BrandSlug) -> Response:
    """Name it and its products anew."""
    try:
        form = await read(request, ChangeForm)
        async with desk.tx() as tx:
            await service.change(tx, slug, form)
    except Problem as problem:
        return await _page(desk, typed=await refused(request, problem), open_at=slug)
    return desk.redirect(HERE, "changed")


@router.post("/{slug}/removal")
async def remove(request: Request, desk: Writer, slug: BrandSlug) -> Response:
    """Take one away that no product is of."""
    await read(request, Button)
    try:
        async with desk.tx() as tx:
            await service.remove(tx, slug)
    except Problem as problem:
        return await _page(desk, typed=await refused(request, problem), open_at=slug)
    return desk.redirect(HERE, "brand-removed")


async def _page(
    desk: Desk, *, cursor: str | None = None, typed: Typed = NOTHING, open_at: str | None = None
) -> Response:
    async with desk.tx(read_only=True) as tx:
        found = await service.page(tx, place_of(cursor), _SHOWN + 1)
    return desk.page("brands.html", **page_of(found, _SHOWN), typed=typed, open_at=open_at)
