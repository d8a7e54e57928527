"""What a worker keeps of the catalogue is never what is no longer true, and never another shop's."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any
from unittest.mock import patch
from uuid import UUID, uuid4

import httpx
import psycopg
import pytest
from pydantic import SecretStr
from starlette.responses import Response

from commerce import kept as kept_answers
from commerce.catalog import finding
from commerce.kept import CHANNEL, Kept
from commerce.tenancy.service import Shop
from foundation import clock, listening
from foundation.database import Database
from foundation.listening import Listener
from foundation.settings import Settings
from tests.commerce.conftest import Browser
from tests.deciding import Service, deciding
from tests.factories import SeededShop, seed_shop
from tests.waiting import comes

if TYPE_CHECKING:
    from tests.conftest import DatabaseUrls

SOUP, LIST = "/v1/store/products/tomato-soup", "/v1/store/products?limit=3"


@pytest.fixture
def settings(database_urls: DatabaseUrls) -> Settings:
    return Settings(
        _env_file=None, database_url=SecretStr(database_urls.app), database_pool_size=4, catalogue_cache_mb=1
    )


@pytest.fixture
async def kept(app: Any) -> Kept:
    kept: Kept = app.state.core.kept
    await comes(lambda: kept._open)
    return kept


@pytest.fixture
def change(database_urls: DatabaseUrls, grocer: SeededShop, kept: Kept) -> Any:
    """Change the grocer's rows, and wait until it is told."""

    async def changed(*statements: str) -> None:
        before = kept._told
        with psycopg.connect(database_urls.app) as connection:
            connection.execute("SELECT set_config('tradewind.tenant_id', %s, true)", (str(grocer.id),))
            for statement in statements:
                connection.execute(statement.encode(), {"soup": grocer.products[0].variant_id})
        await comes(lambda: kept._told > before)

    return changed


async def _read(client: httpx.AsyncClient, path: str) -> Any:
    answer = await client.get(path)
    assert answer.status_code == 200, answer.text
    return answer.json()


@pytest.mark.parametrize("path", [SOUP, LIST])
async def test_an_answer_is_read_once_and_is_the_same_again(client: httpx.AsyncClient, kept: Kept, path: str) -> None:
    first = await client.get(path)
    with patch.object(Database, "tx", side_effect=AssertionError("it was read again")):
        again = await client.get(path)
        unchanged = await client.get(path, headers={"If-None-Match": first.headers["etag"]})

    assert (again.status_code, again.content) == (200, first.content)
    same = set(first.headers) - {"x-request-id"}
    assert {name: again.headers[name] for name in same} == {name: first.headers[name] for name in same}
    assert again.headers["x-request-id"] != first.headers["x-request-id"]
    assert (unchanged.status_code, unchanged.content) == (304, b"")
    assert "content-type" not in unchanged.headers


@pytest.mark.parametrize("path", [SOUP, LIST])
async def test_each_language_has_its_answer(
    client: httpx.AsyncClient, kept: Kept, database_urls: DatabaseUrls, path: str
) -> None:
    with psycopg.connect(database_urls.owner) as owner:
        owner.execute('UPDATE tenant SET settings = settings || \'{"locales": ["de"]}\'')
    with psycopg.connect(database_urls.app) as connection:
        connection.execute("SELECT set_config('tradewind.tenant_id', id::text, true) FROM tenant")
        said = '{"de": {"title": "Tomatensuppe"}}'
        connection.execute("UPDATE product SET translations = %s WHERE handle = 'tomato-soup'", (said,))
    german = {"Accept-Language": "de-AT"}
    await comes_to(client, path, german)
    own = await client.get(path)
    translated = await client.get(path, headers=german)
    assert ("Tomatensuppe" in own.text, "Tomatensuppe" in translated.text) == (False, True)
    assert own.headers["etag"] != translated.headers["etag"]
    assert own.headers["vary"] == "Host, Accept-Language"
    with patch.object(Database, "tx", side_effect=AssertionError("it was read again")):
        assert (await client.get(path)).content == own.content
        assert (await client.get(path, headers=german)).content == translated.content


