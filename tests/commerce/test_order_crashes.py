"""The process dies at each of its statements in turn; what it left is driven to a definite end."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pytest
from sqlalchemy import event

from commerce.inventory import service as inventory
from commerce.orders import cancelling, editing, fulfilling, reading, refunding, returning
from commerce.orders.change_log import ChangeOver
from commerce.orders.change_schemas import AddUnits
from commerce.orders.returning import Announced
from commerce.orders.schemas import OrderOut
from commerce.orders.states import IllegalTransition
from commerce.payments.schemas import PaymentIn
from commerce.payments.settlement import RefundExceedsCaptured
from foundation import clock
from foundation.database import Database, Tx
from tests.commerce.desk import STAFF, Crash, Desk
from tests.commerce.invariants import all_faults, unsettled
from tests.commerce.watched import Watched
from tests.factories import seed_shop

if TYPE_CHECKING:
    from tests.conftest import DatabaseUrls

LATER = timedelta(minutes=20)
Change = Callable[[Tx, UUID], Awaitable[object]]


class Mortal(Watched):
    """A database whose process dies before its n-th statement; it had not died by then if `left` is above zero."""

    def __init__(self, url: str, at: int) -> None:
        super().__init__(url)
        self.left = at
        event.listen(self.engine.sync_engine, "before_cursor_execute", lambda *_: self.live())

    async def before(self) -> None:
        self.live()

    def live(self) -> None:
        self.left -= 1
        if self.left == 0:
            raise Crash


async def _died(desk: Desk, urls: DatabaseUrls, at: int, do: Callable[[Desk], Awaitable[object]]) -> bool:
    """Whether the process died before its n-th statement: it does, until it needs no more than that."""
    mortal = Mortal(urls.app, at)
    try:
        await do(Desk(mortal, desk.seeded, desk.shop, desk.bank))
    except Crash:
        return True
    finally:
        await mortal.close()
    assert mortal.left > 0
    return False


async def _recover(desk: Desk) -> None:
    later = clock.now() + LATER
    with clock.use(lambda: later):
        await desk.checkout.recover(desk.shop, older_than=timedelta(minutes=2))
        await desk.additional.lapse(desk.shop.id)
        async with desk.database.tx(desk.shop.id) as tx:
            await inventory.release_expired(tx)


async def _nothing_is_wrong(desk: Desk) -> None:
    assert await all_faults(desk.database, desk.seeded) == []
    async with desk.database.tx(desk.shop.id) as tx:
        assert await unsettled(tx) == []
    assert desk.bank.held == {}


@pytest.mark.proof
@pytest.mark.parametrize(
    "tokens",
    [("tok_ok",), ("tok_ok", "tok_ok"), ("a gift card", "tok_ok")],
    ids=["one payment", "two payments", "a gift card and a payment"],
)
async def test_a_cart_is_paid_for_once_wherever_completing_it_dies(
    tokens: tuple[str, ...], database_urls: DatabaseUrls
) -> None:
    desk = await Desk.at(Database(database_urls.app, pool_size=2), seed_shop(database_urls, "mortal"))
    code = await desk.gift_card(100_000)
    by_bank = len([token for token in tokens if token == "tok_ok"])
    tokens = tuple(code if token == "a gift card" else token for token in tokens)
    at, died = 0, True
    while died:
        at += 1
        shopper = await desk.shopper()
        cart_id = await desk.cart(shopper, [1, 2])
        taken = len(desk.bank.taken)

        async def complete(at_desk: Desk, shopper: Any = shopper, cart_id: UUID = cart_id) -> object:
            return await at_desk.try_to_pay(shopper, cart_id, *tokens)

        died = await _died(desk, database_urls, at, complete)
        await _recover(desk)
        await _nothing_is_wrong(desk)
        order = await desk.try_to_pay(shopper, cart_id, *tokens)
        assert isinstance(order, OrderOut)
        assert (order.payment_state, len(desk.bank.taken)) == ("paid", taken + by_bank)
    assert at > 15
    by_card = 50 * at * (len(tokens) - by_bank)
    assert await desk.on_cards() == (100_000 - by_card, 0, by_card)
    await _nothing_is_wrong(desk)
    await desk.database.close()


async def test_an_answer_that_was_lost_is_asked_for_again(database_urls: DatabaseUrls) -> None:
    desk = await Desk.at(Database(database_urls.app, pool_size=2), seed_shop(database_urls, "mortal"))
    shopper = await desk.shopper()
    cart_id = await desk.cart(shopper, [1, 2])
    desk.bank.deadly = {"authorise"}
    with pytest.raises(Crash):
        await desk.pay(shopper, cart_id)
    desk.bank.deadly = set()
    await _recover(desk)
    async with desk.database.tx(desk.shop.id, read_only=True) as tx:
        order = await reading.of_cart(tx, cart_id)
    assert order is not None
    assert order.payment_state == "paid"
    await _nothing_is_wrong(desk)
    await desk.database.close()


async def _cancel(tx: Tx, order_id: UUID) -> None:
    await cancelling.cancel(tx, order_id, STAFF, reason="x")


async def _fulfil(tx: Tx, order_id: UUID) -> None:
    await fulfilling.fulfil(tx, order_id, STAFF)


async def _refund(tx: Tx, order_id: UUID) -> None:
    await refunding.refund_amount(tx, order_id, STAFF, amount=150, reason="x")


async def _receive(tx: Tx, order_id: UUID) -> None:
    rows = await tx.connection.fetch("SELECT id FROM order_return WHERE order_id = $1", order_id)
    await returning.receive(tx, order_id, rows[0]["id"], STAFF, None, warehouse="main")


@pytest.mark.proof
@pytest.mark.parametrize("change", [_cancel, _fulfil, _refund, _receive], ids=lambda change: change.__name__.strip("_"))
async def test_a_change_to_an_order_is_whole_or_not_at_all(change: Change, database_urls: DatabaseUrls) -> None:
    desk = await Desk.at(Database(database_urls.app, pool_size=2), seed_shop(database_urls, "mortal"))
    at, died = 0, True
    while died:
        at += 1
        order = await desk.order(2, 1)
        if change is _receive:
            async with desk.database.tx(desk.shop.id) as tx:
                await fulfilling.fulfil(tx, order.id, STAFF)
                announced = [Announced(line.id, line.quantity, "other") for line in order.lines]
                await returning.request(tx, order.id, STAFF, announced, note="")

        async def make(at_desk: Desk, order_id: UUID = order.id) -> None:
            async with at_desk.database.tx(at_desk.shop.id) as tx:
                await change(tx, order_id)
            await at_desk.money.settle(at_desk.shop.id, order_id)

        died = await _died(desk, database_urls, at, make)
        await _recover(desk)
        await _nothing_is_wrong(desk)
        if died:
            await _again(make, desk)
            await _nothing_is_wrong(desk)
    assert at > 5
    await desk.database.close()


@pytest.mark.proof
async def test_an_edit_is_paid_and_applied_or_neither(database_urls: DatabaseUrls) -> None:
    desk = await Desk.at(Database(database_urls.app, pool_size=2), seed_shop(database_urls, "mortal"))
    at, died = 0, True
    while died:
        at += 1
        shopper = await desk.shopper()
        order = await desk.pay(shopper, await desk.cart(shopper, [1]))
        async with desk.database.tx(desk.shop.id) as tx:
            more = AddUnits(action="add", variant_id=desk.seeded.products[1].variant_id, quantity=2)
            edit_id = await editing.draft(tx, order.id, STAFF, [more])
        async with desk.database.tx(desk.shop.id) as tx:
            await editing.confirm(tx, order.id, edit_id, STAFF, version=order.version)

        async def pay(at_desk: Desk, shopper: Any = shopper, ids: tuple[UUID, UUID] = (order.id, edit_id)) -> None:
            await at_desk.additional.pay(shopper, *ids, PaymentIn(token="tok_ok"))

        died = await _died(desk, database_urls, at, pay)
        await _recover(desk)
        await _nothing_is_wrong(desk)
        with suppress(ChangeOver):
            await pay(desk)
        await _nothing_is_wrong(desk)
        async with desk.database.tx(desk.shop.id) as tx:
            paid = await tx.connection.fetchval(
                "SELECT sum(amount) FROM payment WHERE order_id = $1 AND status = 'captured'", order.id
            )
        assert (paid, (await desk.look(order.id)).total.amount) == (500, 500)
    assert at > 10
    await desk.database.close()


async def _again(make: Callable[[Desk], Awaitable[None]], desk: Desk) -> None:
    """Whoever got no answer asks again; what was done says so."""
    with suppress(IllegalTransition, RefundExceedsCaptured):
        await make(desk)
