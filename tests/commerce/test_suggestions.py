"""What the shop suggests to somebody who types: what the decision service says, for sale and at the shop's prices."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx
import orjson
import psycopg
import pytest

from commerce.app import create_app
from commerce.catalog.schemas import SuggestionList
from commerce.deciding import DecisionClient
from foundation.settings import Settings
from tests.conftest import DatabaseUrls
from tests.factories import SeededShop
from tests.waiting import started

ADDRESS = "/v1/store/suggest"


class Service:
    """A decision service that suggests what it is told to, and remembers what it was asked."""

    def __init__(self) -> None:
        self.answer = httpx.Response(500)
        self.asked: list[dict[str, Any]] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        assert request.url.path == "/v1/decisions/suggestions"
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


async def suggested(http: httpx.AsyncClient, typed: str) -> SuggestionList:
    response = await http.get(ADDRESS, params={"q": typed})
    assert response.status_code == 200, response.text
    return SuggestionList.model_validate_json(response.content)


async def test_what_the_service_suggests_is_shown_but_for_what_is_not_for_sale_any_more(
    http: httpx.AsyncClient, service: Service, grocer: SeededShop, database_urls: DatabaseUrls
) -> None:
    first, gone, last = (sold.product_id for sold in grocer.products[:3])
    pantry = {"name": "Pantry", "slug": "pantry"}
    told = {"exact": False, "queries": ["tomato soup"], "categories": [pantry], "brands": [],
            "products": [str(last), str(gone), str(first)]}  # fmt: skip
    service.answer = httpx.Response(200, json=told)
    with psycopg.connect(database_urls.app) as app:
        app.execute("SELECT set_config('tradewind.tenant_id', %s, true)", (str(grocer.id),))
        app.execute("UPDATE product SET status = 'archived' WHERE id = %s", (gone,))

    found = await suggested(http, "tomatto ")

    assert [card.id for card in found.items] == [last, first]
    assert (found.queries, found.categories[0].slug, found.exact) == (["tomato soup"], "pantry", False)
    assert (found.query, found.fallback) == ("tomatto ", None)
    assert (service.asked[0]["tenant_id"], service.asked[0]["query"]) == (str(grocer.id), "tomatto ")


async def test_without_the_service_the_shops_own_search_finds_by_the_beginning(http: httpx.AsyncClient) -> None:
    found = await suggested(http, "sou")
    assert found.items
    assert all("soup" in card.title.lower() for card in found.items)
    assert (found.fallback, found.queries, found.brands) == ("full_text", [], [])


@pytest.mark.parametrize("typed", ["", "a" * 201, "so\nup"])
async def test_what_is_no_line_of_text_is_refused(http: httpx.AsyncClient, service: Service, typed: str) -> None:
    assert (await http.get(ADDRESS, params={"q": typed})).status_code == 422
    assert service.asked == []