async def comes_to(client: httpx.AsyncClient, path: str, headers: dict[str, str]) -> None:
    """Wait until the shop's new settings are heard."""
    for _ in range(200):
        if "Tomatensuppe" in (await client.get(path, headers=headers)).text:
            return
        await asyncio.sleep(0.02)


CHANGES = {
    "a price": ["UPDATE price SET amount = 777 WHERE variant_id = %(soup)s"],
    "a title": ["UPDATE product SET title = 'Bisque' WHERE handle = 'tomato-soup'"],
    "a category's name": ["UPDATE category SET name = 'Larder'"],
    "the last unit gone": ["UPDATE stock SET available = 0, written_off = received WHERE variant_id = %(soup)s"],
    "stock kept back": ["UPDATE stock SET kept_back = 1000 WHERE variant_id = %(soup)s"],
    "a review published": [
        "INSERT INTO review (tenant_id, id, product_id, customer_id, rating, title, body, author, locale, verified,"
        " status, written_at) SELECT v.tenant_id, v.id, v.product_id, c.id, 4, '', '', '', 'en', true, 'published', now()"
        " FROM variant v JOIN customer c ON c.reference = 'household-1' WHERE v.id = %(soup)s"
    ],
    "a product no longer sold": ["UPDATE product SET status = 'archived' WHERE handle = 'orange-juice'"],
}
ON_THE_PAGE_ALONE = {
    "a variant's title": ["UPDATE variant SET title = 'Large' WHERE id = %(soup)s"],
    "a date from which it is sold": [
        "INSERT INTO stock_policy (tenant_id, id, variant_id, available_from)"
        " SELECT tenant_id, id, id, '2099-01-01' FROM variant WHERE id = %(soup)s"
    ],
    "a second variant": [
        "INSERT INTO variant (tenant_id, id, product_id, sku, position)"
        " SELECT tenant_id, product_id, product_id, 'BIG', 1 FROM variant WHERE id = %(soup)s",
        "INSERT INTO price (tenant_id, id, variant_id, currency, amount)"
        " SELECT tenant_id, id, id, 'USD', 5 FROM variant WHERE sku = 'BIG'",
    ],
}


@pytest.mark.parametrize("what", CHANGES)
async def test_a_change_is_seen_in_the_lists_by_the_request_after_it_was_told(
    client: httpx.AsyncClient, change: Any, what: str
) -> None:
    before = await _read(client, LIST)

    await change(*CHANGES[what])

    assert await _read(client, LIST) != before


@pytest.mark.parametrize("what", [*sorted(set(CHANGES) - {"a product no longer sold"}), *ON_THE_PAGE_ALONE])
async def test_a_change_is_seen_on_the_page_by_the_request_after_it_was_told(
    client: httpx.AsyncClient, change: Any, what: str
) -> None:
    before = await _read(client, SOUP)

    await change(*{**CHANGES, **ON_THE_PAGE_ALONE}[what])

    assert await _read(client, SOUP) != before


async def test_stock_comes_back_as_it_went(client: httpx.AsyncClient, change: Any) -> None:
    full = await _read(client, SOUP)
    await change(*CHANGES["the last unit gone"])
    assert not (await _read(client, SOUP))["variants"][0]["available"]

    await change("UPDATE stock SET available = 1, written_off = received - 1 WHERE variant_id = %(soup)s")

    assert await _read(client, SOUP) == full


async def test_a_bundle_is_told_of_with_the_part_it_lacks(
    client: httpx.AsyncClient, change: Any, grocer: SeededShop
) -> None:
    juice = grocer.products[1]
    await change(
        f"UPDATE variant SET bundle = true WHERE id = '{juice.variant_id}'",
        "INSERT INTO bundle_component (tenant_id, id, variant_id, component_id, quantity)"
        f" SELECT tenant_id, id, '{juice.variant_id}', id, 1 FROM variant WHERE id = %(soup)s",
    )
    assert (await _read(client, f"/v1/store/products/{juice.handle}"))["variants"][0]["available"]

    await change(*CHANGES["the last unit gone"])

    assert not (await _read(client, f"/v1/store/products/{juice.handle}"))["variants"][0]["available"]


