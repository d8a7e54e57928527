"""Every answer to somebody who acts as a customer says so, and takes a session from the browser that is over."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from commerce.http import acting_cookie, by_session, core_of, delete_acting_cookie
from commerce.identity.acting import ActingStaff
from commerce.identity.service import Shopper
from foundation.settings import Settings

HEADER = b"tradewind-acting"
_SHOP = "/v1/store/"


class Naming:
    """The middleware that says it: `Tradewind-Acting: <id of the acting>; until=2026-01-01T09:30:00+00:00`."""

    def __init__(self, app: ASGIApp, *, settings: Settings) -> None:
        self._app = app
        forgotten = Response()
        delete_acting_cookie(forgotten, settings)
        self._cookie = f"{acting_cookie(settings)}=".encode()
        self._forgotten = [header for header in forgotten.raw_headers if header[0] == b"set-cookie"]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        state = scope["state"]

        async def named(message: Message) -> None:
            if message["type"] == "http.response.start":
                if self._is_unasked(scope):
                    await here(Request(scope))
                staff: ActingStaff | None = state.get("acting")
                if staff is not None:
                    said = f"{staff.id}; until={staff.ends_at.isoformat(timespec='seconds')}"
                    message["headers"] = [*message.get("headers", []), (HEADER, said.encode())]
                if state.get("acting_ended"):
                    message["headers"] = [*message.get("headers", []), *self._forgotten]
            await send(message)

        await self._app(scope, receive, named)

    def _is_unasked(self, scope: Scope) -> bool:
        """Whether they may be here as a customer and nothing has asked: the answer was kept, or is everybody's."""
        if not scope["path"].startswith(_SHOP):
            return False
        cookies = b"; ".join(value for name, value in scope["headers"] if name == b"cookie")
        return self._cookie in cookies and not {"acting", "acting_ended"} & scope["state"].keys()


async def here(request: Request) -> Shopper | None:
    """Whoever is here as a customer by their cookie, where nothing else has asked. That an answer says so is no reason
    for it to fail.
    """
    core = core_of(request)
    token = request.cookies.get(acting_cookie(core.settings))
    if token is None:
        return None
    try:
        shop = await core.directory.by_host(request.headers.get("host", ""))
        async with core.database.tx(shop.id, read_only=True) as tx:
            return await by_session(tx, request, token)
    except Exception:  # noqa: BLE001
        return None
