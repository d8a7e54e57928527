"""What stands beside a list: facets, what is chosen, the order; all of it in the address, and without any script."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx
import orjson
import pytest
from playwright.async_api import Page, ViewportSize, expect

from commerce.catalog.collections import service as collections
from commerce.catalog.collections.schemas import CollectionIn, PickedIn
from commerce.catalog.schemas import FacetOut, FacetValueOut, Listing
from commerce.merchandising import telling
from foundation.ids import new_id
from storefront.filtering import Address, price_filter, side_of
from tests.chromium import IN_CHROMIUM, address, devtools, page
from tests.deciding import deciding
from tests.factories import SeededShop
from tests.storefront.conftest import Browser

__all__ = ["address", "devtools", "page"]


class Service:
    """A decision service that finds the soup, or nothing of what is dear, and counts what there is to choose."""

    def __init__(self, shop: SeededShop) -> None:
        self._soup = next(sold.product_id for sold in shop.products if sold.title == "Tomato soup")
        self.asked: list[dict[str, Any]] = []
        self.recognised: list[dict[str, str]] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        asked = orjson.loads(request.content)
        if "chosen" not in asked:
            return httpx.Response(500)
        self.asked.append(asked)
        chosen = {one["facet"]: one for one in asked["chosen"]}
        brands, prices = chosen.get("brand", {}).get("values", []), chosen.get("price", {}).get("ranges", [])
        values = [{"value": name, "count": 5 - at, "chosen": name in brands}
                  for at, name in enumerate(("Acme & Sons", "Bolt", "C", "D", "E", "F", "G", "H"))]  # fmt: skip
        ranges = [{"least": 1000, "most": 4999, "count": 3, "chosen": {"least": 1000, "most": 4999} in prices}]
        stars = [{"value": one, "count": 7 - int(one), "chosen": False} for one in ("4", "3", "2", "1")]
        items = [] if prices else [{"product_id": str(self._soup), "score": -1.0, "source": "words"}]
        told = {
            "decision_id": str(new_id()), "policy": "words", "fallback": None, "fallback_reason": None,
            "query": asked["query"], "corrected": {}, "relaxed": [], "total": 1234 if items else 0,
            "relaxable": [] if items else [{"facet": "price", "total": 1200}], "has_more": bool(items),
            "items": items, "recognised": self.recognised, "facets": [
                {"facet": "brand", "values": values, "ranges": [], "more": False},
                {"facet": "price", "values": [], "ranges": ranges, "more": False},
                {"facet": "rating", "values": stars, "ranges": [], "more": False},
            ],
        }  # fmt: skip
        return httpx.Response(200, json=told)


@pytest.fixture
async def service(app: Any, grocer: SeededShop) -> AsyncIterator[Service]:
    service = Service(grocer)
    async with deciding(app, service):
        yield service


async def test_what_the_words_name_is_offered_alone_until_something_of_its_kind_is_chosen(
    browser: Browser, service: Service, app: Any, grocer: SeededShop
) -> None:
    async with app.state.core.database.tx(grocer.id, read_only=True) as tx:
        [pantry] = (await telling.read(tx)).categories
    gone = {"facet": "category", "value": str(new_id())}
    service.recognised = [
        {"facet": "category", "value": str(pantry.id)}, gone, {"facet": "brand", "value": "Acme & Sons"},
    ]  # fmt: skip

    seen = await browser.see("/search?q=acme+pantry")
    narrowed = await browser.see("/search?q=acme+pantry&filter=category:pantry")
    told = (await browser.http.get("/v1/store/search?q=acme+pantry")).json()["recognised"]

    assert 'href="/search?q=acme+pantry&amp;filter=category%3Apantry">Only in Pantry</a>' in seen
    assert 'href="/search?q=acme+pantry&amp;filter=brand%3AAcme+%26+Sons">Only by Acme &amp; Sons</a>' in seen
    assert ("Only in" in narrowed, "Only by" in narrowed) == (False, True)
    assert told == [
        {"facet": "category", "value": "pantry", "label": "Pantry"},
        {"facet": "brand", "value": "Acme & Sons", "label": "Acme & Sons"},
    ]


@pytest.mark.parametrize("path", ["/search?q=soup", "/c/pantry?"])
async def test_a_list_has_its_facets_and_what_is_chosen_beside_it(
    service: Service, browser: Browser, path: str
) -> None:
    seen = await browser.see(f"{path}&filter=brand:Acme%20%26%20Sons&filter=option.Size:M&sort=newest")

    assert "1,234 products" in seen
    assert 'value="brand:Acme &amp; Sons" class' in seen
    assert "$10.00 to $49.99" in seen
    assert '<option value="newest" selected>' in seen
    assert "4 stars and up" in seen
    assert ">Best rated</option>" in seen
    # What no facet shows is kept when another is chosen.
    assert '<input type="hidden" name="filter" value="option.Size:M">' in seen
    without = "filter=option.Size%3AM&amp;sort=newest"
    assert f"?{'q=soup&amp;' if 'q=' in path else ''}{without}" in seen
    assert f"{without}&amp;cursor=" in seen
    assert service.asked[-1]["facets"] is True


async def test_prices_that_somebody_types_become_a_filter_of_the_address(service: Service, browser: Browser) -> None:
    answer = await browser.http.get("/search?q=soup&least=10&most=20,5&filter=price:1-2&filter=brand:Bolt")
    assert (answer.status_code, answer.headers["location"]) == (
        303,
        "/search?q=soup&filter=brand%3ABolt&filter=price%3A1000-2050",
    )


async def test_nothing_that_fits_says_what_to_do(service: Service, browser: Browser) -> None:
    seen = await browser.see("/search?q=soup&filter=price:1000-4999")
    assert '<a class="chip" href="/search?q=soup">Without $10.00 to $49.99 (1,200)</a>' in seen
    assert "Nothing is all of that at once" in seen
    assert 'href="/search?q=soup"' in seen


async def test_what_postgres_cannot_heed_is_said(browser: Browser) -> None:
    seen = await browser.see("/c/pantry?filter=price:1-2&sort=newest")
    assert "We can't heed price, the order just now" in seen
    assert "/p/tomato-soup" in seen


@pytest.mark.parametrize(
    ("asked", "status", "code"),
    [
        ("filter=flavour:sweet", 422, "search.unknown_facet"),
        ("filter=brand", 422, "search.malformed_filter"),
        ("filter=rating:5", 422, "search.unknown_filter_value"),
        ("cursor=AAAA", 400, "request.malformed_cursor"),
    ],
)
async def test_an_address_that_makes_no_sense_has_its_page(
    browser: Browser, asked: str, status: int, code: str
) -> None:
    assert code in await browser.see(f"/search?q=soup&{asked}", status=status)


@pytest.mark.parametrize(
    ("least", "most", "filtered"),
    [("10", "20.50", "price:1000-2050"), ("", "5", "price:-500"), ("1e3", "", "price:100000-"), ("cheap", "NaN", None),
     ("-3", "", None), ("", "", None)],
)  # fmt: skip
def test_prices_are_read_as_people_type_them(least: str, most: str, filtered: str | None) -> None:
    assert price_filter(least, most, "USD") == filtered


def test_categories_are_those_of_the_level_at_which_they_differ() -> None:
    def value(slug: str, parent: str | None, *, chosen: bool = False) -> FacetValueOut:
        return FacetValueOut(value=slug, label=slug, parent=parent, colour=None, count=1, chosen=chosen)

    values = [value("all", None), value("shoes", "all"), value("hats", "all"), value("boots", "shoes", chosen=True)]
    facet = FacetOut(facet="category", label="Category", values=values, ranges=[], more=False)
    listed = Listing(
        items=[], has_more=False, next_cursor=None, decision_id=None, total=1, sort="relevance", facets=[facet],
        relaxable=[], not_applied=[], fallback=None, fallback_reason=None,
    )  # fmt: skip
    shown = side_of(listed, Address("/search", "x", ["category:boots"]), "USD").facets
    assert [one.value for one in shown[0].values] == ["boots", "shoes", "hats"]
    inside = side_of(listed, Address("/c/shoes"), "USD", "shoes").facets
    assert [one.value for one in inside[0].values] == ["boots"]


@pytest.fixture
def viewport() -> ViewportSize:
    return {"width": 390, "height": 844}


@pytest.mark.browser
class TestOnAPhone:
    """What the script adds."""

    pytestmark = IN_CHROMIUM

    async def test_what_is_chosen_in_the_drawer_is_shown_at_once_and_kept_in_the_address(
        self, page: Page, address: str, service: Service
    ) -> None:
        await page.goto(f"{address}/search?q=soup")
        await page.get_by_role("button", name="Refuse").click()
        await page.locator(".drawer > summary").click()
        await page.get_by_role("checkbox", name="Bolt").check()

        await expect(page).to_have_url(f"{address}/search?q=soup&filter=brand%3ABolt&sort=relevance")
        await expect(page.get_by_role("checkbox", name="Bolt")).to_be_focused()
        await expect(page.locator("[data-chip]")).to_have_text("Without Bolt")
        assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        await page.go_back()
        await expect(page.locator('[value="brand:Bolt"]')).not_to_be_checked()


async def test_a_collection_has_facets_beside_it_and_its_own_order_among_the_others(
    service: Service, browser: Browser, app: Any, grocer: SeededShop
) -> None:
    core = app.state.core
    picked = [grocer.products[at].product_id for at in (1, 0)]
    async with core.database.tx(grocer.id) as tx:
        made = await collections.add(tx, CollectionIn(title="Warm", handle="warm", sort="by_hand", published=True))
        shop = await core.directory.by_host(grocer.host)
        await collections.pick(tx, shop, made, PickedIn(product_ids=picked, version=1))

    seen = await browser.see("/collections/warm")
    assert (seen.count('data-facet="brand"'), seen.index("Orange juice") < seen.index("Tomato soup")) == (1, True)
    assert '<option value="relevance" selected>As arranged</option>' in seen
    narrowed = await browser.see("/collections/warm?filter=brand:Bolt&sort=newest")
    assert 'data-chip class="' in narrowed
    assert 'href="/collections/warm?sort=newest"' in narrowed
    assert (service.asked[-1]["collection"], service.asked[-1]["sort"]) == (str(made), "newest")
    asked = await browser.http.get("/collections/warm?filter=brand:Bolt&least=1")
    assert asked.headers["location"] == "/collections/warm?filter=brand%3ABolt&filter=price%3A100-"
