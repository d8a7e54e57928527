"""Bad input at the edge: refused with a stable code, never a 500."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from foundation import clock
from tests.commerce.conftest import Browser
from tests.factories import SeededShop


@pytest.mark.one_database
@pytest.mark.parametrize(
    "body",
    [
        b'{"reference": "a\\u0000b"}',
        b'{"reference": "\\ud800"}',
        b'{"reference": NaN}',
        b'{"reference": Infinity}',
        b'{"reference": "\xff"}',
        b"{",
        b'{"reference": "a" "b"}',
    ],
)
async def test_json_postgres_can_not_hold_is_refused(client: httpx.AsyncClient, body: bytes) -> None:
    response = await client.post("/v1/store/sessions", content=body, headers={"Content-Type": "application/json"})
    assert (response.status_code, response.json()["code"]) == (400, "request.malformed_json")


@pytest.mark.parametrize(
    "body",
    [
        b'{"reference": "a", "reference": "b"}',
        b'{"consent": [{"b": 1, "\\u0062": 2}]}',
        b'{"a": ' + b"[" * 1000 + b"]" * 1000 + b"}",
    ],
)
async def test_a_name_twice_and_a_thousand_levels_are_refused(client: httpx.AsyncClient, body: bytes) -> None:
    answer = await client.post("/v1/store/sessions", content=body, headers={"Content-Type": "application/json"})
    assert (answer.status_code, answer.json()["code"]) == (400, "request.malformed_json")


@pytest.mark.parametrize("address", ["/v1/store/products/a%00b", "/v1/store/search?q=a%00b"])
async def test_an_address_with_a_nul_byte_is_refused(client: httpx.AsyncClient, address: str) -> None:
    answer = await client.get(address)
    assert (answer.status_code, answer.json()["code"]) == (400, "request.malformed_address")


async def test_a_form_with_a_nul_byte_is_refused(client: httpx.AsyncClient) -> None:
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    answer = await client.post("/v1/store/sessions", content=b"a=%00", headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (400, "request.malformed_form")


async def test_unknown_fields_are_refused(client: httpx.AsyncClient) -> None:
    response = await client.post("/v1/store/sessions", json={"reference": "household-1", "admin": True})
    assert (response.status_code, response.json()["code"]) == (422, "request.invalid_fields")
    assert response.json()["errors"][0]["param"] == "body.admin"


async def test_a_body_of_fifty_megabytes_is_refused(client: httpx.AsyncClient) -> None:
    async def chunks() -> Any:
        for _ in range(50):
            yield b"x" * 1_000_000

    declared = await client.post("/v1/events", content=b"x" * 50_000_000)
    streamed = await client.post("/v1/events", content=chunks())
    for response in (declared, streamed):
        assert (response.status_code, response.json()["code"]) == (413, "request.body_too_large")


async def test_the_request_id_is_echoed_and_a_strange_one_replaced(client: httpx.AsyncClient) -> None:
    assert (await client.get("/healthz", headers={"X-Request-Id": "abc-1"})).headers["x-request-id"] == "abc-1"
    problem = await client.get("/nowhere", headers={"X-Request-Id": "a b"})
    assert problem.headers["x-request-id"] == problem.json()["request_id"] != "a b"
    assert problem.json()["code"] == "request.not_found"


async def test_every_code_explains_itself(client: httpx.AsyncClient) -> None:
    problem = (await client.get("/v1/store/products/none")).json()
    explained = (await client.get(problem["type"])).json()
    assert explained["title"] == problem["title"]


async def test_events_stand_or_fall_by_themselves(browser: Browser, grocer: SeededShop, rows: Any) -> None:
    product = str(grocer.products[0].product_id)
    good = {
        "event_id": "018f0000-0000-7000-8000-000000000001",
        "name": "view_item",
        "occurred_at": clock.now().isoformat(),
        "payload": {"items": [{"item_id": product}]},
    }
    batch = [
        good,
        {**good, "name": "order.placed"},
        {**good, "payload": {"items": []}},
        {**good, "payload": {"items": [{"item_id": product, "quantity": True}]}},
        {**good, "occurred_at": "2001-01-01T00:00:00Z"},
        {"nonsense": 1},
    ]
    response = await browser.http.post("/v1/events", json={"events": batch})
    assert response.status_code == 202
    assert response.json()["accepted"] == 1
    assert [fault["index"] for fault in response.json()["rejected"]] == [1, 2, 3, 4, 5]
    kept = rows("SELECT reason, body FROM dead_letter ORDER BY id")
    assert len(kept) == 5
    assert kept[0][1]["name"] == "order.placed"


async def test_when_the_decision_service_is_away_the_best_sellers_are_shown(
    browser: Browser, grocer: SeededShop
) -> None:
    in_cart = grocer.products[0]
    await browser.add(await browser.cart(), in_cart.variant_id)
    answer = (await browser.http.get("/v1/store/recommendations", params={"placement": "cart", "limit": 2})).json()
    assert (answer["fallback"], answer["fallback_reason"]) == ("popular", "service_unreachable")
    assert [card["title"] for card in answer["items"]] == [sold.title for sold in grocer.products[1:3]]
