"""A marketplace's order is split by vendor from the start; commission and payouts are in the books."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from fractions import Fraction
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from commerce.identity.staff import create_key
from commerce.vendors.commission import Terms, split
from tests.commerce.conftest import Browser
from tests.commerce.invariants import all_faults
from tests.factories import SeededShop

if TYPE_CHECKING:
    from tests.conftest import DatabaseUrls

NOBODY = "00000000-0000-7000-8000-000000000000"
LATER = "2100-01-01T00:00:00Z"


@pytest.fixture
async def mill(staff: httpx.AsyncClient, grocer: SeededShop) -> dict[str, Any]:
    """A vendor of the soup and the juice, at 10 % and 5 cents an order."""
    body = {"name": "The Mill", "commission_rate": "0.1", "commission_fee": 5}
    answer = await staff.put("/v1/admin/vendors/mill", json=body)
    assert answer.status_code == 200, answer.text
    sold = [str(product.product_id) for product in grocer.products[:2]]
    assigned = await staff.post("/v1/admin/vendors/mill/products", json={"product_ids": sold})
    assert assigned.json() == {"products": 2}
    vendor: dict[str, Any] = answer.json()
    return vendor


def _client(app: Any, shop: SeededShop, token: str) -> httpx.AsyncClient:
    return httpx.AsyncClient(
        transport=httpx.ASGITransport(app=app, raise_app_exceptions=False),
        base_url=f"http://{shop.host}",
        headers={"Authorization": f"Bearer {token}"},
    )


@pytest.fixture
async def miller(app: Any, grocer: SeededShop, mill: dict[str, Any]) -> AsyncIterator[httpx.AsyncClient]:
    """The vendor's own client."""
    async with app.state.core.database.transaction(grocer.id) as session:
        _, token = await create_key(session, grocer.id, name="Miller", vendor_id=mill["id"])
    async with _client(app, grocer, token) as http:
        yield http


async def _order(browser: Browser, staff: httpx.AsyncClient, grocer: SeededShop, *quantities: int) -> dict[str, Any]:
    cart = await browser.cart()
    for sold, quantity in zip(grocer.products, quantities, strict=False):
        if quantity:
            cart = await browser.add(cart, sold.variant_id, quantity)
    placed = await browser.complete(cart, key=str(uuid4()))
    assert placed.status_code == 201, placed.text
    return await _look(staff, placed.json()["id"])


async def _look(staff: httpx.AsyncClient, order_id: str) -> dict[str, Any]:
    answer: dict[str, Any] = (await staff.get(f"/v1/admin/orders/{order_id}")).json()
    return answer


async def _post(http: httpx.AsyncClient, path: str, **body: Any) -> httpx.Response:
    return await http.post(path, json=body, headers={"Idempotency-Key": str(uuid4())})


async def _accounts(staff: httpx.AsyncClient) -> dict[str, int]:
    books = (await staff.get("/v1/admin/ledger/trial-balance")).json()["currencies"]
    assert [currency["total"] for currency in books] == [0]
    return {account["account"]: account["debit"] - account["credit"] for account in books[0]["accounts"]}


@given(kept=st.integers(0, 10**9), rate=st.fractions(0, Fraction(99, 100)), fee=st.integers(0, 10**6))
def test_what_is_kept_is_divided_without_a_rest(kept: int, rate: Fraction, fee: int) -> None:
    divided = split(kept, Terms(rate, fee))
    assert divided.earned + divided.commission == kept
    assert min(divided.earned, divided.commission) >= 0


async def test_an_order_is_split_by_vendor_and_commission_is_posted_with_its_capture(
    browser: Browser,
    staff: httpx.AsyncClient,
    grocer: SeededShop,
    mill: dict[str, Any],
    database_urls: DatabaseUrls,
    app: Any,
) -> None:
    order = await _order(browser, staff, grocer, 3, 1, 1)
    (part,) = order["vendor_orders"]
    assert part["number"] == f"{order['number']}-mill"
    assert (part["gross"], part["commission"], part["earned"], part["paid_out"]) == (500, 55, 445, 0)
    accounts = await _accounts(staff)
    assert (accounts[f"vendor:{mill['id']}"], accounts["commission"]) == (-445, -55)
    assert (accounts["vendor_sales"], accounts["sales"]) == (500, -800)
    assert await all_faults(app.state.core.database, grocer) == []


