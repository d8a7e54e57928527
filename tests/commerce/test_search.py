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
from commerce.catalog.facet_names import KnownNames
from commerce.catalog.schemas import Listing, SearchResults
from foundation.ids import new_id
from foundation.settings import Settings
from tests.asking import Ask
from tests.conftest import DatabaseUrls
from tests.deciding import Service, shop_asking
from tests.factories import SeededShop

DECISION = new_id()
ADDRESS = "/v1/store/search"


def decided(items: Sequence[UUID], **given: Any) -> httpx.Response:
    told = {"decision_id": str(DECISION), "policy": "hybrid", "fallback": None, "fallback_reason": None,
            "query": "soup", "corrected": {}, "relaxed": [], "total": len(items)}  # fmt: skip
    found = [{"product_id": str(one), "score": -1.0 - at, "source": "both"} for at, one in enumerate(items)]
    return httpx.Response(200, json={**told, **given, "items": found})


@pytest.fixture
def service() -> Service:
    return Service("search")


@pytest.fixture
async def http(settings: Settings, grocer: SeededShop, service: Service) -> AsyncIterator[httpx.AsyncClient]:
    async with shop_asking(create_app(settings), grocer, service) as http:
        yield http


@pytest.fixture
def attributed(database_urls: DatabaseUrls, grocer: SeededShop) -> None:
    """Attributes that products are narrowed down by."""
    choices = orjson.dumps([{"code": "red", "name": "Red", "colour": "#ff0000"}]).decode()
    with psycopg.connect(database_urls.app) as app:
        app.execute("SELECT set_config('tradewind.tenant_id', %s, true)", (str(grocer.id),))
        for code, name, kind, unit, chosen in (
            ("ram", "Memory", "number", "GB", "[]"),
            ("colour", "Colour", "colour", None, choices),
        ):
            app.execute(
                "INSERT INTO attribute (tenant_id, id, code, name, kind, unit, choices) VALUES (%s,%s,%s,%s,%s,%s,%s)",
                (grocer.id, new_id(), code, name, kind, unit, chosen),
            )


async def results(http: httpx.AsyncClient, **asked: Any) -> SearchResults:
    response = await http.get(ADDRESS, params=asked)
    assert response.status_code == 200, response.text
    return SearchResults.model_validate_json(response.content)


async def test_the_services_order_is_shown_page_by_page(
    http: httpx.AsyncClient, service: Service, grocer: SeededShop
) -> None:
    wanted = [sold.product_id for sold in reversed(grocer.products[:5])]
    told = {"query": "soup", "corrected": {"sopu": "soup"}, "relaxed": ["words"], "total": 5}
    service.answer = decided(wanted[:3], **told, has_more=True)
    first = await results(http, q="sopu", limit=3)
    service.answer = decided(wanted[3:], **told)
    second = await results(http, q="sopu", limit=3, cursor=first.next_cursor)

    assert [card.id for card in first.items + second.items] == wanted
    assert (first.has_more, second.has_more, second.next_cursor, first.total) == (True, False, None, 5)
    assert (first.query, first.corrected, first.relaxed) == ("soup", {"sopu": "soup"}, ["words"])
    assert (first.decision_id, first.fallback) == (DECISION, None)
    assert (service.asked[0]["tenant_id"], service.asked[0]["after"]) == (str(grocer.id), None)
    assert service.asked[1]["after"] == {"key": -3.0, "product_id": str(wanted[2])}


@pytest.mark.parametrize(
    "other",
    [{"q": "bread"}, {"filter": "brand:Bolt"}, {"filter": []}, {"sort": "newest"}, {"category": "pantry"}],
    ids=lambda other: next(iter(other)),
)
async def test_a_cursor_goes_on_with_its_own_list_and_no_other(
    http: httpx.AsyncClient, service: Service, grocer: SeededShop, other: dict[str, Any]
) -> None:
    asked = {"q": "soup", "filter": "brand:Acme", "limit": 1}
    service.answer = decided([grocer.products[0].product_id], has_more=True)
    cursor = (await results(http, **asked)).next_cursor

    refused = await http.get(ADDRESS, params={**asked, **other, "cursor": cursor})
    assert (refused.status_code, refused.json()["code"]) == (400, "search.cursor_of_another_query")
    listed = await http.get("/v1/store/products", params={"cursor": cursor})
    assert (listed.status_code, listed.json()["code"]) == (400, "request.malformed_cursor")


