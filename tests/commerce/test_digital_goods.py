"""Goods that are downloaded: bought without a delivery, handed out once paid for, and taken away with their money."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from commerce.digital.schemas import FileQuery
from commerce.digital.service import FileReplaced
from commerce.digital.storing import Shelf
from commerce.orders import fulfilling
from foundation.ids import new_id
from foundation.settings import Settings
from tests.commerce.conftest import Browser
from tests.factories import SeededShop

BODY = bytes(range(256)) * 40
SKU, GOODS = "SKU0", "/v1/admin/digital-goods/SKU0"
NAMED = {"name": "Ein Käse.pdf", "media_type": "application/pdf"}
PARCEL = {"name": "Parcel", "price": 495, "min_days": 2, "max_days": 4, "countries": ["US", "DE"]}
ADDRESS = {
    "name": "Ada",
    "line1": "High Street 1",
    "city": "Columbus",
    "region": "OH",
    "postal_code": "43215",
    "country": "US",
}


@pytest.fixture
def settings(settings: Settings, tmp_path: Any) -> Settings:
    return settings.model_copy(update={"objects_url": tmp_path.as_uri()})


def _key() -> dict[str, str]:
    return {"Idempotency-Key": str(uuid4())}


def _ok(answer: httpx.Response, status: int = 200) -> Any:
    assert answer.status_code == status, answer.text
    return answer.json() if answer.content else None


async def _sold(staff: httpx.AsyncClient, **terms: Any) -> dict[str, Any]:
    """The first product is downloaded, and has one file; gives that."""
    gone = {"sku": SKU, "warehouse": "main", "quantity": 100, "reason": "nothing of it is sent"}
    _ok(await staff.post("/v1/admin/inventory/write-offs", json=gone, headers=_key()), 201)
    _ok(await staff.put(GOODS, json={"digital": True, **terms}))
    file: dict[str, Any] = _ok(await staff.post(f"{GOODS}/files", params=NAMED, content=BODY), 201)
    return file


async def _bought(app: Any, browser: Browser, grocer: SeededShop, *quantities: int) -> dict[str, Any]:
    """An order of so many of each of the first products, paid for, and seen to by the worker."""
    cart = await browser.cart()
    for sold, quantity in zip(grocer.products, quantities, strict=False):
        cart = await browser.add(cart, sold.variant_id, quantity)
    placed = _ok(await browser.complete(cart, email="a@b.example", key=str(uuid4())), 201)
    await fulfilling.hand_out(app.state.core.database, grocer.id)
    order: dict[str, Any] = _ok(await browser.http.get(f"/v1/store/orders/{placed['id']}"))
    return order


async def _downloads(browser: Browser) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = _ok(await browser.http.get("/v1/store/downloads"))["items"]
    return found


def _address(order: dict[str, Any], file: dict[str, Any]) -> str:
    return f"/v1/store/orders/{order['id']}/downloads/{order['lines'][0]['id']}/files/{file['id']}"


async def test_it_is_bought_without_a_delivery_and_can_be_downloaded_once_it_is_paid_for(
    app: Any, browser: Browser, staff: httpx.AsyncClient, grocer: SeededShop, rows: Any
) -> None:
    await staff.put("/v1/admin/delivery-methods/parcel", json=PARCEL)
    file = await _sold(staff)
    product = _ok(await browser.http.get(f"/v1/store/products/{grocer.products[0].handle}"))
    assert [(one["digital"], one["available"]) for one in product["variants"]] == [(True, True)]
    cart = await browser.add(await browser.cart(), grocer.products[0].variant_id, 3)
    assert (cart["digital"], cart["delivers"], cart["requirements"]) == (True, False, [])
    assert [(line["digital"], line["available"]) for line in cart["lines"]] == [(True, 9_999)]

    order = await _bought(app, browser, grocer)
    assert (order["status"], order["fulfilment_state"], order["address"]) == ("delivered", "delivered", None)
    assert [(line["digital"], line["returnable"]) for line in order["lines"]] == [(True, 0)]
    (one,) = await _downloads(browser)
    assert (one["order_id"], one["state"], one["expires_at"]) == (order["id"], "ready", None)
    assert [(each["name"], each["size"], each["left"]) for each in one["files"]] == [("Ein Käse.pdf", len(BODY), None)]
    got = await browser.http.get(_address(order, file))
    assert (got.status_code, got.content, got.headers["content-type"]) == (200, BODY, "application/pdf")
    assert got.headers["content-disposition"] == "attachment; filename*=UTF-8''Ein%20K%C3%A4se.pdf"
    assert rows("SELECT template FROM message") == [("downloads_ready",)]
    await fulfilling.hand_out(app.state.core.database, grocer.id)
    assert rows("SELECT count(*) FROM fulfilment") == [(1,)]


async def test_with_goods_that_are_sent_it_waits_for_none_of_them(
    app: Any, browser: Browser, staff: httpx.AsyncClient, grocer: SeededShop
) -> None:
    await staff.put("/v1/admin/delivery-methods/parcel", json=PARCEL)
    await _sold(staff)
    cart = await browser.add(await browser.cart(), grocer.products[0].variant_id)
    cart = await browser.add(cart, grocer.products[1].variant_id, 2)
    assert {one["code"] for one in cart["requirements"]} == {"checkout.delivery_missing", "checkout.address_missing"}
    await browser.http.put(f"/v1/store/carts/{cart['id']}/address", json=ADDRESS)
    await browser.http.put(f"/v1/store/carts/{cart['id']}/delivery", json={"code": "parcel"})

    order = await _bought(app, browser, grocer)
    assert (order["fulfilment_state"], [line["fulfilled"] for line in order["lines"]]) == (
        "partially_fulfilled",
        [1, 0],
    )
    assert len(await _downloads(browser)) == 1
    sent = _ok(await staff.post(f"/v1/admin/orders/{order['id']}/fulfilments", json={}, headers=_key()), 201)
    assert (sent["fulfilment_state"], [line["fulfilled"] for line in sent["lines"]]) == ("shipped", [1, 2])


async def test_where_taxes_depend_on_where_its_buyer_is_they_say_it(
    app: Any, browser: Browser, staff: httpx.AsyncClient, grocer: SeededShop
) -> None:
    await staff.put("/v1/admin/delivery-methods/parcel", json=PARCEL)
    await staff.put("/v1/admin/taxes/policy", json={"included": False, "country": "US", "region": "OH"})
    await staff.put("/v1/admin/taxes/rates/US", json={"rates": [{"name": "Sales tax", "rate": "0.5"}]})
    await _sold(staff)
    cart = await browser.add(await browser.cart(), grocer.products[0].variant_id)
    assert [one["code"] for one in cart["requirements"]] == ["checkout.address_missing"]
    cart = _ok(await browser.http.put(f"/v1/store/carts/{cart['id']}/address", json=ADDRESS))
    assert (cart["requirements"], cart["totals"]["tax"], cart["totals"]["shipping"]) == ([], 50, 0)


async def test_it_is_downloaded_as_often_as_it_may_be_and_going_on_does_not_count(
    app: Any, browser: Browser, staff: httpx.AsyncClient, grocer: SeededShop
) -> None:
    file = await _sold(staff, download_limit=2, download_days=30)
    order = await _bought(app, browser, grocer, 1)
    address = _address(order, file)

    answers = await asyncio.gather(*(browser.http.get(address) for _ in range(5)))
    assert Counter(one.status_code for one in answers) == {200: 2, 409: 3}
    assert {one.json()["code"] for one in answers if one.status_code == 409} == {"downloads.limit_reached"}
    rest = await browser.http.get(address, headers={"Range": "bytes=10000-"})
    assert (rest.status_code, rest.content) == (206, BODY[10000:])
    assert rest.headers["content-range"] == f"bytes 10000-{len(BODY) - 1}/{len(BODY)}"
    renewed = f"/v1/admin/orders/{order['id']}/downloads/{order['lines'][0]['id']}/renewal"
    _ok(await staff.post(renewed, headers=_key()))
    assert (await browser.http.get(address, headers={"Range": "bytes=0-9"})).content == BODY[:10]
    assert (await browser.http.get(address, headers={"Range": "bytes=99999-"})).status_code == 416
    (one,) = _ok(await staff.get(f"/v1/admin/orders/{order['id']}/downloads"))["items"]
    assert [(each["downloads"], each["left"]) for each in one["files"]] == [(1, 1)]


async def test_its_days_are_counted_and_another_file_takes_its_place(
    app: Any, browser: Browser, staff: httpx.AsyncClient, grocer: SeededShop, rows: Any
) -> None:
    file = await _sold(staff, download_days=30)
    order = await _bought(app, browser, grocer, 1)
    replaced = await staff.put(f"{GOODS}/files/{file['id']}/content", params={"name": "b.pdf"}, content=b"second")
    assert _ok(replaced)["version"] == 2
    got = await browser.http.get(
        _address(order, file), headers={"If-Range": f'"{file["sha256"]}"', "Range": "bytes=3-"}
    )
    assert (got.status_code, got.content) == (200, b"second")

    rows("UPDATE download_right SET counted_from = now() - interval '30 days' RETURNING 1")
    assert (await browser.http.get(_address(order, file))).json()["code"] == "downloads.expired"
    assert [one["state"] for one in await _downloads(browser)] == ["expired"]
    assert (await staff.delete(f"{GOODS}/files/{file['id']}")).status_code == 204
    assert (await browser.http.get(_address(order, file))).json()["code"] == "downloads.not_found"


async def test_with_its_money_it_is_taken_away(
    app: Any, browser: Browser, staff: httpx.AsyncClient, grocer: SeededShop
) -> None:
    file = await _sold(staff)
    order = await _bought(app, browser, grocer, 1)
    units = [{"line_id": order["lines"][0]["id"], "quantity": 1}]
    refund = {"lines": units, "reason": "by mistake"}
    _ok(await staff.post(f"/v1/admin/orders/{order['id']}/refunds", json=refund, headers=_key()), 201)

    assert (await browser.http.get(_address(order, file))).json()["code"] == "downloads.withdrawn"
    assert [one["state"] for one in await _downloads(browser)] == ["withdrawn"]


async def test_nobody_else_gets_it(app: Any, browser: Browser, staff: httpx.AsyncClient, grocer: SeededShop) -> None:
    file = await _sold(staff)
    order = await _bought(app, browser, grocer, 1)
    address = _address(order, file)
    browser.http.cookies.clear()
    assert (await browser.http.get(address)).status_code == 401
    _ok(await browser.http.post("/v1/store/sessions", json={"reference": "household-2"}), 201)
    assert (await browser.http.get(address)).json()["code"] == "downloads.not_found"
    assert await _downloads(browser) == []


async def test_what_makes_no_sense_is_refused(staff: httpx.AsyncClient, grocer: SeededShop) -> None:
    assert (await staff.put(GOODS, json={"digital": True})).json()["code"] == "digital.variant_has_stock"
    assert (await staff.post(f"{GOODS}/files", params=NAMED, content=b"a")).json()["code"] == "digital.not_digital"
    file = await _sold(staff)
    for name in ("../a.pdf", ".a", "a/b", ""):
        wrong = await staff.post(f"{GOODS}/files", params={"name": name}, content=b"a")
        assert (wrong.status_code, wrong.json()["code"]) == (422, "request.invalid_fields"), name
    assert (await staff.post(f"{GOODS}/files", params=NAMED)).json()["code"] == "digital.empty_file"
    assert (await staff.get(f"{GOODS}/files/{new_id()}/content")).json()["code"] == "digital.file_not_found"
    assert (await staff.get(f"{GOODS}/files/{file['id']}/content")).content == BODY
    bundle = {"sku": SKU, "components": [{"sku": "SKU1", "quantity": 1}]}
    made = await staff.put("/v1/admin/inventory/bundles", json=bundle)
    assert made.json()["code"] == "inventory.bundle_is_digital"
    more = {"sku": SKU, "warehouse": "main", "quantity": 1}
    assert (await staff.post("/v1/admin/inventory/receipts", json=more, headers=_key())).status_code == 409


async def test_of_two_who_replace_a_file_at_once_one_is_told_and_nothing_is_mixed(
    app: Any, staff: httpx.AsyncClient, grocer: SeededShop
) -> None:
    file = await _sold(staff)
    content = f"{GOODS}/files/{file['id']}/content"
    began, slow_may_end = asyncio.Event(), asyncio.Event()

    async def slowly() -> AsyncIterator[bytes]:
        yield b"slow"
        began.set()
        await slow_may_end.wait()
        yield b" and late"

    query = FileQuery(name="slow.pdf")
    core = app.state.core
    shelf = Shelf(core.database, core.settings, grocer.id)
    slow = asyncio.create_task(shelf.replace(SKU, UUID(file["id"]), query, slowly()))
    await asyncio.wait_for(began.wait(), 30)
    _ok(await staff.put(content, params={"name": "fast.pdf"}, content=b"fast"))
    slow_may_end.set()
    with pytest.raises(FileReplaced):
        await slow
    assert (await staff.get(content)).content == b"fast"
