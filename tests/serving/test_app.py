"""The service as the core meets it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import closing
from typing import Any

import httpx
import pytest

from foundation import clients
from foundation.search import After, Chosen, Range, SearchRequest
from foundation.settings import EngineNotConfigured, Settings
from serving.app import create_app
from serving.publish import publish
from tests.serving.conftest import TENANT, TOKEN
from tests.waiting import started

ADDRESS = "/v1/decisions/recommendations"
ASKED: dict[str, Any] = {"tenant_id": str(TENANT), "placement": "home", "limit": 4, "deadline_ms": 5000}


@pytest.fixture
async def http(settings: Settings) -> AsyncIterator[httpx.AsyncClient]:
    publish(settings, TENANT)
    app = create_app(settings)
    async with (
        started(app),
        httpx.AsyncClient(
            transport=httpx.ASGITransport(app=app),
            base_url="http://serving",
            headers={"Authorization": f"Bearer {TOKEN}"},
        ) as http,
    ):
        for _ in range(200):
            if (await http.get("/healthz")).json()["champions"]:
                break
            await asyncio.sleep(0.05)
        yield http


async def test_the_core_gets_a_decision_and_the_log_gets_its_row(http: httpx.AsyncClient, settings: Settings) -> None:
    answer = await http.post(ADDRESS, json=ASKED)

    assert answer.status_code == 200
    decision = answer.json()
    assert len(decision["items"]) == 4
    client = clients.clickhouse(settings)
    query = f"SELECT chosen, policy, fallback FROM decisions FINAL WHERE decision_id = '{decision['decision_id']}'"
    for _ in range(200):
        if found := client.query(query).result_rows if client.command("EXISTS TABLE decisions") else []:
            break
        await asyncio.sleep(0.05)
    client.close()
    assert [tuple(row) for row in found] == [([item["product_id"] for item in decision["items"]], "blend", None)]


async def test_a_stranger_gets_nothing(http: httpx.AsyncClient, subtests: pytest.Subtests) -> None:
    for header in ("", "Bearer wrong", f"Basic {TOKEN}", "Bearer \xe9"):
        with subtests.test(header):
            answer = await http.post(ADDRESS, json=ASKED, headers={"Authorization": header.encode("latin-1")})

            assert answer.status_code == 401
            assert answer.json()["code"] == "decisions.wrong_token"


BREAKING: tuple[dict[str, Any], ...] = (
    {"placement": "attic"},
    {"limit": 0},
    {"limit": 51},
    {"limit": True},
    {"deadline_ms": 0},
    {"tenant_id": "grocer"},
    {"surprise": 1},
    {"exclude_product_ids": [str(TENANT)] * 501},
)


async def test_a_request_that_breaks_the_contract_is_refused(
    http: httpx.AsyncClient, subtests: pytest.Subtests
) -> None:
    for wrong in BREAKING:
        with subtests.test(**wrong):
            answer = await http.post(ADDRESS, json=ASKED | wrong)

            assert answer.status_code == 422
            assert answer.json()["code"] == "request.invalid_fields"


def test_the_service_does_not_start_without_a_token(settings: Settings) -> None:
    with pytest.raises(EngineNotConfigured, match="TRADEWIND_SERVING_TOKEN"):
        create_app(settings.model_copy(update={"serving_token": None}))


async def test_a_search_without_an_index_names_its_fallback_and_is_logged(
    http: httpx.AsyncClient, settings: Settings
) -> None:
    answer = await http.post("/v1/decisions/search", json={"tenant_id": str(TENANT), "query": "soup"})

    assert answer.status_code == 200
    told = answer.json()
    assert (told["fallback"], told["fallback_reason"], told["items"]) == ("full_text", "no_index", [])
    assert await _logged(settings, told["decision_id"]) == [("search", "full_text", "no_index")]
    whole = SearchRequest(
        tenant_id=TENANT,
        within=TENANT,
        chosen=[Chosen(facet="price", values=["a"], ranges=[Range(least=1)])],
        after=After(key=1.5, product_id=TENANT),
        sort="newest",
        facets=True,
    )
    assert (
        await http.post(
            "/v1/decisions/search", content=whole.model_dump_json(), headers={"Content-Type": "application/json"}
        )
    ).status_code == 200
    stranger = await http.post(
        "/v1/decisions/search",
        json={"tenant_id": str(TENANT), "query": "soup"},
        headers={"Authorization": "Bearer wrong"},
    )
    assert stranger.status_code == 401


async def _logged(settings: Settings, decision_id: str) -> list[tuple[Any, ...]]:
    query = f"SELECT kind, fallback, fallback_reason FROM decisions FINAL WHERE decision_id = '{decision_id}'"
    found: list[tuple[Any, ...]] = []
    with closing(clients.clickhouse(settings)) as client:
        for _ in range(200):
            if client.command("EXISTS TABLE decisions"):
                found = [tuple(row) for row in client.query(query).result_rows]
            if found:
                break
            await asyncio.sleep(0.05)
    return found


async def test_rules_on_trial_and_what_was_heard_are_read_as_json_has_them(http: httpx.AsyncClient) -> None:
    nothing = {"products": [], "brands": [], "categories": []}
    trial = {"id": str(TENANT), "query": "soup", "match": "exact", "category_id": str(TENANT), "price_group": None,
             "starts_at": "2026-03-02T12:00:00Z", "ends_at": None, "pin": [str(TENANT)], "redirect": None,
             "boost": {**nothing, "brands": ["Acme"]}, "bury": nothing, "hide": nothing}  # fmt: skip
    asked = {"tenant_id": str(TENANT), "query": "soup", "within": str(TENANT), "trial": trial}
    answer = await http.post("/v1/decisions/search", json=asked)
    assert (answer.status_code, answer.json()["fallback_reason"]) == (200, "no_index")

    heard = [{"transcript": "flower", "confidence": 0.4}, {"transcript": "flour", "confidence": 0.6}]
    answer = await http.post("/v1/decisions/hearing", json={"tenant_id": str(TENANT), "alternatives": heard})
    assert answer.status_code == 200
    assert answer.json()["alternatives"][0]["transcript"] == "flour"

    answer = await http.post("/v1/decisions/suggestions", json={"tenant_id": str(TENANT), "query": "fl "})
    assert (answer.status_code, answer.json()["queries"]) == (200, [])
