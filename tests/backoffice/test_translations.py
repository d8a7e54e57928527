"""The page on which texts are said in other languages, and the shop that is read in them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import httpx

if TYPE_CHECKING:
    from tests.factories import SeededShop

SETTINGS = "/back-office/settings"


async def _have(admin: httpx.AsyncClient, locales: str) -> None:
    page = (await admin.get(SETTINGS)).text
    version = re.search(r'name="version" value="([0-9]+)"', page)
    assert version is not None
    said = {"name": "Grocer", "locale": "en-US", "zone": "UTC", "locales": locales, "version": version[1]}
    assert (await admin.post(SETTINGS, data=said)).status_code == 303


async def test_a_product_is_translated_on_its_page_and_read_so_in_the_shop(
    admin: httpx.AsyncClient, analyst: httpx.AsyncClient, grocer: SeededShop
) -> None:
    soup = grocer.products[0]
    at = f"/back-office/translations/products/{soup.product_id}"
    assert "The shop has one language" in (await admin.get(at)).text
    assert "In other languages" not in (await admin.get(f"/back-office/products/{soup.product_id}")).text
    await _have(admin, "de\r\nde-CH")
    assert at in (await admin.get(f"/back-office/products/{soup.product_id}")).text

    page = (await admin.get(at)).text
    assert 'action="/back-office/translations/de/products/' in page
    to = f"/back-office/translations/de/products/{soup.product_id}"
    wrong = await admin.post(to, data={"text.title": "<i>Suppe</i>", "version": "1"})
    assert (wrong.status_code, 'id="text.title-fault"' in wrong.text) == (422, True)
    assert "must be plain text" in wrong.text
    put = await admin.post(to, data={"text.title": "Tomatensuppe", "version": "1"})
    assert put.headers["location"] == f"{at}?locale=de"
    assert 'value="Tomatensuppe"' in (await admin.get(f"{at}?locale=de")).text
    stale = await admin.post(to, data={"text.title": "x", "version": "1"})
    assert stale.status_code == 409
    assert (await analyst.post(to, data={"text.title": "x", "version": "2"})).status_code == 403

    shop = f"/p/{soup.handle}"
    plain = (await analyst.get(f"{shop}?v=x")).text
    assert "Tomatensuppe" not in plain
    assert "Tomatensuppe" in (await analyst.get(f"{shop}?locale=de")).text
    choose = re.search(r'href="(/language[^"]+)" hreflang="de"', plain)
    assert choose is not None
    chosen = await analyst.get(choose[1].replace("&amp;", "&"))
    assert chosen.headers["location"] == f"{shop}?v=x"
    assert re.search(r'hreflang="de"[^>]* aria-current="true"', (await analyst.get(shop)).text)
    assert "Tomatensuppe" in (await analyst.get("/")).text, "it is remembered"
    assert "Tomatensuppe" not in (await analyst.get(f"{shop}?locale=en-US")).text
    away = await analyst.get("/language?locale=fr&next=//elsewhere.example")
    assert away.status_code == 422
    for path in ("/c/pantry?", "/search?q=soup&", f"/compare?product={soup.handle}&product=rye-bread&"):
        assert "Tomatensuppe" in (await analyst.get(f"{path}locale=de")).text, path
    drawn = await analyst.get(f"/images/products/{soup.product_id}.svg")
    assert "Tomato soup" in drawn.text, "a picture is kept for every language"
    assert "Tomatensuppe" not in (await analyst.get("/?locale=en-US")).text


async def test_everything_that_has_texts_has_the_page(admin: httpx.AsyncClient) -> None:
    await _have(admin, "fr")
    await admin.post("/back-office/brands", data={"name": "Acme", "slug": "acme"})
    await admin.post("/back-office/categories", data={"name": "Teas", "slug": "teas"})
    collection = {"title": "Picks", "sort": "by_hand"}
    made = (await admin.post("/back-office/collections/new/by-hand", data=collection)).headers["location"]
    for page, original in (("/back-office/brands", "Acme"), ("/back-office/categories", "Teas"), (made, "Picks")):
        shown = (await admin.get(page)).text
        if page.endswith("categories"):
            link = re.search(r'href="(/back-office/categories/[0-9a-f-]+)"[^>]*><span[^>]*><span[^>]*>Teas', shown)
            assert link is not None
            shown = (await admin.get(link[1])).text
        to = re.search(r'href="(/back-office/translations/[^"]+)"', shown)
        assert to is not None, page
        assert original in (await admin.get(to[1])).text
    assert (await admin.get("/back-office/translations/products/nothing")).status_code == 404
    assert (await admin.get("/back-office/translations/people/nothing")).status_code == 422
