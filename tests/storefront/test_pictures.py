"""Pictures of products on the shop's pages: in sizes, with words, and drawn where there are none."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from playwright.async_api import expect

from commerce.identity.staff import create_key
from tests.chromium import IN_CHROMIUM, address, devtools, page, viewport
from tests.storefront.conftest import Browser
from tests.studio import Studio, thirds

if TYPE_CHECKING:
    from playwright.async_api import Page

    from tests.factories import SeededShop


__all__ = ["address", "devtools", "page", "viewport"]


@pytest.fixture
async def studio(app: Any, grocer: SeededShop, tmp_path: Path) -> Any:
    async with app.state.core.database.transaction(grocer.id) as session:
        _, token = await create_key(session, grocer.id, name="Studio")
    headers = {"Authorization": f"Bearer {token}"}
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url=f"http://{grocer.host}", headers=headers) as http:
        product = (await http.get(f"/v1/admin/products/{grocer.products[0].product_id}")).raise_for_status().json()
        yield Studio(app, http, grocer, tmp_path / "objects", product=product)


async def test_a_page_shows_pictures_in_the_sizes_it_needs_with_words(browser: Browser, studio: Studio) -> None:
    await studio.send(thirds(size=(1500, 500)), alt="Soup & <spoon>")
    await studio.send(thirds(), alt="The tin from behind")
    await studio.make()
    page = await browser.see("/p/tomato-soup")
    gallery = page[page.index("Pictures of Tomato soup") : page.index("<h1")]
    assert gallery.count("<picture") == 4  # two, and two to go to them
    assert re.findall(r'type="image/(\w+)"', gallery)[:2] == ["avif", "webp"]
    assert 'alt="Soup &amp; &lt;spoon&gt;"' in gallery
    assert 'alt="The tin from behind"' in gallery
    assert re.findall(r'loading="(\w+)"', gallery) == ["eager", "lazy", "lazy", "lazy"]
    assert "sizes=" in gallery
    for card in (await browser.see("/c/pantry"), await browser.see("/search?q=soup")):
        assert "<picture" in card
        assert 'alt="Soup &amp; &lt;spoon&gt;"' in card
    files = {one.split()[0] for srcset in re.findall(r'srcset="([^"]+)"', page) for one in srcset.split(", ")}
    assert files
    for file in files:
        answer = await browser.http.get(file)
        assert (answer.status_code, answer.headers["cache-control"]) == (200, "public, max-age=31536000, immutable")
        assert answer.headers["content-type"] == f"image/{file.rpartition('.')[2]}"


async def test_what_has_no_picture_is_drawn(browser: Browser, studio: Studio) -> None:
    made = await studio.send(thirds())
    await studio.make()
    assert "<picture" in await browser.see("/p/tomato-soup")
    await studio.ask("DELETE", f"/{made['id']}", status=204)
    page = await browser.see("/p/tomato-soup")
    assert "<picture" not in page
    assert f"/images/products/{studio.product['id']}.svg" in page


async def test_nobodys_address_leads_to_what_pictures_are_made_of(browser: Browser, studio: Studio) -> None:
    await studio.send(thirds())
    (kept,) = studio.files
    await browser.see(f"/images/objects/{kept}", 404)
    await browser.see(f"/images/objects/{kept}.png", 404)


@pytest.mark.browser
@IN_CHROMIUM[1]
async def test_a_set_is_turned_by_keys_as_by_a_swipe(page: Page, address: str, studio: Studio) -> None:
    made = await studio.ask("POST", "", {"kind": "spin", "alt": "All sides"}, 201)
    for size in ((200, 200), (210, 210), (220, 220)):
        await studio.send(thirds(size=size), f"/{made['id']}/pictures")
    await studio.make()
    await page.goto(f"{address}/p/tomato-soup")
    await page.get_by_label("Turn it").press("ArrowRight")
    turned = "[data-spin]", "frames => Math.round(frames.scrollLeft / frames.clientWidth)"
    assert await page.eval_on_selector(*turned) == 1
    await page.eval_on_selector("[data-spin]", "frames => { frames.scrollLeft = 2 * frames.clientWidth }")
    await expect(page.get_by_label("Turn it")).to_have_value("2")
