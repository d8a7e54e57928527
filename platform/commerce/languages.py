"""In which of its languages a shop is read: as the address says, else as the visitor chose, else as their browser asks.

A language is that of a locale, with its country or without (BCP 47): whoever reads `de-CH` is given what is said in
`de-CH`, else in `de`, else in the shop's own. A shop with one language costs nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from urllib.parse import parse_qs

from starlette.datastructures import Headers
from starlette.requests import cookie_parser
from starlette.types import Scope

from commerce.tenancy.service import Shop

COOKIE = "tradewind_locale"
_API = "/v1/"
_MOST_FIELDS = 100
_LONGEST = 500
"""Characters of a header that are read."""


def read_in(scope: Scope, shop: Shop) -> Shop:
    """The shop, in the language of a request."""
    if not shop.locales:
        return shop
    return replace(shop, language=negotiated(_wanted(scope), shop.locale, shop.locales))


def negotiated(wanted: Iterable[str], own: str, others: Sequence[str]) -> str | None:
    """Which of a shop's locales fits what is wanted best, the most wanted first; `None` for its own.

    One that fits but for its country is taken before the next wanted.
    """
    there = {one.lower(): one for one in (own, *others)}
    for one in wanted:
        language = one.lower().partition("-")[0]
        alike = [name for name in there if name.partition("-")[0] == language]
        found = next((name for name in (one.lower(), language, *alike) if name in there), None)
        if found is not None:
            return None if there[found] == own else there[found]
    return None


def accepted(header: str) -> list[str]:
    """The locales of an `Accept-Language` header, the most wanted first (RFC 9110, section 12.5.4)."""
    weighed = []
    for place, one in enumerate(header[:_LONGEST].split(",")):
        name, _, weight = one.strip().partition(";")
        try:
            quality = float(weight.strip().removeprefix("q=")) if weight else 1.0
        except ValueError:
            continue
        if quality > 0 and name.strip():
            weighed.append((-quality, place, name.strip()))
    return [name for _, _, name in sorted(weighed)]


def _wanted(scope: Scope) -> list[str]:
    headers = Headers(scope=scope)
    chosen = [] if scope["path"].startswith(_API) else [cookie_parser(headers.get("cookie", "")).get(COOKIE, "")]
    return [*_asked(scope), *filter(None, chosen), *accepted(headers.get("accept-language", ""))]


def _asked(scope: Scope) -> list[str]:
    try:
        found = parse_qs(scope["query_string"].decode("latin-1"), max_num_fields=_MOST_FIELDS)
    except ValueError:  # whoever reads the query says what is wrong with it
        return []
    return found.get("locale", [])[:1]
