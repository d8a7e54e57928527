"""The search box that suggests while somebody types, and listens: by keys, by hand, and without any script."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import orjson
import pytest
from playwright.async_api import Page, ViewportSize, expect

from tests.chromium import IN_CHROMIUM, address, devtools, page
from tests.deciding import deciding
from tests.factories import SeededShop
from tests.storefront.conftest import Browser

__all__ = ["address", "devtools", "page"]


@pytest.fixture
def viewport() -> ViewportSize:
    return {"width": 1280, "height": 900}


@pytest.fixture
async def suggesting(app: Any, grocer: SeededShop) -> AsyncIterator[None]:
    """A decision service that knows what begins with t, and nothing else."""

    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/hearing"):
            said = reversed(orjson.loads(request.content)["alternatives"])
            return httpx.Response(200, json={"alternatives": [{**one, "fit": 1.0, "score": 1.0} for one in said]})
        if not request.url.path.endswith("/suggestions"):
            return httpx.Response(500)
        known = orjson.loads(request.content)["query"].startswith("t")
        soup = next(sold for sold in grocer.products if sold.title == "Tomato soup")
        told = {"exact": True, "queries": ["tomato soup", "tomatoes & more"], "brands": [],
                "categories": [{"name": "Pantry", "slug": "pantry"}], "products": [str(soup.product_id)]}  # fmt: skip
        nothing: dict[str, Any] = {"exact": False, "queries": [], "brands": [], "categories": [], "products": []}
        return httpx.Response(200, json=told if known else nothing)

    async with deciding(app, answer):
        yield


async def test_the_box_is_a_form_and_what_it_suggests_are_links(suggesting: None, browser: Browser) -> None:
    assert '<form action="/search" role="search"' in await browser.see("/")
    found = await browser.see("/shop/suggestions?q=to")
    assert 'href="/search?q=tomatoes%20%26%20more"' in found
    assert 'href="/c/pantry"' in found
    assert 'href="/p/tomato-soup"' in found
    assert "to<b" in found
    await browser.see("/shop/suggestions?q=", status=422)


@pytest.mark.browser
@pytest.mark.usefixtures("suggesting")
class TestInABrowser:
    """What the script adds."""

    pytestmark = IN_CHROMIUM

    async def test_keys_choose_and_what_was_typed_stays(self, page: Page, address: str) -> None:
        await page.goto(address)
        await page.get_by_role("button", name="Refuse").click()
        box = page.get_by_role("combobox", name="Search the shop")
        await box.press_sequentially("to")
        options = page.get_by_role("option")
        await expect(options).to_have_count(4)
        await expect(box).to_have_attribute("aria-expanded", "true")
        await expect(page.locator("#suggested-status")).to_have_text("4 suggestions")

        await box.press("ArrowDown")
        await expect(box).to_have_value("tomato soup")
        await expect(box).to_have_attribute("aria-activedescendant", "suggested-query-1")
        await box.press("ArrowUp")
        await expect(box).to_have_value("to")
        await box.press("Escape")
        await expect(options).to_have_count(0)
        await expect(box).to_have_value("to")

        await box.press_sequentially("m")
        await expect(options).to_have_count(4)
        await box.press("ArrowUp")
        await expect(box).to_have_value("tom")
        await box.press("Enter")
        await expect(page).to_have_url(f"{address}/p/tomato-soup")

    async def test_a_press_chooses_and_enter_alone_searches(self, page: Page, address: str) -> None:
        await page.goto(address)
        await page.get_by_role("button", name="Refuse").click()
        box = page.get_by_role("combobox", name="Search the shop")
        await box.press_sequentially("to")
        await page.get_by_role("option", name="Pantry").click()
        await expect(page).to_have_url(f"{address}/c/pantry")

        await box.press_sequentially("xylophone")
        await expect(page.locator("#suggested-status")).to_have_text("No suggestions")
        await expect(page.locator("#suggested")).to_be_hidden()
        await box.press("Enter")
        await expect(page).to_have_url(f"{address}/search?q=xylophone")
        assert parse_qs(urlsplit(page.url).query) == {"q": ["xylophone"]}
        await expect(box).to_have_value("xylophone")

    async def test_what_was_said_is_searched_for_as_the_shop_understood_it(self, page: Page, address: str) -> None:
        await page.add_init_script(
            """
            window.SpeechRecognition = class extends EventTarget {
              start() {
                this.dispatchEvent(new Event("start"));
                setTimeout(() => {
                  const heard = ["tomatoe soup ", "tomato soup"].map((transcript) => ({ transcript, confidence: 0.9 }));
                  this.dispatchEvent(Object.assign(new Event("result"), { results: [heard] }));
                  this.dispatchEvent(new Event("end"));
                }, 50);
              }
            };
            """
        )
        await page.goto(address)
        await page.get_by_role("button", name="Refuse").click()
        await page.get_by_role("button", name="Search by voice").click()
        await expect(page).to_have_url(f"{address}/search?q=tomato+soup")
