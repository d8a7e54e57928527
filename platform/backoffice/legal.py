"""What the shop says in law: written, looked at, published, and read again as it was."""

from __future__ import annotations

from contextlib import suppress
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Request
from pydantic import BeforeValidator, Field
from starlette.responses import Response

from backoffice.desk import Desk, desk
from backoffice.typed import NOTHING, Typed, refused
from commerce.configuration.schemas import Locale
from commerce.legal import service, writing
from commerce.legal.schemas import TITLES, Kind, Markdown, PageOut
from commerce.legal.service import PageNotFound
from foundation.errors import Problem
from foundation.types import Input, Text
from pages.forms import blank, read, whole

router = APIRouter(prefix="/back-office/legal")
Reader = Annotated[Desk, Depends(desk("settings:read"))]
Writer = Annotated[Desk, Depends(desk("settings:write"))]
OfKind = Annotated[Kind, Path()]
Version = Annotated[int, BeforeValidator(whole), Field(ge=0, le=2**62)]
HERE = "/back-office/legal"
VERSIONS = 20


class PageForm(Input):
    """Words to publish, or to look at."""

    locale: Locale
    version: Version
    title: Annotated[Text | None, BeforeValidator(blank)] = None
    markdown: Markdown
    look: Annotated[str, Field(max_length=1)] | None = None


class WithdrawForm(Input):
    """A page to take back."""

    locale: Locale
    version: Version


@router.get("")
async def show(desk: Reader) -> Response:
    """Which pages there are, in which languages."""
    async with desk.tx(read_only=True) as tx:
        there = await service.every(tx)
    by_kind = {kind: [page for page in there if page.kind == kind] for kind in TITLES}
    return desk.page("legal_pages.html", titles=TITLES, pages=by_kind)


@router.get("/{kind}")
async def show_one(desk: Reader, kind: OfKind, locale: Annotated[Locale | None, Query()] = None) -> Response:
    """One of them in a language, to change."""
    return await _page(desk, kind, locale or desk.shop.locale)


@router.post("/{kind}")
async def publish(request: Request, desk: Writer, kind: OfKind) -> Response:
    """Publish another version, or only look at it."""
    locale = desk.shop.locale
    try:
        form = await read(request, PageForm)
        locale = form.locale
        if form.look:
            writing.check(form.markdown)
            return await _page(desk, kind, locale, looked_at=form)
        async with desk.tx() as tx:
            await service.publish(
                tx, kind, locale, form.markdown, title=form.title, version=form.version, by=desk.staff.name
            )
    except Problem as problem:
        return await _page(desk, kind, locale, await refused(request, problem, field="markdown"))
    desk.heard()
    return desk.redirect(f"{HERE}/{kind}?locale={locale}", "published")


@router.post("/{kind}/withdrawal")
async def withdraw(request: Request, desk: Writer, kind: OfKind) -> Response:
    """Show it no more."""
    form = await read(request, WithdrawForm)
    async with desk.tx() as tx:
        await service.withdraw(tx, kind, form.locale, version=form.version, by=desk.staff.name)
    desk.heard()
    return desk.redirect(HERE, "withdrawn")


async def _page(
    desk: Desk, kind: Kind, locale: str, typed: Typed = NOTHING, *, looked_at: PageForm | None = None
) -> Response:
    page: PageOut | None = None
    async with desk.tx(read_only=True) as tx:
        history = await service.versions(tx, kind, locale, before=2**62, limit=VERSIONS)
        with suppress(PageNotFound):  # a new one
            page = await service.exactly(tx, kind, locale)
    return desk.page(
        "legal_page.html",
        typed=typed,
        kind=kind,
        usual=TITLES[kind],
        title=looked_at.title if looked_at else page.title if page else None,
        locale=locale,
        page=page,
        version=history.items[0].version if history.items else 0,
        history=history,
        markdown=looked_at.markdown if looked_at else page.markdown if page else "",
        preview=writing.html(looked_at.markdown) if looked_at else None,
    )
