"""Product feeds that are fetched from an address: declared, followed, given another address, taken back."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Request
from pydantic import BeforeValidator
from starlette.responses import Response

from backoffice.desk import Desk, desk
from backoffice.typed import NOTHING, Typed, refused
from commerce.archives.handing_out import require_storage
from commerce.channels import service as channels
from commerce.configuration.schemas import Locale
from commerce.feeds import service
from commerce.feeds.schemas import FeedChange, FeedIn, Hours, Version
from commerce.http import front_of
from foundation.errors import Problem
from foundation.types import Id
from pages.forms import Button, blank, read, whole

router = APIRouter(prefix="/back-office/imports/feeds")
Reader = Annotated[Desk, Depends(desk("catalog:read"))]
Publisher = Annotated[Desk, Depends(desk("catalog:publish"))]
FeedId = Annotated[Id, Path()]
HERE = "/back-office/imports/feeds"
UP = "/back-office/imports"


class FeedForm(FeedIn):
    """`FeedIn`, as a form sends it."""

    language: Annotated[Locale | None, BeforeValidator(blank)] = None
    every_hours: Annotated[Hours, BeforeValidator(whole)] = 24


class ChangeForm(FeedForm, FeedChange):
    """`FeedChange`, as a form sends it."""

    version: Annotated[Version, BeforeValidator(whole)]


@router.get("")
async def form(desk: Reader) -> Response:
    """A form for another feed."""
    return await _form(desk)


@router.post("")
async def declare(request: Request, desk: Publisher) -> Response:
    """Declare one. Its address is on the page that answers, and on no other."""
    try:
        form = await read(request, FeedForm)
        require_storage(desk.core.settings)
        async with desk.tx() as tx:
            made = await service.declare(
                tx, desk.shop, form, by=desk.staff.principal, home=front_of(request, desk.shop)
            )
    except Problem as problem:
        return await _form(desk, await refused(request, problem, field="name"))
    return await _one(desk, made.id, address=made.address)


@router.get("/{feed_id}")
async def show(desk: Reader, feed_id: FeedId) -> Response:
    """One of them; while it is being built the page comes again by itself."""
    return await _one(desk, feed_id)


@router.post("/{feed_id}")
async def change(request: Request, desk: Publisher, feed_id: FeedId) -> Response:
    """Make it another feed at the same address."""
    try:
        form = await read(request, ChangeForm)
        async with desk.tx() as tx:
            await service.change(
                tx, desk.shop, feed_id, form, by=desk.staff.principal, home=front_of(request, desk.shop)
            )
    except Problem as problem:
        return await _one(desk, feed_id, await refused(request, problem, field="name"))
    return desk.redirect(f"{HERE}/{feed_id}", "changed")


@router.post("/{feed_id}/builds")
async def build(request: Request, desk: Publisher, feed_id: FeedId) -> Response:
    """Have it built now."""
    await read(request, Button)
    async with desk.tx() as tx:
        await service.build(tx, feed_id, by=desk.staff.principal, home=front_of(request, desk.shop))
    return desk.redirect(f"{HERE}/{feed_id}")


@router.post("/{feed_id}/rotation")
async def rotate(request: Request, desk: Publisher, feed_id: FeedId) -> Response:
    """Another address; it is on the page that answers, and on no other."""
    await read(request, Button)
    async with desk.tx() as tx:
        made = await service.rotate(tx, feed_id)
    return await _one(desk, feed_id, address=made.address)


@router.post("/{feed_id}/revocation")
async def revoke(request: Request, desk: Publisher, feed_id: FeedId) -> Response:
    """Take it back."""
    await read(request, Button)
    async with desk.tx() as tx:
        await service.revoke(tx, feed_id)
    return desk.redirect(UP, "feed-revoked")


async def _form(desk: Desk, typed: Typed = NOTHING) -> Response:
    async with desk.tx(read_only=True) as tx:
        sold_on = await channels.channels(tx)
    return desk.page("feed_new.html", typed=typed, channels=sold_on)


async def _one(desk: Desk, feed_id: UUID, typed: Typed = NOTHING, *, address: str | None = None) -> Response:
    async with desk.tx(read_only=True) as tx:
        feed = await service.one(tx, feed_id)
        sold_on = await channels.channels(tx)
    goes_on = feed.latest is not None and feed.latest.status in {"waiting", "running"}
    # Whoever is to copy an address keeps the page that has it.
    return desk.page(
        "feed.html",
        typed=typed,
        feed=feed,
        channels=sold_on,
        address=address,
        goes_on=goes_on,
        comes_again=goes_on and address is None and typed.problem is None,
    )
