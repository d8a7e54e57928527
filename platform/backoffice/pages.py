"""The back office's pages on the core's app."""

from __future__ import annotations

from fastapi import FastAPI
from starlette.staticfiles import StaticFiles

from backoffice import customers, home, invitation, people, problems, roles
from backoffice.rendering import PAGES
from foundation.routing import add_routes


def install(app: FastAPI) -> None:
    """Serve the back office beside the API and the shop's pages of `app`."""
    parts = (home, customers, invitation, people, roles)
    add_routes(app, (part.router for part in parts), described=False)
    app.mount(PAGES.at, StaticFiles(directory=PAGES.static), name="back-office")
    problems.install(app)
