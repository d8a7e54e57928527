"""A customer's address book, and what they want to be told."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import httpx
import pytest

if TYPE_CHECKING:
    from tests.commerce.conftest import Browser

BOOK, WISHES = "/v1/store/addresses", "/v1/store/notification-preferences"
HOME = {
    "name": "Ada Lovelace",
    "line1": "12 St James's Square",
    "postal_code": "45202",
    "city": "Cincinnati",
    "region": "OH",
    "country": "US",
}


async def _keep(http: httpx.AsyncClient, **said: Any) -> list[dict[str, Any]]:
    response = await http.post(BOOK, json={"address": HOME, **said})
    assert response.status_code == 201, response.text
    items: list[dict[str, Any]] = response.json()["items"]
    return items


async def test_the_first_address_is_offered_first_and_one_is_at_most(browser: Browser) -> None:
    (first,) = await _keep(browser.http)
    assert (first["default_shipping"], first["default_billing"]) == (True, True)
    after = await _keep(browser.http, address={**HOME, "line1": "1 Main Street"}, default_shipping=True)
    assert [(one["address"]["line1"], one["default_shipping"], one["default_billing"]) for one in after] == [
        ("1 Main Street", True, False),
        ("12 St James's Square", False, True),
    ]


async def test_kept_addresses_are_nowhere_in_plain_text(browser: Browser, rows: Any) -> None:
    await _keep(browser.http)
    ((content,),) = rows("SELECT content FROM customer_address")
    assert "Lovelace" not in content
    assert "Square" not in content


@pytest.mark.parametrize(
    ("wrong", "param"),
    [({"postal_code": "12"}, "postal_code"), ({"region": "XX"}, "region"), ({"region": None}, "region")],
)
async def test_an_address_that_is_none_of_its_country_is_not_kept(
    browser: Browser, wrong: dict[str, Any], param: str
) -> None:
    response = await browser.http.post(BOOK, json={"address": {**HOME, **wrong}})
    assert response.status_code == 422
    assert param in response.text
    assert (await browser.http.get(BOOK)).json() == {"items": []}


async def test_an_address_is_changed_and_removed_by_its_customer_alone(
    browser: Browser, client: httpx.AsyncClient, app: Any
) -> None:
    (kept,) = await _keep(browser.http)
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url=client.base_url) as other:
        await other.post("/v1/store/sessions", json={"reference": "household-2"})
        asked = {"address": {**HOME, "name": "Somebody Else"}}
        for answer in (
            await other.put(f"{BOOK}/{kept['id']}", json=asked),
            await other.delete(f"{BOOK}/{kept['id']}"),
        ):
            assert (answer.status_code, answer.json()["code"]) == (404, "profile.address_not_found")
    assert (await browser.http.get(BOOK)).json()["items"] == [kept]

    moved = {**HOME, "line1": "1 Main Street"}
    changed = await browser.http.put(f"{BOOK}/{kept['id']}", json={"address": moved, "default_shipping": True})
    assert changed.json()["items"][0]["address"]["line1"] == "1 Main Street"
    assert (await browser.http.delete(f"{BOOK}/{kept['id']}")).status_code == 204
    assert (await browser.http.get(BOOK)).json() == {"items": []}


async def test_of_addresses_kept_at_once_one_is_first(browser: Browser) -> None:
    await asyncio.gather(*(_keep(browser.http, default_shipping=True) for _ in range(6)))
    items = (await browser.http.get(BOOK)).json()["items"]
    assert len(items) == 6
    assert sum(one["default_shipping"] for one in items) == 1


async def test_a_visitor_has_no_address_book(client: httpx.AsyncClient) -> None:
    await client.post("/v1/store/sessions", json={})
    for path in (BOOK, WISHES):
        response = await client.get(path)
        assert (response.status_code, response.json()["code"]) == (401, "identity.sign_in_required")


async def test_nobody_is_sent_news_who_has_not_asked_for_it(browser: Browser) -> None:
    items = (await browser.http.get(WISHES)).json()["items"]
    wanted = {(one["topic"], one["channel"]) for one in items if one["wanted"]}
    assert wanted == {("orders", "email"), ("back_in_stock", "email"), ("price_drops", "email")}


async def test_what_is_said_holds_and_the_rest_stays(browser: Browser) -> None:
    said = {"items": [{"topic": "news", "channel": "email", "wanted": True}]}
    await browser.http.patch(WISHES, json=said)
    said = {"items": [{"topic": "price_drops", "channel": "email", "wanted": False}]}
    items = (await browser.http.patch(WISHES, json=said)).json()["items"]
    wanted = {(one["topic"], one["channel"]) for one in items if one["wanted"]}
    assert wanted == {("orders", "email"), ("back_in_stock", "email"), ("news", "email")}


async def test_what_belongs_to_an_order_cannot_be_switched_off(browser: Browser) -> None:
    said = {
        "items": [
            {"topic": "news", "channel": "email", "wanted": True},
            {"topic": "orders", "channel": "email", "wanted": False},
        ]
    }
    response = await browser.http.patch(WISHES, json=said)
    assert (response.status_code, response.json()["code"]) == (422, "profile.always_told")
    items = (await browser.http.get(WISHES)).json()["items"]
    assert not any(one["wanted"] for one in items if one["topic"] == "news")
