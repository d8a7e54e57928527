"""A search in the shop: the decision service's order where there is one, its own full text where there is none."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Any
from uuid import UUID

import httpx
import orjson
import psycopg
import pytest

from commerce.app import create_app
from commerce.catalog.schemas import SearchResults
from commerce.deciding import DecisionClient
from foundation.ids import new_id
from foundation.settings import Settings
from tests.conftest import DatabaseUrls
from tests.factories import SeededShop
from tests.waiting import started

DECISION = new_id()
ADDRESS = "/v1/store/search"


def decided(items: Sequence[UUID], **given: Any) -> httpx.Response:
    told = {"decision_id": str(DECISION), "policy": "hybrid", "fallback": None, "fallback_reason": None,
            "query": "soup", "corrected": {}, "relaxed": []}  # fmt: skip
    found = [{"product_id": str(one), "score": 1.0, "source": "both"} for one in items]
    return httpx.Response(200, json={**told, **given, "items": found})


class Service:
    """A decision service that answers what it is told to, and remembers what it was asked."""

    def __init__(self) -> None:
        self.answer = httpx.Response(500)
        self.asked: list[dict[str, Any]] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        assert request.url.path == "/v1/decisions/search"
        self.asked.append(orjson.loads(request.content))
        return self.answer


@pytest.fixture
def service() -> Service:
    return Service()


@pytest.fixture
async def http(settings: Settings, grocer: SeededShop, service: Service) -> AsyncIterator[httpx.AsyncClient]:
    app = create_app(settings)
    async with started(app), httpx.AsyncClient(transport=httpx.MockTransport(service)) as decisions:
        app.state.decisions = DecisionClient(decisions, "http://serving", "token", 150)
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url=f"http://{grocer.host}") as http:
            yield http


async def results(http: httpx.AsyncClient, **asked: Any) -> SearchResults:
    response = await http.get(ADDRESS, params=asked)
    assert response.status_code == 200, response.text
    return SearchResults.model_validate_json(response.content)


async def test_the_services_order_is_shown_page_by_page(
    http: httpx.AsyncClient, service: Service, grocer: SeededShop
) -> None:
    wanted = [sold.product_id for sold in reversed(grocer.products[:5])]
    service.answer = decided(wanted, query="soup", corrected={"sopu": "soup"}, relaxed=["words"])

    first = await results(http, q="sopu", limit=3)
    second = await results(http, q="sopu", limit=3, cursor=first.next_cursor)

    assert [card.id for card in first.items + second.items] == wanted
    assert (first.has_more, second.has_more, second.next_cursor) == (True, False, None)
    assert (first.query, first.corrected, first.relaxed) == ("soup", {"sopu": "soup"}, ["words"])
    assert (first.decision_id, first.fallback) == (DECISION, None)
    assert service.asked[0]["tenant_id"] == str(grocer.id)


async def test_what_is_not_for_sale_any_more_is_left_out(
    http: httpx.AsyncClient, service: Service, grocer: SeededShop, database_urls: DatabaseUrls
) -> None:
    service.answer = decided([sold.product_id for sold in grocer.products[:2]])
    with psycopg.connect(database_urls.app) as app:
        app.execute("SELECT set_config('tradewind.tenant_id', %s, true)", (str(grocer.id),))
        app.execute("UPDATE product SET status = 'archived' WHERE id = %s", (grocer.products[0].product_id,))
    assert [card.id for card in (await results(http, q="soup")).items] == [grocer.products[1].product_id]


@pytest.mark.parametrize(
    ("answer", "reason", "decision"),
    [
        (httpx.Response(500), "service_unreachable", None),
        (httpx.Response(200, json={"unexpected": True}), "service_unreachable", None),
        (decided([], fallback="full_text", fallback_reason="no_index"), "no_index", DECISION),
    ],
)
async def test_the_shops_own_search_answers_and_says_why(
    http: httpx.AsyncClient, service: Service, answer: httpx.Response, reason: str, decision: UUID | None
) -> None:
    service.answer = answer
    found = await results(http, q="soup", limit=1)
    assert ["soup" in card.title.lower() for card in found.items] == [True]
    assert (found.fallback, found.fallback_reason, found.decision_id) == ("full_text", reason, decision)


async def test_a_list_goes_on_as_it_began(http: httpx.AsyncClient, service: Service, grocer: SeededShop) -> None:
    own = await results(http, q="store", limit=2)
    assert own.has_more
    service.answer = decided([sold.product_id for sold in grocer.products])
    before = len(service.asked)

    assert (await results(http, q="store", limit=2, cursor=own.next_cursor)).fallback == "full_text"
    assert len(service.asked) == before

    theirs = await results(http, q="store", limit=2)
    service.answer = httpx.Response(500)
    assert (await results(http, q="store", limit=2, cursor=theirs.next_cursor)).items == []
