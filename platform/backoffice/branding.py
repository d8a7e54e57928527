"""What the shop looks like: its logo, its colour, the words at its door."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from pydantic import BeforeValidator
from starlette.responses import Response

from backoffice.desk import Desk, desk
from backoffice.typed import NOTHING, Typed, refused
from commerce.branding import logo
from commerce.configuration import service as configuration
from commerce.configuration.schemas import Colour, Configuration, Front
from foundation.colours import DEFAULT_ACCENT, READABLE, WHITE, contrast, hex_of, on, readable_on_white, rgb_of
from foundation.errors import Problem
from foundation.types import Input, Note, Text
from pages.forms import Button, blank, read, read_with_file

router = APIRouter(prefix="/back-office/branding")
Reader = Annotated[Desk, Depends(desk("settings:read"))]
Writer = Annotated[Desk, Depends(desk("settings:write"))]
HERE = "/back-office/branding"


class LookForm(Input):
    """The colour, and the words at the top of the home page."""

    accent: Annotated[Colour | None, BeforeValidator(blank)] = None
    headline: Annotated[Text | None, BeforeValidator(blank)] = None
    text: Annotated[Note | None, BeforeValidator(blank)] = None


class LogoForm(Input):
    """A picture."""

    logo: bytes


@router.get("")
async def show(desk: Reader) -> Response:
    """As it is now."""
    return await _page(desk)


@router.post("")
async def keep(request: Request, desk: Writer) -> Response:
    """Look like this from now on."""
    try:
        form = await read(request, LookForm)

        def part(present: Configuration) -> Configuration:
            theme = present.theme.model_copy(update={"accent": form.accent})
            front = Front(headline=form.headline, text=form.text)
            return present.model_copy(update={"theme": theme, "storefront": front})

        async with desk.tx() as tx:
            await configuration.amend(tx, part, by=desk.staff.name, note="Branding")
    except Problem as problem:
        return await _page(desk, await refused(request, problem))
    desk.heard()
    return desk.redirect(HERE, "kept")


@router.post("/logo")
async def keep_logo(request: Request, desk: Writer) -> Response:
    """Have another logo."""
    try:
        form = await read_with_file(request, LogoForm, "logo", most=0)
        await logo.put(desk.core.database, desk.core.settings, desk.shop.id, form.logo, by=desk.staff.name)
    except Problem as problem:
        return await _page(desk, await refused(request, problem, field="logo"))
    desk.heard()
    return desk.redirect(HERE, "logo-kept")


@router.post("/logo/removal")
async def remove_logo(request: Request, desk: Writer) -> Response:
    """Have the shop's name in place of its logo."""
    await read(request, Button)
    async with desk.tx() as tx:
        await logo.remove(tx, by=desk.staff.name)
    desk.heard()
    return desk.redirect(HERE, "logo-removed")


@router.get("/preview.css")
async def preview(_: Reader, accent: Annotated[Colour, Query()]) -> Response:
    """The colours of a part of a page that shows what an accent would look like."""
    colour = rgb_of(accent)
    body = (
        f".preview{{--color-accent:{hex_of(colour)};--color-on-accent:{hex_of(on(colour))};"
        f"--color-accent-text:{hex_of(readable_on_white(colour))};"
        f"--color-tint:color-mix(in oklab,{hex_of(colour)} 9%,#fff);"
        f"--color-tint-strong:color-mix(in oklab,{hex_of(colour)} 18%,#fff)}}"
    )
    return Response(body, media_type="text/css", headers={"Cache-Control": "private, no-store"})


async def _page(desk: Desk, typed: Typed = NOTHING) -> Response:
    async with desk.tx(read_only=True) as tx:
        present = Configuration.model_validate((await configuration.read(tx)).configuration)
    wanted = typed.value("accent", present.theme.accent or DEFAULT_ACCENT)
    accent = wanted if _is_colour(wanted) else DEFAULT_ACCENT
    colour = rgb_of(accent)
    return desk.page(
        "branding.html",
        typed=typed,
        present=present,
        accent=accent,
        on_button=contrast(colour, on(colour)),
        on_white=contrast(colour, WHITE),
        readable=READABLE,
    )


def _is_colour(value: str) -> bool:
    return len(value) == 7 and value[0] == "#" and all(one in "0123456789abcdefABCDEF" for one in value[1:])
