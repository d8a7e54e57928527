"""Files of products: sent, tried without changing anything, followed, stopped, and their bad rows taken back."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Path, Query, Request
from pydantic import BeforeValidator, Field
from starlette.datastructures import UploadFile
from starlette.responses import Response

from backoffice.desk import Desk, desk
from backoffice.typed import NOTHING, Typed, refused
from commerce.catalog.schemas import Cursor
from commerce.exchange import exporting, jobs, storing
from commerce.exchange.api import errors_of, export_of
from commerce.exchange.schemas import MOST_MAPPED, ImportQuery, Mapped
from commerce.paging import LAST, page_of, place_of
from foundation.errors import Problem
from foundation.types import Id, Input
from pages.forms import Button, blank, read, split_lines, ticked, with_file

router = APIRouter(prefix="/back-office/imports")
Reader = Annotated[Desk, Depends(desk("catalog:read"))]
Publisher = Annotated[Desk, Depends(desk("catalog:publish"))]
ImportId = Annotated[Id, Path()]
HERE = "/back-office/imports"
_SHOWN = 20
_PIECE = 2**20


class SendForm(Input):
    """How a file is to be taken in."""

    format: Annotated[Literal["csv", "xlsx", "jsonl", "google"] | None, BeforeValidator(blank)] = None
    map: Annotated[list[Mapped], Field(max_length=MOST_MAPPED), BeforeValidator(split_lines)] = Field(
        default_factory=list
    )
    dry_run: Annotated[bool, BeforeValidator(ticked)] = False


@router.get("")
async def show(desk: Reader, cursor: Annotated[Cursor | None, Query()] = None) -> Response:
    """The shop's imports, and a form for another file."""
    return await _page(desk, cursor=cursor)


@router.post("")
async def send(request: Request, desk: Publisher) -> Response:
    """Take a file in."""
    try:
        desk.staff.require("prices:write")
        async with with_file(request, SendForm, "file") as (form, file):
            query = ImportQuery(
                name=file.filename or "products", format=form.format, map=form.map, dry_run=form.dry_run
            )
            asked = await storing.receive(
                desk.core.database, desk.core.settings, desk.shop, query, _pieces(file), by=desk.staff.principal
            )
    except Problem as problem:
        return await _page(desk, typed=await refused(request, problem, field="file"))
    return desk.redirect(f"{HERE}/{asked.id}")


@router.get("/catalogue/{kind}")
async def export(desk: Reader, kind: Annotated[exporting.Format, Path()]) -> Response:
    """The catalogue, to be changed and sent again."""
    return export_of(desk.core, desk.shop, kind)


@router.get("/{import_id}")
async def follow(desk: Reader, import_id: ImportId) -> Response:
    """How far one is; while it goes on the page comes again by itself."""
    async with desk.tx(read_only=True) as tx:
        found = await jobs.one(tx, import_id)
        bad = (await jobs.bad_rows(tx, import_id, -1))[:_SHOWN]
    return desk.page("import.html", one=found, bad=bad, goes_on=found.status in {"waiting", "running"})


@router.post("/{import_id}/cancellation")
async def cancel(request: Request, desk: Publisher, import_id: ImportId) -> Response:
    """Take no more of it in."""
    await read(request, Button)
    async with desk.tx() as tx:
        await jobs.cancel(tx, import_id)
    return desk.redirect(f"{HERE}/{import_id}", "import-stopped")


@router.get("/{import_id}/errors")
async def errors(desk: Reader, import_id: ImportId) -> Response:
    """Its bad rows, to correct and to send again."""
    return await errors_of(desk.core, desk.shop, import_id)


async def _page(desk: Desk, *, cursor: str | None = None, typed: Typed = NOTHING) -> Response:
    before = place_of(cursor, LAST)
    async with desk.tx(read_only=True) as tx:
        found = await jobs.page(tx, before, _SHOWN + 1)
    return desk.page("imports.html", typed=typed, **page_of(found, _SHOWN))


async def _pieces(file: UploadFile) -> AsyncIterator[bytes]:
    while piece := await file.read(_PIECE):
        yield piece
