"""What becomes of payments once there is an order: captures that fail, fees, money that comes later, disputes."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import httpx
import pytest

from foundation import clock
from tests.commerce.invariants import all_faults, unsettled
from tests.commerce.test_webhooks import Bank, bank

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.commerce.conftest import Browser
    from tests.factories import SeededShop

__all__ = ["bank"]

BOOKS = "SELECT account, sum(amount)::bigint FROM ledger_posting GROUP BY account HAVING sum(amount) <> 0 ORDER BY 1"
DISPUTED = "4000000000000259"


class Desk:
    """The back office, as a test asks it."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self.http, self.asked = http, 0

    async def do(self, path: str, body: object = None) -> httpx.Response:
        self.asked += 1
        headers = {"Idempotency-Key": f"desk-{self.asked}"}
        return await self.http.post(f"/v1/admin/{path}", json=body, headers=headers)

    async def order(self, order_id: str) -> dict[str, Any]:
        seen: dict[str, Any] = (await self.http.get(f"/v1/admin/orders/{order_id}")).json()
        return seen

    async def payments(self, order_id: str) -> list[dict[str, Any]]:
        money = (await self.http.get(f"/v1/admin/orders/{order_id}/money")).json()
        payments: list[dict[str, Any]] = money["payments"]
        return payments


@pytest.fixture
async def desk(staff: httpx.AsyncClient, app: Any, grocer: SeededShop) -> AsyncIterator[Desk]:
    yield Desk(staff)
    database = app.state.core.database
    assert await all_faults(database, grocer) == []
    async with database.tx(grocer.id) as tx:
        assert await unsettled(tx) == []


async def _buy(browser: Browser, grocer: SeededShop, *payments: dict[str, Any]) -> dict[str, Any]:
    """Three soups and a juice, 500 in all."""
    cart = await browser.add(await browser.cart(), grocer.products[0].variant_id, 3)
    cart = await browser.add(cart, grocer.products[1].variant_id)
    response = await browser.http.post(
        f"/v1/store/carts/{cart['id']}/complete",
        json={"payments": list(payments)},
        headers={"Idempotency-Key": f"buy-{cart['id']}"},
    )
    assert response.status_code == 201, response.text
    order: dict[str, Any] = response.json()
    return order


async def test_what_a_provider_keeps_of_a_capture_is_in_the_books(
    browser: Browser, grocer: SeededShop, desk: Desk, rows: Any
) -> None:
    order = await _buy(browser, grocer, {"token": "4242424242424242"})
    assert rows(BOOKS) == [("accrued_fees:test", -44), ("fees", 44), ("provider:test", 500), ("sales", -500)]
    assert [(payment["amount"], payment["fee"]) for payment in await desk.payments(order["id"])] == [(500, 44)]


async def test_an_order_whose_money_can_not_be_captured_is_not_sent(
    browser: Browser, grocer: SeededShop, desk: Desk, rows: Any
) -> None:
    order = await _buy(browser, grocer, {"token": "tok_capture_expired"})
    assert (order["payment_state"], order["status"]) == ("pending", "pending")
    refused = await desk.do(f"orders/{order['id']}/fulfilments", {})
    assert (refused.status_code, refused.json()["code"]) == (409, "orders.illegal_transition")
    seen = await desk.order(order["id"])
    assert [entry["note"] for entry in seen["timeline"] if entry["kind"] == "capture_failed"] == [
        "authorisation_expired"
    ]
    (payment,) = await desk.payments(order["id"])
    assert (payment["status"], payment["refusal"]) == ("capture_failed", "authorisation_expired")
    assert rows(BOOKS) == []

    cancelled = (await desk.do(f"orders/{order['id']}/cancel", {"reason": "not paid"})).json()
    assert (cancelled["status"], cancelled["payment_state"]) == ("cancelled", "voided")
    assert rows("SELECT available, reserved FROM stock WHERE variant_id = %s", grocer.products[0].variant_id) == [
        (100, 0)
    ]


