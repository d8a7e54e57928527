"""The catalogue shows what whoever looks would pay, and what is kept of it is neither late nor somebody else's."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from commerce.kept import Kept
from commerce.pricing.engine import Offer, breaks_of, next_change, price_of
from foundation import clock
from foundation.settings import Settings
from tests.commerce.conftest import Browser
from tests.factories import SeededShop
from tests.waiting import comes

if TYPE_CHECKING:
    from tests.conftest import DatabaseUrls

NOON = datetime(2026, 11, 25, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
SOUP, LIST, SEARCH = "/v1/store/products/tomato-soup", "/v1/store/products?limit=3", "/v1/store/search?q=tomato+soup"

moments = st.integers(-3, 3).map(lambda hours: NOON + hours * HOUR)
offers = st.lists(
    st.builds(
        lambda amount, quantity, starts, ends: Offer(amount, quantity, None, starts, ends),
        st.integers(0, 120),
        st.integers(1, 12),
        st.none() | moments,
        st.none() | moments,
    ),
    max_size=6,
)


@given(offers, moments, st.integers(1, 15))
def test_the_breaks_shown_say_what_any_quantity_costs(found: list[Offer], at: datetime, quantity: int) -> None:
    shown = [(1, price_of(100, found, quantity=1, at=at).amount)]
    shown += [(one.min_quantity, one.amount) for one in breaks_of(100, found, at=at)]

    assert [amount for least, amount in shown if least <= quantity][-1] == (
        price_of(100, found, quantity=quantity, at=at).amount
    )
    assert shown == sorted(shown, key=lambda one: (one[0], -one[1]))
    assert len({amount for _, amount in shown}) == len(shown)


@given(offers, moments, st.timedeltas(timedelta(0), 7 * HOUR), st.integers(1, 15))
def test_no_price_changes_before_the_next_change(
    found: list[Offer], at: datetime, later: timedelta, quantity: int
) -> None:
    change = next_change(found, at=at)
    if change is None or at + later < change:
        then, now = (price_of(100, found, quantity=quantity, at=when) for when in (at + later, at))
        assert then == now


@pytest.fixture
def settings(database_urls: DatabaseUrls) -> Settings:
    return Settings(
        _env_file=None,
        database_url=SecretStr(database_urls.app),
        database_owner_url=SecretStr(database_urls.owner),
        database_pool_size=4,
        catalogue_cache_mb=1,
    )


@pytest.fixture
async def kept(app: Any) -> Kept:
    kept: Kept = app.state.core.kept
    await comes(lambda: kept._open)
    return kept


@pytest.fixture
def offer(staff: httpx.AsyncClient, kept: Kept) -> Callable[..., Any]:
    """Put the soup's offers in place, and wait until the workers are told."""

    async def put(*said: dict[str, Any]) -> None:
        told = kept._told
        answer = await staff.put("/v1/admin/prices/variants/SKU0/offers", json={"currency": "USD", "offers": said})
        assert answer.status_code == 200, answer.text
        await comes(lambda: kept._told > told)

    return put


async def _soup(client: httpx.AsyncClient, path: str = SOUP) -> dict[str, Any]:
    answer = await client.get(path)
    assert answer.status_code == 200, answer.text
    page = answer.json()
    shown: dict[str, Any] = next(card for card in page.get("items") or page["variants"])
    return shown


def _price(shown: dict[str, Any]) -> tuple[int, int | None, str | None]:
    """What it costs, what it cost before, and why it costs less."""
    return shown["price"]["amount"], shown["compare_at"], shown["offer"] and shown["offer"]["source"]


@pytest.mark.parametrize("path", [SOUP, LIST, SEARCH, "/v1/store/recommendations?placement=home"])
async def test_a_sale_and_its_breaks_are_shown_beside_the_list_price(
    client: httpx.AsyncClient, offer: Any, path: str
) -> None:
    assert _price(await _soup(client, path)) == (100, None, None)

    await offer({"amount": 80}, {"amount": 70, "min_quantity": 10}, {"amount": 75, "min_quantity": 20})

    shown = await _soup(client, path)
    assert _price(shown) == (80, 100, "sale")
    assert shown["offer"]["list_price"] == 100
    assert [(one["min_quantity"], one["amount"]) for one in shown["quantity_breaks"]] == [(10, 70)]


async def test_what_was_dearer_before_stays_beside_a_sale(client: httpx.AsyncClient, offer: Any, rows: Any) -> None:
    rows("UPDATE price SET compare_at = 150")
    await offer({"amount": 80})

    assert _price(await _soup(client)) == (80, 150, "sale")


@pytest.mark.parametrize("path", [SOUP, LIST])
async def test_what_is_kept_begins_and_ends_with_the_sale(
    client: httpx.AsyncClient, offer: Any, kept: Kept, path: str
) -> None:
    begins = clock.now() + HOUR
    ends = begins + timedelta(seconds=12)
    await offer({"amount": 80, "starts_at": begins.isoformat(), "ends_at": ends.isoformat()})
    moment = timedelta(microseconds=1)

    shown = {}
    for when in (begins - moment, begins, ends - moment, ends):
        with clock.use(lambda when=when: when):  # type: ignore[misc]
            shown[when] = [(await _soup(client, path))["price"]["amount"] for _ in range(2)]
            assert kept._answers

    assert list(shown.values()) == [[100, 100], [80, 80], [80, 80], [100, 100]]


