"""A return whose worth pays for other units: nothing is lost, nothing is given twice."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import httpx
import pytest

from commerce.orders.paying import Additional
from commerce.payments.providers import configured
from foundation import clock
from foundation.database import Database
from tests.commerce.invariants import all_faults, unsettled
from tests.factories import SeededShop

if TYPE_CHECKING:
    from tests.commerce.conftest import Browser

LEVELS = "SELECT received, available, reserved, sold FROM stock WHERE variant_id = %s"
REFUNDED = "SELECT coalesce(sum(amount), 0) FROM refund WHERE status = 'succeeded'"


@pytest.fixture
async def order(browser: Browser, staff: httpx.AsyncClient, grocer: SeededShop) -> dict[str, Any]:
    """Three soups at 100 and a juice at 200, paid and sent."""
    cart = await browser.add(await browser.cart(), grocer.products[0].variant_id, 3)
    cart = await browser.add(cart, grocer.products[1].variant_id)
    placed = (await browser.complete(cart, email="a@b.example")).json()
    return await _done(staff, placed, "fulfilments")


async def _send(http: httpx.AsyncClient, order: dict[str, Any], what: str, **body: Any) -> httpx.Response:
    side = "admin" if "authorization" in http.headers else "store"
    headers = {"Idempotency-Key": str(uuid4())}
    return await http.post(f"/v1/{side}/orders/{order['id']}/{what}", json=body, headers=headers)


async def _done(http: httpx.AsyncClient, order: dict[str, Any], what: str, **body: Any) -> dict[str, Any]:
    answer = await _send(http, order, what, **body)
    assert answer.status_code in (200, 201), answer.text
    done: dict[str, Any] = answer.json()
    return done


def _back(order: dict[str, Any], line: int, quantity: int) -> list[dict[str, Any]]:
    return [{"line_id": order["lines"][line]["id"], "quantity": quantity, "reason": "no_longer_wanted"}]


def _wanted(shop: SeededShop, product: int, quantity: int = 1) -> list[dict[str, Any]]:
    return [{"variant_id": str(shop.products[product].variant_id), "quantity": quantity}]


async def _right(app: Any, grocer: SeededShop) -> None:
    database: Database = app.state.core.database
    assert await all_faults(database, grocer) == []
    async with database.tx(grocer.id) as tx:
        assert await unsettled(tx) == []


async def test_two_soups_become_a_juice_once_they_are_back(
    app: Any, browser: Browser, staff: httpx.AsyncClient, order: dict[str, Any], grocer: SeededShop, rows: Any
) -> None:
    juice = grocer.products[1].variant_id
    asked = await _done(browser.http, order, "returns", lines=_back(order, 0, 2), wanted=_wanted(grocer, 1))
    assert [(change["kind"], change["status"]) for change in asked["changes"]] == [("exchange", "draft")]
    assert rows(LEVELS, juice) == [(100, 99, 0, 1)]
    back = f"returns/{asked['returns'][0]['id']}"

    await _done(staff, order, f"{back}/approve")
    assert rows(LEVELS, juice) == [(100, 98, 1, 1)]
    there = await _done(staff, order, f"{back}/receive", warehouse="main")
    assert (there["total"]["amount"], there["credited"], there["refunded"]["amount"]) == (700, 200, 0)
    assert (there["status"], there["payment_state"], there["return_state"]) == (
        "processing",
        "paid",
        "partially_returned",
    )
    assert there["changes"][0]["status"] == "confirmed"
    sent = await _done(staff, order, "fulfilments")
    assert ([line["fulfilled"] for line in sent["lines"]], rows(LEVELS, juice)) == ([3, 1, 1], [(100, 98, 0, 2)])
    await _right(app, grocer)


async def test_what_the_return_is_worth_beyond_goes_back(
    app: Any, browser: Browser, staff: httpx.AsyncClient, order: dict[str, Any], grocer: SeededShop, rows: Any
) -> None:
    asked = await _done(browser.http, order, "returns", lines=_back(order, 1, 1), wanted=_wanted(grocer, 0))
    back = f"returns/{asked['returns'][0]['id']}"
    await _done(staff, order, f"{back}/approve")
    there = await _done(staff, order, f"{back}/receive", warehouse="main")
    assert (there["total"]["amount"], there["credited"], there["refunded"]["amount"]) == (600, 200, 100)
    rest = await _done(staff, order, "cancel", reason="given up")
    assert (rest["credited"], rows(REFUNDED)) == (300, [(200,)])
    await _right(app, grocer)


async def test_what_the_return_lacks_is_paid_before_it_is_sent(
    app: Any, browser: Browser, staff: httpx.AsyncClient, order: dict[str, Any], grocer: SeededShop, rows: Any
) -> None:
    asked = await _done(browser.http, order, "returns", lines=_back(order, 0, 1), wanted=_wanted(grocer, 2))
    back, change = f"returns/{asked['returns'][0]['id']}", asked["changes"][0]["id"]
    early = await _send(browser.http, order, f"changes/{change}/pay", token="tok_ok")
    assert (early.status_code, early.json()["code"]) == (409, "orders.nothing_to_pay")
    now = await _send(staff, order, f"{back}/approve", send_now=True)
    assert (now.status_code, now.json()["code"], now.json()["difference"]) == (409, "orders.exchange_to_be_paid", 200)
    await _done(staff, order, f"{back}/approve")
    there = await _done(staff, order, f"{back}/receive", warehouse="main")
    assert (there["changes"][0]["asked"], there["changes"][0]["status"]) == (200, "awaiting_payment")
    assert (there["total"]["amount"], there["credited"], there["refunded"]["amount"]) == (500, 100, 0)
    await _right(app, grocer)

    paid = await _done(browser.http, order, f"changes/{change}/pay", token="tok_ok")
    assert (paid["total"]["amount"], paid["refunded"]["amount"], len(paid["lines"])) == (800, 0, 3)
    assert rows("SELECT sum(amount) FROM payment WHERE status = 'captured'") == [(700,)]
    await _right(app, grocer)


async def test_an_exchange_nobody_pays_for_is_a_return(
    app: Any, browser: Browser, staff: httpx.AsyncClient, order: dict[str, Any], grocer: SeededShop, rows: Any
) -> None:
    asked = await _done(browser.http, order, "returns", lines=_back(order, 0, 1), wanted=_wanted(grocer, 2))
    back = f"returns/{asked['returns'][0]['id']}"
    await _done(staff, order, f"{back}/approve")
    await _done(staff, order, f"{back}/receive", warehouse="main")
    late = clock.now() + timedelta(days=31)
    additional = Additional(app.state.core.database, configured(app.state.core.database, app.state.core.settings))
    assert await additional.lapse(grocer.id) == 0
    with clock.use(lambda: late):
        assert await additional.lapse(grocer.id) == 1
        assert await additional.lapse(grocer.id) == 0
    assert rows(LEVELS, grocer.products[2].variant_id) == [(100, 100, 0, 0)]
    await _done(staff, order, "refunds/retry")
    assert rows(REFUNDED) == [(100,)]
    await _right(app, grocer)


async def test_staff_who_trust_the_customer_send_it_at_once(
    app: Any, browser: Browser, staff: httpx.AsyncClient, order: dict[str, Any], grocer: SeededShop, rows: Any
) -> None:
    asked = await _done(browser.http, order, "returns", lines=_back(order, 1, 1), wanted=_wanted(grocer, 0, 2))
    back = f"returns/{asked['returns'][0]['id']}"
    await _done(staff, order, f"{back}/approve", send_now=True)
    sent = await _done(staff, order, "fulfilments")
    assert ([line["fulfilled"] for line in sent["lines"]], sent["return_state"]) == ([3, 1, 2], "in_progress")
    there = await _done(staff, order, f"{back}/receive", warehouse="main")
    assert (there["total"]["amount"], there["credited"], rows(REFUNDED)) == (700, 200, [(0,)])
    await _right(app, grocer)


@pytest.mark.parametrize("how", ["rejected", "nothing came"])
async def test_an_exchange_whose_return_comes_to_nothing_holds_nothing(
    how: str,
    app: Any,
    browser: Browser,
    staff: httpx.AsyncClient,
    order: dict[str, Any],
    grocer: SeededShop,
    rows: Any,
) -> None:
    asked = await _done(browser.http, order, "returns", lines=_back(order, 0, 2), wanted=_wanted(grocer, 1))
    back = f"returns/{asked['returns'][0]['id']}"
    if how == "rejected":
        await _done(staff, order, f"{back}/reject")
    else:
        await _done(staff, order, f"{back}/approve")
        await _done(staff, order, f"{back}/receive", warehouse="main", lines=[])
    after = await _done(staff, order, "notes", note="looked at")
    assert (after["changes"][0]["status"], after["total"]["amount"]) == ("cancelled", 500)
    assert rows(LEVELS, grocer.products[1].variant_id) == [(100, 99, 0, 1)]
    await _right(app, grocer)


async def test_what_can_not_be_had_is_not_promised(
    browser: Browser, staff: httpx.AsyncClient, order: dict[str, Any], grocer: SeededShop, rows: Any
) -> None:
    unknown = await _send(
        browser.http,
        order,
        "returns",
        lines=_back(order, 0, 1),
        wanted=[{"variant_id": str(uuid4()), "quantity": 1}],
    )
    assert (unknown.status_code, unknown.json()["code"]) == (422, "catalog.variant_not_for_sale")
    many = await _send(browser.http, order, "returns", lines=_back(order, 0, 1), wanted=_wanted(grocer, 2, 101))
    assert (many.status_code, many.json()["code"]) == (409, "inventory.out_of_stock")
    assert rows("SELECT count(*) FROM order_return") == [(0,)]

    asked = await _done(browser.http, order, "returns", lines=_back(order, 0, 3), wanted=_wanted(grocer, 2))
    rows(
        "UPDATE stock SET available = 0, received = sold + reserved WHERE variant_id = %s",
        grocer.products[2].variant_id,
    )
    gone = await _send(staff, order, f"returns/{asked['returns'][0]['id']}/approve")
    assert (gone.status_code, gone.json()["code"]) == (409, "inventory.out_of_stock")
    assert rows("SELECT status FROM order_return") == [("requested",)]
