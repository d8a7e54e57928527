"""Addresses, messages and wishlists on the shop's pages."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import httpx
import pytest

if TYPE_CHECKING:
    from tests.factories import SeededShop
    from tests.storefront.conftest import Browser

HOME = {
    "name": "Ada Lovelace",
    "line1": "1 Main Street",
    "postal_code": "45202",
    "city": "Cincinnati",
    "region": "oh",
    "country": "us",
}


@pytest.fixture
async def ada(browser: Browser) -> Browser:
    """A browser in which a customer has signed in."""
    await browser.http.post("/account/sign-in", data={"reference": "household-1"})
    return browser


async def _wish(http: httpx.AsyncClient, variant: object) -> httpx.Response:
    return await http.post("/wish", data={"variant_id": str(variant), "quantity": "2", "next": "/p/tomato-soup"})


def _only_list(page: str) -> str:
    (found,) = set(re.findall(r'href="(/wishlists/[0-9a-f-]+)"', page))
    return found


async def test_the_heart_of_a_product_puts_it_on_a_list_that_is_made_for_it(
    browser: Browser, grocer: SeededShop
) -> None:
    product = await browser.http.get(f"/p/{grocer.products[0].handle}")
    assert 'formaction="/wish"' in product.text
    answer = await _wish(browser.http, grocer.products[0].variant_id)
    assert (answer.status_code, answer.headers["location"]) == (303, "/p/tomato-soup")
    await _wish(browser.http, grocer.products[1].variant_id)

    page = await browser.http.get(_only_list((await browser.http.get("/wishlists")).text))
    assert page.text.count("data-wish=") == 2
    assert "2 \N{MULTIPLICATION SIGN} " in page.text


async def test_a_list_is_shared_by_a_link_and_no_more_once_it_is_not(
    browser: Browser, grocer: SeededShop, app: Any
) -> None:
    await _wish(browser.http, grocer.products[0].variant_id)
    own = _only_list((await browser.http.get("/wishlists")).text)
    await browser.http.post(f"{own}/share")
    shown = (await browser.http.get(own)).text
    (link,) = re.findall(r'value="http://grocer.localhost(/wished/[^"]+)"', shown)

    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url=browser.http.base_url) as other:
        seen = await other.get(link)
        assert seen.status_code == 200
        assert "Tomato soup" in seen.text
        assert "Household" not in seen.text
        assert own not in seen.text
        assert (await other.get(own)).status_code == 404
        await browser.http.post(f"{own}/unshare")
        assert (await other.get(link)).status_code == 404


async def test_a_wish_moves_to_another_list(browser: Browser, grocer: SeededShop) -> None:
    variant = grocer.products[0].variant_id
    await _wish(browser.http, variant)
    first = _only_list((await browser.http.get("/wishlists")).text)
    second = (await browser.http.post("/wishlists", data={"name": "Birthday"})).headers["location"]
    moved = await browser.http.post(f"{first}/items/{variant}/move", data={"to": second.rpartition("/")[2]})
    assert moved.status_code == 303
    assert "data-wish=" not in (await browser.http.get(first)).text
    assert "2 \N{MULTIPLICATION SIGN} " in (await browser.http.get(second)).text


async def test_an_address_that_is_none_is_shown_again_with_what_is_wrong(ada: Browser) -> None:
    for wrong, code in (
        ({**HOME, "postal_code": "12"}, "delivery.address_invalid"),
        ({}, "storefront.address_missing"),
    ):
        page = await ada.http.post("/account/addresses", data=wrong)
        assert page.status_code == 422
        assert code in page.text
    assert "data-address=" not in (await ada.http.get("/account/addresses")).text


async def test_what_is_marked_is_wanted_and_what_is_not_is_not(ada: Browser) -> None:
    await ada.http.post("/account/messages", data={"news-email": "on"})
    page = (await ada.http.get("/account/messages")).text
    marked = {
        name for name, rest in re.findall(r'name="([a-z_]+-[a-z]+)" value="on"([^>]*)>', page) if "checked" in rest
    }
    assert marked == {"news-email"}
    assert (await ada.http.post("/account/messages", data={"orders-email": "on"})).status_code == 422


@pytest.mark.parametrize("path", ["/account/addresses", "/account/messages"])
async def test_a_visitor_is_asked_to_sign_in_first(client: httpx.AsyncClient, path: str) -> None:
    answer = await client.get(path)
    assert (answer.status_code, answer.headers["location"]) == (303, f"/sign-in?next={path}")