@pytest.mark.one_database
@pytest.mark.parametrize("cursor", ["AAAA", "%%%", "LTE6eA", "A" * 44])
async def test_a_cursor_that_nobody_made_is_told_so(http: httpx.AsyncClient, cursor: str) -> None:
    refused = await http.get(ADDRESS, params={"q": "soup", "cursor": cursor})
    assert (refused.status_code, refused.json()["code"]) == (400, "request.malformed_cursor")


async def test_what_is_chosen_reaches_the_service_as_it_knows_it(
    http: httpx.AsyncClient, service: Service, grocer: SeededShop, attributed: None
) -> None:
    service.answer = decided([])
    chosen = ["brand:Acme: & Sons", "brand:Bolt", "price:100-", "price:-50", "category:pantry", "availability:in_stock",
              "attribute.colour:red", "attribute.ram:8", "option.Size:M"]  # fmt: skip
    response = await http.get("/v1/store/products", params={"filter": chosen, "sort": "price_desc", "facets": "true"})

    assert response.status_code == 200, response.text
    Listing.model_validate_json(response.content)
    (asked,) = service.asked
    assert (asked["query"], asked["sort"], asked["facets"]) == ("", "price_desc", True)
    by = {one["facet"]: one for one in asked["chosen"]}
    assert by["brand"]["values"] == ["Acme: & Sons", "Bolt"]
    assert by["price"]["ranges"] == [{"least": 100, "most": None}, {"least": None, "most": 50}]
    assert {name: one["values"] for name, one in by.items() if name not in {"brand", "price", "category"}} == {
        "availability": ["in_stock"],
        "attribute.colour": ["red"],
        "attribute.ram": ["8"],
        "option.Size": ["M"],
    }
    assert [len(one) for one in by["category"]["values"]] == [36]


@pytest.mark.one_database
@pytest.mark.parametrize(
    ("chosen", "status", "code"),
    [
        ("flavour:sweet", 422, "search.unknown_facet"),
        ("attribute.flavour:sweet", 422, "search.unknown_facet"),
        ("category:nowhere", 422, "search.unknown_filter_value"),
        ("vendor:nobody", 422, "search.unknown_filter_value"),
        ("availability:perhaps", 422, "search.unknown_filter_value"),
        ("brand", 422, "search.malformed_filter"),
        ("brand:", 422, "search.malformed_filter"),
        ("price:-", 422, "search.malformed_filter"),
        ("price:cheap", 422, "search.malformed_filter"),
        ("brand:" + "x" * 500, 422, "request.invalid_fields"),
        ([f"brand:{number}" for number in range(51)], 422, "search.too_many_filters"),
        ([f"option.{number}:a" for number in range(25)], 422, "search.too_many_filters"),
    ],
)
@pytest.mark.parametrize("address", [f"{ADDRESS}?q=soup", "/v1/store/products?category=pantry"])
async def test_a_filter_that_makes_no_sense_is_told_so(
    http: httpx.AsyncClient, address: str, chosen: str | list[str], status: int, code: str
) -> None:
    refused = await http.get(httpx.URL(address).copy_merge_params({"filter": chosen}))
    assert (refused.status_code, refused.json()["code"]) == (status, code)


@pytest.mark.parametrize(
    ("unknown", "code"),
    [
        ({"facet": "brand", "value": "Nobody's"}, "search.unknown_filter_value"),
        ({"facet": "option.Sleeve", "value": None}, "search.unknown_facet"),
    ],
)
async def test_what_only_the_service_can_miss_is_told_too(
    http: httpx.AsyncClient, service: Service, unknown: dict[str, Any], code: str
) -> None:
    service.answer = decided([], unknown=[unknown])
    refused = await http.get(ADDRESS, params={"q": "soup", "filter": "brand:Nobody's"})
    assert (refused.status_code, refused.json()["code"], refused.json()["facet"]) == (422, code, unknown["facet"])