async def test_an_order_is_not_paid_while_one_of_its_payments_is_not(
    browser: Browser, grocer: SeededShop, desk: Desk, rows: Any
) -> None:
    order = await _buy(browser, grocer, {"token": "tok_ok", "amount": 200}, {"token": "tok_capture_expired"})
    assert order["payment_state"] == "pending"
    cancelled = (await desk.do(f"orders/{order['id']}/cancel", {"reason": "not paid"})).json()
    assert cancelled["refunded"]["amount"] == 200
    assert rows(BOOKS) == [("refunds", 200), ("sales", -200)]


async def _on_delivery(desk: Desk, provider: str = "cod", **said: Any) -> httpx.Response:
    return await desk.http.put(f"/v1/admin/payments/terms/{provider}", json={"days": 0, **said})


async def test_who_pays_on_delivery_gets_the_goods_first(
    browser: Browser, grocer: SeededShop, desk: Desk, rows: Any
) -> None:
    assert (await _on_delivery(desk)).status_code == 204
    order = await _buy(browser, grocer, {"provider": "cod", "token": "cash"})
    assert (order["payment_state"], order["status"]) == ("due", "confirmed")
    assert rows(BOOKS) == []
    sent = await desk.do(f"orders/{order['id']}/fulfilments", {})
    assert (sent.status_code, sent.json()["payment_state"]) == (201, "due")
    (payment,) = await desk.payments(order["id"])
    collect = f"orders/{order['id']}/payments/{payment['id']}/collect"
    collected = (await desk.do(collect)).json()
    assert (collected["payment_state"], collected["status"]) == ("paid", "shipped")
    assert rows(BOOKS) == [("provider:cod", 500), ("sales", -500)]
    again = await desk.do(collect)
    assert (again.status_code, again.json()["code"]) == (409, "orders.illegal_transition")
    assert rows("SELECT count(*) FROM outbox WHERE name = 'payment.captured'") == [(1,)]


async def test_what_is_cancelled_or_sent_back_before_it_is_paid_is_not_collected(
    browser: Browser, grocer: SeededShop, desk: Desk, rows: Any
) -> None:
    await _on_delivery(desk)
    order = await _buy(browser, grocer, {"provider": "cod", "token": "cash"})
    soup, juice = order["lines"]
    cut = (
        await desk.do(
            f"orders/{order['id']}/cancel",
            {"reason": "too much", "lines": [{"line_id": juice["id"], "quantity": 1}]},
        )
    ).json()
    assert (cut["payment_state"], cut["credited"]) == ("due", 200)
    await desk.do(f"orders/{order['id']}/fulfilments", {})
    back = {"lines": [{"line_id": soup["id"], "quantity": 1, "reason": "damaged"}], "note": ""}
    announced = (await desk.do(f"orders/{order['id']}/returns", back)).json()
    received = await desk.do(
        f"orders/{order['id']}/returns/{announced['returns'][0]['id']}/receive", {"warehouse": "main"}
    )
    assert received.json()["refunded"]["amount"] == 0
    (payment,) = await desk.payments(order["id"])
    assert (payment["amount"], payment["spared"]) == (500, 300)
    await desk.do(f"orders/{order['id']}/payments/{payment['id']}/collect")
    assert rows(BOOKS) == [("provider:cod", 200), ("sales", -200)]
    late = await desk.do(f"orders/{order['id']}/refunds", {"amount": 50, "reason": "late"})
    assert late.json()["refunded"]["amount"] == 50
    too_much = await desk.do(f"orders/{order['id']}/refunds", {"amount": 151, "reason": "late"})
    assert (too_much.status_code, too_much.json()["code"]) == (409, "payments.refund_exceeds_captured")


async def test_a_due_order_that_is_cancelled_owes_nothing(
    browser: Browser, grocer: SeededShop, desk: Desk, rows: Any
) -> None:
    await _on_delivery(desk)
    order = await _buy(browser, grocer, {"token": "tok_ok", "amount": 200}, {"provider": "cod", "token": "cash"})
    assert order["payment_state"] == "due"
    cancelled = (await desk.do(f"orders/{order['id']}/cancel", {"reason": "x"})).json()
    assert (cancelled["status"], cancelled["refunded"]["amount"]) == ("cancelled", 200)
    assert sorted(payment["status"] for payment in await desk.payments(order["id"])) == ["captured", "voided"]
    assert rows("SELECT count(*) FROM ledger_posting WHERE account = 'provider:cod'") == [(0,)]