async def test_an_order_is_told_of_only_when_it_takes_the_last_unit(
    browser: Browser, grocer: SeededShop, kept: Kept, rows: Any
) -> None:
    soup = grocer.products[0].variant_id
    told = kept._told
    for key, quantity in (("first", 1), ("rest", 99)):
        cart = await browser.cart()
        await browser.add(cart, soup, quantity)
        assert (await browser.complete(cart, key=key)).status_code == 201
        if key == "first":
            await browser.http.get(SOUP)
            await asyncio.sleep(0.2)
            assert kept._told == told

    await comes(lambda: kept._told > told)
    assert not (await _read(browser.http, SOUP))["variants"][0]["available"]
    assert rows("SELECT available FROM stock WHERE variant_id = %s", soup) == [(0,)]


async def test_the_same_address_at_another_shop_is_another_answer(
    app: Any, client: httpx.AsyncClient, kept: Kept, database_urls: DatabaseUrls
) -> None:
    other = seed_shop(database_urls, "bistro", titles=("Tomato soup", "Wine"))
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url=f"http://{other.host}") as guest:
        for path in (SOUP, LIST) * 2:
            ours, theirs = await _read(client, path), await _read(guest, path)
            assert ours != theirs
        assert (await guest.get("/v1/store/products/rye-bread")).status_code == 404
        await _read(client, "/v1/store/products/rye-bread")
        assert (await guest.get("/v1/store/products/rye-bread")).status_code == 404


async def test_without_a_listener_nothing_is_kept_until_it_hears_again(
    client: httpx.AsyncClient, kept: Kept, postgres_server: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listening, "AGAIN", 0.5)
    await _read(client, SOUP)
    assert kept._answers

    with psycopg.connect(postgres_server.url("postgres", "postgres"), autocommit=True) as superuser:
        superuser.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE '%%pg_notify%%' AND pid <> %s",
            (superuser.info.backend_pid,),
        )
    await comes(lambda: not kept._open)
    await _read(client, SOUP)
    assert not kept._answers

    await comes(lambda: kept._open)
    await _read(client, SOUP)
    assert kept._answers


async def test_who_does_not_get_his_own_word_back_does_not_hear(
    database_urls: DatabaseUrls, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listening, "BEAT", 0.1)
    monkeypatch.setattr(listening, "AGAIN", 0.01)
    said: list[str] = []
    listener = Listener(
        database_urls.app,
        CHANNEL,
        heard=said.append,
        hearing=lambda: said.append("hearing"),
        deaf=lambda: said.append("deaf"),
    )
    with patch.object(Listener, "_on", lambda *_: None):
        listening_on = asyncio.create_task(listener.run())
        await comes(lambda: len(said) > 2)
    await comes(lambda: "hearing" in said)
    listening_on.cancel()

    assert said[:2] == ["deaf", "deaf"]


SHOP = Shop(uuid4(), "grocer", "Grocer", "USD", "en-US", "active", {})
OTHER = Shop(uuid4(), "fashion", "Fashion", "USD", "en-US", "active", {})


def _keep(
    kept: Kept, path: str, *, shop: Shop = SHOP, about: UUID | None = None, size: int = 10, query: bytes = b""
) -> None:
    response = Response(b"x" * size, headers={"etag": '"e"'})
    kept.keep(kept.since(shop), {"path": path, "query_string": query}, response, about=about)


def _open(limit: int = 10_000) -> Kept:
    kept = Kept(limit)
    kept.open()
    return kept


def test_what_was_read_before_a_change_was_told_is_not_kept_after_it() -> None:
    kept = _open()
    since = kept.since(SHOP)

    kept.heard(f"{SHOP.id}:{uuid4()}")
    kept.keep(since, {"path": "/a", "query_string": b""}, Response(b"old", headers={"etag": '"e"'}), about=None)

    assert kept.find(SHOP, "/a", b"") is None


