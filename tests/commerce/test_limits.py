"""Rate limits and shares of the API: what is refused, what is said, and that nobody pays for another."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import httpx
import pytest
from pydantic import SecretStr

from commerce.app import create_app
from commerce.limits import rules
from commerce.limits.rules import ALLOWED, Allowed, Kind, kind_of
from foundation.buckets import Rate
from foundation.database import Database
from foundation.settings import Settings
from storefront.pages import install
from tests.factories import SeededShop
from tests.waiting import started

if TYPE_CHECKING:
    from tests.conftest import DatabaseUrls

SOUP = "/v1/store/products/tomato-soup"
SIGN_IN = Allowed(principal=Rate(5, 0.01), address=Rate(10, 0.01), share=0.25)
"""So slow that nothing comes back while a test runs."""
CHECKOUT_SHARE = 0.02


@pytest.fixture(autouse=True)
def _slow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(ALLOWED, Kind.SIGN_IN, SIGN_IN)  # type: ignore[arg-type]
    checkout = replace(ALLOWED[Kind.CHECKOUT], share=CHECKOUT_SHARE)
    monkeypatch.setitem(ALLOWED, Kind.CHECKOUT, checkout)  # type: ignore[arg-type]


@pytest.fixture
def settings(database_urls: DatabaseUrls, valkey_url: str) -> Settings:
    return Settings(
        _env_file=None,
        database_url=SecretStr(database_urls.app),
        database_pool_size=4,
        catalogue_cache_mb=1,
        redis_url=SecretStr(valkey_url),
        trusted_proxies="127.0.0.0/8",
        unlimited_networks="192.0.2.99",
        places=2,
        places_each=1,
        queue_each=2,
        queue_seconds=0.2,
    )


@pytest.fixture
async def app(settings: Settings) -> AsyncIterator[Any]:
    app = create_app(settings)
    install(app)
    async with started(app):
        yield app


def _client(app: Any, shop: SeededShop, address: str = "198.51.100.7") -> httpx.AsyncClient:
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    return httpx.AsyncClient(transport=transport, base_url=f"http://{shop.host}", headers={"X-Forwarded-For": address})


async def _guess(client: httpx.AsyncClient, times: int) -> list[int]:
    path = "/v1/store/orders/lookup"
    return [(await client.post(path, json={"nonsense": 1})).status_code for _ in range(times)]


async def test_every_answer_says_what_is_allowed_and_what_is_left(app: Any, grocer: SeededShop) -> None:
    async with _client(app, grocer) as client:
        await client.get(SOUP)
        for _ in range(2):  # read, then kept
            answer = await client.get(SOUP)
            assert answer.status_code == 200
            assert '"browse-address";q=600;w=10' in answer.headers["ratelimit-policy"]
            assert '"browse-shop";q=500;w=10' in answer.headers["ratelimit-policy"]
            assert answer.headers["ratelimit"].startswith('"browse-')


async def test_an_address_that_asks_too_often_is_told_when_to_come_back(app: Any, grocer: SeededShop) -> None:
    async with _client(app, grocer) as client:
        await client.get(SOUP)
        statuses = await _guess(client, SIGN_IN.address.burst)
        assert 429 not in statuses
        refused = await client.post("/v1/store/orders/lookup", json={})
        assert (refused.status_code, refused.json()["code"]) == (429, "limits.reached")
        assert refused.json()["policy"] == "sign-in-address"
        assert refused.headers["content-type"] == "application/problem+json"
        assert refused.headers["ratelimit"] == '"sign-in-address";r=0;t=1000'
        assert refused.headers.get_list("retry-after") in (["99"], ["100"])
        assert refused.headers["x-request-id"] == refused.json()["request_id"]
        assert (await client.get(SOUP)).status_code == 200, "another class has its own"
    async with _client(app, grocer, "198.51.100.8") as other:
        assert await _guess(other, 1) == [422], "and so has another address"


async def test_of_several_at_once_that_want_the_last_of_it_one_gets_it(app: Any, grocer: SeededShop) -> None:
    async with _client(app, grocer) as client:
        await client.get(SOUP)
        await _guess(client, SIGN_IN.address.burst - 1)
        answers = await asyncio.gather(*(_guess(client, 1) for _ in range(5)))
    assert sorted(status for answer in answers for status in answer) == [422, 429, 429, 429, 429]


async def test_a_whole_64_is_one_address(app: Any, grocer: SeededShop) -> None:
    async with _client(app, grocer) as known:
        await known.get(SOUP)
    for last in range(SIGN_IN.address.burst):
        async with _client(app, grocer, f"2001:db8::{last:x}") as client:
            assert await _guess(client, 1) != [429]
    async with _client(app, grocer, "2001:db8::ffff") as client:
        assert await _guess(client, 1) == [429]
    async with _client(app, grocer, "2001:db8:0:1::1") as client:
        assert await _guess(client, 1) == [422]


async def test_a_client_can_not_choose_its_address(app: Any, grocer: SeededShop) -> None:
    async with _client(app, grocer, "198.51.100.8") as known:
        await known.get(SOUP)
    statuses = []
    for number in range(SIGN_IN.address.burst + 1):
        async with _client(app, grocer, f"203.0.113.{number}, 198.51.100.7") as client:
            statuses += await _guess(client, 1)
    assert statuses.index(429) == SIGN_IN.address.burst


async def test_one_credential_is_limited_wherever_it_is_used(app: Any, grocer: SeededShop) -> None:
    statuses = []
    for number in range(SIGN_IN.principal.burst + 1):
        async with _client(app, grocer, f"198.51.100.{number}") as client:
            await client.get(SOUP)
            client.headers["Authorization"] = "Bearer nobody-was-given-this"
            statuses += await _guess(client, 1)
    assert statuses.index(429) == SIGN_IN.principal.burst


async def test_a_shop_has_its_plans_rate_and_another_shop_its_own(
    app: Any, grocer: SeededShop, fashion: SeededShop
) -> None:
    async with _client(app, grocer) as client:
        await client.get(SOUP)
    refused = 0
    for number in range(int(500 * CHECKOUT_SHARE) + 30):
        async with _client(app, grocer, f"10.{number}.0.1") as client:
            answer = await client.post("/v1/store/carts/018f0000-0000-7000-8000-000000000001/complete", json={})
            refused += answer.status_code == 429
            if answer.status_code == 429:
                assert answer.json()["policy"] == "checkout-route"
    assert 0 < refused <= 30
    async with _client(app, fashion, "10.1.0.1") as client:
        await client.get("/v1/store/products")
        answer = await client.post("/v1/store/carts/018f0000-0000-7000-8000-000000000001/complete", json={})
        assert answer.status_code != 429


async def test_addresses_that_are_exempt_are_not_counted(app: Any, grocer: SeededShop) -> None:
    async with _client(app, grocer, "192.0.2.99") as client:
        assert 429 not in await _guess(client, SIGN_IN.address.burst + 5)
        assert "ratelimit" not in (await client.get(SOUP)).headers


async def test_health_is_never_refused(app: Any, grocer: SeededShop) -> None:
    async with _client(app, grocer) as client:
        await client.get(SOUP)
        with patch.object(rules, "ALLOWED", {}):
            assert (await client.get("/healthz")).status_code == 200


async def test_a_browser_that_is_refused_sees_a_page(app: Any, grocer: SeededShop) -> None:
    async with _client(app, grocer) as client:
        await client.get(SOUP)
        for _ in range(SIGN_IN.address.burst):
            await client.post("/account/sign-in", data={"reference": "nobody"})
        refused = await client.post("/account/sign-in", data={"reference": "nobody"})
    assert refused.status_code == 429
    assert refused.headers["content-type"].startswith("text/html")
    assert "That was a lot at once" in refused.text
    assert refused.headers["retry-after"] in {"99", "100"}


async def test_a_shop_whose_requests_hang_does_not_hold_up_another(
    app: Any, grocer: SeededShop, fashion: SeededShop
) -> None:
    stuck, read = asyncio.Event(), Database.tx

    def slow(database: Database, tenant_id: Any, **options: Any) -> Any:
        return (
            _after(stuck, database, tenant_id, options)
            if tenant_id == grocer.id
            else read(database, tenant_id, **options)
        )

    class _after:  # noqa: N801  (stands where a method was)
        def __init__(self, event: asyncio.Event, *arguments: Any) -> None:
            self._event, self._arguments = event, arguments

        async def __aenter__(self) -> Any:
            await self._event.wait()
            database, tenant_id, options = self._arguments
            self._tx = read(database, tenant_id, **options)
            return await self._tx.__aenter__()

        async def __aexit__(self, *fault: Any) -> Any:
            return await self._tx.__aexit__(*fault)

    async with _client(app, grocer) as noisy, _client(app, fashion) as quiet:
        await noisy.get("/v1/store/categories")
        await quiet.get("/v1/store/categories")
        with patch.object(Database, "tx", slow):
            asked = [asyncio.create_task(noisy.get(f"/v1/store/products/none-{n}")) for n in range(4)]
            await asyncio.sleep(0.05)
            assert (await asyncio.wait_for(quiet.get("/v1/store/products/linen-dress"), 5)).status_code == 200
            await asyncio.wait(asked, timeout=5, return_when=asyncio.FIRST_COMPLETED)
            await asyncio.sleep(0.4)
            stuck.set()
            answers = await asyncio.gather(*asked)
    assert sorted(answer.status_code for answer in answers) == [404, 429, 429, 429]
    assert {answer.json()["code"] for answer in answers} == {"catalog.product_not_found", "limits.too_many_at_once"}


@pytest.mark.parametrize(
    ("method", "path", "kind"),
    [
        ("GET", "/v1/store/products/x", Kind.BROWSE),
        ("GET", "/p/x", Kind.BROWSE),
        ("GET", "/v1/store/search", Kind.SEARCH),
        ("POST", "/v1/store/carts/1/lines", Kind.WRITE),
        ("POST", "/v1/store/carts/1/codes", Kind.WRITE),
        ("POST", "/v1/store/carts/1/complete", Kind.CHECKOUT),
        ("POST", "/checkout", Kind.CHECKOUT),
        ("POST", "/account/sign-in", Kind.SIGN_IN),
        ("POST", "/v1/store/gift-cards/lookup", Kind.SIGN_IN),
        ("POST", "/v1/events", Kind.BEHAVIOUR),
        ("PUT", "/v1/admin/order-rules", Kind.ADMIN),
        ("POST", "/v1/webhooks/stripe", Kind.WEBHOOK),
        ("GET", "/healthz", None),
        ("GET", "/static/app.css", None),
    ],
)
def test_a_route_is_in_the_class_of_what_it_does(method: str, path: str, kind: Kind | None) -> None:
    assert kind_of(method, path) is kind