async def test_what_is_credited_is_taken_off_what_is_due_first(
    browser: Browser, grocer: SeededShop, desk: Desk
) -> None:
    await _on_delivery(desk)
    order = await _buy(browser, grocer, {"token": "tok_ok", "amount": 400}, {"provider": "cod", "token": "cash"})
    juice = order["lines"][1]
    lines = [{"line_id": juice["id"], "quantity": 1}]
    cut = (await desk.do(f"orders/{order['id']}/cancel", {"reason": "x", "lines": lines})).json()
    assert (cut["credited"], cut["refunded"]["amount"]) == (200, 100)
    assert cut["payment_state"] == "partially_refunded"
    spared = {payment["provider"]: payment["spared"] for payment in await desk.payments(order["id"])}
    assert spared == {"test": 0, "cod": 100}


async def test_only_whom_the_shop_trusts_pays_on_account(
    browser: Browser, grocer: SeededShop, desk: Desk, rows: Any
) -> None:
    cart = await browser.add(await browser.cart(), grocer.products[0].variant_id)
    body = {"payment": {"provider": "invoice", "token": "account"}}

    async def complete(key: str) -> httpx.Response:
        path = f"/v1/store/carts/{cart['id']}/complete"
        return await browser.http.post(path, json=body, headers={"Idempotency-Key": key})

    refused = await complete("first")
    assert (refused.status_code, refused.json()["reason"]) == (402, "not_offered")
    [(other,)] = rows("SELECT id FROM customer WHERE reference = 'household-2'")
    [(own,)] = rows("SELECT id FROM customer WHERE reference = 'household-1'")
    await _on_delivery(desk, "invoice", customer_id=str(other), days=30)
    assert (await complete("second")).status_code == 402
    await _on_delivery(desk, "invoice", customer_id=str(own), days=7)
    await _on_delivery(desk, "invoice", customer_id=str(own), days=14)
    placed = await complete("third")
    assert (placed.status_code, placed.json()["payment_state"]) == (201, "due")
    (payment,) = await desk.payments(placed.json()["id"])
    assert payment["due_on"] == str(clock.now().date() + timedelta(days=14))
    listed = (await desk.http.get("/v1/admin/payments/terms")).json()["items"]
    assert {(item["customer_id"], item["days"]) for item in listed} == {(str(other), 30), (str(own), 14)}
    await desk.http.delete(f"/v1/admin/payments/terms/invoice?customer_id={own}")
    assert [item["days"] for item in (await desk.http.get("/v1/admin/payments/terms")).json()["items"]] == [30]


@pytest.mark.one_database
@pytest.mark.parametrize(
    ("provider", "body", "code"),
    [
        ("cod", {"days": -1}, "request.invalid_fields"),
        ("cod", {"days": 366}, "request.invalid_fields"),
        ("cod", {"days": 1.5}, "request.invalid_fields"),
        ("bank", {"days": 1}, "request.invalid_fields"),
        ("invoice", {"days": 1, "customer_id": str(uuid4())}, "payments.customer_not_found"),
    ],
)
async def test_terms_that_make_no_sense_are_refused(desk: Desk, provider: str, body: Any, code: str) -> None:
    response = await desk.http.put(f"/v1/admin/payments/terms/{provider}", json=body)
    assert response.json()["code"] == code


async def test_nothing_is_collected_that_is_not_due(browser: Browser, grocer: SeededShop, desk: Desk) -> None:
    await _on_delivery(desk)
    paid = await _buy(browser, grocer, {"token": "tok_ok"})
    due = await _buy(browser, grocer, {"provider": "cod", "token": "cash"})
    (payment,) = await desk.payments(paid["id"])
    for order_id, code in ((paid["id"], "orders.illegal_transition"), (due["id"], "payments.nothing_due")):
        response = await desk.do(f"orders/{order_id}/payments/{payment['id']}/collect")
        assert (response.status_code, response.json()["code"]) == (409, code)
    unknown = await desk.do(f"orders/{uuid4()}/payments/{payment['id']}/collect")
    assert unknown.json()["code"] == "orders.not_found"


