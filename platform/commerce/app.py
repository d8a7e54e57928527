"""The transactional core's HTTP API."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cache, partial

import httpx
from fastapi import FastAPI, Request
from fastapi.routing import APIRoute
from sqlalchemy import text
from starlette.types import Scope

import commerce.tables  # noqa: F401  (a table of one context refers to those of others)
from commerce.accounts import api as accounts
from commerce.accounts import factors_api as factors
from commerce.acting import api as acting
from commerce.acting.naming import Naming
from commerce.audit import api as audit
from commerce.behaviour import api as behaviour
from commerce.behaviour import staff_api as dead_letters
from commerce.billing import api as billing
from commerce.billing.service import configured as configured_billing
from commerce.branding import api as branding
from commerce.bulk_pricing import api as bulk_pricing
from commerce.cart import api as cart
from commerce.cart import gift_api as gifts
from commerce.cart import keeping_api as kept
from commerce.catalog import api as catalog
from commerce.catalog.attributes import api as attributes
from commerce.catalog.brands import api as brands
from commerce.catalog.categories import api as categories
from commerce.catalog.collections import api as collections
from commerce.catalog.facet_names import KnownNames
from commerce.catalog.links import api as links
from commerce.catalog.products import api as products
from commerce.catalog.products import vendor_api as vendor_products
from commerce.catalog.translations import api as translations
from commerce.checkout import api as checkout
from commerce.checkout import webhooks_api as webhooks
from commerce.configuration import api as configuration
from commerce.consent import api as consent
from commerce.cross_origin import CrossOrigin
from commerce.cross_site import require_same_origin
from commerce.deciding import DecisionClient, posting
from commerce.delivery import api as delivery
from commerce.digital import api as digital
from commerce.documents import api as documents
from commerce.domains import api as domains
from commerce.domains.leading import Leading
from commerce.domains.records import Dns
from commerce.exchange import api as exchange
from commerce.exchange import exports_api as catalogue_exports
from commerce.external_sign_in import api as external_sign_in
from commerce.external_sign_in import providers_api as identity_providers
from commerce.feeds import api as product_feeds
from commerce.feeds import fetching as fetched_feeds
from commerce.http import Core, session_cookie
from commerce.identity.passwords import Passwords
from commerce.inventory import api as inventory
from commerce.kept import CHANNEL, Kept, Shortcut
from commerce.leaving import api as leaving
from commerce.leaving import operator_api as departures
from commerce.ledger import api as ledger
from commerce.legal import api as legal
from commerce.lifecycle import api as lifecycle
from commerce.lifecycle import operator_api as operators
from commerce.limits.limiting import Limiter, Limits
from commerce.limits.sharing import Sharer
from commerce.media import api as media
from commerce.media import collection_api as collection_pictures
from commerce.media import vendor_api as vendor_media
from commerce.merchandising import api as merchandising
from commerce.onboarding import api as onboarding
from commerce.onboarding import operator_api as openings
from commerce.orders import api as orders
from commerce.orders import carrier_api as carriers
from commerce.orders import claims_api as claims
from commerce.orders import documents_api as order_documents
from commerce.orders import downloads_api as downloads
from commerce.orders import gift_sales_api as gift_sales
from commerce.orders import paying_api as changes_paid
from commerce.orders import payments_api as staff_payments
from commerce.orders import returns_api as order_returns
from commerce.orders import rules_api as order_rules
from commerce.orders import staff_api as staff_orders
from commerce.orders import staff_exports_api as staff_exports
from commerce.orders import staff_parcels_api as staff_parcels
from commerce.orders import staff_returns_api as staff_returns
from commerce.orders import vendor_api as vendor_orders
from commerce.payments import api as payments
from commerce.payments.accounts import api as payment_accounts
from commerce.payments.methods import api as payment_methods
from commerce.payments.providers.registry import close as close_providers
from commerce.payments.reconciliation import api as reconciliation
from commerce.plans.book import Book
from commerce.plans.gate import Gate
from commerce.price_watches import api as price_watches
from commerce.pricing import api as pricing
from commerce.pricing import channels_api as sales_channels
from commerce.privacy import api as privacy
from commerce.privacy import exports_api as person_exports
from commerce.privacy import farewells_api as farewells
from commerce.profile import api as profile
from commerce.programs import api as programs
from commerce.programs import keys_api, oauth_api
from commerce.promotions import api as promotions
from commerce.recommendations import api as recommendations
from commerce.reviews import api as reviews
from commerce.reviews import staff_api as staff_reviews
from commerce.reviews import vendor_api as vendor_reviews
from commerce.sessions import api as sessions
from commerce.staffing import api as staffing
from commerce.staffing import vendor_api as vendor_staffing
from commerce.stock_alerts import api as stock_alerts
from commerce.stored_value import api as stored_value
from commerce.taxes import api as taxes
from commerce.taxes.vat_ids import NoRegister, Vies
from commerce.tenancy.service import CHANNEL as DIRECTORY
from commerce.tenancy.service import Directory
from commerce.vendors import api as vendors
from commerce.visual_search import api as visual_search
from commerce.webhooks import api as tenant_webhooks
from commerce.wishlists import api as wishlists
from foundation import buckets, http
from foundation.access import ANYONE, needs
from foundation.database import Database
from foundation.described import described
from foundation.errors import NotFound, all_problems
from foundation.listening import Listener, Together
from foundation.living import Life
from foundation.needs_shown import show_needs
from foundation.outbound import Outbound
from foundation.proxies import Networks, Proxies
from foundation.routing import add_routes, index
from foundation.settings import Settings, get_settings
from foundation.shares import Shares
from foundation.spool import Spool
from foundation.tasks import ended

WITH_PICTURES = ("/photos", "/media/uploads", "/media/sets", "/pictures", "/picture", "/search/image")
"""How paths end whose bodies hold a picture."""
DESCRIPTION = """
The shop is found by the `Host` header. A session (`POST /v1/store/sessions`) travels in a cookie or as a bearer token.
Money is an integer of minor units: `{"amount": 1999, "currency": "USD"}` is $19.99. Errors are problem documents
(RFC 9457) with a stable `code`, explained at `/problems/{code}`.
"""


def create_app(settings: Settings | None = None) -> FastAPI:
    """The API for one worker.

    Raises:
        EngineNotConfigured: Postgres has no address.
    """
    settings = settings or get_settings()
    settings.require("database_url", "Postgres")
    answers = Kept(settings.catalogue_cache_mb * 2**20)
    passwords = Passwords(settings)
    book = Book()
    limits = Limits(buckets.configured(settings), book.rate_of, Networks.read(settings.unlimited_networks))

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        database = Database.of(settings, pool_size=settings.database_pool_size)
        await database.require_one_schema()
        token = settings.serving_token
        async with (
            httpx.AsyncClient(timeout=10, verify=_authorities()) as client,
            Outbound.of(settings) as outbound,
            posting() as post,
        ):
            life = Life(_direct(settings), apart=settings.apart("listen_url"))
            directory = Directory(database)
            app.state.core = Core(settings, database, directory, answers, life, outbound, passwords)
            app.state.book = book
            app.state.billing = configured_billing(database, settings)
            app.state.decisions = DecisionClient(
                post, settings.serving_url, token.get_secret_value() if token else None, settings.decision_deadline_ms
            )
            app.state.spool = Spool(settings.spool, most_bytes=settings.event_spool_mb * 2**20)
            app.state.facet_names = KnownNames(database)
            app.state.text_records = Dns.of(settings)
            app.state.vat_register = Vies(client, settings.vies_url) if settings.vies_url else NoRegister()
            async with _told(settings, answers, directory), life.lived():
                yield
        await app.state.spool.close()
        passwords.close()
        await limits.buckets.close()
        if app.state.billing.stripe is not None:
            await app.state.billing.stripe.close()
        await close_providers(database)
        await database.close()

    app = described(title="Tradewind", version="0.1.0", description=DESCRIPTION, lifespan=lifespan)
    app.add_middleware(Sharer, shares=_shares(settings), behaviour=_behaviour(settings))
    app.add_middleware(Shortcut, kept=answers)
    app.add_middleware(Gate, book=book)
    app.add_middleware(Limiter, limits=limits)
    app.add_middleware(CrossOrigin)
    app.add_middleware(Leading)
    app.add_middleware(Naming, settings=settings)
    http.install(
        app,
        max_body_bytes=settings.max_body_bytes,
        larger=dict.fromkeys(WITH_PICTURES, settings.max_photo_bytes),
        streamed={
            "/imports": settings.max_import_bytes,
            "/files": settings.max_digital_file_bytes,
            "/content": settings.max_digital_file_bytes,
        },
        https_only=settings.environment == "production",
    )
    app.add_middleware(Proxies, trusted=Networks.read(settings.trusted_proxies))
    contexts = (
        sessions,
        accounts,
        factors,
        external_sign_in,
        catalog,
        categories,
        attributes,
        brands,
        collections,
        translations,
        products,
        vendor_products,
        exchange,
        links,
        merchandising,
        media,
        vendor_media,
        collection_pictures,
        cart,
        kept,
        gifts,
        checkout,
        orders,
        order_returns,
        digital,
        downloads,
        changes_paid,
        claims,
        gift_sales,
        staff_exports,
        staff_parcels,
        staff_returns,
        staff_orders,
        carriers,
        order_rules,
        recommendations,
        visual_search,
        behaviour,
        dead_letters,
        consent,
        inventory,
        payments,
        payment_accounts,
        payment_methods,
        reconciliation,
        webhooks,
        staff_payments,
        ledger,
        delivery,
        taxes,
        vendors,
        vendor_orders,
        pricing,
        sales_channels,
        bulk_pricing,
        stored_value,
        promotions,
        profile,
        wishlists,
        price_watches,
        stock_alerts,
        reviews,
        staff_reviews,
        vendor_reviews,
        documents,
        billing,
        order_documents,
        tenant_webhooks,
        audit,
        privacy,
        person_exports,
        farewells,
        keys_api,
        configuration,
        branding,
        legal,
        domains,
        lifecycle,
        leaving,
        operators,
        openings,
        departures,
        programs,
        oauth_api,
        staffing,
        vendor_staffing,
        identity_providers,
        onboarding,
        acting,
    )
    add_routes(
        app,
        [
            *(context.router for context in contexts),
            checkout.orders_router,
            exchange.exports_router,
            catalogue_exports.router,
            product_feeds.router,
            fetched_feeds.router,
            links.store_router,
            collections.store_router,
            keys_api.vendor_router,
        ],
    )
    index(app, _admit)
    app.add_api_route("/healthz", _healthy, include_in_schema=False)
    app.add_api_route("/problems/{code}", _explain, tags=["problems"])
    show_needs(app, cookie=session_cookie(settings))
    return app


def _shares(settings: Settings) -> Shares:
    """How the worker's places are shared out."""
    each = min(settings.places_each, settings.places)
    return Shares(settings.places, each, settings.queue_each, settings.queue_seconds)


