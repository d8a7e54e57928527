"""Products as staff and vendors write them: checked, reviewed, published, and nowhere to be seen before."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from commerce.catalog.products import living
from commerce.catalog.products.differing import differences
from commerce.catalog.products.schemas import ProductContent, VariantContent
from commerce.catalog.products.states import TRANSITIONS, IllegalProductTransition, possible, require
from commerce.catalog.rich import sanitised
from commerce.catalog.schemas import ProductDetail
from foundation import clock
from tests.commerce.test_attributes import SHADES, Desk

if TYPE_CHECKING:
    import httpx

    from tests.access.team import Team
    from tests.asking import Ask
    from tests.commerce.conftest import Browser
    from tests.factories import SeededShop

Json = dict[str, Any]
SHIRT: Json = {
    "title": "Linen shirt",
    "description": "<p>Airy.</p>",
    "brand": "Acme",
    "tags": ["summer", "linen"],
    "country_of_origin": "PT",
    "hs_code": "6205.90",
    "options": ["Size", "Colour"],
    "variants": [
        {"sku": "LS-M", "gtin": "4006381333931", "options": {"Size": "M", "Colour": "Navy"}, "price": 4900},
        {"sku": "LS-L", "options": {"Size": "L", "Colour": "Navy"}, "price": 4900, "compare_at": 5900},
    ],
}


class Shelf(Desk):
    """What staff, or a vendor, do with products."""

    def __init__(self, http: httpx.AsyncClient, area: str = "admin") -> None:
        super().__init__(http)
        self.area = area

    async def ask(self, method: str, path: str, body: object = None, status: int = 200) -> Json:
        answer = await self.http.request(method, f"/v1/{self.area}{path}", json=body)
        assert answer.status_code == status, answer.text
        said: Json = answer.json() if answer.content else {}
        return said

    async def add(self, status: int = 201, **other: Any) -> Json:
        return await self.ask("POST", "/products", SHIRT | other, status)

    async def put(self, product: Json, status: int = 200, **other: Any) -> Json:
        body = {name: product[name] for name in SHIRT} | {"version": product["version"]} | other
        return await self.ask("PUT", f"/products/{product['id']}", body, status)

    async def step(self, product: Json, noun: str, status: int = 200, **more: Any) -> Json:
        body = {"version": product["version"], **more}
        return await self.ask("POST", f"/products/{product['id']}/{noun}", body, status)

    async def read(self, product: Json, status: int = 200) -> Json:
        return await self.ask("GET", f"/products/{product['id']}", status=status)

    async def changes(self, product: Json) -> dict[str, tuple[Any, Any]]:
        found = await self.ask("GET", f"/products/{product['id']}/changes")
        return {one["path"]: (one["before"], one["after"]) for one in found["items"]}


@pytest.fixture
def shelf(staff: httpx.AsyncClient) -> Shelf:
    return Shelf(staff)


@pytest.fixture
def consistent(rows: Ask) -> Any:
    """Fail unless categories count what is published in them, and search knows what is published and nothing else."""

    def check() -> None:
        assert (
            rows(
                """
                SELECT c.name, c.product_count FROM category c
                WHERE c.product_count <> (
                    SELECT count(*) FROM product p JOIN category own ON own.id = p.category_id
                    WHERE own.path <@ c.path AND p.status = 'published')
                """
            )
            == []
        )
        assert (
            rows(
                """
                SELECT p.title, p.status FROM product p FULL JOIN search_document d ON d.product_id = p.id
                WHERE (p.status = 'published') IS DISTINCT FROM (coalesce(d.words, '') <> '')
                """
            )
            == []
        )

    return check


async def _seen(browser: Browser, product: Json, *, word: str = "linen") -> set[str]:
    """Where in the shop a product is."""
    store = "/v1/store"
    found = set()
    if (await browser.http.get(f"{store}/products/{product['id']}")).status_code == 200:
        found.add("page")
    for name, path in {
        "list": "/products?limit=100",
        "category": "/products?category=pantry&limit=100",
        "search": f"/search?q={word}",
        "recommendations": "/recommendations?placement=home&limit=40",
    }.items():
        answer = (await browser.http.get(f"{store}{path}")).raise_for_status().json()
        if product["id"] in {one["id"] for one in answer["items"]}:
            found.add(name)
    cart = await browser.cart()
    line = {"variant_id": product["variants"][0]["id"], "quantity": 1}
    if (await browser.http.post(f"{store}/carts/{cart['id']}/lines", json=line)).status_code == 201:
        found.add("cart")
    wishlist = (await browser.http.post(f"{store}/wishlists", json={"name": f"For {word}"})).json()
    wish = f"{store}/wishlists/{wishlist['id']}/items/{line['variant_id']}"
    if (await browser.http.put(wish, json={"quantity": 1})).is_success:
        found.add("wishlist")
    (await browser.http.delete(f"{store}/wishlists/{wishlist['id']}")).raise_for_status()
    return found


async def test_a_product_is_written_published_and_sold(
    shelf: Shelf, browser: Browser, rows: Ask, consistent: Any
) -> None:
    await shelf.attribute("colour", "colour", choices=SHADES)
    await shelf.attribute("weight", "number", unit="g")
    await shelf.type("shirt", "colour", "weight")
    pantry = (await shelf.ask("GET", "/categories"))["items"][0]["id"]
    said = {"colour": "navy", "weight": {"amount": "0.2", "unit": "kg"}}
    draft = await shelf.add(type="shirt", attributes=said, category_id=pantry)
    assert draft["attributes"] == {"colour": "navy", "weight": 200}
    assert (draft["status"], draft["hs_code"], draft["tags"]) == ("draft", "620590", ["linen", "summer"])
    assert await _seen(browser, draft) == set()
    consistent()

    published = await shelf.step(draft, "publication")
    assert (published["status"], published["version"]) == ("published", 2)
    assert await _seen(browser, published) >= {"page", "list", "category", "search", "cart"}
    consistent()
    page = (await browser.http.get(f"/v1/store/products/{draft['handle']}")).json()
    ProductDetail.model_validate(page)
    assert page["options"] == ["Size", "Colour"]
    assert [
        (one["name"], one["value"], one["unit"], one["choice"], one["colour"]) for one in page["specifications"]
    ] == [
        ("Colour", "navy", None, "Navy", "#1f2a44"),
        ("Weight", 200, "g", None, None),
    ]
    assert [(one["sku"], one["title"], one["options"]["Size"]) for one in page["variants"]] == [
        ("LS-M", "M / Navy", "M"),
        ("LS-L", "L / Navy", "L"),
    ]
    assert [(one["price"]["amount"], one["compare_at"]) for one in page["variants"]] == [(4900, None), (4900, 5900)]
    brands = (await shelf.ask("GET", "/brands"))["items"]
    assert [one["name"] for one in brands] == ["Acme"]
    told = [row[0] for row in rows("SELECT name FROM outbox WHERE aggregate_id = %s ORDER BY seq", UUID(draft["id"]))]
    assert told == ["product.created", "product.published"]


async def test_what_is_taken_out_of_the_shop_is_nowhere_in_it(
    shelf: Shelf, browser: Browser, grocer: SeededShop, consistent: Any
) -> None:
    sold = grocer.products[0]
    product = await shelf.ask("GET", f"/products/{sold.product_id}")
    cart = await browser.cart()
    await browser.add(cart, sold.variant_id)
    assert await _seen(browser, product, word="tomato") >= {"page", "list", "search", "cart", "wishlist"}

    product = await shelf.step(product, "unpublication")
    assert (product["status"], product["possible"]) == ("approved", ["publish", "archive"])
    assert await _seen(browser, product, word="tomato") == set()
    consistent()
    kept = (await browser.http.get(f"/v1/store/carts/{cart['id']}")).json()
    assert "not_for_sale" in {one["code"].rpartition(".")[2] for one in kept["requirements"]}

    product = await shelf.step(await shelf.step(product, "publication"), "archiving")
    assert await _seen(browser, product, word="tomato") == set()
    consistent()
    product = await shelf.step(product, "publication")
    assert await _seen(browser, product, word="tomato") >= {"page", "list", "search", "cart", "wishlist"}
    consistent()


async def test_a_live_product_moves_with_what_it_says(
    shelf: Shelf, browser: Browser, consistent: Any, grocer: SeededShop
) -> None:
    pantry = (await shelf.ask("GET", "/categories"))["items"][0]
    category = await shelf.ask("POST", "/categories", {"name": "Shirts"}, 201)
    product = await shelf.step(await shelf.add(category_id=pantry["id"]), "publication")
    consistent()
    product = await shelf.put(product, title="Hemp shirt", category_id=category["id"])
    consistent()
    assert await _seen(browser, product, word="hemp") >= {"page", "search"}
    assert "search" not in await _seen(browser, product, word="linen")
    shown = (await browser.http.get("/v1/store/products?category=shirts")).json()["items"]
    assert [one["title"] for one in shown] == ["Hemp shirt"]
    again = await shelf.put(product, category_id=category["id"])
    assert again["version"] == product["version"], "what changes nothing is no version"


async def test_variants_change_places_and_are_discontinued(
    shelf: Shelf, browser: Browser, rows: Ask, grocer: SeededShop
) -> None:
    product = await shelf.step(await shelf.add(), "publication")
    medium, large = product["variants"]
    swapped = [
        {**medium, "sku": "LS-L", "options": large["options"], "gtin": None},
        {**large, "sku": "LS-M", "options": medium["options"]},
    ]
    product = await shelf.put(product, variants=swapped)
    assert [(one["id"], one["sku"]) for one in product["variants"]] == [(medium["id"], "LS-L"), (large["id"], "LS-M")]

    stock = {"sku": "LS-M", "warehouse": "main", "quantity": 5}
    answer = await shelf.http.post("/v1/admin/inventory/receipts", json=stock, headers={"Idempotency-Key": "a"})
    assert answer.is_success, answer.text
    cart = await browser.cart()
    await browser.add(cart, large["id"])
    product = await shelf.put(product, variants=[{**product["variants"][0]}])
    assert [one["sku"] for one in product["variants"]] == ["LS-L"]
    page = (await browser.http.get(f"/v1/store/products/{product['id']}")).json()
    assert [one["sku"] for one in page["variants"]] == ["LS-L"]
    line = {"variant_id": large["id"], "quantity": 1}
    assert (await browser.http.post(f"/v1/store/carts/{cart['id']}/lines", json=line)).status_code == 422
    assert rows("SELECT discontinued FROM variant WHERE sku = 'LS-M'") == [(True,)]

    back = [*product["variants"], {"sku": "LS-M", "options": medium["options"]}]
    product = await shelf.put(product, variants=back)
    assert [(one["id"], one["price"]) for one in product["variants"]] == [(medium["id"], 4900), (large["id"], 4900)]

    new = {"sku": "LS-S", "options": {"Size": "S", "Colour": "Navy"}, "price": 4900}
    product = await shelf.put(product, variants=[*product["variants"], new])
    await shelf.put(product, variants=product["variants"][:2])
    assert rows("SELECT count(*) FROM variant WHERE sku = 'LS-S'") == [(0,)], "nobody ever had it"


BAD: list[tuple[Json, int, str]] = [
    ({"title": "<b>Shirt</b>"}, 422, "request.invalid_fields"),
    ({"title": "Shirt\u202e"}, 422, "request.invalid_fields"),
    ({"variants": []}, 422, "request.invalid_fields"),
    ({"options": ["Size", "Size"]}, 422, "request.invalid_fields"),
    ({"options": ["A", "B", "C", "D"]}, 422, "request.invalid_fields"),
    ({"options": ["Size"]}, 422, "request.invalid_fields"),
    ({"options": [], "variants": [{"sku": "A", "gtin": "4006381333932"}]}, 422, "request.invalid_fields"),
    ({"options": [], "variants": [{"sku": "A", "gtin": "123456789"}]}, 422, "request.invalid_fields"),
    ({"options": [], "variants": [{"sku": "A", "gtin": "\u0664" * 13}]}, 422, "request.invalid_fields"),
    ({"options": [], "variants": [{"sku": "A", "price": 0.005}]}, 422, "request.invalid_fields"),
    ({"options": [], "variants": [{"sku": "A"}, {"sku": "A"}]}, 422, "request.invalid_fields"),
    ({"options": [], "variants": [{"sku": "A"}, {"sku": "B"}]}, 409, "catalog.same_options"),
    (
        {"options": ["S"], "variants": [{"sku": "A", "options": {"S": "m"}}, {"sku": "B", "options": {"S": "M"}}]},
        409,
        "catalog.same_options",
    ),
    ({"options": [], "variants": [{"sku": "SKU0"}]}, 409, "catalog.sku_taken"),
    ({"handle": "tomato-soup"}, 409, "catalog.handle_taken"),
    ({"country_of_origin": "XX"}, 422, "request.invalid_fields"),
    ({"hs_code": "7701.10"}, 422, "request.invalid_fields"),
    ({"tax_class": "gift-card"}, 422, "catalog.gift_cards_tax_class"),
    ({"category_id": "01900000-0000-7000-8000-000000000000"}, 404, "catalog.category_not_found"),
    ({"type": "none"}, 404, "catalog.product_type_not_found"),
    ({"attributes": {"weight": 5}}, 422, "catalog.attribute_invalid"),
    ({"attributes": {"Weight": 5}}, 422, "request.invalid_fields"),
]


async def test_bad_input_makes_no_product(shelf: Shelf, rows: Ask, grocer: SeededShop) -> None:
    for wrong, status, code in BAD:
        assert (await shelf.add(status, **wrong))["code"] == code, wrong
    assert rows("SELECT count(*) FROM product") == [(len(grocer.products),)]


def test_a_description_keeps_what_shows_and_loses_what_acts() -> None:
    hostile = (
        '<p onclick="x()">Airy <strong>linen</strong><script>alert(1)</script></p>'
        '<img src=x onerror=y><a href="javascript:z()">a</a><a href="https://example.com">b</a>'
    )
    clean = sanitised(hostile)
    assert "<strong>linen</strong>" in clean
    assert 'href="https://example.com"' in clean
    for bad in ("script", "onclick", "onerror", "img"):
        assert bad not in clean
    assert sanitised(clean) == clean
    assert sanitised("Salt & pepper, < 1 kg") == "Salt & pepper, < 1 kg"


async def test_of_two_who_change_a_product_one_is_told(shelf: Shelf) -> None:
    draft = await shelf.add()
    body = {name: draft[name] for name in SHIRT} | {"version": 1}
    path = f"/v1/admin/products/{draft['id']}"
    answers = await asyncio.gather(
        *(shelf.http.put(path, json=body | {"title": f"Shirt {place}"}) for place in range(2))
    )
    assert sorted(one.status_code for one in answers) == [200, 409]
    stale = next(one.json() for one in answers if one.status_code == 409)
    assert (stale["code"], stale["version"]) == ("catalog.stale", 2)
    for noun in ("submission", "publication", "archiving"):
        assert (await shelf.step(draft, noun, 409))["code"] == "catalog.stale"


async def test_what_is_incomplete_is_not_published(shelf: Shelf) -> None:
    await shelf.attribute("weight", "number", unit="g")
    of = [{"attribute": "weight", "required": True}]
    await shelf.ask("POST", "/product-types", {"code": "shirt", "name": "Shirt", "attributes": of}, 201)
    draft = await shelf.add(type="shirt", options=[], variants=[{"sku": "A"}])
    for noun in ("submission", "approval", "publication"):
        refused = await shelf.step(draft, noun, 422)
        assert (refused["code"], refused["missing"]) == (
            "catalog.product_incomplete",
            ["attributes.weight", "variants.A.price"],
        )
    whole = await shelf.put(draft, type="shirt", attributes={"weight": 5}, variants=[{"sku": "A", "price": 1}])
    published = await shelf.step(whole, "publication")
    refused = await shelf.put(published, 422, type="shirt", attributes={})
    assert refused["missing"] == ["attributes.weight"]


async def test_a_retired_attribute_stays_as_it_is_or_goes(shelf: Shelf) -> None:
    await shelf.attribute("weight", "number", unit="g")
    await shelf.type("shirt", "weight")
    draft = await shelf.add(type="shirt", attributes={"weight": 5})
    retired = {"name": "Weight", "choices": [], "retired": True, "version": 1}
    await shelf.ask("PUT", "/attributes/weight", retired)
    draft = await shelf.put(draft, type="shirt", attributes={"weight": 5}, title="Shirt")
    refused = await shelf.put(draft, 422, type="shirt", attributes={"weight": 6})
    assert (refused["code"], refused["attribute"]) == ("catalog.attribute_invalid", "weight")
    assert (await shelf.put(draft, type="shirt", attributes={}))["attributes"] == {}


async def test_a_copy_is_a_draft_with_names_of_its_own(shelf: Shelf) -> None:
    product = await shelf.step(await shelf.add(), "publication")
    copy = await shelf.ask("POST", f"/products/{product['id']}/copies", status=201)
    assert (copy["status"], copy["title"], copy["version"]) == ("draft", product["title"], 1)
    assert copy["handle"] != product["handle"]
    assert not {one["sku"] for one in copy["variants"]} & {one["sku"] for one in product["variants"]}
    assert [one["price"] for one in copy["variants"]] == [4900, 4900]
    assert [one["gtin"] for one in copy["variants"]] == [None, None]


@pytest.fixture
async def miller(team: Team, shelf: Shelf) -> Shelf:
    vendor = await shelf.ask("PUT", "/vendors/mill", {"name": "Mill"})
    hired = await team.hire("vendor", email="miller@mill.example", vendor_id=UUID(vendor["id"]))
    return Shelf(hired.http, "vendor")


async def test_a_vendor_proposes_and_staff_agree(
    shelf: Shelf, miller: Shelf, browser: Browser, consistent: Any, rows: Ask
) -> None:
    refused = await miller.add(404)
    assert (refused["code"], refused["brand"]) == ("catalog.brand_not_found", "Acme")
    draft = await miller.add(brand=None)
    assert draft["vendor"] == "mill"
    asked = await miller.step(draft, "submission")
    assert (asked["status"], asked["possible"]) == ("in_review", ["withdraw", "approve", "reject", "publish"])
    queue = (await shelf.ask("GET", "/products?status=in_review"))["items"]
    assert [one["id"] for one in queue] == [draft["id"]]
    assert (await shelf.changes(draft))["title"] == (None, "Linen shirt")
    refused = await shelf.step(asked, "rejection", reason="Where is it made?")
    assert rows("SELECT template, channel FROM message") == [("product_rejected", "email")]
    assert (await miller.read(draft))["reason"] == "Where is it made?"
    asked = await miller.step(await miller.put(refused, country_of_origin="PT", title="Portuguese shirt"), "submission")
    approved = await shelf.step(asked, "approval")
    assert await _seen(browser, draft) == set()
    live = await shelf.step(approved, "publication")
    assert "page" in await _seen(browser, draft)

    cheaper = [{**one, "price": 3900, "compare_at": 4900} for one in live["variants"]]
    proposed = await miller.put(live, title="Linen shirt, washed", variants=cheaper)
    assert (proposed["status"], proposed["title"], proposed["proposal"]["status"]) == (
        "published",
        "Portuguese shirt",
        "draft",
    )
    page = (await browser.http.get(f"/v1/store/products/{draft['id']}")).json()
    assert (page["title"], page["variants"][0]["price"]["amount"]) == ("Portuguese shirt", 4900)
    asked = await miller.step(proposed, "submission")
    assert [one["id"] for one in (await shelf.ask("GET", "/products?status=in_review"))["items"]] == [draft["id"]]
    changes = await shelf.changes(draft)
    assert changes["title"] == ("Portuguese shirt", "Linen shirt, washed")
    assert changes["variants.LS-M.price"] == (4900, 3900)
    assert (await miller.changes(draft)) == changes
    rejected = await shelf.step(asked, "rejection", reason="Too cheap")
    assert (rejected["status"], rejected["proposal"]["reason"]) == ("published", "Too cheap")
    asked = await miller.step(await miller.put(rejected, title="Linen shirt, washed"), "submission")
    approved = await shelf.step(asked, "approval")
    assert (approved["title"], approved["proposal"], approved["status"]) == ("Linen shirt, washed", None, "published")
    page = (await browser.http.get(f"/v1/store/products/{draft['id']}")).json()
    assert page["title"] == "Linen shirt, washed"
    consistent()

    versions = (await shelf.ask("GET", f"/products/{draft['id']}/versions?limit=100"))["items"]
    assert [one["action"] for one in reversed(versions)] == [
        *("create", "submit", "reject", "change", "submit", "approve", "publish"),
        *("propose", "submit", "reject", "propose", "submit", "approve"),
    ]
    assert len({one["changed_by"] for one in versions}) == 2
    assert [one["version"] for one in versions] == sorted((one["version"] for one in versions), reverse=True)


async def test_a_vendor_keeps_the_brand_that_its_product_was_loaded_with(
    shelf: Shelf, miller: Shelf, grocer: SeededShop
) -> None:
    loaded = {"id": str(grocer.products[0].product_id)}
    await shelf.ask("POST", "/vendors/mill/products", {"product_ids": [loaded["id"]]})
    product = await miller.read(loaded)
    assert product["brand"] == "Store brand"
    asked = await miller.step(await miller.put(product, title="Tomato soup, mild"), "submission")
    assert (await shelf.step(asked, "approval"))["title"] == "Tomato soup, mild"


async def test_a_vendor_withdraws_what_it_proposed(shelf: Shelf, miller: Shelf) -> None:
    live = await shelf.step(await miller.add(brand=None), "publication")
    proposed = await miller.put(live, title="Other")
    assert (await miller.step(proposed, "withdrawal"))["proposal"] is None
    draft = await miller.add(brand=None, options=[], variants=[{"sku": "M2", "price": 5}])
    asked = await miller.step(draft, "submission")
    assert (await miller.step(asked, "withdrawal"))["status"] == "draft"


async def test_a_vendor_has_its_own_products_alone(shelf: Shelf, miller: Shelf, grocer: SeededShop) -> None:
    of_the_shop = await shelf.add()
    assert (await miller.ask("GET", "/products"))["items"] == []
    assert (await miller.read(of_the_shop, 404))["code"] == "catalog.product_not_found"
    assert (await miller.put(of_the_shop, 404))["code"] == "catalog.product_not_found"
    for noun in ("submission", "withdrawal"):
        assert (await miller.step(of_the_shop, noun, 404))["code"] == "catalog.product_not_found"
    assert (await Shelf(miller.http).read(of_the_shop, 403))["code"] == "identity.of_a_vendor"
    assert (await miller.http.post(f"/v1/vendor/products/{of_the_shop['id']}/approval", json={})).status_code == 404


async def test_an_approval_holds_for_the_shop_as_it_is(shelf: Shelf, miller: Shelf) -> None:
    live = await shelf.step(await miller.add(brand=None), "publication")
    category = await shelf.ask("POST", "/categories", {"name": "Shirts"}, 201)
    asked = await miller.step(await miller.put(live, category_id=category["id"]), "submission")
    await shelf.ask("DELETE", f"/categories/{category['id']}", status=204)
    refused = await shelf.step(asked, "approval", 404)
    assert refused["code"] == "catalog.category_not_found"
    assert (await shelf.read(live))["proposal"]["status"] == "in_review"


async def test_who_may_only_write_publishes_nothing(team: Team, shelf: Shelf, browser: Browser) -> None:
    clerk = Shelf((await team.clerk("catalog:read", "catalog:write")).http)
    draft = await clerk.add()
    assert (await clerk.step(draft, "publication", 403))["code"] == "identity.scope_missing"
    live = await shelf.step(draft, "publication")
    proposed = await clerk.put(live, title="Other")
    assert (proposed["title"], proposed["proposal"]["content"]["title"]) == ("Linen shirt", "Other")

    publisher = Shelf((await team.clerk("catalog:read", "catalog:write", "catalog:publish", email="b@b.example")).http)
    dearer = [{**one, "price": 9900} for one in proposed["variants"]]
    refused = await publisher.put(proposed, 403, variants=dearer)
    assert (refused["code"], refused["scope"]) == ("identity.scope_missing", "prices:write")
    assert (await publisher.put(proposed, title="Mine"))["title"] == "Mine"


async def test_a_product_is_published_on_its_date_by_itself(
    shelf: Shelf, app: Any, grocer: SeededShop, browser: Browser, consistent: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    draft = await shelf.add()
    soon = datetime.now(UTC) + timedelta(days=1)
    past = await shelf.step(draft, "publication", 422, at="2020-01-01T00:00:00Z")
    assert past["code"] == "catalog.publication_past"
    due = await shelf.step(draft, "publication", at=soon.isoformat())
    assert (due["status"], due["publish_at"] is not None) == ("approved", True)
    other = await shelf.add(options=[], variants=[{"sku": "O1", "price": 5}])
    other = await shelf.step(other, "publication", at=soon.isoformat())
    other = await shelf.step(other, "unpublication")
    assert (other["status"], other["publish_at"]) == ("approved", None)

    async def round_of_worker() -> int:
        async with app.state.core.database.tx(grocer.id) as tx:
            return await living.publish_due(tx, currency="USD")

    assert await round_of_worker() == 0
    monkeypatch.setattr(clock, "now", lambda: soon + timedelta(seconds=1))
    assert await round_of_worker() == 1
    assert await round_of_worker() == 0
    monkeypatch.undo()
    assert (await shelf.read(draft))["status"] == "published"
    assert "page" in await _seen(browser, draft)
    last = (await shelf.ask("GET", f"/products/{draft['id']}/versions?limit=1"))["items"][0]
    assert (last["action"], last["changed_by"]) == ("publish", "system:worker")
    consistent()


async def test_what_lacks_something_on_its_date_stays_out_and_says_so(
    shelf: Shelf, app: Any, grocer: SeededShop, rows: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    soon = datetime.now(UTC) + timedelta(days=1)
    due = await shelf.step(await shelf.add(), "publication", at=soon.isoformat())
    rows("DELETE FROM price WHERE variant_id = %s", UUID(due["variants"][0]["id"]))
    monkeypatch.setattr(clock, "now", lambda: soon + timedelta(seconds=1))
    async with app.state.core.database.tx(grocer.id) as tx:
        assert await living.publish_due(tx, currency="USD") == 0
    monkeypatch.undo()
    left = await shelf.read(due)
    assert (left["status"], left["publish_at"]) == ("approved", None)
    last = (await shelf.ask("GET", f"/products/{due['id']}/versions?limit=1"))["items"][0]
    assert (last["action"], last["reason"]) == ("unschedule", "catalog.product_incomplete: variants.LS-M.price")


async def test_staff_find_products_by_what_they_are(shelf: Shelf, grocer: SeededShop) -> None:
    await shelf.attribute("weight", "number", unit="g")
    await shelf.type("shirt", "weight")
    category = await shelf.ask("POST", "/categories", {"name": "Shirts"}, 201)
    made = await shelf.add(type="shirt", category_id=category["id"])
    for query in (
        *("status=draft", "category=shirts", "brand=acme", "type=shirt"),
        *("q=LS-L", "q=4006381333931", "q=linen sh", f"q={made['handle']}", "status=draft&brand=acme&q=shirt"),
    ):
        found = (await shelf.ask("GET", f"/products?{query}"))["items"]
        assert [one["id"] for one in found] == [made["id"]], query
    assert [one["title"] for one in (await shelf.ask("GET", "/products?q=tomato"))["items"]] == [
        "Tomato paste",
        "Tomato soup",
    ]
    for query in ("q=%25", "q=' OR 1=1 --", "brand=none", "vendor=none", "type=none", "status=in_review"):
        assert (await shelf.ask("GET", f"/products?{query}"))["items"] == [], query
    seen: list[str] = []
    cursor = ""
    while True:
        page = await shelf.ask("GET", f"/products?limit=3{cursor}")
        seen += [one["id"] for one in page["items"]]
        if not page["has_more"]:
            break
        cursor = f"&cursor={page['next_cursor']}"
    assert seen == sorted(seen, reverse=True)
    assert len(seen) == len(grocer.products) + 1
    row = (await shelf.ask("GET", "/products?q=LS-L"))["items"][0]
    assert (row["variants"], row["sku"], row["price"]) == (2, "LS-M", {"amount": 4900, "currency": "USD"})


_TEXT = st.text(min_size=1, max_size=5)
_CONTENT = st.builds(
    ProductContent,
    title=_TEXT,
    handle=_TEXT,
    description=st.text(max_size=5),
    category_id=st.none(),
    brand=st.none() | _TEXT,
    type=st.none(),
    attributes=st.dictionaries(st.sampled_from(["a", "b"]), st.integers() | st.booleans() | _TEXT),
    tags=st.lists(_TEXT, max_size=2),
    country_of_origin=st.none(),
    hs_code=st.none(),
    tax_class=st.just("standard"),
    options=st.just([]),
    variants=st.lists(
        st.builds(
            VariantContent,
            id=st.none(),
            sku=st.sampled_from(["X", "Y"]),
            gtin=st.none(),
            options=st.just({}),
            price=st.none() | st.integers(0, 9),
            compare_at=st.none(),
        ),
        min_size=1,
        max_size=2,
        unique_by=lambda one: one.sku,
    ),
)


@given(before=_CONTENT, after=_CONTENT)
def test_a_difference_there_is_undone_by_the_one_back(before: ProductContent, after: ProductContent) -> None:
    there, back = differences(before, after), differences(after, before)
    assert {(one.path, repr(one.before), repr(one.after)) for one in there} == {
        (one.path, repr(one.after), repr(one.before)) for one in back
    }
    assert (there == []) == (before == after)


@given(
    action=st.sampled_from(sorted(TRANSITIONS)), status=st.sampled_from(["draft", "in_review", "archived", "published"])
)
def test_a_state_allows_what_it_says(action: Any, status: str) -> None:
    if action in possible(status):
        assert require(action, status) == TRANSITIONS[action].target
    else:
        with pytest.raises(IllegalProductTransition) as refused:
            require(action, status)
        assert refused.value.possible == possible(status)


async def test_an_address_that_shoppers_have_seen_leads_to_the_new_one(shelf: Shelf, browser: Browser) -> None:
    draft = await shelf.put(await shelf.add(handle="first"), handle="second")
    product = await shelf.step(draft, "publication")
    product = await shelf.put(product, handle="third")
    await shelf.put(product, handle="fourth")
    store = "/v1/store/products"
    assert (await browser.http.get(f"{store}/first")).status_code == 404, "nobody has seen it there"
    for old in ("second", "third"):
        moved = await browser.http.get(f"{store}/{old}?locale=de")
        assert moved.status_code == 301
        assert moved.headers["location"].endswith(f"{store}/fourth?locale=de")
    other = await shelf.step(
        await shelf.add(handle="third", options=[], variants=[{"sku": "O", "price": 5}]), "publication"
    )
    assert (await browser.http.get(f"{store}/third")).json()["id"] == other["id"]
    await shelf.step(await shelf.read(product), "unpublication")
    assert (await browser.http.get(f"{store}/second")).status_code == 404
