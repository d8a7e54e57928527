"""Products that staff put beside others."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.commerce.test_products import Json, Shelf

if TYPE_CHECKING:
    import httpx

    from tests.access.team import Team
    from tests.commerce.conftest import Browser
    from tests.factories import SeededShop


@pytest.fixture
def shelf(staff: httpx.AsyncClient) -> Shelf:
    return Shelf(staff)


def _ids(said: Json) -> dict[str, list[str]]:
    return {kind: [one["id"] for one in said[kind]] for kind in ("related", "up_sell", "cross_sell")}


async def test_shoppers_see_what_staff_put_beside_a_product(shelf: Shelf, browser: Browser, grocer: SeededShop) -> None:
    soup, juice, bread, coffee = (str(sold.product_id) for sold in grocer.products[:4])
    at, shop = f"/products/{soup}/links", f"/v1/store/products/{grocer.products[0].handle}/links"
    nothing = {"related": [], "up_sell": [], "cross_sell": []}
    assert _ids((await browser.http.get(shop)).json()) == nothing
    wanted = {"related": [coffee, juice], "up_sell": [], "cross_sell": [bread, juice]}
    put = await shelf.ask("PUT", at, wanted | {"version": 1})
    assert (_ids(put), put["version"]) == (wanted, 2)
    shown = (await browser.http.get(shop)).json()
    assert _ids(shown) == wanted
    assert [one["price"]["amount"] for one in shown["cross_sell"]] == [300, 200]
    page = (await browser.http.get(f"/v1/store/products/{soup}/links")).json()
    assert page == shown

    product = await shelf.ask("GET", f"/products/{juice}")
    product = await shelf.step(product, "unpublication")
    assert _ids((await browser.http.get(shop)).json()) == wanted | {"related": [coffee], "cross_sell": [bread]}
    assert [one["status"] for one in (await shelf.ask("GET", at))["related"]] == ["published", "approved"]
    await shelf.step(product, "publication")
    assert _ids((await browser.http.get(shop)).json()) == wanted

    await shelf.step(await shelf.ask("GET", f"/products/{soup}"), "unpublication")
    assert (await browser.http.get(shop)).status_code == 404


async def test_what_can_not_be_beside_a_product_is_refused(shelf: Shelf, team: Team, grocer: SeededShop) -> None:
    soup, juice = (str(sold.product_id) for sold in grocer.products[:2])
    at = f"/products/{soup}/links"
    nobody = "01900000-0000-7000-8000-000000000000"
    for wrong, status, code in (
        ({"related": [soup]}, 422, "catalog.linked_to_itself"),
        ({"related": [juice, nobody]}, 404, "catalog.linked_product_not_found"),
        ({"related": [juice, juice]}, 422, "request.invalid_fields"),
        ({"related": [juice], "version": 7}, 409, "catalog.stale"),
    ):
        assert (await shelf.ask("PUT", at, {"version": 1} | wrong, status))["code"] == code
    assert (await shelf.ask("GET", at))["related"] == []
    clerk = Shelf((await team.clerk("catalog:read", "catalog:write")).http)
    assert (await clerk.ask("PUT", at, {"version": 1}, 403))["code"] == "identity.scope_missing"


async def test_products_are_compared_by_what_they_say(shelf: Shelf, browser: Browser, grocer: SeededShop) -> None:
    await shelf.attribute("weight", "number", unit="g")
    await shelf.attribute("roast", "choice", choices=[{"code": "dark", "name": "Dark"}])
    await shelf.type("coffee", "weight", "roast")
    one = {"options": [], "type": "coffee", "attributes": {"weight": 500, "roast": "dark"}}
    other = one | {"attributes": {"weight": 500}}
    made = [
        await shelf.add(**one, variants=[{"sku": "A", "price": 5}]),
        await shelf.add(**other, variants=[{"sku": "B", "price": 5}]),
    ]
    for product in made:
        await shelf.step(product, "publication")
    at = "/v1/store/comparison"
    answer = await browser.http.get(at, params={"product": [made[0]["handle"], made[1]["id"], made[0]["id"]]})
    assert answer.status_code == 200, answer.text
    assert [one["id"] for one in answer.json()["products"]] == [one["id"] for one in made], "each once"
    dark = {"value": "dark", "choice": "Dark", "colour": None}
    heavy = {"value": 500, "choice": None, "colour": None}
    assert answer.json()["rows"] == [
        {"code": "weight", "name": "Weight", "unit": "g", "values": [heavy, heavy], "differs": False},
        {"code": "roast", "name": "Roast", "unit": None, "values": [dark, None], "differs": True},
    ]
    for wrong, status in ((["x"], 422), (["a"] * 5, 422), ([made[0]["id"], "no-such-thing"], 404)):
        assert (await browser.http.get(at, params={"product": wrong})).status_code == status