async def test_a_plain_category_is_in_the_order_of_its_rules_and_goes_on_as_it_began(
    http: httpx.AsyncClient, service: Service, grocer: SeededShop, rows: Ask
) -> None:
    asked = {"category": "pantry", "limit": "1"}
    plain = (await http.get("/v1/store/products", params=asked)).json()
    rows(
        """INSERT INTO search_rule (tenant_id, id, name, draft, live)
           SELECT %s, %s, 'Pantry', '{}', jsonb_build_object('category_id', id, 'query', NULL) FROM category
           WHERE slug = 'pantry'""",
        grocer.id, new_id(),
    )  # fmt: skip
    app = http._transport.app  # type: ignore[attr-defined]
    app.state.facet_names = KnownNames(app.state.core.database)
    last = grocer.products[-1]
    service.answer = decided([last.product_id], has_more=True, total=7)

    steered = (await http.get("/v1/store/products", params=asked)).json()
    began = (await http.get("/v1/store/products", params={**asked, "cursor": plain["next_cursor"]})).json()
    on = (await http.get("/v1/store/products", params={**asked, "cursor": steered["next_cursor"]})).json()
    service.answer = httpx.Response(500)
    alone = (await http.get("/v1/store/products", params={**asked, "limit": "2"})).json()

    assert ([one["title"] for one in steered["items"]], steered["total"]) == ([last.title], 7)
    assert ("total" in plain, "total" in began, on["total"]) == (False, False, 7)
    assert len(service.asked) == 3
    assert service.asked[1]["after"]["product_id"] == str(last.product_id)
    assert (alone["fallback"], len(alone["items"])) == ("full_text", 2)


@pytest.mark.one_database
@pytest.mark.parametrize(
    ("asked", "code"),
    [
        ({"q": "x" * 10_000}, "request.invalid_fields"),
        ({"q": ""}, "request.invalid_fields"),
        ({"q": "soup", "sort": "weight"}, "request.invalid_fields"),
        ({"q": "soup", "limit": 101}, "request.invalid_fields"),
    ],
    ids=["too long", "empty", "an order that there is not", "too many"],
)
async def test_a_query_that_makes_no_sense_is_told_so(
    http: httpx.AsyncClient, asked: dict[str, Any], code: str
) -> None:
    refused = await http.get(ADDRESS, params=asked)
    assert (refused.status_code, refused.json()["code"]) == (422, code)


@pytest.mark.parametrize("words", ["the of and", "😀", "'; DROP TABLE product; --", "(a+)+$", "\\", "%_"])
async def test_words_that_say_nothing_find_nothing_also_without_the_service(
    http: httpx.AsyncClient, words: str
) -> None:
    found = await results(http, q=words)
    assert (found.items, found.fallback) == ([], "full_text")


async def test_facets_are_called_what_people_call_them(
    http: httpx.AsyncClient, service: Service, attributed: None
) -> None:
    tree = (await http.get("/v1/store/categories")).json()["items"]
    count = {"count": 3, "chosen": False}
    service.answer = decided(
        [],
        facets=[
            {"facet": facet, "values": values, "ranges": ranges, "more": False}
            for facet, values, ranges in (
                ("category", [{"value": tree[0]["id"], **count}, {"value": str(new_id()), **count}], []),
                ("availability", [{"value": "in_stock", **count}], []),
                ("price", [], [{"least": 100, "most": None, **count}]),
                ("attribute.ram", [{"value": "16", **count}, {"value": "8", **count}], []),
                ("attribute.colour", [{"value": "red", **count}], []),
                ("attribute.gone", [{"value": "1", **count}], []),
                ("option.Size", [{"value": "M", **count}], []),
            )
        ],
    )
    facets = (await results(http, q="soup", facets=True)).facets

    assert [(one.facet, one.label) for one in facets] == [
        ("category", "Category"),
        ("availability", "Availability"),
        ("price", "Price"),
        ("attribute.ram", "Memory"),
        ("attribute.colour", "Colour"),
        ("option.Size", "Size"),
    ]
    by = {one.facet: one for one in facets}
    assert [(one.value, one.label) for one in by["category"].values] == [("pantry", "Pantry")]
    assert [one.label for one in by["attribute.ram"].values] == ["8 GB", "16 GB"]
    assert [(one.label, one.colour) for one in by["attribute.colour"].values] == [("Red", "#ff0000")]
    assert [one.value for one in by["price"].ranges] == ["100-"]


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
    service.answer = decided([grocer.products[0].product_id], has_more=True)
    before = len(service.asked)

    on = await results(http, q="store", limit=2, cursor=own.next_cursor)
    assert (on.fallback, len(on.items), {one.id for one in on.items} & {one.id for one in own.items}) == (
        "full_text",
        2,
        set(),
    )
    assert len(service.asked) == before

    theirs = await results(http, q="store", limit=2)
    service.answer = httpx.Response(500)
    assert (await results(http, q="store", limit=2, cursor=theirs.next_cursor)).items == []


