"""What one web worker serves: the API, the shop's pages and its back office, behind one address."""

from __future__ import annotations

from fastapi import FastAPI

from backoffice import pages as back_office
from commerce.app import create_app
from foundation.settings import Settings
from storefront.pages import install


def build(settings: Settings | None = None) -> FastAPI:
    """The API with the shop and its back office on top.

    Raises:
        EngineNotConfigured: Postgres has no address.
    """
    web = create_app(settings)
    install(web)
    back_office.install(web)
    return web
