"""Orders paid with cards and credit, and refunds that go to store credit instead of where the money came from."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING
from uuid import UUID

import pytest

from commerce.identity import service as identity
from commerce.identity.service import Shopper
from commerce.orders import cancelling, editing, fulfilling, refunding, returning
from commerce.orders.held import NoCustomer
from commerce.orders.returning import Announced
from commerce.orders.schemas import OrderOut
from commerce.stored_value import service
from foundation.database import Database
from tests.commerce.desk import SOON, STAFF, Desk
from tests.commerce.invariants import all_faults, unsettled
from tests.factories import seed_shop

if TYPE_CHECKING:
    from tests.conftest import DatabaseUrls


@pytest.fixture
async def desk(database_urls: DatabaseUrls) -> AsyncIterator[Desk]:
    seeded = seed_shop(database_urls, "refunding")
    database = Database(database_urls.app, pool_size=4)
    yield await Desk.at(database, seeded)
    assert await all_faults(database, seeded) == []
    await database.close()


async def _customer(desk: Desk) -> Shopper:
    async with desk.database.tx(desk.shop.id) as tx:
        known = await identity.customer_by_reference(tx, "household-1")
        _, shopper = await identity.open_session(tx, ttl=SOON, customer=known)
    return shopper


async def _refund(desk: Desk, order_id: UUID, amount: int, to: str | None) -> None:
    async with desk.database.tx(desk.shop.id) as tx:
        await refunding.refund_amount(tx, order_id, STAFF, amount=amount, reason="x", to=to)
    await desk.money.settle(desk.shop.id, order_id)


async def _credit(desk: Desk, shopper: Shopper) -> list[int]:
    assert shopper.customer_id is not None
    async with desk.database.tx(desk.shop.id) as tx:
        found = await service.store_credit(tx, shopper.customer_id)
    return [money.amount for money in found.available]


@pytest.mark.both_homes
async def test_a_refund_becomes_credit_and_the_card_keeps_its_money(desk: Desk) -> None:
    shopper = await _customer(desk)
    order = await desk.pay(shopper, await desk.cart(shopper, [3, 1]))
    await _refund(desk, order.id, 200, "store_credit")
    await _refund(desk, order.id, 100, None)
    assert await _credit(desk, shopper) == [200]
    assert list(desk.bank.given.values()) == [100]
    assert (await desk.look(order.id)).refunded.amount == 300
    async with desk.database.tx(desk.shop.id) as tx:
        assert await unsettled(tx) == []
        rows = await tx.connection.fetch("SELECT account, sum(amount)::bigint FROM ledger_posting GROUP BY account")
    assert {account: amount for account, amount in rows if amount} == {
        "provider:test": 400,
        "sales": -500,
        "refunds": 300,
        "store_credit": -200,
    }


async def test_what_the_bank_will_not_take_back_becomes_credit(desk: Desk) -> None:
    shopper = await _customer(desk)
    order = await desk.pay(shopper, await desk.cart(shopper, [3, 1]), "tok_refund_fails")
    async with desk.database.tx(desk.shop.id) as tx:
        await cancelling.cancel(tx, order.id, STAFF, reason="x")
    await desk.money.settle(desk.shop.id, order.id)
    assert await _credit(desk, shopper) == []
    for _ in range(2):
        async with desk.database.tx(desk.shop.id) as tx:
            held = await desk.look(order.id)
            if "refund" in held.possible:
                await refunding.retry(tx, order.id, STAFF, to="store_credit")
        await desk.money.settle(desk.shop.id, order.id)
    assert await _credit(desk, shopper) == [500]
    assert (await desk.look(order.id)).payment_state == "refunded"


async def test_a_guest_gets_no_credit_and_the_order_stays_as_it_was(desk: Desk) -> None:
    order = await desk.order(3, 1)
    with pytest.raises(NoCustomer):
        await _refund(desk, order.id, 200, "store_credit")
    assert (await desk.look(order.id)).credited == 0


async def test_a_declined_exchange_gives_back_as_a_return_does_to_where_the_money_came_from(desk: Desk) -> None:
    """Paid by two cards of 50 and a bank card: what is worth 300 goes back to the oldest payment first, either way."""
    given: list[list[tuple[str, int]]] = []
    for wanted in ({}, {desk.seeded.products[4].variant_id: 1}):
        shopper = await desk.shopper()
        cards = [await desk.gift_card(50) for _ in range(2)]
        order = await desk.try_to_pay(shopper, await desk.cart(shopper, [1, 0, 1]), *cards, "tok_ok")
        assert isinstance(order, OrderOut)
        back = [Announced(line.id, line.quantity, "other") for line in order.lines if line.unit_price == 300]
        async with desk.database.tx(desk.shop.id) as tx:
            await fulfilling.fulfil(tx, order.id, STAFF)
            return_id = await returning.request(tx, order.id, STAFF, back, note="", wanted=wanted)
            await returning.receive(tx, order.id, return_id, STAFF, None, warehouse="main")
        await desk.money.settle(desk.shop.id, order.id)
        for change in (await desk.look(order.id)).changes:
            assert (change.status, change.asked, (await desk.look(order.id)).refunded.amount) == (
                "awaiting_payment",
                200,
                0,
            )
            async with desk.database.tx(desk.shop.id) as tx:
                await editing.drop(tx, order.id, change.id, STAFF)
            await desk.money.settle(desk.shop.id, order.id)
        async with desk.database.tx(desk.shop.id) as tx:
            rows = await tx.connection.fetch(
                "SELECT p.provider, r.amount FROM refund r JOIN payment p ON p.id = r.payment_id"
                " WHERE r.order_id = $1 ORDER BY r.id",
                order.id,
            )
        given.append([(row["provider"], row["amount"]) for row in rows])
        assert (await desk.look(order.id)).refunded.amount == 300
    assert given[0] == given[1] == [("gift_card", 50), ("gift_card", 50), ("test", 200)]
    async with desk.database.tx(desk.shop.id) as tx:
        assert await unsettled(tx) == []
