"""Choosing in which of the shop's languages its goods are described."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import Response

from commerce import languages
from commerce.configuration.schemas import Locale
from commerce.policies import areas
from foundation.types import Input
from storefront.forms import LocalPath
from storefront.visit import VisitDep

router = APIRouter(route_class=areas.within(areas.BROWSING))
_REMEMBERED = 365 * 24 * 3600
"""Seconds for which the choice is."""


class Choice(Input):
    """The language, and the page to come back to."""

    locale: Locale
    next: LocalPath = "/"


@router.get("/language")
async def choose(visit: VisitDep, query: Annotated[Choice, Query()]) -> Response:
    """Read the shop's goods in a language from now on; one that the shop doesn't have changes nothing."""
    if query.locale in {visit.shop.locale, *visit.shop.locales}:
        secure = visit.core.settings.environment == "production"
        visit.cookies.set_cookie(
            languages.COOKIE,
            query.locale,
            max_age=_REMEMBERED,
            httponly=True,
            samesite="lax",
            secure=secure,
            path="/",
        )
    return visit.redirect(query.next)
