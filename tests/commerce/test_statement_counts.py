"""What a request of the store sends to Postgres: the same for ten as for one, and no more than is written here."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import asyncpg
import httpx
import psycopg
import pytest
from sqlalchemy import event
from sqlalchemy.engine import Engine

from foundation import database
from foundation.ids import new_id
from tests.commerce.conftest import Browser
from tests.factories import SeededShop, seed_shop
from tests.waiting import comes

if TYPE_CHECKING:
    from tests.conftest import DatabaseUrls

TEN = tuple(f"Soup {number}" for number in range(10))
ADDRESS = {
    "name": "Ada",
    "line1": "1 Main St",
    "postal_code": "43215",
    "city": "Columbus",
    "region": "OH",
    "country": "US",
}


FOR_ITSELF = "tenant_plan"
"""What a worker reads for itself now and then, in a transaction of its own."""


@dataclass
class Traffic:
    """What was sent to Postgres, in order."""

    sent: list[tuple[int, str]] = field(default_factory=list)
    """(connection, statement)"""

    @property
    def transactions(self) -> int:
        """How many were begun, but those of a worker for itself."""
        begun: dict[int, list[list[str]]] = {}
        for connection, sql in self.sent:
            of_this = begun.setdefault(connection, [])
            if sql.startswith("BEGIN"):
                of_this.append([])
            elif of_this:
                of_this[-1].append(sql)
        return sum(not any(FOR_ITSELF in sql for sql in one) for of_one in begun.values() for one in of_one)

    @property
    def is_under_way(self) -> bool:
        """Whether some transaction was begun and has not ended, so that it can't be told yet whose it is."""
        open_on: dict[int, bool] = {}
        for connection, sql in self.sent:
            if sql.startswith(("BEGIN", "COMMIT", "ROLLBACK")):
                open_on[connection] = sql.startswith("BEGIN")
        return any(open_on.values())

    @property
    def statements(self) -> list[str]:
        """All but what begins and ends a transaction, what asyncpg asks once a connection about types, and what a
        worker reads for itself.
        """
        others = ("typeinfo_tree", "current_setting('jit')", FOR_ITSELF)
        ours = (sql for _, sql in self.sent if not any(other in sql for other in others))
        return [sql for sql in ours if not sql.startswith(("BEGIN", "COMMIT", "ROLLBACK"))]


@pytest.fixture
def traffic(monkeypatch: pytest.MonkeyPatch) -> Any:
    """All that goes over the raw pool; the ORM's way to Postgres is closed."""
    found = Traffic()
    prepare = database._prepare

    async def prepared(connection: asyncpg.Connection) -> None:
        await prepare(connection)
        connection.add_query_logger(lambda query: found.sent.append((id(connection), " ".join(query.query.split()))))

    def refuse(*_: Any) -> None:
        raise AssertionError("a hot path went through the ORM")

    monkeypatch.setattr(database, "_prepare", prepared)

    @asynccontextmanager
    async def counted() -> AsyncIterator[Traffic]:
        await asyncio.sleep(0)
        await comes(lambda: not found.is_under_way)
        found.sent.clear()
        event.listen(Engine, "before_cursor_execute", refuse)
        try:
            yield found
            await asyncio.sleep(0)
            await comes(lambda: not found.is_under_way)
        finally:
            event.remove(Engine, "before_cursor_execute", refuse)

    return counted


@pytest.fixture
def grocer(database_urls: DatabaseUrls) -> SeededShop:
    """Ten products; a way to deliver, so that carts have all that carts can have."""
    shop = seed_shop(database_urls, "grocer", titles=TEN)
    with psycopg.connect(database_urls.app) as app:
        app.execute("SELECT set_config('tradewind.tenant_id', %s, true)", (str(shop.id),))
        app.execute(
            "INSERT INTO delivery_method (tenant_id, id, code, name, price) VALUES (%s, %s, 'standard', 'Standard', 5)",
            (shop.id, new_id()),
        )
    return shop


@dataclass
class Store:
    """A shopper in the shop, and what was asked of it before."""

    browser: Browser
    shop: SeededShop

    @property
    def http(self) -> httpx.AsyncClient:
        return self.browser.http

    async def cart(self, lines: int) -> dict[str, Any]:
        """A cart of so many lines that is ready to be paid for."""
        cart = await self.browser.cart()
        for sold in self.shop.products[:lines]:
            cart = await self.browser.add(cart, sold.variant_id)
        for what, body in (("address", ADDRESS), ("delivery", {"code": "standard"})):
            cart = (await self.http.put(f"/v1/store/carts/{cart['id']}/{what}", json=body)).raise_for_status().json()
        return cart

    async def order(self, lines: int, key: str) -> dict[str, Any]:
        """An order of so many lines."""
        answer = await self.browser.complete(await self.cart(lines), key=key)
        placed: dict[str, Any] = answer.raise_for_status().json()
        return placed


