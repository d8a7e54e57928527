"""The words of the shop's messages, tried out before they are kept."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Request
from pydantic import BeforeValidator, Field
from starlette.responses import HTMLResponse, Response

from backoffice.desk import Desk, desk
from backoffice.typed import NOTHING, Typed, refused
from commerce.branding import messages
from commerce.configuration.schemas import Template, Words
from commerce.http import home_of
from foundation.errors import Problem
from foundation.types import Input, LongText, Text
from pages.forms import Button, blank, read, unixed, whole

router = APIRouter(prefix="/back-office/messages")
Reader = Annotated[Desk, Depends(desk("settings:read"))]
Writer = Annotated[Desk, Depends(desk("settings:write"))]
OfTemplate = Annotated[Template, Path()]
HERE = "/back-office/messages"
_FRAMED = "default-src 'none'; style-src 'unsafe-inline'; img-src 'self' https:; sandbox; frame-ancestors 'self'"
"""A preview runs nothing and sends nothing; mails carry their styles in their elements."""


class WordsForm(Input):
    """The words of a message; a field left empty has the platform's."""

    version: Annotated[int, BeforeValidator(whole), Field(ge=1, le=2**62)]
    subject: Annotated[Text | None, BeforeValidator(blank)] = None
    body: Annotated[LongText | None, BeforeValidator(unixed)] = None
    action: Annotated[Text | None, BeforeValidator(blank)] = None
    look: Annotated[str, Field(max_length=1)] | None = None
    """Only show what it looks like."""

    def words(self) -> Words:
        """The words alone."""
        return Words(subject=self.subject, body=self.body, action=self.action)


@router.get("")
async def show(desk: Reader) -> Response:
    """Every message that the shop sends."""
    async with desk.tx(read_only=True) as tx:
        found = await messages.every(tx)
    return desk.page("messages.html", messages=found.items)


@router.get("/{template}")
async def show_one(desk: Reader, template: OfTemplate) -> Response:
    """One of them, to change."""
    return await _page(desk, template)


@router.get("/{template}/preview")
async def preview(request: Request, desk: Reader, template: OfTemplate) -> Response:
    """The message as it is sent now, with sample values, for a frame of its page."""
    async with desk.tx(read_only=True) as tx:
        message, _ = await messages.one(tx, template)
    shown = messages.preview(desk.shop, template, Words(**message.words.model_dump()), home_of(request))
    return HTMLResponse(shown.html, headers={"Content-Security-Policy": _FRAMED, "Cache-Control": "private, no-store"})


@router.post("/{template}")
async def keep(request: Request, desk: Writer, template: OfTemplate) -> Response:
    """Keep these words, or only look at them."""
    try:
        form = await read(request, WordsForm)
        if form.look:
            shown = messages.preview(desk.shop, template, form.words(), home_of(request))
            headers = {"Content-Security-Policy": _FRAMED, "Cache-Control": "private, no-store"}
            return HTMLResponse(shown.html, headers=headers)
        async with desk.tx() as tx:
            await messages.change(tx, template, form.words(), version=form.version, by=desk.staff.name)
    except Problem as problem:
        return await _page(desk, template, await refused(request, problem))
    desk.heard()
    return desk.redirect(f"{HERE}/{template}", "kept" if form.words() != Words() else "words-reset")


@router.post("/{template}/test")
async def send_test(request: Request, desk: Writer, template: OfTemplate) -> Response:
    """Send it to oneself, as it is kept now."""
    await read(request, Button)
    await messages.send_test(desk.core.database, desk.shop, desk.staff, template, home_of(request))
    return desk.redirect(f"{HERE}/{template}", "test-sent")


async def _page(desk: Desk, template: str, typed: Typed = NOTHING) -> Response:
    async with desk.tx(read_only=True) as tx:
        message, version = await messages.one(tx, template)
    return desk.page("message.html", frames="'self'", typed=typed, message=message, version=version)
