"""Orders paid with cards and credit, and refunds that go to store credit instead of where the money came from."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING
from uuid import UUID

import pytest

from commerce.identity import service as identity
from commerce.identity.service import Shopper
from commerce.orders import cancelling, refunding
from commerce.orders.held import NoCustomer
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
