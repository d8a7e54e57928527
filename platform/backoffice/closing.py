"""The end of the shop, and what it takes along."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Request
from pydantic import BeforeValidator
from starlette.responses import RedirectResponse, Response

from backoffice.desk import Desk, desk
from backoffice.typed import NOTHING, Typed, refused
from commerce.archives.handing_out import require_storage
from commerce.leaving import exports
from commerce.lifecycle import service
from foundation.errors import Problem
from foundation.types import Input, Note, Text
from pages.forms import Button, blank, read

router = APIRouter(prefix="/back-office/closing")
Reader = Annotated[Desk, Depends(desk("settings:read"))]
Closer = Annotated[Desk, Depends(desk("settings:close"))]
Taker = Annotated[Desk, Depends(desk("settings:export", proved_anew=True))]
HERE = "/back-office/closing"


class CloseForm(Input):
    """The shop's name, typed by whoever wants it to end."""

    name: Text
    reason: Annotated[Note | None, BeforeValidator(blank)] = None


@router.get("")
async def show(desk: Reader) -> Response:
    """How the shop stands."""
    return await _page(desk)


@router.post("")
async def close(request: Request, desk: Closer) -> Response:
    """Close it, to be deleted when the time of grace is over."""
    try:
        form = await read(request, CloseForm)
        grace = timedelta(days=desk.core.settings.closing_days)
        async with desk.tx() as tx:
            await service.close(tx, typed=form.name, reason=form.reason or "", by=desk.staff.name, grace=grace)
    except Problem as problem:
        return await _page(desk, await refused(request, problem, field="name"))
    desk.heard()
    return desk.redirect(HERE, "closing")


@router.post("/undo")
async def keep(request: Request, desk: Closer) -> Response:
    """It shall not end after all."""
    await read(request, Button)
    async with desk.tx() as tx:
        await service.keep(tx, by=desk.staff.name)
    desk.heard()
    return desk.redirect(HERE, "kept-open")


@router.post("/archives")
async def ask(request: Request, desk: Taker) -> Response:
    """Have everything of the shop put into an archive."""
    await read(request, Button)
    require_storage(desk.core.settings)
    async with desk.tx() as tx:
        await exports.ask(tx, by=desk.staff.principal)
    return desk.redirect(HERE, "archive-asked")


@router.get("/archives/{export_id}")
async def take(_: Taker, export_id: Annotated[UUID, Path()]) -> Response:
    """An archive, for whoever has proved just now who they are."""
    return RedirectResponse(f"/v1/admin/exports/{export_id}/file", status_code=303)


async def _page(desk: Desk, typed: Typed = NOTHING) -> Response:
    async with desk.tx(read_only=True) as tx:
        standing = await service.standing(tx)
        archives = await exports.every(tx)
    days = desk.core.settings.closing_days
    return desk.page("closing.html", typed=typed, standing=standing, archives=archives.items, days=days)
