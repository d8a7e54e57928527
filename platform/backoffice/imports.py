"""Files of products: sent, tried without changing anything, followed, stopped, their bad rows taken back; and made."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Path, Query, Request
from pydantic import BeforeValidator, Field
from starlette.datastructures import UploadFile
from starlette.responses import Response

from backoffice.desk import Desk, desk
from backoffice.typed import NOTHING, Typed, refused
from commerce.archives.handing_out import require_storage
from commerce.catalog.schemas import Cursor
from commerce.exchange import exporting, exports, jobs, storing
from commerce.exchange.api import errors_of, export_of
from commerce.exchange.exports_api import file_of
from commerce.exchange.schemas import MOST_MAPPED, ExportIn, ImportQuery, Mapped
from commerce.feeds import service as feeds
from commerce.http import front_of
from commerce.paging import LAST, page_of, place_of
from foundation.errors import Problem
from foundation.types import Id, Input
from pages.forms import Button, blank, read, split_lines, ticked, with_file

router = APIRouter(prefix="/back-office/imports")
Reader = Annotated[Desk, Depends(desk("catalog:read"))]
Publisher = Annotated[Desk, Depends(desk("catalog:publish"))]
Writer = Annotated[Desk, Depends(desk("catalog:write"))]
ImportId = Annotated[Id, Path()]
ExportId = Annotated[Id, Path()]
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


class ExportForm(ExportIn):
    """`ExportIn`, as a form sends it."""

    costs: Annotated[bool, BeforeValidator(ticked)] = False


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


@router.post("/exports")
async def ask(request: Request, desk: Writer) -> Response:
    """Have the catalogue written into a file."""
    form = await read(request, ExportForm)
    try:
        if form.costs:
            desk.staff.require("prices:read")
        require_storage(desk.core.settings)
        async with desk.tx() as tx:
            asked = await exports.ask(tx, form, by=desk.staff.principal, home=front_of(request, desk.shop))
    except Problem as problem:
        return await _page(desk, typed=await refused(request, problem, field="export"))
    return desk.redirect(f"{HERE}/exports/{asked.id}")


@router.get("/exports/{export_id}")
async def follow_export(desk: Reader, export_id: ExportId) -> Response:
    """How far a file is; while it goes on the page comes again by itself."""
    async with desk.tx(read_only=True) as tx:
        found = await exports.one(tx, export_id)
    return desk.page("export.html", one=found, goes_on=found.status in {"waiting", "running"})


@router.get("/exports/{export_id}/file")
async def take_file(desk: Reader, export_id: ExportId) -> Response:
    """The file."""
    return await file_of(desk.core, desk.shop, export_id, desk.staff)


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
        files = [one for _, one in await exports.page(tx, LAST, exports.MOST_KEPT)] if cursor is None else []
        fed = [one for _, one in await feeds.page(tx, LAST, feeds.MOST)] if cursor is None else []
    return desk.page("imports.html", typed=typed, files=files, feeds=fed, **page_of(found, _SHOWN))


async def _pieces(file: UploadFile) -> AsyncIterator[bytes]:
    while piece := await file.read(_PIECE):
        yield piece