@pytest.mark.parametrize("address", [f"{ADDRESS}?q=store", "/v1/store/products"])
async def test_postgres_narrows_down_what_it_can_and_names_what_it_cannot(
    http: httpx.AsyncClient, grocer: SeededShop, database_urls: DatabaseUrls, address: str
) -> None:
    with psycopg.connect(database_urls.app) as app:
        app.execute("SELECT set_config('tradewind.tenant_id', %s, true)", (str(grocer.id),))
        app.execute("UPDATE product SET brand = 'Acme' WHERE id = %s", (grocer.products[1].product_id,))

    async def shown(**asked: Any) -> tuple[list[str], list[str]]:
        page = (await http.get(httpx.URL(address).copy_merge_params(asked))).json()
        assert (page["fallback"], page["facets"], page["total"]) == ("full_text", [], None)
        return [card["title"] for card in page["items"]], page["not_applied"]

    assert await shown(filter="brand:Acme", facets="true") == (["Orange juice"], [])
    assert await shown(filter=["brand:Acme", "category:pantry"], sort="relevance") == (["Orange juice"], [])
    titles, lacking = await shown(filter=["price:1-2", "category:pantry", "availability:in_stock"], sort="newest")
    assert (len(titles), sorted(lacking)) == (len(grocer.products), ["availability", "price", "sort"])


async def test_a_narrowed_list_of_postgres_goes_on_without_gap_or_overlap(
    http: httpx.AsyncClient, grocer: SeededShop
) -> None:
    asked = {"filter": "brand:Store brand", "limit": 4}
    first = (await http.get("/v1/store/products", params=asked)).json()
    second = (await http.get("/v1/store/products", params={**asked, "cursor": first["next_cursor"]})).json()
    assert [card["title"] for card in first["items"] + second["items"]] == [sold.title for sold in grocer.products]
    assert second["has_more"] is False


async def test_a_category_that_is_not_there_is_told_so(http: httpx.AsyncClient) -> None:
    refused = await http.get("/v1/store/products", params={"category": "nowhere", "facets": "true"})
    assert (refused.status_code, refused.json()["code"]) == (404, "catalog.category_not_found")


async def test_customers_of_a_price_group_are_shown_what_a_rule_has_for_them_and_nobody_else_is(
    http: httpx.AsyncClient, service: Service, grocer: SeededShop, database_urls: DatabaseUrls
) -> None:
    service.answer = decided([sold.product_id for sold in grocer.products[:2]], personal=True)
    everybody = await http.get(ADDRESS, params={"q": "soup"})
    await http.post("/v1/store/sessions", json={"reference": "household-1"})
    with psycopg.connect(database_urls.app) as app:
        app.execute("SELECT set_config('tradewind.tenant_id', %s, true)", (str(grocer.id),))
        app.execute("UPDATE customer SET price_group = 'trade'")

    theirs = await http.get(ADDRESS, params={"q": "soup"})

    assert [asked["price_group"] for asked in service.asked] == [None, None, "trade"]
    assert "Authorization" in everybody.headers["vary"]
    assert theirs.headers["cache-control"].startswith("private")


async def test_a_page_that_answers_instead_is_told(http: httpx.AsyncClient, service: Service) -> None:
    service.answer = decided([], redirect="/c/pantry", rules=[str(new_id())])
    assert (await results(http, q="soup")).redirect == "/c/pantry"


