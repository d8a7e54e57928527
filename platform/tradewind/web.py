"""What one web worker serves: the API and the shop's pages, behind one address."""

from __future__ import annotations

import gc

from fastapi import FastAPI

from backoffice import pages as back_office
from commerce.app import create_app
from foundation.settings import Settings
from storefront.pages import install


def build(settings: Settings | None = None) -> FastAPI:
    """The API with the shop and its back office on top."""
    web = create_app(settings)
    install(web)
    back_office.install(web)
    return web


app = build()

# All that is made by here stays until the process ends. A full collection would look through it again and again, and
# nobody is answered meanwhile: for 170 ms when it was measured, and for one with it left out.
gc.collect()
gc.freeze()