async def test_goods_of_the_shop_itself_are_no_vendors_order(
    browser: Browser, staff: httpx.AsyncClient, grocer: SeededShop, mill: dict[str, Any]
) -> None:
    assert (await _order(browser, staff, grocer, 0, 0, 2))["vendor_orders"] == []


async def test_terms_that_change_leave_placed_orders_as_they_were(
    browser: Browser, staff: httpx.AsyncClient, grocer: SeededShop, mill: dict[str, Any], app: Any
) -> None:
    order = await _order(browser, staff, grocer, 3)
    await staff.put("/v1/admin/vendors/mill", json={"name": "The Mill", "commission_rate": "0.5"})
    lines = [{"line_id": order["lines"][0]["id"], "quantity": 1}]
    await _post(staff, f"/v1/admin/orders/{order['id']}/cancel", reason="x", lines=lines)
    (part,) = (await _look(staff, order["id"]))["vendor_orders"]
    assert (part["commission"], part["earned"]) == (25, 175)
    assert await all_faults(app.state.core.database, grocer) == []


async def test_what_is_all_given_back_leaves_the_vendor_and_the_shop_with_nothing(
    browser: Browser, staff: httpx.AsyncClient, grocer: SeededShop, mill: dict[str, Any], app: Any
) -> None:
    order = await _order(browser, staff, grocer, 3, 1)
    for units in (1, 2):
        lines = [{"line_id": order["lines"][0]["id"], "quantity": units}]
        assert (await _post(staff, f"/v1/admin/orders/{order['id']}/cancel", reason="x", lines=lines)).is_success
    assert (await _post(staff, f"/v1/admin/orders/{order['id']}/cancel", reason="x")).is_success
    (part,) = (await _look(staff, order["id"]))["vendor_orders"]
    assert (part["fulfilment_state"], part["commission"], part["earned"]) == ("cancelled", 0, 0)
    accounts = await _accounts(staff)
    assert {accounts[f"vendor:{mill['id']}"], accounts["commission"], accounts["vendor_sales"]} == {0}
    assert await all_faults(app.state.core.database, grocer) == []


async def test_a_vendor_sends_its_own_lines_and_sees_no_others(
    browser: Browser, staff: httpx.AsyncClient, miller: httpx.AsyncClient, grocer: SeededShop
) -> None:
    order = await _order(browser, staff, grocer, 3, 0, 1)
    (mine,) = (await miller.get("/v1/vendor/orders")).json()["items"]
    detail = (await miller.get(f"/v1/vendor/orders/{mine['id']}")).json()
    assert [line["sku"] for line in detail["lines"]] == ["SKU0"]

    path = f"/v1/vendor/orders/{mine['id']}/fulfilments"
    other = order["lines"][1]["id"]
    refused = await _post(miller, path, lines=[{"line_id": other, "quantity": 1}])
    assert (refused.status_code, refused.json()["code"]) == (422, "orders.unknown_line")
    sent = await _post(miller, path, carrier="DHL")
    assert (sent.status_code, sent.json()["fulfilment_state"]) == (201, "shipped")
    seen = await _look(staff, order["id"])
    assert (seen["fulfilment_state"], seen["lines"][1]["fulfilled"]) == ("partially_fulfilled", 0)
    assert seen["timeline"][-1]["actor"] == "vendor:Miller"


async def test_a_vendors_key_opens_nothing_else_and_a_staff_key_no_vendors_part(
    staff: httpx.AsyncClient, miller: httpx.AsyncClient
) -> None:
    for path in ("/v1/admin/orders", "/v1/admin/vendors", f"/v1/admin/orders/{NOBODY}"):
        answer = await miller.get(path)
        assert (answer.status_code, answer.json()["code"]) == (403, "identity.of_a_vendor")
    answer = await staff.get("/v1/vendor/orders")
    assert (answer.status_code, answer.json()["code"]) == (403, "identity.not_of_a_vendor")


