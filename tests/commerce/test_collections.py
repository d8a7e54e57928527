"""Collections hold what somebody picks, or what a rule finds, and follow what products become."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from commerce.catalog.collections import filling
from commerce.catalog.schemas import ProductList
from commerce.tenancy.service import Shop
from foundation import clock
from tests.commerce.test_products import Json, Shelf

if TYPE_CHECKING:
    import httpx

    from tests.access.team import Team
    from tests.asking import Ask
    from tests.commerce.conftest import Browser
    from tests.factories import SeededShop

STORE = "/v1/store/collections"


class Table(Shelf):
    """What staff do with collections, and what shoppers see of them."""

    def __init__(self, app: Any, http: httpx.AsyncClient, browser: Browser, shop: SeededShop) -> None:
        super().__init__(http)
        self.core, self.shop, self.browser = app.state.core, shop, browser

    async def collect(self, status: int = 201, **said: Any) -> Json:
        body = {"title": "Soups", "published": True, **said}
        return await self.ask("POST", "/collections", body, status)

    async def by_rule(self, *conditions: Json, match: str = "all", **said: Any) -> Json:
        made = await self.collect(rule={"match": match, "conditions": list(conditions)}, **said)
        await self.work()
        return made

    async def work(self, hours: float = 0) -> int:
        """A round of the worker, so many hours from now."""
        at = clock.now() + timedelta(hours=hours)
        shop = await self.core.directory.by_host(self.shop.host)
        assert isinstance(shop, Shop)
        with clock.use(lambda: at):
            return await filling.keep(self.core.database, shop)

    async def seen(self, collection: Json) -> list[str]:
        """The titles that shoppers see in it."""
        answer = await self.browser.http.get(f"{STORE}/{collection['handle']}/products?limit=100")
        assert answer.status_code == 200, answer.text
        return [one.title for one in ProductList.model_validate_json(answer.content).items]


@pytest.fixture
def table(app: Any, staff: httpx.AsyncClient, browser: Browser, grocer: SeededShop) -> Table:
    return Table(app, staff, browser, grocer)


async def test_a_picked_collection_keeps_its_order_and_shows_what_is_published(
    table: Table, browser: Browser, grocer: SeededShop
) -> None:
    soup, juice, bread = (str(one.product_id) for one in grocer.products[:3])
    made = await table.collect(sort="by_hand", description="<p>Warm.<script>x</script></p>", menu_position=2)
    assert (made["handle"], made["product_count"], made["description"]) == ("soups", 0, "<p>Warm.</p>")
    at = f"/collections/{made['id']}"
    put = await table.ask("PUT", f"{at}/products", {"product_ids": [bread, soup, juice], "version": 1})
    assert (put["version"], put["product_count"]) == (2, 3)
    assert await table.seen(made) == ["Rye bread", "Tomato soup", "Orange juice"]

    page = (await browser.http.get(f"{STORE}/soups/products?limit=2")).json()
    assert [one["id"] for one in page["items"]] == [bread, soup]
    rest = (await browser.http.get(f"{STORE}/soups/products?limit=2&cursor={page['next_cursor']}")).json()
    assert ([one["id"] for one in rest["items"]], rest["has_more"]) == ([juice], False)

    shown = (await browser.http.get(f"{STORE}/soups")).json()
    assert (shown["title"], shown["product_count"], shown["picture_of"]) == ("Soups", 3, bread)
    product = await table.ask("GET", f"/products/{bread}")
    await table.step(product, "unpublication")
    assert await table.seen(made) == ["Tomato soup", "Orange juice"]
    await table.work()
    shown = (await browser.http.get(STORE)).json()["items"]
    assert [(one["product_count"], one["picture_of"], one["menu_position"]) for one in shown] == [(2, soup, 2)]

    by_price = {name: made[name] for name in ("title", "published")} | {"sort": "price_desc", "version": 2}
    await table.ask("PUT", at, by_price)
    assert await table.seen(made) == ["Orange juice", "Tomato soup"]
    members = await table.ask("GET", f"{at}/products?limit=1")
    assert ([one["status"] for one in members["items"]], members["has_more"]) == (["approved"], True)
    await table.ask("DELETE", at, status=204)
    assert (await browser.http.get(f"{STORE}/soups/products")).json()["code"] == "catalog.collection_not_found"


async def test_a_collection_is_seen_in_its_time(table: Table, browser: Browser) -> None:
    now = clock.now()
    window = {"starts_at": (now + timedelta(hours=1)).isoformat(), "ends_at": (now + timedelta(hours=3)).isoformat()}
    made = await table.collect(**window)
    hidden = await table.collect(title="Hidden", published=False)
    assert hidden["handle"] == "hidden"
    seen = {}
    for hours in (0, 2, 3):
        at = now + timedelta(hours=hours)
        with clock.use(lambda at=at: at):
            listed = (await browser.http.get(STORE)).json()["items"]
            answer = await browser.http.get(f"{STORE}/{made['handle']}/products")
        seen[hours] = ([one["handle"] for one in listed], answer.status_code)
    assert seen == {0: ([], 404), 2: (["soups"], 200), 3: ([], 404)}


async def test_each_condition_finds_what_it_says(table: Table, grocer: SeededShop) -> None:
    titles = [one.title for one in grocer.products]
    await table.attribute("weight", "number", unit="g")
    await table.attribute("organic", "boolean")
    await table.type("coffee", "weight", "organic")
    root = await table.ask("POST", "/categories", {"name": "Drinks"}, 201)
    below = await table.ask("POST", "/categories", {"name": "Hot", "parent_id": root["id"]}, 201)
    said = {"options": [], "type": "coffee", "tags": ["new-in"], "category_id": below["id"]}
    coffee = await table.add(
        **said,
        title="House espresso",
        attributes={"weight": 500, "organic": True},
        variants=[{"sku": "HE", "price": 900, "compare_at": 1200}],
    )
    await table.step(coffee, "publication")
    espresso = ["House espresso"]
    today = clock.now().date()
    for conditions, expected in (
        ([{"field": "category", "values": [root["id"]]}], espresso),
        ([{"field": "category", "op": "not_in", "values": [root["id"]]}], titles),
        ([{"field": "brand", "values": ["acme"]}], espresso),
        ([{"field": "tag", "values": ["other", "new-in"]}], espresso),
        ([{"field": "type", "values": ["coffee"]}], espresso),
        ([{"field": "type", "op": "not_in", "values": ["coffee"]}], titles),
        ([{"field": "attribute", "attribute": "weight", "op": "at_most", "values": [0.5 * 1000]}], espresso),
        ([{"field": "attribute", "attribute": "weight", "values": [{"amount": "0.5", "unit": "kg"}]}], espresso),
        ([{"field": "attribute", "attribute": "weight", "op": "at_least", "values": [501]}], []),
        ([{"field": "attribute", "attribute": "organic", "values": [True]}], espresso),
        ([{"field": "price", "op": "at_least", "amount": 600}], ["Tomato paste", *espresso]),
        ([{"field": "reduced"}], espresso),
        ([{"field": "available", "value": False}], espresso),
        ([{"field": "published", "op": "since", "day": (today + timedelta(days=2)).isoformat()}], []),
        ([{"field": "new", "days": 1}, {"field": "tag", "values": ["new-in"]}], espresso),
    ):
        rule = {"match": "all", "conditions": conditions}
        found = await table.ask("POST", "/collections/previews", {"rule": rule, "sort": "price_asc"})
        assert [one["title"] for one in found["products"]] == expected, conditions
        assert found["product_count"] == len(expected)
    either = [{"field": "tag", "values": ["new-in"]}, {"field": "price", "op": "at_most", "amount": 100}]
    made = await table.by_rule(*either, match="any", sort="title")
    assert await table.seen(made) == ["House espresso", "Tomato soup"]


async def test_a_rule_is_followed_as_products_change(table: Table, rows: Ask, grocer: SeededShop) -> None:
    made = await table.by_rule({"field": "price", "op": "at_least", "amount": 400}, sort="price_asc")
    assert await table.seen(made) == ["Ground coffee", "Green tea", "Tomato paste"]
    assert await table.work() == 0

    soup = await table.ask("GET", f"/products/{grocer.products[0].product_id}")
    changed = soup["variants"][0] | {"price": 450}
    body = {name: soup[name] for name in ("title", "options", "version", "handle")} | {"variants": [changed]}
    await table.ask("PUT", f"/products/{soup['id']}", body)
    assert await table.work() == 0, "it asks of one product, and fills nothing anew"
    assert await table.seen(made) == ["Ground coffee", "Tomato soup", "Green tea", "Tomato paste"]
    assert (await table.ask("GET", f"/collections/{made['id']}"))["product_count"] == 4

    begins = clock.now() + timedelta(minutes=20)
    sale = {"amount": 100, "starts_at": begins.isoformat()}
    await table.ask("PUT", "/prices/variants/SKU4/offers", {"currency": "USD", "offers": [sale]})
    await table.work()
    assert "Green tea" in await table.seen(made)
    assert await table.work(hours=0.5) == 1, "a sale has begun"
    assert "Green tea" not in await table.seen(made)

    told = [one for (one,) in rows("SELECT payload FROM outbox WHERE name = 'collection.changed' ORDER BY seq")]
    assert [one["fields"] for one in told] == [["created"], ["products"], ["products"], ["products"]]


async def test_stock_that_comes_and_goes_moves_what_is_available(table: Table, rows: Ask) -> None:
    made = await table.by_rule({"field": "available"}, {"field": "price", "op": "at_most", "amount": 200})
    assert len(await table.seen(made)) == 2
    rows(
        "UPDATE stock SET available = 0, written_off = received WHERE variant_id IN"
        " (SELECT id FROM variant WHERE sku = 'SKU0') RETURNING 1"
    )
    await table.work()
    assert await table.seen(made) == ["Orange juice"]


async def test_what_a_rule_names_stays_meant_and_is_told_when_it_is_gone(table: Table) -> None:
    product = await table.add(options=[], variants=[{"sku": "LS", "price": 5}])
    await table.step(product, "publication")
    await table.ask("POST", "/brands", {"name": "Gone"}, 201)
    made = await table.by_rule({"field": "brand", "values": ["acme", "gone"]})
    await table.ask("PUT", "/brands/acme", {"name": "Acme Inc", "slug": "acme-inc", "version": 1})
    await table.ask("DELETE", "/brands/gone", status=204)
    await table.work()
    read = await table.ask("GET", f"/collections/{made['id']}")
    assert read["rule"]["conditions"][0]["values"][0] == "acme-inc"
    assert [one.partition(":")[0] for one in read["gone"]] == ["brand"]
    assert await table.seen(made) == ["Linen shirt"]


async def test_what_can_not_be_a_collection_is_refused(table: Table, team: Team, grocer: SeededShop) -> None:
    await table.attribute("weight", "number", unit="g")
    nobody = "01900000-0000-7000-8000-000000000000"
    made = await table.collect()
    at = f"/collections/{made['id']}"
    named = "catalog.collection_rule_names_nothing"
    for conditions, code in (
        ([], "request.invalid_fields"),
        ([{"field": "category", "values": [nobody]}], named),
        ([{"field": "brand", "values": ["nobody"]}], named),
        ([{"field": "attribute", "attribute": "nothing", "values": ["x"]}], named),
        ([{"field": "attribute", "attribute": "weight", "values": ["heavy"]}], "catalog.attribute_invalid"),
        ([{"field": "attribute", "attribute": "weight", "op": "at_most", "values": [1, 2]}], "request.invalid_fields"),
        ([{"field": "colour", "values": ["x"]}], "request.invalid_fields"),
        ([{"field": "price", "op": "at_least", "amount": -1}], "request.invalid_fields"),
    ):
        refused = await table.collect(422, title="X", rule={"conditions": conditions})
        assert refused["code"] == code, conditions
    rule = {"conditions": [{"field": "available"}]}
    for method, path, body, status, code in (
        ("POST", "/collections", {"title": "Soups", "handle": "soups"}, 409, "catalog.collection_handle_taken"),
        ("POST", "/collections", {"title": "X", "picture_of": nobody}, 404, "catalog.collected_product_not_found"),
        ("POST", "/collections", {"title": "X", "rule": rule, "sort": "by_hand"}, 422, "request.invalid_fields"),
        ("POST", "/collections", {"title": "<b>X</b>"}, 422, "request.invalid_fields"),
        ("PUT", at, {"title": "X", "rule": rule, "version": 1}, 422, "catalog.collection_kind_fixed"),
        ("PUT", at, {"title": "X", "version": 7}, 409, "catalog.stale"),
        ("PUT", f"{at}/products", {"product_ids": [nobody], "version": 1}, 404, "catalog.collected_product_not_found"),
    ):
        assert (await table.ask(method, path, body, status))["code"] == code, (path, body)
    assert await table.ask("GET", at) == made
    clerk = Shelf((await team.clerk("catalog:read", "catalog:write")).http)
    assert (await clerk.ask("DELETE", at, None, 403))["code"] == "identity.scope_missing"
