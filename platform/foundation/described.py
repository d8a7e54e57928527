"""The API's description as pages to read and to try; they load nothing from elsewhere and name their scripts."""

from __future__ import annotations

import secrets
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.docs import get_redoc_html, get_swagger_ui_html
from fastapi_offline import FastAPIOffline
from starlette.responses import HTMLResponse

from foundation.access import ANYONE, needs

_STATIC = "/static-offline-docs"
_ICON = f"{_STATIC}/favicon.png"


def described(**options: Any) -> FastAPI:
    """A FastAPI with `/docs` and `/redoc`, without a CDN."""
    app = FastAPIOffline(docs_url=None, redoc_url=None, static_url=_STATIC, **options)
    address = app.openapi_url or ""

    @needs(ANYONE)
    async def docs() -> HTMLResponse:
        """To try."""
        script, style = f"{_STATIC}/swagger-ui-bundle.js", f"{_STATIC}/swagger-ui.css"
        return _page(
            get_swagger_ui_html(
                openapi_url=address,
                title=app.title,
                swagger_js_url=script,
                swagger_css_url=style,
                swagger_favicon_url=_ICON,
            )
        )

    @needs(ANYONE)
    async def redoc() -> HTMLResponse:
        """To read."""
        script = f"{_STATIC}/redoc.standalone.js"
        return _page(
            get_redoc_html(
                openapi_url=address,
                title=app.title,
                redoc_js_url=script,
                redoc_favicon_url=_ICON,
                with_google_fonts=False,
            )
        )

    app.add_api_route("/docs", docs, include_in_schema=False)
    app.add_api_route("/redoc", redoc, include_in_schema=False)
    return app


def _page(page: HTMLResponse) -> HTMLResponse:
    """Both write their styles as they go; ReDoc searches in a worker it makes itself."""
    nonce = secrets.token_urlsafe(16)
    body = bytes(page.body).replace(b"<script", b'<script nonce="%s"' % nonce.encode())
    policy = (
        f"default-src 'none'; script-src 'nonce-{nonce}'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
        "font-src 'self'; connect-src 'self'; worker-src blob:; base-uri 'none'; frame-ancestors 'none'"
    )
    return HTMLResponse(body, headers={"Content-Security-Policy": policy})