async def test_another_vendors_order_is_not_there(
    browser: Browser, staff: httpx.AsyncClient, miller: httpx.AsyncClient, grocer: SeededShop, app: Any
) -> None:
    farm = (await staff.put("/v1/admin/vendors/farm", json={"name": "The Farm"})).json()
    await staff.post("/v1/admin/vendors/farm/products", json={"product_ids": [str(grocer.products[2].product_id)]})
    order = await _order(browser, staff, grocer, 1, 0, 1)
    theirs = next(part for part in order["vendor_orders"] if part["vendor"] == "farm")
    for answer in (
        await miller.get(f"/v1/vendor/orders/{theirs['id']}"),
        await _post(miller, f"/v1/vendor/orders/{theirs['id']}/fulfilments"),
        await miller.get(f"/v1/vendor/orders/{NOBODY}"),
    ):
        assert (answer.status_code, answer.json()["code"]) == (404, "vendors.order_not_found")
    assert farm["id"] != theirs["id"]


async def test_a_payout_pays_what_was_sent_long_enough_ago_once(
    browser: Browser,
    staff: httpx.AsyncClient,
    miller: httpx.AsyncClient,
    grocer: SeededShop,
    mill: dict[str, Any],
    app: Any,
) -> None:
    order = await _order(browser, staff, grocer, 3)
    await _order(browser, staff, grocer, 1)
    assert (await _post(staff, f"/v1/admin/orders/{order['id']}/fulfilments")).is_success
    early = await _post(staff, "/v1/admin/vendors/mill/payouts")
    assert (early.status_code, early.json()["code"]) == (409, "vendors.nothing_to_pay")

    answers = await asyncio.gather(
        *(_post(staff, "/v1/admin/vendors/mill/payouts", sent_before=LATER) for _ in range(4))
    )
    assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409]
    (payout,) = (await miller.get("/v1/vendor/payouts")).json()["items"]
    assert (payout["amount"], payout["orders"]) == (265, 1)
    (balance,) = (await miller.get("/v1/vendor/balances")).json()
    assert (balance["earned"], balance["paid_out"], balance["owed"]) == (350, 265, 85)
    assert (await _accounts(staff))["bank"] == -265
    assert await all_faults(app.state.core.database, grocer) == []


async def test_what_comes_back_after_a_payout_is_taken_off_the_next_one(
    browser: Browser, staff: httpx.AsyncClient, grocer: SeededShop, mill: dict[str, Any], app: Any
) -> None:
    first = await _order(browser, staff, grocer, 3)
    await _post(staff, f"/v1/admin/orders/{first['id']}/fulfilments")
    await _post(staff, "/v1/admin/vendors/mill/payouts", sent_before=LATER)
    line = first["lines"][0]["id"]
    await _post(
        staff, f"/v1/admin/orders/{first['id']}/refunds", lines=[{"line_id": line, "quantity": 1}], reason="damaged"
    )
    owing = await _post(staff, "/v1/admin/vendors/mill/payouts", sent_before=LATER)
    assert owing.json()["code"] == "vendors.nothing_to_pay"
    second = await _order(browser, staff, grocer, 4)
    await _post(staff, f"/v1/admin/orders/{second['id']}/fulfilments")
    paid = await _post(staff, "/v1/admin/vendors/mill/payouts", sent_before=LATER)
    assert paid.json()["items"][0]["amount"] == 355 - 90
    assert await all_faults(app.state.core.database, grocer) == []


@pytest.mark.one_database
@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"name": "X", "commission_rate": "1"}, "request.invalid_fields"),
        ({"name": "X", "commission_rate": "-0.1"}, "request.invalid_fields"),
        ({"name": "X", "commission_fee": -1}, "request.invalid_fields"),
        ({"name": "X", "commission_fee": 1.5}, "request.invalid_fields"),
        ({"name": ""}, "request.invalid_fields"),
    ],
)
async def test_bad_terms_are_refused(staff: httpx.AsyncClient, body: dict[str, Any], code: str) -> None:
    answer = await staff.put("/v1/admin/vendors/mill", json=body)
    assert (answer.status_code, answer.json()["code"]) == (422, code)
    assert (await staff.get("/v1/admin/vendors")).json() == {"items": []}
