"""Several warehouses: which one an order's units come from, and parcels from each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import uuid4

import httpx
import pytest

from tests.factories import SeededShop

if TYPE_CHECKING:
    from tests.commerce.conftest import Browser

ADDRESS = {
    "name": "Ada",
    "line1": "1 Main Street",
    "postal_code": "10115",
    "city": "Berlin",
    "country": "DE",
}


async def _put(staff: httpx.AsyncClient, code: str, **body: Any) -> httpx.Response:
    return await staff.put(f"/v1/admin/inventory/warehouses/{code}", json={"name": code.title(), **body})


async def _post(staff: httpx.AsyncClient, path: str, **body: Any) -> httpx.Response:
    return await staff.post(f"/v1/admin/{path}", json=body, headers={"Idempotency-Key": str(uuid4())})


@pytest.fixture
async def berlin(staff: httpx.AsyncClient) -> None:
    """A second warehouse in Germany with five soups; the first is in Ohio and has three."""
    await staff.put("/v1/admin/delivery-methods/post", json={"name": "By post", "price": 0})
    await _put(staff, "main", country="US", region="OH")
    await _put(staff, "berlin", country="DE", priority=5)
    await _post(staff, "inventory/receipts", sku="SKU0", warehouse="berlin", quantity=5)
    await _post(staff, "inventory/counts", sku="SKU0", warehouse="main", counted=3)


async def _buy(browser: Browser, grocer: SeededShop, staff: httpx.AsyncClient, quantity: int) -> dict[str, Any]:
    cart = await browser.add(await browser.cart(), grocer.products[0].variant_id, quantity)
    await browser.http.put(f"/v1/store/carts/{cart['id']}/address", json=ADDRESS)
    await browser.http.put(f"/v1/store/carts/{cart['id']}/delivery", json={"code": "post"})
    placed = await browser.complete(cart, key=str(uuid4()))
    assert placed.status_code == 201, placed.text
    order: dict[str, Any] = (await staff.get(f"/v1/admin/orders/{placed.json()['id']}")).json()
    return order


def _sources(order: dict[str, Any]) -> list[tuple[str, int, bool]]:
    return [(one["warehouse"], one["quantity"], one["fulfilment_id"] is not None) for one in order["sources"]]


@pytest.mark.usefixtures("berlin")
async def test_the_nearest_warehouse_sends_when_that_is_the_rule(
    staff: httpx.AsyncClient, browser: Browser, grocer: SeededShop
) -> None:
    assert (await staff.get("/v1/admin/inventory/allocation")).json() == {"rule": "fewest_parcels"}
    set_ = await staff.put("/v1/admin/inventory/allocation", json={"rule": "nearest"})
    assert set_.json() == {"rule": "nearest"}
    assert _sources(await _buy(browser, grocer, staff, 2)) == [("berlin", 2, False)]
    assert _sources(await _buy(browser, grocer, staff, 4)) == [("berlin", 3, False), ("main", 1, False)]


@pytest.mark.usefixtures("berlin")
async def test_one_warehouse_sends_all_of_it_when_one_has_enough(
    staff: httpx.AsyncClient, browser: Browser, grocer: SeededShop
) -> None:
    assert _sources(await _buy(browser, grocer, staff, 4)) == [("berlin", 4, False)]


@pytest.mark.usefixtures("berlin")
async def test_a_parcel_leaves_from_the_warehouse_that_is_named(
    staff: httpx.AsyncClient, browser: Browser, grocer: SeededShop
) -> None:
    order = await _buy(browser, grocer, staff, 7)
    assert _sources(order) == [("berlin", 5, False), ("main", 2, False)]
    path = f"orders/{order['id']}/fulfilments"
    line_id = order["lines"][0]["id"]

    nowhere = await _post(staff, path, warehouse="nowhere")
    assert (nowhere.status_code, nowhere.json()["code"]) == (404, "inventory.unknown_warehouse")
    too_many = await _post(staff, path, warehouse="main", lines=[{"line_id": line_id, "quantity": 3}])
    told = too_many.json()
    assert (too_many.status_code, told["code"], told["allocated"]) == (409, "inventory.not_from_there", 2)

    first = (await _post(staff, path, warehouse="main")).json()
    assert (first["fulfilment_state"], first["lines"][0]["fulfilled"]) == ("partially_fulfilled", 2)
    assert _sources(first) == [("main", 2, True), ("berlin", 5, False)]
    again = await _post(staff, path, warehouse="main")
    assert again.json()["code"] == "orders.nothing_to_send"
    both = (await _post(staff, path, warehouse="berlin")).json()
    assert both["fulfilment_state"] == "shipped"
    assert [(one["warehouse"], one["fulfilment_id"]) for one in both["sources"]] == [
        ("main", both["parcels"][0]["id"]),
        ("berlin", both["parcels"][1]["id"]),
    ]


@pytest.mark.usefixtures("berlin")
async def test_a_closed_warehouse_keeps_its_stock_and_sells_none(
    staff: httpx.AsyncClient, browser: Browser, grocer: SeededShop
) -> None:
    closed = (await _put(staff, "berlin", country="DE", active=False)).json()["items"]
    assert [(one["code"], one["active"]) for one in closed] == [("berlin", False), ("main", True)]
    await _post(staff, "inventory/receipts", sku="SKU0", warehouse="berlin", quantity=1)
    cart = await browser.add(await browser.cart(), grocer.products[0].variant_id, 1)
    assert cart["lines"][0]["available"] == 3
    await staff.put("/v1/admin/inventory/policies", json={"sku": "SKU0", "safety_stock": 1})
    shown = (await staff.get("/v1/admin/inventory/stock", params={"sku": "SKU0"})).json()["items"]
    assert {one["warehouse"]: (one["available"], one["kept_back"]) for one in shown} == {
        "berlin": (6, 6),
        "main": (3, 1),
    }
    await _put(staff, "berlin", country="DE")
    shown = (await staff.get("/v1/admin/inventory/stock", params={"sku": "SKU0"})).json()["items"]
    assert {one["warehouse"]: one["kept_back"] for one in shown} == {"berlin": 1, "main": 1}


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("warehouses/north", {}),
        ("warehouses/north", {"name": "North", "country": "Germany"}),
        ("warehouses/north", {"name": "North", "priority": -1}),
        ("warehouses/North Pole", {"name": "North"}),
        ("allocation", {"rule": "cheapest"}),
    ],
)
async def test_a_setting_that_makes_no_sense_is_refused(
    staff: httpx.AsyncClient, rows: Any, path: str, body: dict[str, Any]
) -> None:
    refused = await staff.put(f"/v1/admin/inventory/{path}", json=body)
    assert (refused.status_code, refused.json()["code"]) == (422, "request.invalid_fields")
    assert rows("SELECT count(*) FROM warehouse") == [(1,)]