def test_a_change_drops_the_product_and_the_lists_of_its_shop_and_nothing_else() -> None:
    kept, changed, unchanged = _open(), uuid4(), uuid4()
    for path, about in (("/changed", changed), ("/unchanged", unchanged), ("/list", None)):
        for shop in (SHOP, OTHER):
            _keep(kept, path, shop=shop, about=about)

    kept.heard(f"{SHOP.id}:{changed}")
    left = [
        (shop, path)
        for shop in (SHOP, OTHER)
        for path in ("/changed", "/unchanged", "/list")
        if kept.find(shop, path, b"")
    ]
    assert left == [(SHOP, "/unchanged"), (OTHER, "/changed"), (OTHER, "/unchanged"), (OTHER, "/list")]

    kept.heard(f"{SHOP.id}:*")
    assert kept.find(SHOP, "/unchanged", b"") is None
    assert kept.find(OTHER, "/changed", b"") is not None

    kept.heard("what?")
    assert kept.find(OTHER, "/changed", b"") is None


def test_what_is_wanted_least_makes_room() -> None:
    kept = _open(limit=2_000)
    for path in ("/a", "/b"):
        _keep(kept, path, size=400)
    assert kept.find(SHOP, "/a", b"") is not None

    _keep(kept, "/c", size=400)

    assert [path for path in ("/a", "/b", "/c") if kept.find(SHOP, path, b"")] == ["/a", "/c"]
    _keep(kept, "/huge", size=5_000)
    assert (kept._bytes, kept._answers, kept._about) == (0, {}, {})


def test_nothing_is_kept_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    kept = _open()
    _keep(kept, "/a")
    later = kept_answers.time.monotonic() + kept_answers.LONGEST + 1
    monkeypatch.setattr(kept_answers.time, "monotonic", lambda: later)

    assert kept.find(SHOP, "/a", b"") is None


def test_addresses_that_anybody_could_make_up_are_not_kept() -> None:
    kept = _open()
    _keep(kept, "/product", about=uuid4(), query=b"x=1")
    _keep(kept, "/" + "long" * 100)

    assert not kept._answers
    assert not Kept(0)._open


async def test_suggestions_are_kept_until_something_changes_and_what_fills_in_for_them_is_not(
    client: httpx.AsyncClient, app: Any, grocer: SeededShop, kept: Kept, change: Any
) -> None:
    at = "/v1/store/suggest?q=sou"
    assert (await client.get(at)).json()["fallback"] == "full_text"
    assert "age" not in (await client.get(at)).headers

    told = {"exact": True, "queries": [], "categories": [], "brands": [],
            "products": [str(grocer.products[0].product_id)]}  # fmt: skip
    async with deciding(app, lambda _: httpx.Response(200, json=told)):
        first = await client.get(at)
        again = await client.get(at)
        assert (again.content, "age" in again.headers) == (first.content, True)
        await change("UPDATE product SET title = 'Broth' WHERE title = 'Tomato soup'")
        assert [card["title"] for card in (await client.get(at)).json()["items"]] == ["Broth"]


async def test_a_decided_list_is_everybodys_for_a_moment_and_no_longer(
    client: httpx.AsyncClient, app: Any, grocer: SeededShop, kept: Kept, change: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    at = "/v1/store/search?q=soup&facets=true"
    assert (await client.get(at)).json()["fallback"] == "full_text"
    assert not kept._answers

    asked = Service("search")
    item = {"product_id": str(grocer.products[0].product_id), "score": 1.0, "source": "words"}
    told = {"decision_id": str(uuid4()), "policy": "words", "fallback": None, "fallback_reason": None, "query": "soup",
            "corrected": {}, "relaxed": [], "items": [item]}  # fmt: skip
    asked.answer = httpx.Response(200, json=told)
    async with deciding(app, asked):
        first, again = await client.get(at), await client.get(at)
        assert (again.content, "age" in again.headers, len(asked.asked)) == (first.content, True, 1)
        await change("UPDATE product SET title = 'Broth' WHERE title = 'Tomato soup'")
        assert [card["title"] for card in (await client.get(at)).json()["items"]] == ["Broth"]
        now = clock.now()
        monkeypatch.setattr(clock, "now", lambda: now + finding.HOLDS)
        assert "age" not in (await client.get(at)).headers
        assert len(asked.asked) == 3

        asked.answer = httpx.Response(200, json={**told, "personal": True})
        monkeypatch.setattr(clock, "now", lambda: now + 2 * finding.HOLDS)
        await client.get(at)
        assert "age" not in (await client.get(at, headers={"Authorization": "Bearer unknown"})).headers
        assert "age" in (await client.get(at)).headers