async def test_money_that_comes_in_parts_is_there_when_all_of_it_is(
    browser: Browser, grocer: SeededShop, desk: Desk, rows: Any
) -> None:
    await _on_delivery(desk, "invoice")
    order = await _buy(browser, grocer, {"provider": "invoice", "token": "account"})
    (payment,) = await desk.payments(order["id"])
    collect = f"orders/{order['id']}/payments/{payment['id']}/collect"
    for amount, left in ((150, 350), (1, 349)):
        seen = await desk.do(collect, {"amount": amount})
        assert (seen.status_code, seen.json()["payment_state"]) == (200, "due"), seen.text
        due = [one["amount"] for one in await desk.payments(order["id"]) if one["status"] == "due"]
        assert due == [left]
    for amount in (350, 10**15):
        refused = await desk.do(collect, {"amount": amount})
        assert (refused.status_code, refused.json()["code"]) == (409, "payments.more_than_due")
        assert (refused.json()["due"], rows("SELECT count(*) FROM payment")) == (349, [(3,)])
    for nonsense in (0, -1, 1.5, "1", True, 10**15 + 1):
        assert (await desk.do(collect, {"amount": nonsense})).status_code == 422
    paid = await desk.do(collect, {"amount": 349})
    assert paid.json()["payment_state"] == "paid"
    assert rows(BOOKS) == [("provider:invoice", 500), ("sales", -500)]
    over = await desk.do(collect, {"amount": 1})
    assert (over.status_code, over.json()["code"]) == (409, "orders.illegal_transition")
    told = [entry for entry in (await desk.order(order["id"]))["timeline"] if entry["kind"] == "collected"]
    assert len(told) == 3


async def test_what_came_in_parts_is_given_back_like_any_other_money(
    browser: Browser, grocer: SeededShop, desk: Desk, rows: Any
) -> None:
    await _on_delivery(desk)
    order = await _buy(browser, grocer, {"provider": "cod", "token": "cash"})
    (payment,) = await desk.payments(order["id"])
    await desk.do(f"orders/{order['id']}/payments/{payment['id']}/collect", {"amount": 150})
    cancelled = (await desk.do(f"orders/{order['id']}/cancel", {"reason": "x"})).json()
    assert (cancelled["status"], cancelled["payment_state"], cancelled["refunded"]["amount"]) == (
        "cancelled",
        "refunded",
        150,
    )
    assert rows(BOOKS) == [("refunds", 150), ("sales", -150)]
    assert rows("SELECT amount, status FROM refund") == [(150, "succeeded")]
    late = await desk.do(f"orders/{order['id']}/payments/{payment['id']}/collect", {"amount": 1})
    assert late.status_code == 409


async def test_money_on_account_is_refunded_in_parts_and_no_further(
    browser: Browser, grocer: SeededShop, desk: Desk, rows: Any
) -> None:
    await _on_delivery(desk, "invoice")
    order = await _buy(browser, grocer, {"provider": "invoice", "token": "account"})
    (payment,) = await desk.payments(order["id"])
    for amount in (200, 300):
        await desk.do(f"orders/{order['id']}/payments/{payment['id']}/collect", {"amount": amount})
    first = await desk.do(f"orders/{order['id']}/refunds", {"amount": 350, "reason": "x"})
    assert (first.json()["payment_state"], first.json()["refunded"]["amount"]) == ("partially_refunded", 350)
    assert rows("SELECT amount, refunded FROM payment ORDER BY amount") == [(200, 50), (300, 300)]
    beyond = await desk.do(f"orders/{order['id']}/refunds", {"amount": 151, "reason": "x"})
    assert (beyond.status_code, beyond.json()["refundable"]) == (409, 150)
    assert rows(BOOKS) == [("provider:invoice", 150), ("refunds", 350), ("sales", -500)]


