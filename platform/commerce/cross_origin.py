"""Pages of other origins that may ask a shop's API: those its setting `cors_origins` names (Fetch standard, CORS).

A cookie is never asked for, so such a page acts by a token that it was given and not as whoever looks at it.
"""

from __future__ import annotations

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from commerce.tenancy.service import Directory, TenantSuspended, UnknownTenant

_PREFIXES = ("/v1/", "/oauth/token", "/oauth/revoke", "/oauth/jwks", "/.well-known/")
_ORIGIN, _WANTED = b"origin", b"access-control-request-method"
_ALLOWED = [
    (b"access-control-allow-methods", b"GET, POST, PUT, PATCH, DELETE"),
    (b"access-control-allow-headers", b"authorization, content-type, idempotency-key, if-match, if-none-match"),
    (b"access-control-max-age", b"600"),
]
_SHOWN = (
    b"access-control-expose-headers",
    b"etag, idempotency-replayed, ratelimit, ratelimit-policy, retry-after, tradewind-acting, x-request-id",
)


class CrossOrigin:
    """The middleware that says to a browser which other pages may read an answer."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer what a browser asks beforehand, or pass the request on."""
        if scope["type"] != "http" or not scope["path"].startswith(_PREFIXES):
            await self._app(scope, receive, send)
            return
        headers = dict(scope["headers"])
        origin = headers.get(_ORIGIN)
        if origin is None or not await _may_ask(scope, headers.get(b"host", b""), origin):
            await self._app(scope, receive, send)
            return
        if scope["method"] == "OPTIONS" and _WANTED in headers:
            await send({"type": "http.response.start", "status": 204, "headers": [*_named(origin), *_ALLOWED]})
            await send({"type": "http.response.body"})
            return
        await self._app(scope, receive, _telling(send, origin))


async def _may_ask(scope: Scope, host: bytes, origin: bytes) -> bool:
    directory: Directory = scope["app"].state.core.directory
    try:
        shop = await directory.by_host(host.decode("latin-1"))
    except (UnknownTenant, TenantSuspended):
        return False
    named = shop.settings.get("cors_origins", ())
    return origin.decode("latin-1") in named


def _named(origin: bytes) -> list[tuple[bytes, bytes]]:
    return [(b"access-control-allow-origin", origin), (b"vary", b"Origin")]


def _telling(send: Send, origin: bytes) -> Send:
    async def told(message: Message) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = [*message.get("headers", []), *_named(origin), _SHOWN]
        await send(message)

    return told
