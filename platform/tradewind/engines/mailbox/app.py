"""The mailbox's pages, its messages as JSON, and the part of Twilio's REST API that the platform uses."""

from __future__ import annotations

import base64
import binascii
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

from tradewind.engines.mailbox.store import Arrived, Store

ACCOUNT = "local"
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; frame-src 'self'; form-action 'self'; base-uri 'none'"
_MAIL_POLICY = (
    "sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none'; style-src 'unsafe-inline'; "
    "img-src https: data:"
)
"""A mail runs nothing and loads nothing but pictures; its links open in a window of their own."""


class Mailbox:
    """The mailbox of a folder; text messages come with `token` as their password."""

    def __init__(self, store: Store, token: str) -> None:
        self._store, self._token = store, token
        self._pages = Environment(
            loader=FileSystemLoader(Path(__file__).with_name("templates")), autoescape=True, undefined=StrictUndefined
        )

    async def inbox(self, _: Request) -> Response:
        """All that arrived."""
        return self._page("inbox.html", messages=self._store.all())

    async def message(self, request: Request) -> Response:
        """One message."""
        found = self._store.find(request.path_params["name"])
        return self._page("message.html", message=found) if found else _nothing()

    async def content(self, request: Request) -> Response:
        """A mail's HTML, which its page shows in a frame."""
        found = self._store.find(request.path_params["name"])
        if found is None or found.html is None:
            return _nothing()
        html = found.html.replace("<head>", '<head><base target="_blank">', 1)
        return HTMLResponse(html, headers={"Content-Security-Policy": _MAIL_POLICY, "Referrer-Policy": "no-referrer"})

    async def clear(self, request: Request) -> Response:
        """Throw all away."""
        if request.headers.get("sec-fetch-site", "same-origin") not in {"same-origin", "none"}:
            return PlainTextResponse("Not from another site", 403)
        self._store.clear()
        return RedirectResponse("/", 303)

    async def listed(self, _: Request) -> Response:
        """All that arrived, for a program."""
        return JSONResponse({"messages": [_described(one) for one in self._store.all()]})

    async def text(self, request: Request) -> Response:
        """Take a text message, as Twilio does."""
        if not _is_let_in(request, self._token):
            return JSONResponse({"code": 20003, "message": "Authenticate"}, 401)
        form = {name: values[-1] for name, values in parse_qs((await request.body()).decode()).items()}
        if not {"To", "From", "Body"} <= form.keys():
            return JSONResponse({"code": 21604, "message": "'To', 'From' and 'Body' are needed"}, 400)
        name = self._store.add_text(sender=form["From"], recipient=form["To"], words=form["Body"])
        return JSONResponse({"sid": f"SM{name[18:26]}", "status": "queued", "to": form["To"]}, 201)

    def _page(self, template: str, **context: Any) -> Response:
        body = self._pages.get_template(template).render(context)
        headers = {"Content-Security-Policy": _POLICY, "Cache-Control": "no-store", "Referrer-Policy": "no-referrer"}
        return HTMLResponse(body, headers=headers)


def create_app(store: Store, token: str) -> Starlette:
    """The mailbox of a folder as an app."""
    mailbox = Mailbox(store, token)
    return Starlette(
        routes=[
            Route("/", mailbox.inbox),
            Route("/healthz", _healthy),
            Route("/messages/{name}", mailbox.message),
            Route("/messages/{name}/content", mailbox.content),
            Route("/clear", mailbox.clear, methods=["POST"]),
            Route("/api/messages", mailbox.listed),
            Route(f"/2010-04-01/Accounts/{ACCOUNT}/Messages.json", mailbox.text, methods=["POST"]),
        ]
    )


async def _healthy(_: Request) -> Response:
    return PlainTextResponse("ok")


def _nothing() -> Response:
    return PlainTextResponse("No such message", 404)


def _described(one: Arrived) -> dict[str, Any]:
    return {
        "name": one.name,
        "channel": one.channel,
        "at": one.at.isoformat(),
        "from": one.sender,
        "to": one.recipient,
        "subject": one.subject,
        "text": one.text,
    }


def _is_let_in(request: Request, token: str) -> bool:
    scheme, _, given = request.headers.get("authorization", "").partition(" ")
    try:
        user, _, password = base64.b64decode(given, validate=True).decode().partition(":")
    except (binascii.Error, ValueError):
        return False
    return scheme.lower() == "basic" and (user, password) == (ACCOUNT, token)
