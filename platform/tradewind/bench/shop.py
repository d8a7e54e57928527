"""What of the loaded shop the benchmarks ask for, and a real request recorded."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Any
from unittest.mock import patch
from uuid import UUID

import httpx
import psycopg
from fastapi import FastAPI
from sqlalchemy import event
from sqlalchemy.engine import Engine

from commerce.app import create_app
from commerce.inventory import keeping
from commerce.inventory.schemas import ReceiptIn
from commerce.plans.book import Book
from foundation.database import TENANT_SETTING, Database, Tx
from foundation.settings import Settings
from tradewind.bench.load import ADDRESS, AGREEING, PAYMENT
from tradewind.bench.scripts import Recording
from tradewind.errors import StackError

SLUG = "grocer"
HOST = "grocer.localhost"
ENOUGH = 20_000
SOLD = 16
"""Variants that are bought: enough that clients seldom wait for one another's stock."""
WORDS = (
    "tomato soup",
    "bananas",
    "white bread",
    "dog food",
    "orange juice",
    "coffee",
    "cheddar cheese",
    "paper towels",
)
IDEMPOTENCY_KEY = "a key that is new each time"

_PRODUCTS = """
    SELECT p.id, p.handle FROM product p WHERE p.status = 'published' ORDER BY p.rank, p.id LIMIT 64
"""
_CATEGORIES = "SELECT slug FROM category WHERE depth <= 1 ORDER BY product_count DESC LIMIT 8"
_IN_STOCK = "SELECT s.variant_id FROM stock s ORDER BY s.available DESC, s.id LIMIT %s"
_SHOPPERS = "SELECT id FROM customer ORDER BY id LIMIT 200"


class NotLoaded(StackError):
    """There is no shop to measure."""

    def __init__(self) -> None:
        super().__init__("The grocer isn't loaded: run `make demo`, or `tradewind data load grocer --no-promotions`.")


@dataclass(frozen=True, slots=True)
class Shop:
    """The grocer, as the benchmarks use it."""

    tenant_id: UUID
    currency: str
    products: list[UUID]
    handles: list[str]
    categories: list[str]
    variants: list[UUID]
    shoppers: list[UUID]

    @classmethod
    def read(cls, settings: Settings) -> Shop:
        """From the database.

        Raises:
            NotLoaded: the grocer isn't there, or is empty.
        """
        with psycopg.connect(settings.require("database_url", "Postgres")) as connection:
            tenant = connection.execute("SELECT id, currency FROM tenant WHERE slug = %s", (SLUG,)).fetchone()
            if tenant is None:
                raise NotLoaded
            connection.execute("SELECT set_config('tradewind.tenant_id', %s, false)", (str(tenant[0]),))
            products = connection.execute(_PRODUCTS).fetchall()
            if not products:
                raise NotLoaded
            return cls(
                tenant_id=tenant[0],
                currency=tenant[1],
                products=[row[0] for row in products],
                handles=[row[1] for row in products],
                categories=[row[0] for row in connection.execute(_CATEGORIES)],
                variants=[row[0] for row in connection.execute(_IN_STOCK, (SOLD,))],
                shoppers=[row[0] for row in connection.execute(_SHOPPERS)],
            )


@dataclass(frozen=True, slots=True)
class Recorded:
    """A visitor's first product in the cart, and a visitor's order, as pgbench scripts."""

    add_to_cart: str
    place_order: str


async def stock_up(settings: Settings, shop: Shop) -> None:
    """Take in enough of what is bought for every order of the benchmarks."""
    database = Database.of(settings, pool_size=1)
    async with database.tx(shop.tenant_id) as tx:
        rows = await tx.connection.fetch("SELECT sku FROM variant WHERE id = ANY($1)", shop.variants)
        code = await tx.connection.fetchval("SELECT code FROM warehouse ORDER BY code LIMIT 1")
        for row in rows:
            receipt = ReceiptIn(sku=row["sku"], warehouse=code, quantity=ENOUGH, reason="benchmark")
            await keeping.receive(tx, receipt)
    await database.close()


async def record(settings: Settings, shop: Shop, variant_id: UUID) -> Recorded:
    """Fill a cart and place an order through the API in this process, keeping what was sent to Postgres."""
    app = create_app(settings)
    known = _ids(settings, shop)
    async with app.router.lifespan_context(app):
        with _recorded() as adding:
            await _fill_cart(app, variant_id)
        with _recorded() as ordering:
            number = await _order(app, variant_id)
    return Recorded(
        add_to_cart=adding.script(known=known, made_up=_of_one_visit(adding)),
        place_order=ordering.script(known=known, made_up={number, IDEMPOTENCY_KEY, *_of_one_visit(ordering)}),
    )


async def record_adding(settings: Settings, visit: Mapping[str, str], variant_id: UUID) -> tuple[Recording, set[str]]:
    """A prepared visitor puts something into their cart; and the texts that the request made up."""
    async with _browsing(settings, visit) as http:
        with _recorded() as recording:
            line = {"variant_id": str(variant_id), "quantity": 1}
            (await http.post(f"/v1/store/carts/{visit['id']}/lines", json=line)).raise_for_status()
    return recording, _of_one_visit(recording)