async def test_of_two_who_collect_the_same_money_one_does(
    browser: Browser, grocer: SeededShop, desk: Desk, rows: Any
) -> None:
    await _on_delivery(desk)
    order = await _buy(browser, grocer, {"provider": "cod", "token": "cash"})
    (payment,) = await desk.payments(order["id"])
    collect = f"orders/{order['id']}/payments/{payment['id']}/collect"
    answers = await asyncio.gather(*(desk.do(collect, {"amount": 300}) for _ in range(3)))
    assert sorted(answer.status_code for answer in answers) == [200, 409, 409]
    assert sorted(rows("SELECT amount, status FROM payment")) == [(200, "due"), (300, "captured")]


async def _disputed(browser: Browser, grocer: SeededShop, bank: Bank, desk: Desk) -> tuple[str, str]:
    """An order whose payment is in dispute, and the payment."""
    order = await _buy(browser, grocer, {"token": DISPUTED})
    (payment,) = await desk.payments(order["id"])
    assert (await _tell(bank, "dispute_opened", "evt_open", payment["id"])).status_code == 204
    return order["id"], payment["id"]


async def _tell(bank: Bank, kind: str, event_id: str, payment_id: str, amount: int = 500) -> httpx.Response:
    return await bank.tell(
        kind,
        event_id,
        payment_id=payment_id,
        amount=amount,
        currency="USD",
        dispute_reference=f"dispute_{payment_id}",
        reason="fraudulent",
    )


async def test_disputed_money_is_gone_until_it_is_won_and_told_once(
    browser: Browser, grocer: SeededShop, bank: Bank, desk: Desk, rows: Any
) -> None:
    order_id, payment_id = await _disputed(browser, grocer, bank, desk)
    await _tell(bank, "dispute_opened", "evt_again", payment_id)
    assert rows(BOOKS) == [("accrued_fees:test", -44), ("disputes", 500), ("fees", 44), ("sales", -500)]
    (listed,) = (await desk.http.get("/v1/admin/payments/disputes?status=opened")).json()["items"]
    assert (listed["order_id"], listed["amount"], listed["reason"]) == (order_id, 500, "fraudulent")

    evidence = {"evidence": "It was signed for. winning_evidence"}
    assert (await desk.do(f"payments/disputes/{listed['id']}/evidence", evidence)).status_code == 204
    assert rows("SELECT kind FROM test_bank_event WHERE kind <> 'dispute_opened'") == [("dispute_won",)]
    for number in range(2):
        await _tell(bank, "dispute_won", f"evt_won_{number}", payment_id)
    assert rows(BOOKS) == [("accrued_fees:test", -44), ("fees", 44), ("provider:test", 500), ("sales", -500)]
    over = await desk.do(f"payments/disputes/{listed['id']}/evidence", evidence)
    assert (over.status_code, over.json()["code"]) == (409, "payments.dispute_over")
    kinds = [entry["kind"] for entry in (await desk.order(order_id))["timeline"]]
    assert [kind for kind in kinds if kind.startswith("dispute")] == [
        "dispute_opened",
        "dispute_contested",
        "dispute_won",
    ]
    refunded = await desk.do(f"orders/{order_id}/refunds", {"amount": 500, "reason": "x"})
    assert refunded.json()["payment_state"] == "refunded"


async def test_a_claim_gives_back_nothing_of_what_was_charged_back(
    browser: Browser, grocer: SeededShop, bank: Bank, desk: Desk
) -> None:
    order_id, payment_id = await _disputed(browser, grocer, bank, desk)
    await _tell(bank, "dispute_lost", "evt_lost", payment_id)
    sent = (await desk.do(f"orders/{order_id}/fulfilments", {})).json()
    lines = [{"line_id": sent["lines"][0]["id"], "quantity": 1, "reason": "damaged"}]
    claimed = (await desk.do(f"orders/{order_id}/claims", {"lines": lines})).json()
    decision = f"orders/{order_id}/claims/{claimed['claims'][0]['id']}/decision"
    refused = await desk.do(decision, {"resolution": "refund"})
    assert (refused.status_code, refused.json()["code"]) == (409, "orders.claim_refund_too_high")
    assert (await desk.order(order_id))["credited"] == 0


