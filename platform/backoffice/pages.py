"""The back office's pages on the core's app."""

from __future__ import annotations

from fastapi import FastAPI
from starlette.staticfiles import StaticFiles

from backoffice import (
    api_keys,
    audit,
    branding,
    brands,
    bulk_prices,
    categories,
    closing,
    collection_picture,
    collections,
    customers,
    digital_goods,
    domains,
    feeds,
    home,
    identity_providers,
    imports,
    invitation,
    legal,
    messages,
    offers,
    people,
    plan,
    prices,
    privacy,
    problems,
    product_media,
    product_types,
    products,
    programs,
    publishing,
    reviews,
    roles,
    sales_channels,
    search_report,
    search_rules,
    settings,
    synonyms,
    translations,
    vendor_reviews,
    webhooks,
)
from backoffice.rendering import PAGES
from foundation.routing import add_routes


def install(app: FastAPI) -> None:
    """Serve the back office beside the API and the shop's pages of `app`."""
    parts = (
        home,
        customers,
        digital_goods,
        privacy,
        invitation,
        people,
        roles,
        identity_providers,
        products,
        publishing,
        product_media,
        imports,
        feeds,
        prices,
        offers,
        bulk_prices,
        categories,
        collections,
        collection_picture,
        translations,
        product_types,
        reviews,
        vendor_reviews,
        brands,
        sales_channels,
        search_report,
        search_rules,
        synonyms,
        branding,
        settings,
        messages,
        legal,
        domains,
        api_keys,
        programs,
        webhooks,
        plan,
        audit,
        closing,
    )
    add_routes(app, (part.router for part in parts), described=False)
    app.mount(PAGES.at, StaticFiles(directory=PAGES.static), name="back-office")
    problems.install(app)
