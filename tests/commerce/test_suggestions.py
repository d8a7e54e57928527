"""What the shop suggests to somebody who types: what the decision service says, for sale and at the shop's prices."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import psycopg
import pytest

from commerce.app import create_app
from commerce.catalog.schemas import SuggestionList
from foundation.settings import Settings
from tests.conftest import DatabaseUrls
from tests.deciding import Service, shop_asking
from tests.factories import SeededShop

ADDRESS = "/v1/store/suggest"


@pytest.fixture
def service() -> Service:
    return Service("suggestions")


@pytest.fixture
async def http(settings: Settings, grocer: SeededShop, service: Service) -> AsyncIterator[httpx.AsyncClient]:
    async with shop_asking(create_app(settings), grocer, service) as http:
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
