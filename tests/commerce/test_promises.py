"""What is sold before it is in: promised under a limit, kept from what comes in, the oldest first."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from commerce.cart import service as carts
from commerce.checkout.refusals import RequirementsUnmet
from commerce.identity.service import Shopper
from commerce.inventory import keeping, policies, promises
from commerce.inventory import service as inventory
from commerce.inventory.allocation import NotInYet
from commerce.inventory.schemas import CountIn, PolicyIn, ReceiptIn
from commerce.inventory.service import OutOfStock, StockLine
from commerce.inventory.supply import Supply, fill
from commerce.orders import cancelling, fulfilling, returning
from commerce.orders.returning import Announced
from commerce.payments.providers import Charge
from foundation import clock
from foundation.database import Database, Tx
from foundation.ids import new_id
from tests.commerce.desk import SOON, STAFF, Desk
from tests.commerce.invariants import all_faults
from tests.commerce.watched import Watched
from tests.factories import SeededShop, seed_shop

if TYPE_CHECKING:
    from tests.commerce.conftest import Browser
    from tests.conftest import DatabaseUrls

TODAY = date(2026, 12, 1)
BLOCKED_SECONDS = 0.1


@pytest.fixture
async def desk(database_urls: DatabaseUrls) -> AsyncIterator[Desk]:
    """A shop with four soups, of which five more may be promised."""
    database = Database(database_urls.app, pool_size=8)
    desk = await Desk.at(database, seed_shop(database_urls, "waiting", stock=4, titles=("Tomato soup", "Orange juice")))
    await _do(desk, lambda tx: policies.put(tx, PolicyIn(sku="SKU0", backorder_limit=5, lead_days=7)))
    yield desk
    assert await all_faults(database, desk.seeded) == []
    await database.close()


async def _do(desk: Desk, do: Callable[[Tx], Awaitable[Any]]) -> Any:
    async with desk.database.tx(desk.shop.id) as tx:
        return await do(tx)


async def _level(desk: Desk) -> tuple[int, ...]:
    """(received, available, reserved, sold, promised) of the soup."""

    async def look(tx: Tx) -> tuple[int, ...]:
        level = (await keeping.levels(tx, "SKU0")).items[0]
        policy = await policies.get(tx, "SKU0")
        return level.received, level.available, level.reserved, level.sold, policy.promised

    levels: tuple[int, ...] = await _do(desk, look)
    return levels


async def _receive(desk: Desk, quantity: int) -> None:
    await _do(desk, lambda tx: keeping.receive(tx, ReceiptIn(sku="SKU0", warehouse="main", quantity=quantity)))


async def _waiting(desk: Desk) -> list[tuple[UUID | None, int]]:
    open_ = await _do(desk, lambda tx: policies.waiting(tx, "SKU0", after=UUID(int=0), limit=10))
    return [(promise.order_id, promise.waiting) for promise in open_]


async def test_what_is_not_there_is_promised_for_a_day_and_the_order_keeps_it(desk: Desk) -> None:
    shopper = await desk.shopper()
    cart_id = await desk.cart(shopper, [6])
    async with desk.database.tx(desk.shop.id) as tx:
        said = carts.check(await carts.get(tx, shopper, cart_id)).out()
    in_a_week = clock.now().date() + timedelta(days=7)
    assert (said.lines[0].available, said.lines[0].promised_on, said.requirements) == (9, in_a_week, [])

    order = await desk.pay(shopper, cart_id)
    assert order.lines[0].promised_on == in_a_week
    assert await _level(desk) == (4, 0, 4, 0, 2)
    assert await _waiting(desk) == [(order.id, 2)]


async def test_no_more_is_promised_than_the_limit(desk: Desk) -> None:
    shopper = await desk.shopper()
    with pytest.raises(RequirementsUnmet) as refused:
        await desk.pay(shopper, await desk.cart(shopper, [10]))
    assert [(r["code"], r["available"]) for r in refused.value.requirements] == [("inventory.out_of_stock", 9)]


async def test_two_carts_race_for_the_last_unit_that_may_be_promised(desk: Desk) -> None:
    await desk.order(8)
    sold = desk.seeded.products[0]

    async def reserve() -> int | None:
        line = StockLine(sold.variant_id, sold.product_id, 1, may_wait=True)
        try:
            await _do(desk, lambda tx: inventory.reserve(tx, new_id(), [line], until=clock.now() + SOON))
        except OutOfStock as refused:
            return refused.available
        return None

    assert sorted(await asyncio.gather(*(reserve() for _ in range(6))), key=str) == [0, 0, 0, 0, 0, None]
    assert (await _level(desk))[-1] == 5


async def test_nobody_is_promised_what_they_were_not_told_of(desk: Desk) -> None:
    """The last units went between the look at the cart and the payment."""
    sold = desk.seeded.products[0]
    line = StockLine(sold.variant_id, sold.product_id, 6)
    with pytest.raises(OutOfStock) as refused:
        await _do(desk, lambda tx: inventory.reserve(tx, new_id(), [line], until=clock.now() + SOON))
    assert refused.value.available == 4


async def test_what_comes_in_goes_to_the_oldest_promise_before_anybody_else(desk: Desk) -> None:
    first, second = await desk.order(6), await desk.order(2)
    assert await _waiting(desk) == [(first.id, 2), (second.id, 2)]
    await _receive(desk, 3)
    assert await _level(desk) == (7, 0, 7, 0, 1)
    assert await _waiting(desk) == [(second.id, 1)]
    await _receive(desk, 3)
    assert await _level(desk) == (10, 2, 8, 0, 0)
    async with desk.database.tx(desk.shop.id) as tx:
        rows = await tx.connection.fetch("SELECT aggregate_id, payload FROM outbox WHERE name = 'stock.allocated'")
    assert [row["aggregate_id"] for row in rows] == [first.id, second.id, second.id]


async def test_only_what_is_in_can_be_sent(desk: Desk) -> None:
    order = await desk.order(6)
    line_id = order.lines[0].id

    async def send(quantity: int) -> None:
        await _do(desk, lambda tx: fulfilling.fulfil(tx, order.id, STAFF, lines=[(line_id, quantity)]))

    with pytest.raises(NotInYet) as refused:
        await send(5)
    assert (refused.value.requested, refused.value.allocated) == (5, 4)
    await send(4)
    await _receive(desk, 2)
    await send(2)
    assert await _level(desk) == (6, 0, 0, 6, 0)


async def test_a_cancel_gives_up_what_is_waited_for_first(desk: Desk) -> None:
    order = await desk.order(6)
    line_id = order.lines[0].id
    await _do(desk, lambda tx: cancelling.cancel(tx, order.id, STAFF, reason="x", lines=[(line_id, 3)]))
    assert await _level(desk) == (4, 1, 3, 0, 0)
    await _receive(desk, 1)
    assert await _level(desk) == (5, 2, 3, 0, 0)


async def test_units_that_are_given_back_go_to_whoever_waits(desk: Desk) -> None:
    there, waits = await desk.order(4), await desk.order(3)
    await _do(desk, lambda tx: cancelling.cancel(tx, there.id, STAFF, reason="x"))
    assert await _level(desk) == (4, 1, 3, 0, 0)
    await _do(desk, lambda tx: fulfilling.fulfil(tx, waits.id, STAFF))


async def test_what_comes_back_from_a_customer_goes_to_whoever_waits(desk: Desk) -> None:
    sent, waits = await desk.order(4), await desk.order(1)
    await _do(desk, lambda tx: fulfilling.fulfil(tx, sent.id, STAFF))
    announced = [Announced(sent.lines[0].id, 2, "other")]
    asked = await _do(desk, lambda tx: returning.request(tx, sent.id, STAFF, announced, note=""))
    await _do(desk, lambda tx: returning.receive(tx, sent.id, asked, STAFF, None, warehouse="main"))
    assert await _waiting(desk) == []
    await _do(desk, lambda tx: fulfilling.fulfil(tx, waits.id, STAFF))


async def test_a_promise_whose_payment_fails_is_given_up(desk: Desk) -> None:
    shopper = await desk.shopper()
    with pytest.raises(Exception, match="refused"):
        await desk.pay(shopper, await desk.cart(shopper, [7]), "tok_declined")
    assert await _level(desk) == (4, 4, 0, 0, 0)


async def test_a_promise_that_is_held_too_long_is_given_up_once(desk: Desk) -> None:
    sold = desk.seeded.products[0]
    line = StockLine(sold.variant_id, sold.product_id, 7, may_wait=True)
    await _do(desk, lambda tx: inventory.reserve(tx, new_id(), [line], until=clock.now() - SOON))
    await _receive(desk, 2)
    assert await _level(desk) == (6, 0, 6, 0, 1)
    swept = await asyncio.gather(*(_do(desk, inventory.release_expired) for _ in range(3)))
    assert sum(swept) == 3
    assert await _level(desk) == (6, 6, 0, 0, 0)


async def test_what_came_in_while_it_was_paid_for_is_the_orders(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    authorise = desk.bank.authorise

    async def slowly(charge: Charge) -> Any:
        await _receive(desk, 2)
        return await authorise(charge)

    monkeypatch.setattr(desk.bank, "authorise", slowly)
    order = await desk.order(7)
    assert await _waiting(desk) == [(order.id, 1)]
    assert await _level(desk) == (6, 0, 6, 0, 1)


async def test_what_is_kept_back_is_not_sold_until_staff_let_it_go(desk: Desk) -> None:
    await _do(desk, lambda tx: policies.put(tx, PolicyIn(sku="SKU0", safety_stock=3, backorder_limit=5)))
    order = await desk.order(2)
    assert await _level(desk) == (4, 3, 1, 0, 1)
    await _do(desk, lambda tx: policies.put(tx, PolicyIn(sku="SKU0", safety_stock=1, backorder_limit=5)))
    assert await _level(desk) == (4, 2, 2, 0, 0)
    await _do(desk, lambda tx: fulfilling.fulfil(tx, order.id, STAFF))


async def test_a_limit_below_what_is_promised_lets_no_more_be_promised(desk: Desk) -> None:
    await desk.order(7)
    policy = await _do(desk, lambda tx: policies.put(tx, PolicyIn(sku="SKU0", backorder_limit=1)))
    assert (policy.promised, policy.backorder_limit) == (3, 1)
    shopper = await desk.shopper()
    with pytest.raises(RequirementsUnmet):
        await desk.pay(shopper, await desk.cart(shopper, [1]))


class _Stopped(Watched):
    """Stops after its n-th statement until it is let go."""

    def __init__(self, url: str, at: int) -> None:
        super().__init__(url)
        self.left, self.reached, self.go = at, asyncio.Event(), asyncio.Event()

    async def after(self) -> None:
        self.left -= 1
        if self.left == 0:
            self.reached.set()
            await self.go.wait()


Hand = Callable[[Desk], Awaitable[object]]


async def _interrupted(desk: Desk, urls: DatabaseUrls, at: int, one: Hand, other: Hand) -> bool:
    """Let `other` go on while `one` has stopped after its n-th statement; whether it had ended before."""
    slow = _Stopped(urls.app, at)
    first = asyncio.ensure_future(one(Desk(slow, desk.seeded, desk.shop, desk.bank)))
    reached = asyncio.create_task(slow.reached.wait())
    await asyncio.wait({first, reached}, return_when=asyncio.FIRST_COMPLETED)
    ended = first.done()
    second = asyncio.ensure_future(other(desk))
    await asyncio.wait({second}, timeout=BLOCKED_SECONDS)
    slow.go.set()
    await asyncio.gather(first, second)
    reached.cancel()
    await slow.close()
    return ended


async def _take_in_two(desk: Desk) -> None:
    await _receive(desk, 2)


@pytest.mark.proof
@pytest.mark.parametrize("receipt_first", [True, False])
async def test_a_receipt_against_a_cancel_wherever_one_is_interrupted(
    desk: Desk, database_urls: DatabaseUrls, receipt_first: bool
) -> None:
    at, ended = 0, False
    while not ended:
        at += 1
        await _do(desk, lambda tx: keeping.count(tx, CountIn(sku="SKU0", warehouse="main", counted=1)))
        order_id = (await desk.order(4)).id

        async def cancel(desk: Desk, order_id: UUID = order_id) -> None:
            await _do(desk, lambda tx: cancelling.cancel(tx, order_id, STAFF, reason="x"))

        hands = (_take_in_two, cancel) if receipt_first else (cancel, _take_in_two)
        ended = await _interrupted(desk, database_urls, at, *hands)
        await desk.money.settle(desk.shop.id, order_id)
        _, available, reserved, _, promised = await _level(desk)
        assert (available, reserved, promised) == (3, 0, 0), at
        assert await all_faults(desk.database, desk.seeded) == [], at
    assert at > 5


@pytest.mark.proof
@pytest.mark.parametrize("receipt_first", [True, False])
async def test_a_receipt_against_a_payment_wherever_one_is_interrupted(
    desk: Desk, database_urls: DatabaseUrls, receipt_first: bool
) -> None:
    at, ended = 0, False
    while not ended:
        at += 1
        await _do(desk, lambda tx: keeping.count(tx, CountIn(sku="SKU0", warehouse="main", counted=1)))
        shopper = await desk.shopper()
        cart_id = await desk.cart(shopper, [4])

        async def pay(desk: Desk, shopper: Shopper = shopper, cart_id: UUID = cart_id) -> None:
            await desk.pay(shopper, cart_id)

        hands = (_take_in_two, pay) if receipt_first else (pay, _take_in_two)
        ended = await _interrupted(desk, database_urls, at, *hands)
        await _do(desk, promises.keep_what_came_in)
        assert await all_faults(desk.database, desk.seeded) == [], at
        _, available, reserved, _, promised = await _level(desk)
        assert (available, reserved, promised) == (0, 3, 1), at
        [(order_id, _)] = await _waiting(desk)
        assert order_id
        await _do(desk, lambda tx, order_id=order_id: cancelling.cancel(tx, order_id, STAFF, reason="x"))
        await desk.money.settle(desk.shop.id, order_id)
    assert at > 5


async def test_what_a_receipt_passed_over_is_found_by_the_worker(desk: Desk, database_urls: DatabaseUrls) -> None:
    order = await desk.order(6)
    other = Database(database_urls.app, pool_size=1)
    async with other.tx(desk.shop.id) as busy:
        await busy.connection.execute("SELECT FROM promise FOR UPDATE")
        await _receive(desk, 2)
        assert await _waiting(desk) == [(order.id, 2)]
    await other.close()
    assert await _do(desk, promises.keep_what_came_in) == 2
    assert await _level(desk) == (6, 0, 6, 0, 0)


async def test_staff_say_what_is_kept_back_and_promised_over_http(
    staff: httpx.AsyncClient, browser: Browser, grocer: SeededShop, rows: Any
) -> None:
    said = {"sku": "SKU0", "safety_stock": 90, "backorder_limit": 3, "available_from": "2099-12-12"}
    put = await staff.put("/v1/admin/inventory/policies", json=said)
    assert (put.status_code, put.json()) == (200, {**said, "promised": 0, "lead_days": 0})
    product = (await browser.http.get(f"/v1/store/products/{grocer.products[0].handle}")).json()
    assert (product["variants"][0]["available"], product["variants"][0]["promised_on"]) == (True, "2099-12-12")

    cart = await browser.add(await browser.cart(), grocer.products[0].variant_id, 12)
    assert (cart["lines"][0]["available"], cart["lines"][0]["promised_on"]) == (13, "2099-12-12")
    order = (await browser.complete(cart)).json()
    listed = (await staff.get("/v1/admin/inventory/promises", params={"sku": "SKU0"})).json()
    assert [(p["order_id"], p["waiting"]) for p in listed["items"]] == [(order["id"], 2)]
    headers = {"Idempotency-Key": "k"}
    refused = await staff.post(f"/v1/admin/orders/{order['id']}/fulfilments", json={}, headers=headers)
    assert (refused.status_code, refused.json()["code"]) == (409, "inventory.not_in_yet")


@pytest.mark.one_database
@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"sku": "NONE"}, 404, "inventory.unknown_sku"),
        ({"backorder_limit": -1}, 422, "request.invalid_fields"),
        ({"safety_stock": 1.5}, 422, "request.invalid_fields"),
        ({"safety_stock": 10**12}, 422, "request.invalid_fields"),
        ({"lead_days": 10_000}, 422, "request.invalid_fields"),
        ({"available_from": "2026-02-30"}, 422, "request.invalid_fields"),
    ],
)
async def test_a_policy_that_makes_no_sense_is_refused(
    staff: httpx.AsyncClient, rows: Any, body: dict[str, Any], status: int, code: str
) -> None:
    answer = await staff.put("/v1/admin/inventory/policies", json={"sku": "SKU0", **body})
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert rows("SELECT count(*) FROM stock_policy") == [(0,)]


_units = st.integers(0, 20)


@given(_units, _units, _units, st.integers(0, 30), st.integers(-40, 40))
def test_a_date_is_promised_for_what_is_not_there_and_can_be_had(
    available: int, room: int, quantity: int, lead_days: int, days: int
) -> None:
    out = TODAY + timedelta(days=days)
    supply = Supply(available, room, lead_days, out)
    promised = supply.promised_on(quantity, TODAY)
    if quantity > available + room:
        assert promised is None
    elif quantity > available:
        assert promised == max(out, TODAY + timedelta(days=lead_days))
    else:
        assert promised == (out if days > 0 else None)


@given(st.lists(_units, max_size=6), st.lists(_units, max_size=6))
def test_those_who_came_first_are_served_first_and_all_there_is_is_given(wanted: list[int], there: list[int]) -> None:
    parts = list(fill(wanted, there))
    got = [sum(units for who, _, units in parts if who == place) for place in range(len(wanted))]
    gave = [sum(units for _, which, units in parts if which == place) for place in range(len(there))]
    assert all(units > 0 for *_, units in parts)
    assert all(part <= whole for part, whole in zip(gave, there, strict=True))
    assert sum(got) == min(sum(wanted), sum(there))
    unserved = [place for place, units in enumerate(got) if units < wanted[place]]
    assert not unserved or not any(got[unserved[0] + 1 :])
