"""The shop in a real browser: the same journey, with what JavaScript adds."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Page, expect

from tests.chromium import IN_CHROMIUM, address, devtools, page, viewport
from tests.spools import spooled

Execute = Callable[..., list[tuple[Any, ...]]]

__all__ = ["address", "devtools", "page", "viewport"]

pytestmark = IN_CHROMIUM


async def _reported(execute: Execute, spool: Path, *names: str) -> bool:
    """Whether the shop came to know of each of these, within the time an impatient reader would give it."""
    visitors = {str(visitor) for (visitor,) in execute("SELECT visitor_id FROM session")}
    for _ in range(100):
        told = {name for (name,) in execute("SELECT DISTINCT name FROM outbox")}
        if set(names) <= told | {row["name"] for row in spooled(spool) if row.get("visitor_id") in visitors}:
            return True
        await asyncio.sleep(0.1)
    return False


async def test_a_shopper_buys_on_a_phone_and_the_shop_learns_what_they_did(
    page: Page, address: str, execute: Execute, event_spool: Path
) -> None:
    await page.goto(address)
    await page.get_by_role("button", name="Accept").click()
    await expect(page.locator("#notices")).to_contain_text("Your choice is kept")
    await page.locator("[data-rail]").get_by_role("button", name="Add Tomato soup to the cart").click()
    await expect(page.locator("#cart-link")).to_contain_text("1")
    await expect(page).to_have_url(f"{address}/")
    await page.locator("[data-select]", has_text="Orange juice").first.click()
    await page.get_by_label("How many").fill("2")
    await page.get_by_role("button", name="Add to cart").click()
    await expect(page.locator("#cart-link")).to_contain_text("3")
    await page.get_by_role("link", name="See the cart").click()
    await page.get_by_role("link", name="Go to checkout").click()
    await page.get_by_label("Test card the bank declines").check()
    await page.get_by_role("button", name="Pay $5.00").click()
    await expect(page.get_by_role("alert")).to_contain_text("The bank declined the card")
    await page.get_by_label("Test card that works").check()
    await page.get_by_role("button", name="Pay $5.00").click()
    await expect(page.get_by_role("heading", level=1)).to_contain_text("Thank you")
    assert await _reported(
        execute, event_spool, "view_item_list", "select_item", "view_item", "add_to_cart", "purchase"
    )
    assert execute("SELECT reason FROM dead_letter") == []


async def test_who_has_not_agreed_is_not_watched(page: Page, address: str, execute: Execute) -> None:
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.url))
    await page.goto(address)
    await page.get_by_role("button", name="Refuse").click()
    await expect(page.locator("#notices")).to_contain_text("Your choice is kept")
    await page.locator("[data-rail]").get_by_role("button", name="Add Tomato soup to the cart").click()
    await expect(page.locator("#cart-link")).to_contain_text("1")
    assert [url for url in sent if url.endswith("/v1/events")] == []
    told = execute("SELECT name, visitor_id, session_id, payload FROM outbox")
    assert told == [("add_to_cart", None, None, {})], "it counts that it happened, and no more"


async def test_the_button_that_was_pressed_is_what_is_sent(page: Page, address: str, execute: Execute) -> None:
    await page.goto(address)
    await page.locator("[data-rail]").get_by_role("button", name="Add Tomato soup to the cart").click()
    await expect(page.locator("#cart-link")).to_contain_text("1")
    await page.goto(f"{address}/checkout")
    await page.get_by_placeholder("Gift card code").fill("NOSUCHCARD23456")
    await page.get_by_role("button", name="Apply").click()
    await expect(page.get_by_role("alert")).to_be_visible()
    assert execute("SELECT count(*) FROM orders") == [(0,)]

    await page.get_by_placeholder("Gift card code").fill("")
    await page.get_by_label("Test card whose bank asks you first").check()
    await page.get_by_role("button", name="Pay $1.00").click()
    await page.get_by_role("button", name="No, that's not me").click()
    await expect(page.get_by_role("alert")).to_be_visible()
    await page.get_by_label("Test card whose bank asks you first").check()
    await page.get_by_role("button", name="Pay $1.00").click()
    await page.get_by_role("button", name="Yes, pay").dblclick()
    await expect(page.get_by_role("heading", level=1)).to_contain_text("Thank you")
    assert execute("SELECT count(*) FROM orders") == [(1,)]


async def test_the_row_of_recommendations_changes_by_itself_after_something_goes_into_the_cart(
    page: Page, address: str
) -> None:
    await page.goto(address)
    row = page.locator("[data-rail]")
    await expect(row).to_contain_text("Tomato soup")
    await row.get_by_role("button", name="Add Tomato soup to the cart").click()
    await expect(row).not_to_contain_text("Tomato soup", timeout=15_000)


@pytest.mark.parametrize("width", [360, 768, 1440])
async def test_no_page_scrolls_sideways(page: Page, address: str, width: int) -> None:
    await page.set_viewport_size({"width": width, "height": 800})
    for path in ("/", "/c/pantry", "/p/tomato-soup", "/search?q=soup", "/cart", "/account", "/orders", "/nowhere"):
        await page.goto(address + path)
        assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth"), path