async def test_what_is_in_dispute_is_not_given_back_as_well(
    browser: Browser, grocer: SeededShop, bank: Bank, desk: Desk, rows: Any
) -> None:
    order_id, payment_id = await _disputed(browser, grocer, bank, desk)
    refused = await desk.do(f"orders/{order_id}/refunds", {"amount": 1, "reason": "x"})
    assert (refused.status_code, refused.json()["refundable"]) == (409, 0)
    cancelled = (await desk.do(f"orders/{order_id}/cancel", {"reason": "x"})).json()
    assert (cancelled["credited"], cancelled["refunded"]["amount"]) == (500, 0)
    await _tell(bank, "dispute_lost", "evt_lost", payment_id)
    await desk.do(f"orders/{order_id}/refunds/retry")
    assert rows(BOOKS) == [("accrued_fees:test", -44), ("chargebacks", 500), ("fees", 44), ("sales", -500)]


async def test_a_dispute_is_about_what_a_payment_has_left(
    browser: Browser, grocer: SeededShop, bank: Bank, desk: Desk, rows: Any
) -> None:
    order = await _buy(browser, grocer, {"token": DISPUTED})
    await desk.do(f"orders/{order['id']}/refunds", {"amount": 450, "reason": "x"})
    (payment,) = await desk.payments(order["id"])
    await _tell(bank, "dispute_opened", "evt_1", payment["id"])
    assert rows("SELECT refunded, disputed FROM payment") == [(450, 50)]
    await _tell(bank, "dispute_won", "evt_2", payment["id"])
    assert rows("SELECT refunded, disputed FROM payment") == [(450, 0)]


async def test_a_decision_that_comes_before_its_dispute_waits_for_it(
    browser: Browser, grocer: SeededShop, bank: Bank, desk: Desk, rows: Any
) -> None:
    order = await _buy(browser, grocer, {"token": DISPUTED})
    (payment,) = await desk.payments(order["id"])
    await _tell(bank, "dispute_lost", "evt_lost", payment["id"])
    await _tell(bank, "dispute_opened", "evt_open", payment["id"])
    events = "SELECT id, status FROM provider_event ORDER BY id"
    [(waiting, first), (_, second)] = rows(events)
    assert (first, second) == ("received", "handled")
    assert (await desk.do(f"payments/events/{waiting}/retry")).status_code == 204
    assert [status for _, status in rows(events)] == ["handled", "handled"]
    assert rows("SELECT status FROM dispute") == [("lost",)]


async def test_there_is_nothing_to_say_about_a_dispute_that_is_not_there(desk: Desk) -> None:
    response = await desk.do(f"payments/disputes/{uuid4()}/evidence", {"evidence": "x"})
    assert (response.status_code, response.json()["code"]) == (404, "payments.dispute_not_found")


async def _unpaid(browser: Browser, grocer: SeededShop) -> dict[str, Any]:
    """An order of 500, of which 300 could not be captured."""
    return await _buy(browser, grocer, {"token": "tok_ok", "amount": 200}, {"token": "tok_capture_expired"})


async def _pay(browser: Browser, order_id: str, key: str, **body: Any) -> httpx.Response:
    path = f"/v1/store/orders/{order_id}/pay"
    return await browser.http.post(path, json=body, headers={"Idempotency-Key": key})


async def test_an_order_that_was_not_paid_in_the_end_is_paid_again(
    browser: Browser, grocer: SeededShop, desk: Desk, rows: Any
) -> None:
    order = await _unpaid(browser, grocer)
    assert "pay" in order["possible"]
    refused = await _pay(browser, order["id"], "declined", payment={"token": "tok_declined"})
    assert (refused.status_code, refused.json()["code"]) == (402, "payments.refused")
    assert (await desk.order(order["id"]))["payment_state"] == "pending"
    paid = await _pay(browser, order["id"], "paid", payment={"token": "tok_ok"})
    assert (paid.status_code, paid.json()["payment_state"]) == (200, "paid")
    assert rows(BOOKS) == [("provider:test", 500), ("sales", -500)]
    again = await _pay(browser, order["id"], "again", payment={"token": "tok_ok"})
    assert (again.status_code, again.json()["code"]) == (409, "orders.illegal_transition")
    assert (await desk.do(f"orders/{order['id']}/fulfilments", {})).status_code == 201
    refunded = await desk.do(f"orders/{order['id']}/refunds", {"amount": 500, "reason": "x"})
    assert refunded.json()["payment_state"] == "refunded"


