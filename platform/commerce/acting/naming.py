"""Every answer to somebody who acts as a customer says so, and takes a session from the browser that is over."""

from __future__ import annotations

from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from commerce.http import delete_acting_cookie
from commerce.identity.acting import ActingStaff
from foundation.settings import Settings

HEADER = b"tradewind-acting"


class Naming:
    """The middleware that says it: `Tradewind-Acting: <id of the acting>; until=2026-01-01T09:30:00+00:00`."""

    def __init__(self, app: ASGIApp, *, settings: Settings) -> None:
        self._app = app
        forgotten = Response()
        delete_acting_cookie(forgotten, settings)
        self._forgotten = [header for header in forgotten.raw_headers if header[0] == b"set-cookie"]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        state = scope["state"]

        async def named(message: Message) -> None:
            if message["type"] == "http.response.start":
                staff: ActingStaff | None = state.get("acting")
                if staff is not None:
                    said = f"{staff.id}; until={staff.ends_at.isoformat(timespec='seconds')}"
                    message["headers"] = [*message.get("headers", []), (HEADER, said.encode())]
                if state.get("acting_ended"):
                    message["headers"] = [*message.get("headers", []), *self._forgotten]
            await send(message)

        await self._app(scope, receive, named)
