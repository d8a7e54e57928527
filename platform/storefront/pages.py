"""The shop's pages on the core's app."""

from __future__ import annotations

from fastapi import FastAPI
from starlette.staticfiles import StaticFiles

from commerce.consent.wording import CURRENT
from commerce.http import Core
from foundation.routing import add_routes
from storefront import (
    account,
    acting,
    addresses,
    authorizing,
    browse,
    cart,
    change_payments,
    checkout,
    delivery,
    downloads,
    elsewhere,
    factors,
    gift_cards,
    images,
    keeping,
    legal,
    methods,
    order_changes,
    order_claims,
    order_returns,
    orders,
    preferences,
    privacy,
    problems,
    rails,
    razorpay,
    registering,
    rendering,
    reviews,
    second_factors,
    security,
    seeing,
    sign_up,
    signing_in,
    splitting,
    stock_alerts,
    suggesting,
    test_bank,
    tongues,
    wishes,
)
from storefront.departments import Departments


def install(app: FastAPI) -> None:
    """Serve the shop's pages, pictures and static files beside the API of `app`."""
    known: dict[int, Departments] = {}

    def departments(core: Core) -> Departments:
        """The departments as this worker's database has them."""
        return known.setdefault(id(core.database), Departments(core.database))

    app.state.departments = departments
    rendering.environment().globals.update(picture=images.address, consent_version=CURRENT)
    parts = (
        browse,
        suggesting,
        seeing,
        cart,
        keeping,
        checkout,
        delivery,
        splitting,
        orders,
        order_changes,
        order_claims,
        reviews,
        gift_cards,
        downloads,
        order_returns,
        change_payments,
        razorpay,
        account,
        acting,
        sign_up,
        signing_in,
        registering,
        security,
        authorizing,
        addresses,
        preferences,
        privacy,
        stock_alerts,
        wishes,
        factors,
        second_factors,
        elsewhere,
        methods,
        images,
        legal,
        rails,
        tongues,
        test_bank,
    )
    add_routes(app, (part.router for part in parts), described=False)
    app.mount("/static", StaticFiles(directory=rendering.STATIC), name="static")
    problems.install(app)