def _behaviour(settings: Settings) -> Shares:
    """The places of behaviour. One is some milliseconds of the processor and a wait for the disk, so a few keep both
    busy; more of them would only take turns with whatever else is asked.
    """
    return Shares(settings.places_of_events, settings.places_of_events, settings.queue_each, settings.queue_seconds)


def _admit(scope: Scope, route: APIRoute | None) -> None:
    http.require_clean(scope)
    require_same_origin(scope, route)


def _direct(settings: Settings) -> str:
    """Where Postgres is reached without a pooler in front."""
    url = settings.database_listen_url or settings.database_url
    return url.get_secret_value() if url else ""


@asynccontextmanager
async def _told(settings: Settings, kept: Kept, directory: Directory) -> AsyncIterator[None]:
    """What is kept, and what is remembered of shops, hears of every change."""

    dsns = [_direct(settings), *settings.apart("listen_url").values()]

    def hearing() -> None:
        kept.open()
        directory.open()

    def deaf() -> None:
        kept.close()
        directory.close()

    also = {DIRECTORY: directory.heard}
    together = Together(len(dsns), hearing=hearing, deaf=deaf)
    listeners = [
        Listener(
            dsn,
            CHANNEL,
            heard=kept.heard,
            hearing=partial(together.hears, one),
            deaf=partial(together.is_deaf, one),
            also=also,
        )
        for one, dsn in enumerate(dsns)
    ]
    tasks = [asyncio.create_task(listener.run()) for listener in listeners]
    try:
        yield
    finally:
        await ended(*tasks)


@cache
def _authorities() -> ssl.SSLContext:
    """Whom clients trust; reading them takes longer than making the rest of an app."""
    return httpx.create_ssl_context()


@needs(ANYONE)
async def _healthy(request: Request) -> dict[str, str]:
    core: Core = request.app.state.core
    async with core.database.transaction(None) as session:
        await session.execute(text("SELECT 1"))
    return {"status": "ok"}


@needs(ANYONE)
async def _explain(code: str) -> dict[str, object]:
    """What a problem's code means."""
    for problem in all_problems():
        if problem.code == code:
            return {"code": code, "status": problem.status, "title": problem.title()}
    raise NotFound
