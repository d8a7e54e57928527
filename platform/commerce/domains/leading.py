"""Whoever asks for a page at one of a shop's other names is sent to its primary domain.

The host sent to is one that the directory has, never one that a request names; path and query are as they were.
"""

from __future__ import annotations

from urllib.parse import quote

from starlette.types import ASGIApp, Receive, Scope, Send

from commerce.http import Core
from commerce.tenancy.service import Shop
from foundation.errors import Problem

STAYS = (
    "/v1",
    "/oauth",
    "/.well-known",
    "/healthz",
    "/problems",
    "/docs",
    "/redoc",
    "/openapi.json",
    "/static",
    "/shop",
    "/back-office",
    "/sign-in",
    "/sign-up",
    "/account/confirm",
)
"""What is answered where it was asked for: programs and what pages load; and the way in for those who work here, who
could not undo it otherwise when their domain leads nowhere.
"""
_SECONDS = 3600
"""How long a browser may remember it: a primary domain can be changed."""


class Leading:
    """The middleware that sends whoever asks for a page to the shop's primary domain."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer with 301, or pass the request on."""
        place = await _elsewhere(scope) if _asks_for_page(scope) else None
        if place is None:
            await self._app(scope, receive, send)
            return
        headers = [
            (b"location", place),
            (b"cache-control", f"public, max-age={_SECONDS}".encode()),
            (b"vary", b"Host"),
            (b"content-length", b"0"),
        ]
        await send({"type": "http.response.start", "status": 301, "headers": headers})
        await send({"type": "http.response.body"})


def _asks_for_page(scope: Scope) -> bool:
    if scope["type"] != "http" or scope["method"] not in {"GET", "HEAD"}:
        return False
    path: str = scope["path"]
    return not any(path == one or path.startswith(f"{one}/") for one in STAYS)


async def _elsewhere(scope: Scope) -> bytes | None:
    """Where a page is to be asked for, if not here."""
    core: Core = scope["app"].state.core
    asked = dict(scope["headers"]).get(b"host", b"").decode("latin-1").strip().lower()
    name, _, port = asked.partition(":")
    name = name.rstrip(".")
    if name == core.settings.platform_host:
        return None
    try:
        shop: Shop = await core.directory.found(asked)
    except Problem:
        return None  # The page says what is wrong.
    if shop.primary_host is None or shop.primary_host == name:
        return None
    in_production = core.settings.environment == "production"
    scheme = "https" if in_production else scope["scheme"]
    at = "" if in_production or not (port.isascii() and port.isdigit()) else f":{int(port)}"
    path: bytes = scope.get("raw_path") or quote(scope["path"]).encode()
    query: bytes = scope["query_string"]
    return f"{scheme}://{shop.primary_host}{at}".encode() + path + (b"?" + query if query else b"")
