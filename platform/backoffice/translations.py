"""What the catalogue says in the shop's other languages: one page for everything that has texts."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query, Request
from pydantic import StringConstraints
from starlette.responses import Response

from backoffice.desk import Desk, desk
from backoffice.typed import NOTHING, Typed, refused
from commerce.catalog.products.history import Author
from commerce.catalog.translations import service
from commerce.catalog.translations.schemas import MOST_TEXTS, TranslationIn
from commerce.catalog.translations.service import Kind
from commerce.configuration.schemas import Locale
from foundation.errors import Problem
from foundation.types import Id
from pages.forms import fields, validated, whole

router = APIRouter(prefix="/back-office/translations")
Reader = Annotated[Desk, Depends(desk("catalog:read"))]
Publisher = Annotated[Desk, Depends(desk("catalog:publish"))]
OfKind = Annotated[Kind, Path()]
Key = Annotated[Id | Annotated[str, StringConstraints(pattern=r"^[a-z0-9_-]{1,100}$")], Path()]
OfLocale = Annotated[Locale, Path()]
HERE = "/back-office/translations"
_BESIDE = 2
"""Fields of the form that are no texts."""
_PAGES = {"brands": "/back-office/brands", "attributes": "/back-office/product-types"}


@router.get("/{kind}/{key}")
async def show(desk: Reader, kind: OfKind, key: Key, locale: Annotated[Locale | None, Query()] = None) -> Response:
    """What it says, and what it says in a language."""
    return await _page(desk, kind, str(key), locale)


@router.post("/{locale}/{kind}/{key}")
async def keep(request: Request, desk: Publisher, locale: OfLocale, kind: OfKind, key: Key) -> Response:
    """Say this in a language; what is left empty is said in the shop's own."""
    sent = await fields(request, MOST_TEXTS + _BESIDE)
    texts = {
        name.removeprefix("text."): said.replace("\r\n", "\n").strip()
        for name, said in sent.items()
        if name.startswith("text.") and said.strip()
    }
    try:
        others = {name: value for name, value in sent.items() if not name.startswith("text.") and name != "version"}
        version = {"version": whole(sent["version"])} if sent.get("version") else {}
        body = validated(TranslationIn, {**others, **version, "texts": texts})
        async with desk.tx() as tx:
            await service.put(tx, Author.of(desk.staff), desk.shop, kind, str(key), locale, body)
    except Problem as problem:
        field = problem.members().get("text")
        typed = await refused(request, problem, field=f"text.{field}" if field else None)
        return await _page(desk, kind, str(key), locale, typed)
    return desk.redirect(f"{HERE}/{kind}/{key}?locale={locale}", "kept")


async def _page(desk: Desk, kind: Kind, key: str, locale: str | None, typed: Typed = NOTHING) -> Response:
    locales = list(desk.shop.locales)
    read = locale if locale in locales else next(iter(locales), None)
    async with desk.tx() as tx:
        found = await service.read(tx, kind, key)
    said: dict[str, Any] = next((one.texts for one in found.items if one.locale == read), {})
    return desk.page(
        "translations.html",
        typed=typed,
        kind=kind,
        key=key,
        found=found,
        said=said,
        locale=read,
        locales=[(one, any(each.locale == one for each in found.items)) for one in locales],
        back=_PAGES.get(kind, f"/back-office/{kind}/{key}"),
    )