async def test_what_was_cancelled_meanwhile_is_not_paid_again(
    browser: Browser, grocer: SeededShop, desk: Desk, rows: Any
) -> None:
    order = await _unpaid(browser, grocer)
    juice = [{"line_id": order["lines"][1]["id"], "quantity": 1}]
    await desk.do(f"orders/{order['id']}/cancel", {"reason": "x", "lines": juice})
    wrong = await _pay(browser, order["id"], "wrong", payments=[{"token": "tok_ok", "amount": 300}])
    assert (wrong.status_code, wrong.json()["code"]) == (422, "checkout.payments_dont_add_up")
    paid = await _pay(browser, order["id"], "paid", payment={"token": "tok_ok"})
    assert paid.json()["payment_state"] == "paid"
    assert rows("SELECT sum(amount)::bigint FROM payment WHERE status = 'captured'") == [(300,)]
    await desk.do(f"orders/{order['id']}/refunds/retry")
    assert rows("SELECT count(*) FROM refund") == [(0,)]


async def test_paying_again_may_take_a_challenge(
    browser: Browser, grocer: SeededShop, bank: Bank, desk: Desk, rows: Any
) -> None:
    order = await _unpaid(browser, grocer)
    waiting = await _pay(browser, order["id"], "first", payment={"token": "4000000000003220"})
    assert waiting.status_code == 202
    payment_id = waiting.json()["payments"][0]["id"]
    path = f"/v1/store/orders/{order['id']}/pay/continue"
    assert (await browser.http.post(path, headers={"Idempotency-Key": "early"})).status_code == 202
    await bank.decide(payment_id, approved=True)
    await bank.tell("payment_changed", "evt_1", payment_id=payment_id)
    paid = await browser.http.post(path, headers={"Idempotency-Key": "back"})
    assert (paid.status_code, paid.json()["payment_state"]) == (200, "paid")
    assert rows("SELECT count(*) FROM outbox WHERE name = 'payment.captured'") == [(2,)]


async def test_a_payment_for_an_order_that_was_given_up_meanwhile_is_let_go(
    browser: Browser, grocer: SeededShop, bank: Bank, desk: Desk, rows: Any
) -> None:
    order = await _unpaid(browser, grocer)
    waiting = await _pay(browser, order["id"], "first", payment={"token": "4000000000003220"})
    payment_id = waiting.json()["payments"][0]["id"]
    await desk.do(f"orders/{order['id']}/cancel", {"reason": "x"})
    await bank.decide(payment_id, approved=True)
    await bank.tell("payment_changed", "evt_1", payment_id=payment_id)
    assert rows("SELECT status FROM payment WHERE id = %s", payment_id) == [("voided",)]
    assert rows("SELECT status FROM test_bank_payment WHERE id = %s", payment_id) == [("voided",)]
    assert rows("SELECT kind, status FROM provider_event") == [("payment_changed", "handled")]


async def test_only_its_shopper_pays_for_an_order(browser: Browser, grocer: SeededShop, desk: Desk, app: Any) -> None:
    order = await _unpaid(browser, grocer)
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url=f"http://{grocer.host}") as http:
        await http.post("/v1/store/sessions", json={"reference": "household-2"})
        for path in ("pay", "pay/continue"):
            refused = await http.post(
                f"/v1/store/orders/{order['id']}/{path}",
                json={"payment": {"token": "tok_ok"}},
                headers={"Idempotency-Key": path},
            )
            assert refused.json()["code"] == "orders.not_found"
    assert (await desk.order(order["id"]))["payment_state"] == "pending"