async def record_placing(settings: Settings, visit: Mapping[str, str]) -> tuple[Recording, set[str]]:
    """A prepared visitor pays for what is in their cart."""
    async with _browsing(settings, visit) as http:
        with _recorded() as recording:
            number = await _complete(http, visit["id"])
    return recording, {number, IDEMPOTENCY_KEY, *_of_one_visit(recording)}


async def record_ordering(settings: Settings, variant_id: UUID) -> tuple[Recording, set[str]]:
    """Somebody new comes, and orders."""
    app = create_app(settings)
    async with app.router.lifespan_context(app):
        with _recorded() as recording:
            number = await _order(app, variant_id)
    return recording, {number, IDEMPOTENCY_KEY, *_of_one_visit(recording)}


def token_hash(token: str) -> bytes:
    """What a session's token leaves behind."""
    return hashlib.sha256(token.encode()).digest()


@asynccontextmanager
async def _browsing(settings: Settings, visit: Mapping[str, str]) -> AsyncIterator[httpx.AsyncClient]:
    """A visitor's browser, on an API in this process that has answered before."""
    app = create_app(settings)
    headers = {"Authorization": f"Bearer {visit['token']}"}
    transport = httpx.ASGITransport(app=app)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url=f"http://{HOST}", headers=headers) as http,
    ):
        (await http.get(f"/v1/store/carts/{visit['id']}")).raise_for_status()
        yield http


def _of_one_visit(recording: Recording) -> set[str]:
    """Texts that hold what one visit made up: the payment's reference, and the lock that only its visitor takes."""
    texts = (value for _, values in recording.steps for value in values if isinstance(value, str))
    return {text for text in texts if text.startswith(("test_", "cart:"))}


async def _fill_cart(app: FastAPI, variant_id: UUID) -> tuple[httpx.AsyncClient, str]:
    http = httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url=f"http://{HOST}")
    (await http.post("/v1/store/sessions", json=AGREEING)).raise_for_status()
    cart: str = (await http.post("/v1/store/carts")).raise_for_status().json()["id"]
    line = {"variant_id": str(variant_id), "quantity": 1}
    (await http.post(f"/v1/store/carts/{cart}/lines", json=line)).raise_for_status()
    return http, cart


async def _order(app: FastAPI, variant_id: UUID) -> str:
    http, cart = await _fill_cart(app, variant_id)
    if (await http.get(f"/v1/store/carts/{cart}")).raise_for_status().json()["delivers"]:
        (await http.put(f"/v1/store/carts/{cart}/address", json=ADDRESS)).raise_for_status()
        (await http.put(f"/v1/store/carts/{cart}/delivery", json={"code": "standard"})).raise_for_status()
    return await _complete(http, cart)


async def _complete(http: httpx.AsyncClient, cart: str) -> str:
    order = await http.post(
        f"/v1/store/carts/{cart}/complete",
        json=PAYMENT,
        headers={"Idempotency-Key": IDEMPOTENCY_KEY},
    )
    number: str = order.raise_for_status().json()["number"]
    return number


@contextmanager
def _recorded() -> Iterator[Recording]:
    recording = Recording()

    def statement(_c: Any, _k: Any, sql: str, arguments: Any, _x: Any, _many: bool) -> None:
        recording.statement(sql, arguments)

    listeners: dict[str, Any] = {
        "before_cursor_execute": statement,
        "begin": lambda _: recording.border("BEGIN"),
        "commit": lambda _: recording.border("COMMIT"),
        "rollback": lambda _: recording.border("ROLLBACK"),
    }
    for name, listener in listeners.items():
        event.listen(Engine, name, listener)
    try:
        with (
            patch.object(Tx, "send", _noted_sends(recording)),
            patch.object(Database, "tx", _noted_tx(recording)),
            # What a worker reads for itself meanwhile is nothing of the request's.
            patch.object(Book, "look_up", lambda *_: None),
        ):
            yield recording
    finally:
        for name, listener in listeners.items():
            event.remove(Engine, name, listener)


def _noted_sends(recording: Recording) -> Callable[..., Any]:
    send = Tx.send

    async def noted(tx: Tx, sql: str, arguments: Sequence[Any]) -> Any:
        recording.statement(sql, tuple(arguments))
        return await send(tx, sql, arguments)

    return noted


def _noted_tx(recording: Recording) -> Callable[..., Any]:
    begin = Database.tx

    @asynccontextmanager
    async def noted(database: Database, tenant_id: UUID, **how: bool) -> AsyncIterator[Tx]:
        async with begin(database, tenant_id, **how) as tx:
            recording.border("BEGIN")
            recording.statement(f"SELECT set_config('{TENANT_SETTING}', '{tenant_id}', true)", ())
            yield tx
        recording.border("COMMIT")

    return noted


def _ids(settings: Settings, shop: Shop) -> set[UUID]:
    """Ids a request may find: those of the shop and of what is sold."""
    found = {shop.tenant_id, *shop.variants}
    statement = """
        SELECT v.product_id, s.id, s.warehouse_id FROM stock s JOIN variant v ON v.id = s.variant_id
        WHERE s.variant_id = ANY(%s)
    """
    with psycopg.connect(settings.require("database_url", "Postgres")) as connection:
        connection.execute("SELECT set_config('tradewind.tenant_id', %s, false)", (str(shop.tenant_id),))
        for row in connection.execute(statement, (shop.variants,)):
            found |= set(row)
    return found