async def test_a_collection_is_narrowed_down_and_products_are_by_collections(
    http: httpx.AsyncClient, service: Service, grocer: SeededShop, database_urls: DatabaseUrls
) -> None:
    shown = [grocer.products[at].product_id for at in (2, 0, 1)]
    ids = {handle: new_id() for handle in ("warm", "sale", "hidden")}
    with psycopg.connect(database_urls.app) as app:
        app.execute("SELECT set_config('tradewind.tenant_id', %s, true)", (str(grocer.id),))
        for handle, one in ids.items():
            app.execute(
                "INSERT INTO collection (tenant_id, id, handle, title, sort, published, product_count)"
                " VALUES (%s, %s, %s, %s, 'by_hand', %s, 3)",
                (grocer.id, one, handle, handle.title(), handle != "hidden"),
            )
        for place, product_id in enumerate(shown):
            app.execute(
                "INSERT INTO collection_product (tenant_id, collection_id, product_id, place) VALUES (%s, %s, %s, %s)",
                (grocer.id, ids["warm"], product_id, place),
            )
    counts = [{"value": str(one), "count": 1, "chosen": False} for one in ids.values()]
    counted = [{"facet": "collection", "values": counts, "ranges": [], "more": False}]
    at = "/v1/store/collections/warm/products"

    async def ask(url: str, **asked: Any) -> dict[str, Any]:
        answer = await http.get(url, params=asked)
        assert answer.status_code == 200, answer.text
        Listing.model_validate_json(answer.content)
        page: dict[str, Any] = answer.json()
        return page

    # As it is kept, in its own order, page by page: the service does nothing but count.
    service.answer = decided([grocer.products[4].product_id], total=3, facets=counted)
    first = await ask(at, facets="true", limit=2)
    rest = await ask(at, facets="true", limit=2, cursor=first["next_cursor"])
    assert [UUID(one["id"]) for one in (*first["items"], *rest["items"])] == shown
    assert (first["total"], rest["total"], rest["has_more"]) == (3, 3, False)
    (facet,) = first["facets"]
    assert (facet["label"], [(one["value"], one["label"]) for one in facet["values"]]) == (
        "Collection",
        [("sale", "Sale")],
    )
    assert [(one["collection"], one["after"], one["limit"]) for one in service.asked] == [
        (str(ids["warm"]), None, 1)
    ] * 2

    # Narrowed down it is in the service's order, which is told the order that somebody gave it.
    service.answer = decided([shown[1], shown[2]], total=2)
    narrowed = await ask(at, filter="brand:Acme")
    assert [UUID(one["id"]) for one in narrowed["items"]] == shown[1:]
    assert (service.asked[-1]["arranged"], service.asked[-1]["sort"]) == ([str(one) for one in shown], "relevance")
    other = await http.get(at, params={"filter": "brand:Acme", "sort": "newest", "cursor": first["next_cursor"]})
    assert other.json()["code"] == "search.cursor_of_another_query"

    # Everywhere else it is a filter like any other; one that nobody sees is none, and one with nothing in it finds that.
    await ask("/v1/store/products", filter=["collection:warm", "collection:sale"])
    assert service.asked[-1]["chosen"][0]["values"] == [str(ids["warm"]), str(ids["sale"])]
    refused = await http.get("/v1/store/products", params={"filter": "collection:hidden"})
    assert (refused.status_code, refused.json()["code"]) == (422, "search.unknown_filter_value")
    service.answer = decided([], unknown=[{"facet": "collection", "value": str(ids["sale"])}])
    assert (await ask("/v1/store/products", filter="collection:sale"))["total"] == 0

    service.answer = httpx.Response(500)
    own = await ask("/v1/store/products", filter="collection:warm", limit=2)
    last = await ask("/v1/store/products", filter="collection:warm", limit=2, cursor=own["next_cursor"])
    assert {UUID(one["id"]) for one in (*own["items"], *last["items"])} == set(shown)
    assert (own["not_applied"], own["total"]) == ([], None)
    assert [UUID(one["id"]) for one in (await ask(at, facets="true"))["items"]] == shown
    both = await ask(at, filter="collection:sale")
    assert (len(both["items"]), both["not_applied"]) == (3, ["collection"])
