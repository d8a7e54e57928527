"""Lists of what one would like to have: several, one's own, and shared by link."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from foundation.ids import new_id

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.commerce.conftest import Browser
    from tests.factories import SeededShop

LISTS = "/v1/store/wishlists"


@pytest.fixture
async def somebody(app: Any, grocer: SeededShop) -> AsyncIterator[httpx.AsyncClient]:
    """A visitor whom nobody knows."""
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url=f"http://{grocer.host}") as http:
        await http.post("/v1/store/sessions", json={})
        yield http


async def _list(http: httpx.AsyncClient, name: str = "Birthday") -> dict[str, Any]:
    response = await http.post(LISTS, json={"name": name})
    assert response.status_code == 201, response.text
    made: dict[str, Any] = response.json()
    return made


async def _wish(
    http: httpx.AsyncClient, wishlist: dict[str, Any], variant: object, quantity: int = 1
) -> dict[str, Any]:
    response = await http.put(f"{LISTS}/{wishlist['id']}/items/{variant}", json={"quantity": quantity})
    assert response.status_code == 200, response.text
    answer: dict[str, Any] = response.json()
    return answer


async def test_a_list_holds_each_variant_once_at_todays_price(browser: Browser, grocer: SeededShop, rows: Any) -> None:
    made = await _list(browser.http)
    soup, juice = grocer.products[0], grocer.products[1]
    await _wish(browser.http, made, soup.variant_id)
    await _wish(browser.http, made, juice.variant_id)
    answer = await _wish(browser.http, made, soup.variant_id, 3)

    assert [(item["title"], item["quantity"], item["price"]["amount"]) for item in answer["items"]] == [
        (juice.title, 1, juice.price),
        (soup.title, 3, soup.price),
    ]
    assert rows("SELECT count(*) FROM outbox WHERE name = 'add_to_wishlist'") == [(2,)]

    shorter = await browser.http.delete(f"{LISTS}/{made['id']}/items/{juice.variant_id}")
    assert [item["title"] for item in shorter.json()["items"]] == [soup.title]
    again = await browser.http.delete(f"{LISTS}/{made['id']}/items/{juice.variant_id}")
    assert (again.status_code, again.json()["code"]) == (404, "wishlists.item_not_found")


async def test_what_a_list_is_called_is_nowhere_in_plain_text(browser: Browser, rows: Any) -> None:
    made = await _list(browser.http, "For Ada Lovelace")
    await browser.http.put(f"{LISTS}/{made['id']}/share")
    ((name, token),) = rows("SELECT name, token FROM wishlist")
    assert "Ada" not in name
    shown = (await browser.http.get(f"{LISTS}/{made['id']}")).json()
    assert shown["name"] == "For Ada Lovelace"
    assert shown["share_token"] not in (None, token)


async def test_a_list_is_its_holders_alone(browser: Browser, somebody: httpx.AsyncClient, grocer: SeededShop) -> None:
    made = await _list(browser.http)
    own = f"{LISTS}/{made['id']}"
    variant = grocer.products[0].variant_id
    answers = [
        await somebody.get(own),
        await somebody.patch(own, json={"name": "Mine"}),
        await somebody.delete(own),
        await somebody.put(f"{own}/items/{variant}", json={}),
        await somebody.delete(f"{own}/items/{variant}"),
        await somebody.put(f"{own}/share"),
        await somebody.delete(f"{own}/share"),
    ]
    assert {(answer.status_code, answer.json()["code"]) for answer in answers} == {(404, "wishlists.not_found")}
    assert (await somebody.get(LISTS)).json() == {"items": []}
    assert (await browser.http.get(own)).json() == made


async def test_whoever_has_the_link_sees_the_list_until_there_is_another(
    browser: Browser, somebody: httpx.AsyncClient, grocer: SeededShop
) -> None:
    made = await _list(browser.http)
    await _wish(browser.http, made, grocer.products[0].variant_id, 2)
    first = (await browser.http.put(f"{LISTS}/{made['id']}/share")).json()["share_token"]
    seen = await somebody.get(f"/v1/store/shared-wishlists/{first}")
    assert seen.status_code == 200
    assert set(seen.json()) == {"name", "currency", "items"}
    assert seen.json()["items"][0]["quantity"] == 2

    second = (await browser.http.put(f"{LISTS}/{made['id']}/share")).json()["share_token"]
    assert (await somebody.get(f"/v1/store/shared-wishlists/{first}")).status_code == 404
    assert (await somebody.get(f"/v1/store/shared-wishlists/{second}")).status_code == 200
    await browser.http.delete(f"{LISTS}/{made['id']}/share")
    assert (await somebody.get(f"/v1/store/shared-wishlists/{second}")).status_code == 404


async def test_a_visitors_lists_come_along_when_they_sign_in(
    somebody: httpx.AsyncClient, browser: Browser, grocer: SeededShop, rows: Any
) -> None:
    await _list(browser.http, "Theirs already")
    made = await _list(somebody, "Brought along")
    await _wish(somebody, made, grocer.products[0].variant_id)
    token = (await somebody.put(f"{LISTS}/{made['id']}/share")).json()["share_token"]

    await somebody.post("/v1/store/sessions", json={"reference": "household-1"})
    assert [one["name"] for one in (await somebody.get(LISTS)).json()["items"]] == ["Theirs already", "Brought along"]
    assert (await somebody.get(f"{LISTS}/{made['id']}")).json()["share_token"] == token
    assert (await browser.http.get(f"{LISTS}/{made['id']}")).status_code == 200
    assert len({holder for (holder,) in rows("SELECT holder_id FROM wishlist")}) == 1


async def test_no_more_lists_than_twenty_even_when_asked_for_at_once(browser: Browser) -> None:
    answers = await asyncio.gather(*(browser.http.post(LISTS, json={"name": f"List {n}"}) for n in range(23)))
    assert sorted(answer.status_code for answer in answers) == [201] * 20 + [422] * 3
    assert {answer.json()["code"] for answer in answers if answer.status_code == 422} == {"wishlists.too_many_lists"}


async def test_what_the_shop_does_not_have_cannot_be_wished_for(browser: Browser, fashion: SeededShop) -> None:
    made = await _list(browser.http)
    for variant in (new_id(), fashion.products[0].variant_id):
        response = await browser.http.put(f"{LISTS}/{made['id']}/items/{variant}", json={})
        assert (response.status_code, response.json()["code"]) == (422, "wishlists.unknown_variant")
