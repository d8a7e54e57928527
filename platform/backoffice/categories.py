"""The tree of categories, one branch a page."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Request
from pydantic import BeforeValidator
from starlette.responses import Response

from backoffice.desk import Desk, desk
from backoffice.typed import NOTHING, Typed, refused
from commerce.catalog.categories import service
from commerce.catalog.categories.schemas import (
    CategoriesQuery,
    CategoryChange,
    CategoryDetail,
    CategoryIn,
    CategorySlug,
)
from commerce.http import decode_cursor, encode_cursor
from foundation import audit
from foundation.database import Tx
from foundation.errors import Problem
from foundation.types import Id, Input, Text
from pages.forms import Button, blank, read

router = APIRouter(prefix="/back-office/categories")
Reader = Annotated[Desk, Depends(desk("catalog:read"))]
Writer = Annotated[Desk, Depends(desk("catalog:write"))]
CategoryId = Annotated[Id, Path()]
Cursor = Annotated[str | None, Query(max_length=200)]
HERE = "/back-office/categories"


class NewForm(Input):
    """A category below the one whose page it is sent from."""

    name: Text
    slug: Annotated[CategorySlug | None, BeforeValidator(blank)] = None


class ChangeForm(Input):
    """A category as it is to be."""

    name: Text
    slug: CategorySlug
    above: Annotated[CategorySlug | None, BeforeValidator(blank)] = None
    """The address of the category it is to be below."""


@router.get("")
async def show(desk: Reader, cursor: Cursor = None) -> Response:
    """The top of the tree."""
    return await _page(desk, None, cursor)


@router.post("")
async def add(request: Request, desk: Writer) -> Response:
    """A category at the top."""
    return await _add(request, desk, None)


@router.get("/{category_id}")
async def show_one(desk: Reader, category_id: CategoryId, cursor: Cursor = None) -> Response:
    """A category, and what is right below it."""
    return await _page(desk, category_id, cursor)


@router.post("/{category_id}")
async def change(request: Request, desk: Writer, category_id: CategoryId) -> Response:
    """Name it, give it an address, or move it."""
    try:
        form = await read(request, ChangeForm)
        async with desk.tx() as tx:
            parent_id = await service.id_of(tx, form.above) if form.above else None
            body = CategoryChange(name=form.name, slug=form.slug, parent_id=parent_id)
            await service.change(tx, category_id, body)
    except service.CategorySlugTaken as problem:
        return await _page(desk, category_id, changing=await refused(request, problem, field="slug"))
    except Problem as problem:
        return await _page(desk, category_id, changing=await refused(request, problem, field="above"))
    return desk.redirect(f"{HERE}/{category_id}", "changed")


@router.post("/{category_id}/children")
async def add_below(request: Request, desk: Writer, category_id: CategoryId) -> Response:
    """A category below this one."""
    return await _add(request, desk, category_id)


@router.post("/{category_id}/removal")
async def remove(request: Request, desk: Writer, category_id: CategoryId) -> Response:
    """Take it away, if nothing is in it."""
    await read(request, Button)
    try:
        async with desk.tx() as tx:
            parent_id = (await service.read(tx, category_id)).parent_id
            await service.remove(tx, category_id)
    except service.CategoryNotEmpty as problem:
        return await _page(desk, category_id, changing=await refused(request, problem))
    return desk.redirect(f"{HERE}/{parent_id}" if parent_id else HERE, "category-removed")


async def _add(request: Request, desk: Desk, parent_id: Id | None) -> Response:
    try:
        form = await read(request, NewForm)
        async with desk.tx() as tx:
            made = await service.add(tx, CategoryIn(name=form.name, slug=form.slug, parent_id=parent_id))
            audit.made("category", made)
    except Problem as problem:
        return await _page(desk, parent_id, adding=await refused(request, problem, field="slug"))
    return desk.redirect(f"{HERE}/{parent_id}" if parent_id else HERE, "category-added")


async def _page(
    desk: Desk,
    category_id: Id | None,
    cursor: str | None = None,
    *,
    adding: Typed = NOTHING,
    changing: Typed = NOTHING,
) -> Response:
    after = decode_cursor(cursor) if cursor else None
    query = CategoriesQuery(parent_id=category_id, roots=category_id is None, limit=100)
    async with desk.tx(read_only=True) as tx:
        category = await service.read(tx, category_id) if category_id else None
        found = await service.page(tx, query, after)
        places = await _places(tx, category)
    shown = found[: query.limit]
    more = encode_cursor(shown[-1].depth, shown[-1].id) if len(found) > query.limit else None
    return desk.page(
        "categories.html",
        typed=adding if adding.problem else changing,
        adding=adding,
        changing=changing,
        category=category,
        below=sorted(shown, key=lambda one: one.name.casefold()),
        more=more,
        places=places,
    )


async def _places(tx: Tx, category: CategoryDetail | None) -> list[str]:
    """Addresses to suggest for where it could be: the first of the tree, level by level."""
    if category is None:
        return []
    return [one.slug for one in await service.page(tx, CategoriesQuery(limit=100), None) if one.id != category.id]
