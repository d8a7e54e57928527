"""A change whose bank asks first: applied when the challenge is passed, by whichever news is first, and never twice."""

from __future__ import annotations

import itertools
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import httpx
import pytest

from commerce.checkout.api import checkout_of
from commerce.orders.paying_api import additional_of
from foundation import clock
from tests.commerce.invariants import all_faults
from tests.commerce.test_order_edits import LEVELS, _add, _confirmed, _draft, _is_what_was_said, _send, order
from tests.commerce.test_webhooks import CHALLENGED, Bank, bank
from tests.factories import SeededShop, seed_shop

if TYPE_CHECKING:
    from tests.commerce.conftest import Browser
    from tests.conftest import DatabaseUrls

__all__ = ["bank", "order"]

PAYMENTS = "SELECT amount, status FROM payment ORDER BY id"
HELD = [(100, 99, 1, 0)]
BACK = [(100, 100, 0, 0)]


class Till:
    """An order whose edit asks for 317, and its shopper."""

    def __init__(
        self, browser: Browser, staff: httpx.AsyncClient, order: dict[str, Any], edit: dict[str, Any], rows: Any
    ) -> None:
        self.http, self.staff, self.order, self.edit, self.rows = browser.http, staff, order, edit, rows

    async def do(self, what: str = "", **body: Any) -> httpx.Response:
        path = f"changes/{self.edit['id']}/pay{what}"
        if body:
            return await _send(self.http, self.order, path, **body)
        key = {"Idempotency-Key": str(uuid4())}
        return await self.http.post(f"/v1/store/orders/{self.order['id']}/{path}", headers=key)

    async def challenged(self, token: str = CHALLENGED) -> str:
        """Pay by a card whose bank asks first; the payment's id."""
        answer = await self.do(token=token, return_url="https://shop.example/back")
        assert answer.status_code == 202, answer.text
        (asked,) = answer.json()["payments"]
        assert asked["action_url"].startswith("/test-bank/challenge?state=")
        return str(asked["id"])

    def change(self) -> str:
        """How the change stands."""
        ((status,),) = self.rows("SELECT status FROM order_change")
        return str(status)


@pytest.fixture
async def till(
    browser: Browser, staff: httpx.AsyncClient, order: dict[str, Any], grocer: SeededShop, rows: Any
) -> Till:
    edit = await _draft(staff, order, _add(grocer, 2))
    await _confirmed(staff, order, edit)
    return Till(browser, staff, order, edit, rows)


@pytest.fixture
def right(app: Any, grocer: SeededShop) -> Any:
    async def ask() -> None:
        assert await all_faults(app.state.core.database, grocer) == []

    return ask


async def _late(app: Any, shop: SeededShop, ahead: timedelta) -> None:
    """What the worker does so much later."""
    checkout, later = checkout_of(app.state.core), clock.now() + ahead
    with clock.use(lambda: later):
        await checkout.recover(shop, older_than=timedelta(minutes=2))  # type: ignore[arg-type]
        await additional_of(app.state.core).lapse(shop.id)


@pytest.mark.parametrize("news", list(itertools.permutations(["redirect", "webhook", "redirect", "webhook"]))[:6])
async def test_redirects_and_notifications_in_any_order_apply_the_change_once(
    till: Till, bank: Bank, rows: Any, right: Any, news: tuple[str, ...]
) -> None:
    payment_id = await till.challenged()
    assert (await till.do("/continue")).status_code == 202
    assert till.change() == "awaiting_payment"
    await bank.decide(payment_id, approved=True)
    for number, way in enumerate(news):
        if way == "webhook":
            assert (await bank.tell("payment_changed", f"evt_{number}", payment_id=payment_id)).status_code == 204
        else:
            seen = await till.do("/continue")
            assert seen.status_code == 200, seen.text
            _is_what_was_said(seen.json(), till.edit["preview"])
    assert rows(PAYMENTS) == [(1052, "captured"), (317, "captured")]
    assert rows("SELECT count(*) FROM outbox WHERE name = 'order.edited'") == [(1,)]
    assert rows("SELECT status FROM provider_event") == [("handled",)] * 2
    await right()


@pytest.mark.parametrize("way", ["redirect", "webhook"])
async def test_a_challenge_that_is_failed_charges_nothing_and_the_change_waits(
    till: Till, bank: Bank, rows: Any, right: Any, way: str, grocer: SeededShop
) -> None:
    payment_id = await till.challenged()
    await bank.decide(payment_id, approved=False)
    if way == "webhook":
        await bank.tell("payment_changed", "evt_1", payment_id=payment_id)
    seen = await till.do("/continue")
    assert (seen.status_code, seen.json()["reason"]) == (402, "authentication_failed")
    assert rows(PAYMENTS) == [(1052, "captured"), (317, "refused")]
    assert (till.change(), rows(LEVELS, grocer.products[2].variant_id)) == ("awaiting_payment", HELD)
    assert (await till.do(token="4242424242424242")).status_code == 200
    assert till.change() == "confirmed"
    await right()


