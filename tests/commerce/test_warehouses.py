"""Several warehouses: which one an order's units come from, and parcels from each."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from commerce.orders.dispatching import dispatches, fitting
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


@pytest.mark.one_database
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


_A_LINE = st.dictionaries(st.sampled_from("abc"), st.integers(1, 3), min_size=1)


@given(
    st.dictionaries(st.integers(0, 3), st.tuples(st.integers(1, 6), _A_LINE), min_size=1),
    st.data(),
)
def test_each_parcel_leaves_a_warehouse_that_holds_all_of_it(
    lines: dict[int, tuple[int, dict[str, int]]], data: Any
) -> None:
    line_ids = {line: UUID(int=line) for line in lines}
    variant_ids = {letter: UUID(int=100 + place) for place, letter in enumerate("abc")}
    needs = {line_ids[n]: {variant_ids[v]: each for v, each in made_of.items()} for n, (_, made_of) in lines.items()}
    units = {line_ids[n]: quantity for n, (quantity, _) in lines.items()}
    wanted = Counter[UUID]()
    for line_id, quantity in units.items():
        wanted.update({variant_id: quantity * each for variant_id, each in needs[line_id].items()})
    there = {UUID(int=200 + place): Counter[UUID]() for place in range(3)}
    for variant_id, quantity in wanted.items():
        for _ in range(quantity):
            there[UUID(int=200 + data.draw(st.integers(0, 2)))][variant_id] += 1

    leaving = dispatches(units, needs, there)

    sent = Counter[UUID]()
    for parcel in leaving:
        assert parcel.units
        assert min(parcel.units.values()) > 0
        sent.update(parcel.units)
        if parcel.warehouse_id is not None:
            held = Counter(there[parcel.warehouse_id])
            for line_id, quantity in parcel.units.items():
                held.subtract({variant_id: quantity * each for variant_id, each in needs[line_id].items()})
            assert min(held.values()) >= 0
    assert dict(sent) == units
    assert len({parcel.warehouse_id for parcel in leaving}) == len(leaving)
    whole = [place for place, held in there.items() if fitting(units, needs, held) == units]
    assert not whole or len(leaving) == 1


@pytest.mark.usefixtures("berlin")
async def test_what_lies_in_two_warehouses_leaves_in_two_parcels(
    staff: httpx.AsyncClient, browser: Browser, grocer: SeededShop, rows: Any
) -> None:
    order = await _buy(browser, grocer, staff, 7)
    path = f"orders/{order['id']}/fulfilments"

    refused = await _post(staff, path, carrier="DHL", tracking_number="JD1")
    told = refused.json()
    assert (refused.status_code, told["code"]) == (409, "orders.several_warehouses")
    assert told["warehouses"] == ["berlin", "main"]
    assert rows("SELECT FROM fulfilment") == []

    sent = (await _post(staff, path, carrier="DHL")).json()
    assert sent["fulfilment_state"] == "shipped"
    assert [(one["warehouse"], one["lines"][0]["quantity"], one["carrier"]) for one in sent["parcels"]] == [
        ("berlin", 5, "DHL"),
        ("main", 2, "DHL"),
    ]
    assert [(one["warehouse"], one["quantity"], one["fulfilment_id"]) for one in sent["sources"]] == [
        ("berlin", 5, sent["parcels"][0]["id"]),
        ("main", 2, sent["parcels"][1]["id"]),
    ]
    assert rows("SELECT name, count(*) FROM outbox WHERE name = 'order.fulfilled' GROUP BY 1") == [
        ("order.fulfilled", 2)
    ]
    tracked = await _post(staff, f"{path}/{sent['parcels'][1]['id']}/tracking", carrier="DHL", tracking_number="JD2")
    assert [one["tracking_number"] for one in tracked.json()["parcels"]] == [None, "JD2"]


@pytest.mark.usefixtures("berlin")
async def test_many_orders_leave_in_a_parcel_a_warehouse(
    staff: httpx.AsyncClient, browser: Browser, grocer: SeededShop
) -> None:
    spread, whole = [await _buy(browser, grocer, staff, quantity) for quantity in (6, 2)]
    body = {"parcels": [{"order_id": order["id"]} for order in (spread, whole)]}
    answer = await staff.post("/v1/admin/orders/fulfilments", json=body, headers={"Idempotency-Key": "many"})

    assert [(len(one["fulfilment_ids"]), one["problem"]) for one in answer.json()["items"]] == [(2, None), (1, None)]


@pytest.mark.usefixtures("berlin")
async def test_a_box_whose_parts_lie_apart_leaves_as_one(
    staff: httpx.AsyncClient, browser: Browser, grocer: SeededShop, rows: Any
) -> None:
    await _post(staff, "inventory/counts", sku="SKU1", warehouse="main", counted=5)
    await _post(staff, "inventory/counts", sku="SKU0", warehouse="main", counted=0)
    await _post(staff, "inventory/counts", sku="SKU2", warehouse="main", counted=0)
    parts = [{"sku": "SKU0", "quantity": 1}, {"sku": "SKU1", "quantity": 1}]
    made = await staff.put("/v1/admin/inventory/bundles", json={"sku": "SKU2", "components": parts})
    assert made.status_code == 200, made.text
    cart = await browser.add(await browser.cart(), grocer.products[2].variant_id, 2)
    await browser.http.put(f"/v1/store/carts/{cart['id']}/address", json=ADDRESS)
    await browser.http.put(f"/v1/store/carts/{cart['id']}/delivery", json={"code": "post"})
    order = (await browser.complete(cart, key="box")).json()

    sent = (await _post(staff, f"orders/{order['id']}/fulfilments")).json()

    assert [(one["warehouse"], one["lines"][0]["quantity"]) for one in sent["parcels"]] == [(None, 2)]
    assert {one["warehouse"] for one in sent["sources"]} == {"berlin", "main"}


@pytest.mark.usefixtures("berlin")
async def test_each_consignment_is_sent_from_near_to_where_it_goes(
    staff: httpx.AsyncClient, browser: Browser, grocer: SeededShop
) -> None:
    await staff.put("/v1/admin/inventory/allocation", json={"rule": "nearest"})
    cart = await browser.add(await browser.cart(), grocer.products[0].variant_id, 4)
    line_id = cart["lines"][0]["id"]
    ohio = {**ADDRESS, "postal_code": "43215", "city": "Columbus", "region": "OH", "country": "US"}
    consignments = [
        {"address": address, "delivery": "post", "lines": [{"line_id": line_id, "quantity": 2}]}
        for address in (ohio, ADDRESS)
    ]
    split = await browser.http.put(f"/v1/store/carts/{cart['id']}/consignments", json={"consignments": consignments})
    assert split.status_code == 200, split.text
    placed = await browser.complete(cart, key="split")
    assert placed.status_code == 201, placed.text
    order = (await staff.get(f"/v1/admin/orders/{placed.json()['id']}")).json()
    assert _sources(order) == [("berlin", 2, False), ("main", 2, False)]

    for consignment, warehouse in zip(order["consignments"], ("main", "berlin"), strict=True):
        path = f"orders/{order['id']}/fulfilments"
        sent = (await _post(staff, path, consignment_id=consignment["id"])).json()
        parcel = next(one for one in sent["parcels"] if one["consignment_id"] == consignment["id"])
        assert parcel["warehouse"] == warehouse