Request = Callable[[], Awaitable[httpx.Response]]


async def _product(store: Store, many: int) -> Request:
    return lambda: store.http.get("/v1/store/products/soup-0")


async def _list(store: Store, many: int) -> Request:
    return lambda: store.http.get(f"/v1/store/products?limit={many}")


async def _category(store: Store, many: int) -> Request:
    return lambda: store.http.get(f"/v1/store/products?category=pantry&limit={many}")


async def _search(store: Store, many: int) -> Request:
    return lambda: store.http.get(f"/v1/store/search?q=soup&limit={many}")


async def _open_session(store: Store, many: int) -> Request:
    return lambda: store.http.post("/v1/store/sessions", json={})


async def _open_cart(store: Store, many: int) -> Request:
    await store.cart(many)
    return lambda: store.http.post("/v1/store/carts")


async def _get_cart(store: Store, many: int) -> Request:
    cart = await store.cart(many)
    return lambda: store.http.get(f"/v1/store/carts/{cart['id']}")


async def _add(store: Store, many: int) -> Request:
    cart = await store.cart(many)
    body = {"variant_id": str(store.shop.products[0].variant_id), "quantity": 1}
    return lambda: store.http.post(f"/v1/store/carts/{cart['id']}/lines", json=body)


async def _change(store: Store, many: int) -> Request:
    cart = await store.cart(many)
    line = cart["lines"][0]["id"]
    return lambda: store.http.patch(f"/v1/store/carts/{cart['id']}/lines/{line}", json={"quantity": 2})


async def _address(store: Store, many: int) -> Request:
    cart = await store.cart(many)
    return lambda: store.http.put(f"/v1/store/carts/{cart['id']}/address", json=ADDRESS)


async def _delivery(store: Store, many: int) -> Request:
    cart = await store.cart(many)
    return lambda: store.http.put(f"/v1/store/carts/{cart['id']}/delivery", json={"code": "standard"})


async def _options(store: Store, many: int) -> Request:
    cart = await store.cart(many)
    return lambda: store.http.get(f"/v1/store/carts/{cart['id']}/delivery-options")


async def _complete(store: Store, many: int) -> Request:
    cart = await store.cart(many)
    return lambda: store.browser.complete(cart, key=f"paid-{many}")


async def _orders(store: Store, many: int) -> Request:
    for number in range(many):
        await store.order(1, f"order-{number}")
    return lambda: store.http.get("/v1/store/orders")


async def _get_order(store: Store, many: int) -> Request:
    order = await store.order(many, "the order")
    return lambda: store.http.get(f"/v1/store/orders/{order['id']}")


# The most that each may send: transactions, and statements in them.
ROUTES: dict[Callable[[Store, int], Awaitable[Request]], tuple[int, int]] = {
    _product: (1, 1),
    _list: (1, 1),
    _category: (1, 1),
    _search: (1, 1),
    _open_session: (2, 6),
    _open_cart: (1, 4),
    _get_cart: (1, 3),
    _add: (1, 6),
    _change: (1, 7),
    _address: (1, 5),
    _delivery: (1, 5),
    _options: (1, 5),
    _complete: (3, 22),  # with the key that the answer is kept sealed by
    _orders: (2, 2),
    _get_order: (2, 2),
}


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.__name__.strip("_"))
async def test_ten_cost_no_more_statements_than_one(
    route: Callable[[Store, int], Awaitable[Request]], traffic: Any, app: Any, grocer: SeededShop
) -> None:
    seen = {}
    # The stock of one line is found, locked and taken by one statement, of several by two.
    few = 2 if route is _complete else 1
    for many in (few, few, 10):  # the first time a worker learns what it remembers afterwards
        transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url=f"http://{grocer.host}") as client:
            (await client.post("/v1/store/sessions", json={})).raise_for_status()
            request = await route(Store(Browser(client), grocer), many)
            async with traffic() as sent:
                answer = await request()
            assert answer.is_success, answer.text
            seen[many] = (sent.transactions, sent.statements)
    one, ten = seen[few], seen[10]

    assert ten[0] == one[0]
    assert len(ten[1]) <= len(one[1]), "\n".join(ten[1])
    transactions, statements = ROUTES[route]
    assert (one[0] <= transactions, len(one[1]) <= statements) == (True, True), "\n".join(one[1])
