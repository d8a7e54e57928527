"""What happens to an order after it is placed, over HTTP."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import uuid4

import httpx
import pytest

from commerce.orders.states import TRANSITIONS
from tests.factories import SeededShop

if TYPE_CHECKING:
    from tests.commerce.conftest import Browser

NOBODY = "00000000-0000-7000-8000-000000000000"
LEVELS = "SELECT received, available, reserved, sold, written_off FROM stock WHERE variant_id = %s"


@pytest.fixture
async def order(browser: Browser, staff: httpx.AsyncClient, grocer: SeededShop) -> dict[str, Any]:
    """Three soups and a juice, paid: 500 in all."""
    soup, juice = grocer.products[:2]
    cart = await browser.add(await browser.cart(), soup.variant_id, 3)
    cart = await browser.add(cart, juice.variant_id)
    placed = await browser.complete(cart, email="a@b.example")
    assert placed.status_code == 201, placed.text
    return await _look(staff, placed.json()["id"])


async def _look(staff: httpx.AsyncClient, order_id: str) -> dict[str, Any]:
    answer: dict[str, Any] = (await staff.get(f"/v1/admin/orders/{order_id}")).json()
    return answer


async def _do(http: httpx.AsyncClient, order: dict[str, Any], what: str, **body: Any) -> httpx.Response:
    side = "admin" if "authorization" in http.headers else "store"
    headers = {"Idempotency-Key": str(uuid4())}
    return await http.post(f"/v1/{side}/orders/{order['id']}/{what}", json=body, headers=headers)


async def _done(http: httpx.AsyncClient, order: dict[str, Any], what: str, **body: Any) -> dict[str, Any]:
    answer = await _do(http, order, what, **body)
    assert answer.status_code in (200, 201), answer.text
    done: dict[str, Any] = answer.json()
    return done


def _states(order: dict[str, Any]) -> tuple[str, str, str, str]:
    return order["status"], order["payment_state"], order["fulfilment_state"], order["return_state"]


def _lines(order: dict[str, Any], *quantities: int) -> list[dict[str, Any]]:
    return [
        {"line_id": line["id"], "quantity": quantity}
        for line, quantity in zip(order["lines"], quantities, strict=False)
        if quantity
    ]


async def test_an_order_goes_out_in_two_parcels_and_arrives(
    staff: httpx.AsyncClient, order: dict[str, Any], grocer: SeededShop, rows: Any
) -> None:
    assert _states(order) == ("confirmed", "paid", "unfulfilled", "none")

    first = await _done(staff, order, "fulfilments", lines=_lines(order, 2), carrier="DHL", tracking_number="T1")
    assert _states(first)[:3] == ("processing", "paid", "partially_fulfilled")
    assert rows(LEVELS, grocer.products[0].variant_id) == [(100, 97, 1, 2, 0)]

    second = await _done(staff, order, "fulfilments")
    assert _states(second)[:3] == ("shipped", "paid", "shipped")
    assert rows(LEVELS, grocer.products[0].variant_id) == [(100, 97, 0, 3, 0)]
    one, other = (parcel["id"] for parcel in second["parcels"])
    assert [parcel["tracking_number"] for parcel in second["parcels"]] == ["T1", None]

    await _done(staff, order, f"fulfilments/{one}/progress", status="delivered")
    still = await _done(staff, order, f"fulfilments/{other}/progress", status="out_for_delivery")
    assert still["status"] == "out_for_delivery"
    there = await _done(staff, order, f"fulfilments/{other}/progress", status="delivered")
    assert _states(there)[:3] == ("delivered", "paid", "delivered")
    assert [entry["kind"] for entry in there["timeline"]] == [
        "placed",
        "captured",
        "fulfilled",
        "fulfilled",
        "delivered",
        "out_for_delivery",
        "delivered",
    ]


async def test_a_shopper_cancels_what_has_not_left_and_gets_all_of_it_back(
    browser: Browser, staff: httpx.AsyncClient, order: dict[str, Any], grocer: SeededShop, rows: Any
) -> None:
    cancelled = await _done(browser.http, order, "cancel")
    assert _states(cancelled)[:3] == ("cancelled", "refunded", "cancelled")
    assert cancelled["refunded"] == {"amount": 500, "currency": "USD"}
    assert cancelled["possible"] == []
    assert rows(LEVELS, grocer.products[0].variant_id) == [(100, 100, 0, 0, 0)]
    assert rows("SELECT account, sum(amount) FROM ledger_posting GROUP BY account ORDER BY account") == [
        ("provider:test", 0),
        ("refunds", 500),
        ("sales", -500),
    ]
    again = await _do(browser.http, order, "cancel")
    assert (again.status_code, again.json()["code"]) == (409, "orders.illegal_transition")
    money = (await staff.get(f"/v1/admin/orders/{order['id']}/money")).json()
    assert [(posting["account"], posting["amount"]) for posting in money["postings"]] == [
        ("provider:test", 500),
        ("sales", -500),
        ("refunds", 500),
        ("provider:test", -500),
    ]


async def test_a_shopper_can_not_cancel_what_is_on_its_way(
    browser: Browser, staff: httpx.AsyncClient, order: dict[str, Any]
) -> None:
    await _done(staff, order, "fulfilments", lines=_lines(order, 1))
    refused = await _do(browser.http, order, "cancel")
    told = refused.json()
    assert (refused.status_code, told["code"]) == (409, "orders.illegal_transition")
    assert (told["action"], told["state"], told["possible"]) == ("cancel", "processing", ["request_return", "claim"])


async def test_staff_cancel_the_rest_of_a_part_that_left(staff: httpx.AsyncClient, order: dict[str, Any]) -> None:
    await _done(staff, order, "fulfilments", lines=_lines(order, 1))
    rest = await _done(staff, order, "cancel", reason="out of stock")
    assert _states(rest)[:3] == ("shipped", "partially_refunded", "shipped")
    assert (rest["credited"], rest["refunded"]["amount"]) == (400, 400)


async def test_a_return_is_asked_for_approved_and_taken_in(
    browser: Browser, staff: httpx.AsyncClient, order: dict[str, Any], grocer: SeededShop, rows: Any
) -> None:
    await _done(staff, order, "fulfilments")
    soups = order["lines"][0]["id"]
    asked = await _done(
        browser.http,
        order,
        "returns",
        lines=[{"line_id": soups, "quantity": 2, "reason": "damaged"}],
        note="dented",
    )
    assert (asked["return_state"], asked["lines"][0]["returnable"]) == ("in_progress", 1)
    return_id = asked["returns"][0]["id"]
    early = await _do(staff, order, f"returns/{return_id}/receive", warehouse="main")
    assert (early.status_code, early.json()["possible"]) == (409, ["approve", "reject"])

    await _done(staff, order, f"returns/{return_id}/approve")
    arrived = [
        {"line_id": soups, "quantity": 1, "restock": True},
        {"line_id": soups, "quantity": 1, "restock": False},
    ]
    there = await _done(staff, order, f"returns/{return_id}/receive", warehouse="main", lines=arrived)
    assert _states(there) == ("shipped", "partially_refunded", "shipped", "partially_returned")
    assert there["refunded"]["amount"] == 200
    assert there["returns"][0]["lines"] == [
        {"line_id": soups, "quantity": 2, "reason": "damaged", "received": 2, "restocked": 1}
    ]
    assert rows(LEVELS, grocer.products[0].variant_id) == [(102, 98, 0, 3, 1)]
    twice = await _do(staff, order, f"returns/{return_id}/receive", warehouse="main")
    assert (twice.status_code, twice.json()["code"]) == (409, "orders.illegal_transition")


async def test_a_rejected_return_leaves_the_units_with_the_customer(
    browser: Browser, staff: httpx.AsyncClient, order: dict[str, Any]
) -> None:
    await _done(staff, order, "fulfilments")
    asked = await _done(browser.http, order, "returns", lines=[{**_lines(order, 3)[0], "reason": "no_longer_wanted"}])
    rejected = await _done(staff, order, f"returns/{asked['returns'][0]['id']}/reject", note="eaten")
    assert (rejected["return_state"], rejected["lines"][0]["returnable"], rejected["credited"]) == ("none", 3, 0)


async def test_everything_sent_back_is_a_refunded_order(staff: httpx.AsyncClient, order: dict[str, Any]) -> None:
    await _done(staff, order, "fulfilments")
    lines = [{**line, "reason": "other"} for line in _lines(order, 3, 1)]
    asked = await _done(staff, order, "returns", lines=lines)
    there = await _done(staff, order, f"returns/{asked['returns'][0]['id']}/receive", warehouse="main")
    assert _states(there) == ("refunded", "refunded", "shipped", "returned")


async def test_never_more_goes_back_than_was_taken(staff: httpx.AsyncClient, order: dict[str, Any]) -> None:
    some = await _done(staff, order, "refunds", amount=120, reason="late")
    assert (some["payment_state"], some["refunded"]["amount"]) == ("partially_refunded", 120)
    too_much = await _do(staff, order, "refunds", amount=381, reason="late")
    told = too_much.json()
    assert (too_much.status_code, told["code"], told["refundable"]) == (409, "payments.refund_exceeds_captured", 380)

    units = await _done(staff, order, "refunds", lines=_lines(order, 1), reason="broken")
    assert units["refunded"]["amount"] == 220
    twice = await _do(staff, order, "refunds", lines=_lines(order, 3), reason="broken")
    assert (twice.status_code, twice.json()["code"], twice.json()["possible"]) == (409, "orders.too_many_units", 2)
    rest = await _done(staff, order, "cancel", reason="given up")
    assert _states(rest)[:3] == ("cancelled", "refunded", "cancelled")
    assert (rest["credited"], rest["refunded"]["amount"]) == (500, 500)


async def test_a_refund_the_bank_refuses_is_owed_and_tried_again(
    browser: Browser, staff: httpx.AsyncClient, grocer: SeededShop, rows: Any
) -> None:
    cart = await browser.add(await browser.cart(), grocer.products[0].variant_id)
    order = (await browser.complete(cart, token="tok_refund_fails")).json()
    cancelled = await _done(staff, order, "cancel", reason="out of stock")
    assert _states(cancelled)[:2] == ("cancelled", "paid")
    assert [(refund["status"], refund["failure"]) for refund in cancelled["refunds"]] == [("failed", "card_closed")]

    rows("UPDATE payment SET provider_reference = 'test_mended'")
    mended = await _done(staff, order, "refunds/retry")
    assert (mended["payment_state"], [refund["status"] for refund in mended["refunds"]]) == (
        "refunded",
        ["failed", "succeeded"],
    )
    cart = await browser.add(await browser.cart(), grocer.products[0].variant_id)
    paid = (await browser.complete(cart, key="nothing to give back")).json()
    kinds = [entry["kind"] for entry in (await _done(staff, paid, "refunds/retry"))["timeline"]]
    assert kinds == ["placed", "captured"]


@pytest.mark.parametrize(
    ("what", "body", "status", "code"),
    [
        ("cancel", {"reason": "x", "lines": [{"line_id": NOBODY, "quantity": 1}]}, 422, "orders.unknown_line"),
        ("cancel", {"reason": "x", "lines": []}, 422, "request.invalid_fields"),
        ("cancel", {"reason": ""}, 422, "request.invalid_fields"),
        ("fulfilments", {"lines": [{"line_id": NOBODY, "quantity": 1}]}, 422, "orders.unknown_line"),
        ("fulfilments", {"lines": [{"line_id": NOBODY, "quantity": 1.5}]}, 422, "request.invalid_fields"),
        (f"fulfilments/{NOBODY}/progress", {"status": "delivered"}, 404, "orders.fulfilment_not_found"),
        (f"returns/{NOBODY}/approve", {}, 404, "orders.return_not_found"),
        ("refunds", {"amount": 0, "reason": "x"}, 422, "request.invalid_fields"),
        ("refunds", {"amount": -5, "reason": "x"}, 422, "request.invalid_fields"),
        ("refunds", {"amount": 5}, 422, "request.invalid_fields"),
        ("notes", {"note": ""}, 422, "request.invalid_fields"),
    ],
)
async def test_what_makes_no_sense_is_refused_and_changes_nothing(
    staff: httpx.AsyncClient, order: dict[str, Any], what: str, body: dict[str, Any], status: int, code: str
) -> None:
    answer = await _do(staff, order, what, **body)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert await _look(staff, order["id"]) == order


async def test_two_lines_of_the_request_share_the_units_of_one(staff: httpx.AsyncClient, order: dict[str, Any]) -> None:
    answer = await _do(staff, order, "fulfilments", lines=_lines(order, 2) * 2)
    assert (answer.status_code, answer.json()["code"]) == (409, "orders.too_many_units")
    assert (answer.json()["quantity"], answer.json()["possible"]) == (4, 3)


async def test_an_order_is_looked_after_by_its_shopper_and_staff_alone(
    app: Any, grocer: SeededShop, order: dict[str, Any]
) -> None:
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url=f"http://{grocer.host}") as stranger:
        await stranger.post("/v1/store/sessions", json={"reference": "household-2"})
        for what, body in (("cancel", {}), ("returns", {"lines": [{**_lines(order, 1)[0], "reason": "other"}]})):
            answer = await _do(stranger, order, what, **body)
            assert (answer.status_code, answer.json()["code"]) == (404, "orders.not_found")
        shopper = await stranger.get("/v1/admin/orders")
        assert (shopper.status_code, shopper.json()["code"]) == (403, "identity.not_staff")


async def test_a_guest_finds_an_order_by_its_number_and_address(
    client: httpx.AsyncClient, order: dict[str, Any]
) -> None:
    asked = {"number": order["number"].lower(), "email": "A@b.example"}
    found = await client.post("/v1/store/orders/lookup", json=asked)
    assert (found.status_code, found.json()["id"]) == (200, order["id"])
    wrong = await client.post("/v1/store/orders/lookup", json={**asked, "email": "c@b.example"})
    assert (wrong.status_code, wrong.json()["code"]) == (404, "orders.not_found")


async def test_staff_find_orders_and_take_them_away_as_csv(
    browser: Browser, staff: httpx.AsyncClient, order: dict[str, Any], grocer: SeededShop
) -> None:
    cart = await browser.add(await browser.cart(), grocer.products[2].variant_id)
    other = (await browser.complete(cart, key="key-2", email="=cmd@b.example")).json()
    await _done(staff, order, "cancel", reason="out of stock")

    async def ids(**asked: Any) -> list[str]:
        return [found["id"] for found in (await staff.get("/v1/admin/orders", params=asked)).json()["items"]]

    assert await ids() == [other["id"], order["id"]]
    assert await ids(status="cancelled") == [order["id"]]
    assert await ids(payment_state="paid") == [other["id"]]
    assert await ids(q=order["number"]) == await ids(q="a@B.example") == [order["id"]]
    assert await ids(placed_to=order["placed_at"]) == []
    assert await ids(placed_from=order["placed_at"], fulfilment_state="cancelled") == [order["id"]]
    first = (await staff.get("/v1/admin/orders", params={"limit": 1})).json()
    assert (first["has_more"], await ids(cursor=first["next_cursor"])) == (True, [order["id"]])

    written = await staff.get("/v1/admin/orders/export")
    header, newest, oldest = written.text.strip().splitlines()
    assert header.startswith("number,placed_at,status,")
    assert newest.startswith(other["number"])
    assert ",'=cmd@b.example," in newest
    assert oldest.endswith(",4,USD,500,500")


async def test_many_orders_are_sent_at_once_and_each_stands_for_itself(
    browser: Browser, staff: httpx.AsyncClient, order: dict[str, Any], grocer: SeededShop
) -> None:
    cart = await browser.add(await browser.cart(), grocer.products[2].variant_id)
    other = (await browser.complete(cart, key="key-2")).json()
    await _done(staff, order, "cancel", reason="out of stock")
    asked = [{"order_id": one["id"], "carrier": "DHL"} for one in (order, other, {"id": NOBODY})]

    headers = {"Idempotency-Key": "many"}
    answer = (await staff.post("/v1/admin/orders/fulfilments", json={"parcels": asked}, headers=headers)).json()

    assert [one["problem"] for one in answer["items"]] == ["orders.illegal_transition", None, "orders.not_found"]
    assert (await _look(staff, other["id"]))["parcels"][0]["id"] == answer["items"][1]["fulfilment_ids"][0]


async def test_notes_stay_with_staff(browser: Browser, staff: httpx.AsyncClient, order: dict[str, Any]) -> None:
    noted = await _done(staff, order, "notes", note="Called twice.")
    assert [(e["actor"], e["note"]) for e in noted["timeline"] if e["kind"] == "note"] == [
        ("staff:Back office", "Called twice.")
    ]
    assert "Called twice." not in (await browser.http.get(f"/v1/store/orders/{order['id']}")).text


async def test_a_note_for_the_shopper_is_seen_by_the_shopper(
    browser: Browser, staff: httpx.AsyncClient, order: dict[str, Any]
) -> None:
    await _done(staff, order, "notes", note="Inside.")
    noted = await _done(staff, order, "notes", note="It leaves tomorrow.", visible=True)
    assert [(e["note"], e["visible"]) for e in noted["timeline"] if e["kind"] == "note"] == [
        ("Inside.", False),
        ("It leaves tomorrow.", True),
    ]
    seen = await browser.http.get(f"/v1/store/orders/{order['id']}")
    assert ([said["note"] for said in seen.json()["notes"]], "Inside." in seen.text) == (["It leaves tomorrow."], False)
    body, headers = {"note": "Now", "visible": "yes"}, {"Idempotency-Key": "wrong"}
    wrong = await staff.post(f"/v1/admin/orders/{order['id']}/notes", json=body, headers=headers)
    assert (wrong.status_code, wrong.json()["code"]) == (422, "request.invalid_fields")


async def test_what_is_possible_is_what_the_table_says(staff: httpx.AsyncClient, order: dict[str, Any]) -> None:
    assert order["possible"] == ["cancel", "edit", "fulfil", "refund", "note"]
    sent = await _done(staff, order, "fulfilments")
    assert sent["possible"] == ["progress", "request_return", "claim", "decide_claim", "refund", "note"]
    assert set(sent["possible"]) <= set(TRANSITIONS)
