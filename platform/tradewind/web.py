"""What one web worker serves: the API and the shop's pages, behind one address."""

from __future__ import annotations

from fastapi import FastAPI

from commerce.app import create_app
from storefront.pages import install


def build() -> FastAPI:
    """The API with the shop on top."""
    web = create_app()
    install(web)
    return web


app = build()
