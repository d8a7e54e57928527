"""Synonyms: which words stand for others in a search."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Query, Request
from pydantic import BeforeValidator, Field
from starlette.responses import Response

from backoffice.desk import Desk, desk
from backoffice.typed import NOTHING, Typed, refused
from commerce.catalog.schemas import Cursor, Version
from commerce.merchandising import synonyms
from commerce.merchandising.schemas import MOST_PHRASES, SynonymChange, SynonymIn, Words
from commerce.paging import page_of, place_of
from foundation import audit
from foundation.errors import Problem
from foundation.types import Id
from pages.forms import Button, blank, read, split_lines, whole

router = APIRouter(prefix="/back-office/search/synonyms")
Reader = Annotated[Desk, Depends(desk("catalog:read"))]
Writer = Annotated[Desk, Depends(desk("catalog:write"))]
SynonymId = Annotated[Id, Path()]
Lines = Annotated[list[Words], Field(min_length=1, max_length=MOST_PHRASES), BeforeValidator(split_lines)]
MaybeWords = Annotated[Words | None, BeforeValidator(blank)]
HERE = "/back-office/search/synonyms"
_SHOWN = 50


class NewForm(SynonymIn):
    """`SynonymIn`, with a phrase a line."""

    phrases: Lines
    written: MaybeWords = None


class ChangeForm(SynonymChange):
    """`SynonymChange`, as a form sends it."""

    phrases: Lines
    written: MaybeWords = None
    version: Annotated[Version, BeforeValidator(whole)]


@router.get("")
async def show(desk: Reader, cursor: Annotated[Cursor | None, Query()] = None) -> Response:
    """The shop's synonyms."""
    return await _page(desk, cursor=cursor)


@router.post("")
async def add(request: Request, desk: Writer) -> Response:
    """More of them."""
    try:
        form = await read(request, NewForm)
        async with desk.tx() as tx:
            audit.made("synonym", (await synonyms.add(tx, form)).id)
    except Problem as problem:
        return await _page(desk, typed=await refused(request, problem))
    return desk.redirect(HERE, "synonym-added")


@router.post("/{synonym_id}")
async def change(request: Request, desk: Writer, synonym_id: SynonymId) -> Response:
    """Have them be others."""
    try:
        form = await read(request, ChangeForm)
        async with desk.tx() as tx:
            await synonyms.change(tx, synonym_id, form)
    except Problem as problem:
        return await _page(desk, typed=await refused(request, problem), open_at=synonym_id)
    return desk.redirect(HERE, "synonym-added")


@router.post("/{synonym_id}/removal")
async def remove(request: Request, desk: Writer, synonym_id: SynonymId) -> Response:
    """Take them away."""
    await read(request, Button)
    try:
        async with desk.tx() as tx:
            await synonyms.remove(tx, synonym_id)
    except Problem as problem:
        return await _page(desk, typed=await refused(request, problem))
    return desk.redirect(HERE, "synonym-removed")


async def _page(
    desk: Desk, *, cursor: str | None = None, typed: Typed = NOTHING, open_at: UUID | None = None
) -> Response:
    async with desk.tx(read_only=True) as tx:
        found = await synonyms.page(tx, place_of(cursor), _SHOWN + 1)
    return desk.page(
        "synonyms.html",
        **page_of(found, _SHOWN),
        typed=typed,
        adding=typed if open_at is None else NOTHING,
        open_at=open_at,
    )
