"""The sales channels of the shop."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Request
from pydantic import BeforeValidator
from starlette.responses import Response

from backoffice.desk import Desk, desk
from backoffice.typed import NOTHING, Typed, refused
from commerce.channels import service
from commerce.channels.schemas import ChannelChange, ChannelIn, Version
from foundation.errors import Problem
from foundation.types import Slug
from pages.forms import Button, read, whole

router = APIRouter(prefix="/back-office/sales-channels")
Reader = Annotated[Desk, Depends(desk("prices:read"))]
Writer = Annotated[Desk, Depends(desk("prices:write"))]
Code = Annotated[Slug, Path()]
HERE = "/back-office/sales-channels"


class ChangeForm(ChannelChange):
    """`ChannelChange`, as a form sends it."""

    version: Annotated[Version, BeforeValidator(whole)]


@router.get("")
async def show(desk: Reader) -> Response:
    """The channels there are."""
    return await _page(desk)


@router.post("")
async def add(request: Request, desk: Writer) -> Response:
    """A new one."""
    try:
        form = await read(request, ChannelIn)
        async with desk.tx() as tx:
            await service.add(tx, form)
    except Problem as problem:
        return await _page(desk, await refused(request, problem, field="code"))
    return desk.redirect(HERE, "channel-added")


@router.post("/{code}")
async def rename(request: Request, desk: Writer, code: Code) -> Response:
    """Call one otherwise."""
    try:
        form = await read(request, ChangeForm)
        async with desk.tx() as tx:
            await service.rename(tx, code, form)
    except Problem as problem:
        return await _page(desk, await refused(request, problem), open_at=code)
    return desk.redirect(HERE, "changed")


@router.post("/{code}/retirement")
async def retire(request: Request, desk: Writer, code: Code) -> Response:
    """Sell nothing more on one."""
    await read(request, Button)
    try:
        async with desk.tx() as tx:
            await service.retire(tx, code)
    except Problem as problem:
        return await _page(desk, await refused(request, problem), open_at=code)
    return desk.redirect(HERE, "channel-retired")


async def _page(desk: Desk, typed: Typed = NOTHING, *, open_at: str | None = None) -> Response:
    async with desk.tx(read_only=True) as tx:
        found = await service.channels(tx)
    return desk.page("sales_channels.html", channels=found, typed=typed, open_at=open_at)