async def test_nobody_downstream_keeps_a_sale_past_its_end(client: httpx.AsyncClient, offer: Any) -> None:
    ends = clock.now() + HOUR
    await offer({"amount": 80, "ends_at": ends.isoformat()})

    with clock.use(lambda: ends - timedelta(seconds=12)):
        first, again = [await client.get(SOUP) for _ in range(2)]

    assert first.headers["cache-control"] == "public, max-age=12"
    assert again.content == first.content
    assert int(again.headers["age"]) >= 1


async def _join(staff: httpx.AsyncClient, reference: str, group: str | None) -> None:
    assert (await staff.put(f"/v1/admin/prices/groups/{reference}", json={"group": group})).status_code == 200


@pytest.mark.parametrize("path", [SOUP, LIST, SEARCH, "/v1/store/recommendations?placement=home"])
async def test_a_group_sees_its_price_and_nobody_else_does(
    client: httpx.AsyncClient, staff: httpx.AsyncClient, offer: Any, path: str
) -> None:
    await offer({"amount": 75, "group": "trade"}, {"amount": 60, "group": "trade", "min_quantity": 10})
    await _join(staff, "household-1", "trade")
    await _join(staff, "household-2", "retail")
    token = {}
    for reference in ("household-1", "household-2"):
        opened = await client.post("/v1/store/sessions", json={"reference": reference})
        token[reference] = opened.cookies["tradewind_session"]
        client.cookies.clear()

    async def seen(reference: str | None) -> tuple[tuple[int, int | None, str | None], int]:
        client.headers.pop("Authorization", None)
        if reference:
            client.headers["Authorization"] = f"Bearer {token[reference]}"
        shown = await _soup(client, path)
        return _price(shown), len(shown["quantity_breaks"])

    theirs, others = ((75, 100, "group"), 1), ((100, None, None), 0)
    for _ in range(2):  # whoever comes first, and again from what is kept
        assert await seen(None) == others
        assert await seen("household-1") == theirs
        assert await seen("household-2") == others
    await _join(staff, "household-1", None)
    assert await seen("household-1") == others


async def test_what_depends_on_who_asks_says_so_to_those_who_keep_it(
    browser: Browser, staff: httpx.AsyncClient, offer: Any
) -> None:
    await offer({"amount": 75, "group": "trade"})
    await _join(staff, "household-1", "trade")

    theirs = await browser.http.get(SOUP)
    browser.http.cookies.clear()
    anybodys = await browser.http.get(SOUP)

    assert theirs.headers["cache-control"].startswith("private")
    assert anybodys.headers["cache-control"].startswith("public")
    for answer in (theirs, anybodys):
        assert answer.headers["vary"] == "Host, Authorization, Cookie"
    assert theirs.headers["etag"] != anybodys.headers["etag"]


async def test_a_price_promised_to_one_is_shown_to_them_and_to_nobody_else(
    browser: Browser, staff: httpx.AsyncClient, grocer: SeededShop, kept: Kept
) -> None:
    assert _price(await _soup(browser.http)) == (100, None, None)
    assert kept._answers
    told = kept._told
    me = (await browser.http.get("/v1/store/sessions/current")).json()
    ends = clock.now() + HOUR
    promise = {
        "holder_id": me["customer_id"],
        "variant_id": str(grocer.products[0].variant_id),
        "currency": "USD",
        "amount": 55,
        "decision_id": str(uuid4()),
        "expires_at": ends.isoformat(),
    }
    assert (await staff.post("/v1/admin/prices/quotes", json=promise)).status_code == 201
    await comes(lambda: kept._told > told)

    shown = await _soup(browser.http)
    assert (_price(shown), shown["offer"]["decision_id"]) == ((55, 100, "quote"), promise["decision_id"])
    cart = await browser.add(await browser.cart(), grocer.products[0].variant_id)
    assert cart["lines"][0]["unit_price"] == 55
    with clock.use(lambda: ends):
        assert _price(await _soup(browser.http)) == (100, None, None)
    browser.http.cookies.clear()
    assert _price(await _soup(browser.http)) == (100, None, None)


async def test_whoever_shows_a_session_that_is_over_looks_around_like_anybody(
    client: httpx.AsyncClient, offer: Any
) -> None:
    await offer({"amount": 80}, {"amount": 75, "group": "trade"})
    client.headers["Authorization"] = "Bearer gone"

    assert _price(await _soup(client)) == (80, 100, "sale")


async def test_another_shops_offers_are_not_ours(
    client: httpx.AsyncClient, offer: Any, fashion: SeededShop, rows: Any
) -> None:
    await offer({"amount": 80})
    answer = await client.get(f"/v1/store/products/{fashion.products[0].handle}", headers={"Host": fashion.host})
    assert _price(answer.json()["variants"][0]) == (100, None, None)
    assert UUID(answer.json()["id"]) == fashion.products[0].product_id
