"""A program's customers buy on its sales channel, at its prices; nobody else does, whatever they send."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from pydantic import SecretStr

from commerce.app import create_app
from commerce.kept import Kept
from foundation.settings import Settings
from storefront.pages import install
from tests.factories import SeededShop
from tests.programs.conftest import Customer, Program, registered
from tests.waiting import comes, started

if TYPE_CHECKING:
    from tests.conftest import DatabaseUrls

GOOD = 200
SOUP, LIST, SEARCH = "/v1/store/products/tomato-soup", "/v1/store/products?limit=3", "/v1/store/search?q=tomato+soup"
CHANNELS = "/v1/admin/sales-channels"


@pytest.fixture
async def app(database_urls: DatabaseUrls, grocer: SeededShop, fashion: SeededShop) -> AsyncIterator[Any]:
    """One that keeps answers."""
    settings = Settings(
        _env_file=None, database_url=SecretStr(database_urls.app), database_pool_size=6, catalogue_cache_mb=1
    )
    app = create_app(settings)
    install(app)
    async with started(app):
        yield app


async def _token(customer: Customer, program: Program) -> str:
    token: str = (await program.redeem(await customer.let_in(program))).json()["access_token"]
    return token


async def _prices(http: httpx.AsyncClient, **headers: str) -> set[tuple[int, int | None]]:
    """What the soup costs, and what is struck through, wherever it is shown."""
    found = set()
    for path in (SOUP, LIST, SEARCH):
        page = (await http.get(path, headers=headers)).json()
        soup = next(iter(page.get("items") or page["variants"]))
        found.add((soup["price"]["amount"], soup["compare_at"]))
    return found


async def test_a_channel_has_prices_carts_and_orders_of_its_own(
    app: Any, staff: httpx.AsyncClient, http: httpx.AsyncClient, customer: Customer, grocer: SeededShop, rows: Any
) -> None:
    kept: Kept = app.state.core.kept
    await comes(lambda: kept._open)
    for code, name in (("app", "App"), ("market", "Market")):
        assert (await staff.post(CHANNELS, json={"code": code, "name": name})).status_code == 201
    told = kept._told
    offers = [
        {"amount": 120, "channel": "app"},
        {"amount": 110, "channel": "app", "min_quantity": 2},
        {"amount": 90, "channel": "market"},
        {"amount": 95, "min_quantity": 2},
    ]
    put = await staff.put("/v1/admin/prices/variants/SKU0/offers", json={"currency": "USD", "offers": offers})
    assert put.status_code == GOOD, put.text
    await comes(lambda: kept._told > told)
    dear, cheap, plain = [
        {"Authorization": f"Bearer {await _token(customer, await registered(staff, http, channel=channel))}"}
        for channel in ("app", "market", None)
    ]

    for _ in range(2):  # the second time what is kept answers
        assert await _prices(http) == {(100, None)}
        assert await _prices(http, **dear) == {(120, None)}
        assert await _prices(http, **cheap) == {(90, 100)}
        assert await _prices(http, **plain) == {(100, None)}
        assert await _prices(customer.http, **{"X-Channel": "market", "Channel": "market"}) == {(100, None)}

    soup = {"variant_id": str(grocer.products[0].variant_id), "quantity": 1}
    carts = {}
    for name, headers in (("app", dear), ("market", cheap), ("web", plain)):
        cart = (await http.post("/v1/store/carts", headers=headers)).json()
        line = await http.post(f"/v1/store/carts/{cart['id']}/lines", json=soup, headers=headers)
        carts[name] = (cart["id"], line.json()["lines"][0]["unit_price"])
    assert [price for _, price in carts.values()] == [120, 90, 100]
    assert len({cart_id for cart_id, _ in carts.values()}) == 3
    # Put in from the web, it is still a cart of the app's.
    more = await customer.http.post(f"/v1/store/carts/{carts['app'][0]}/lines", json=soup)
    assert more.json()["lines"][0]["explanation"]["price"]["reason"] == "quantity break from 2 on app"
    own = (await customer.http.post("/v1/store/carts")).json()
    assert own["id"] == carts["web"][0]
    paid = await http.post(
        f"/v1/store/carts/{carts['app'][0]}/complete",
        json={"payment": {"provider": "test", "token": "tok_ok"}},
        headers={**dear, "Idempotency-Key": "channel-1"},
    )
    assert paid.status_code in {GOOD, 201}, paid.text
    assert rows("SELECT channel, subtotal FROM orders") == [("app", 220)]
    order_id = rows("SELECT id FROM orders")[0][0]
    assert (await http.get(f"/v1/store/orders/{order_id}", headers=dear)).json()["channel"] == "app"

    assert (await staff.delete(f"{CHANNELS}/app")).status_code == GOOD
    assert await _prices(http, **dear) == {(100, None)}


async def test_a_channel_is_named_by_who_may_and_only_while_it_is_there(
    staff: httpx.AsyncClient, http: httpx.AsyncClient
) -> None:
    async def refused(method: str, path: str, **body: Any) -> tuple[int, str]:
        answer = await staff.request(method, path, json=body)
        return answer.status_code, answer.json()["code"]

    assert (await staff.get(CHANNELS)).json()["items"] == [
        {"code": "web", "name": "Web shop", "retired_at": None, "version": 1}
    ]
    assert await refused("DELETE", f"{CHANNELS}/web") == (409, "channels.web_is_kept")
    assert await refused("POST", CHANNELS, code="web", name="Mine") == (409, "channels.taken")
    assert (await staff.put(f"{CHANNELS}/web", json={"name": "Shop", "version": 1})).json()["version"] == 2
    assert await refused("PUT", f"{CHANNELS}/web", name="Other", version=1) == (409, "channels.stale")
    assert await refused("PUT", f"{CHANNELS}/till", name="Till", version=1) == (404, "channels.not_found")
    offers = {"currency": "USD", "offers": [{"amount": 1, "channel": "till"}]}
    assert await refused("PUT", "/v1/admin/prices/variants/SKU0/offers", **offers) == (422, "channels.unknown")
    assert (await staff.post(CHANNELS, json={"code": "till", "name": "Till"})).status_code == 201
    program = await registered(staff, http, channel="till")
    kept = await staff.patch(f"/v1/admin/programs/{program.id}", json={"name": "Till 1"})
    assert kept.json()["channel"] == "till"
    gone = await staff.delete(f"{CHANNELS}/till")
    assert gone.json()["retired_at"] is not None
    assert await refused("PUT", "/v1/admin/prices/variants/SKU0/offers", **offers) == (422, "channels.unknown")
    taken = await staff.patch(f"/v1/admin/programs/{program.id}", json={"channel": None})
    assert taken.json()["channel"] is None
    again = await refused("PATCH", f"/v1/admin/programs/{program.id}", channel="till")
    assert again == (422, "channels.unknown")