async def test_giving_up_undoes_the_change_and_charges_nothing_even_when_the_bank_says_yes_after(
    till: Till, bank: Bank, rows: Any, right: Any, grocer: SeededShop
) -> None:
    payment_id = await till.challenged()
    given_up = await till.do("/give-up")
    assert given_up.status_code == 200, given_up.text
    assert given_up.json()["total"] == till.order["total"]
    assert (till.change(), rows(LEVELS, grocer.products[2].variant_id)) == ("cancelled", BACK)
    await bank.decide(payment_id, approved=True)
    await bank.tell("payment_changed", "evt_1", payment_id=payment_id)
    for what in ("/continue", "/give-up"):
        late = await till.do(what)
        assert (late.status_code, late.json()["code"]) == (409, "orders.change_over")
    assert rows(PAYMENTS) == [(1052, "captured"), (317, "voided")]
    await right()


async def test_what_is_confirmed_when_the_change_is_over_is_let_go(
    till: Till, bank: Bank, rows: Any, right: Any
) -> None:
    first = await till.challenged()
    assert (await till.do(token="4242424242424242")).status_code == 200
    await bank.decide(first, approved=True)
    await bank.tell("payment_changed", "evt_1", payment_id=first)
    assert rows(PAYMENTS) == [(1052, "captured"), (317, "voided"), (317, "captured")]
    assert rows("SELECT status FROM provider_event") == [("handled",)]
    await right()


async def test_a_challenge_nobody_answers_is_let_go_and_the_change_lapses(
    till: Till, app: Any, rows: Any, right: Any, grocer: SeededShop
) -> None:
    await till.challenged()
    await _late(app, grocer, timedelta(minutes=5))
    assert rows(PAYMENTS) == [(1052, "captured"), (317, "action_required")]
    await _late(app, grocer, timedelta(minutes=16))
    assert rows(PAYMENTS) == [(1052, "captured"), (317, "voided")]
    assert till.change() == "awaiting_payment"
    await _late(app, grocer, timedelta(hours=25))
    assert (till.change(), rows(LEVELS, grocer.products[2].variant_id)) == ("cancelled", BACK)
    await right()


async def test_the_worker_applies_what_was_confirmed_and_nobody_came_back_for(
    till: Till, bank: Bank, app: Any, rows: Any, right: Any, grocer: SeededShop
) -> None:
    await bank.decide(await till.challenged(), approved=True)
    await _late(app, grocer, timedelta(minutes=3))
    assert (till.change(), rows(PAYMENTS)) == ("confirmed", [(1052, "captured"), (317, "captured")])
    await right()


async def test_a_challenge_for_an_order_that_has_moved_on_takes_nothing(
    till: Till, bank: Bank, rows: Any, right: Any
) -> None:
    payment_id = await till.challenged()
    await bank.decide(payment_id, approved=True)
    await _send(till.staff, till.order, "fulfilments", lines=[{"line_id": till.order["lines"][0]["id"], "quantity": 1}])
    late = await till.do("/continue")
    assert (late.status_code, late.json()["code"]) == (409, "orders.outdated")
    assert rows(PAYMENTS) == [(1052, "captured"), (317, "voided")]
    await right()


async def test_nobody_else_goes_on_with_a_challenge_or_gives_it_up(
    till: Till, app: Any, grocer: SeededShop, database_urls: DatabaseUrls
) -> None:
    await till.challenged()
    transport = httpx.ASGITransport(app=app)
    for shop in (grocer, seed_shop(database_urls, "fashion")):
        async with httpx.AsyncClient(transport=transport, base_url=f"http://{shop.host}") as other:
            await other.post("/v1/store/sessions", json={})
            for what in ("/continue", "/give-up"):
                path = f"/v1/store/orders/{till.order['id']}/changes/{till.edit['id']}/pay{what}"
                seen = await other.post(path, headers={"Idempotency-Key": "theirs"})
                assert (seen.status_code, seen.json()["code"]) == (404, "orders.not_found")
    assert till.change() == "awaiting_payment"


async def test_there_is_nothing_to_continue_before_somebody_pays(till: Till) -> None:
    early = await till.do("/continue")
    assert (early.status_code, early.json()["code"]) == (409, "orders.nothing_to_continue")


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"token": "tok_ok", "method_id": str(uuid4())},
        {"provider": "stripe", "token": "4242424242424242"},
        {"token": "tok_ok", "return_url": "javascript:alert(1)"},
        {"token": "tok_ok", "amount": 1},
    ],
    ids=["no instrument", "two instruments", "a card's number", "no page", "an amount"],
)
async def test_what_makes_no_sense_is_refused_before_anything_is_asked(
    till: Till, rows: Any, body: dict[str, Any]
) -> None:
    refused = await _send(till.http, till.order, f"changes/{till.edit['id']}/pay", **body)
    assert (refused.status_code, refused.json()["code"]) == (422, "request.invalid_fields")
    unknown = await till.do(token="tok_ok", provider="stripe")
    assert (unknown.status_code, unknown.json()["code"]) == (422, "payments.unknown_provider")
    unkept = await till.do(method_id=str(uuid4()))
    assert (unkept.status_code, unkept.json()["code"]) == (404, "payments.method_not_found")
    assert rows(PAYMENTS) == [(1052, "captured")]
