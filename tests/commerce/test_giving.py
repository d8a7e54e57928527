"""What somebody of the staff gives away stays within their limit, for an order and for a day, whichever way it goes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

import psycopg
import pytest

from commerce.orders import cancelling, claiming, editing, fulfilling, refunding, returning
from commerce.orders.change_schemas import SetQuantity
from commerce.orders.claiming import Claimed
from commerce.orders.held import Actor
from commerce.orders.returning import Announced
from commerce.orders.schemas import StaffOrderOut
from commerce.payments import terms
from commerce.policies.limits import NONE, Giver, Limits, RefundLimit, RefundTooMuch
from commerce.stored_value import service as stored_value
from commerce.stored_value.schemas import GiftCardIn, GrantIn
from foundation import clock
from foundation.database import Database, Tx
from tests.commerce.desk import STAFF, Desk
from tests.commerce.invariants import all_faults, unsettled
from tests.factories import seed_shop
from tests.waiting import others_wait

if TYPE_CHECKING:
    from tests.conftest import DatabaseUrls

ANN = Giver("account:ann", Limits({"USD": RefundLimit(per_order=300, per_day=500)}))
AGENT = Actor("staff", "staff:Ann", giver=ANN)
BOSS = Actor("staff", "staff:Boss", giver=Giver("account:boss", NONE))
Do = Callable[[Tx], Awaitable[Any]]


@pytest.fixture
async def desk(database_urls: DatabaseUrls) -> AsyncIterator[Desk]:
    database = Database(database_urls.app, pool_size=6)
    desk = await Desk.at(database, seed_shop(database_urls, "giving", stock=99))
    yield desk
    assert await all_faults(database, desk.seeded) == []
    async with database.tx(desk.shop.id) as tx:
        assert await unsettled(tx) == []
    await database.close()


async def _do(desk: Desk, order_id: UUID, do: Do) -> Any:
    async with desk.database.tx(desk.shop.id) as tx:
        done = await do(tx)
    await desk.money.settle(desk.shop.id, order_id)
    return done


async def _refused(desk: Desk, do: Do) -> RefundTooMuch:
    with pytest.raises(RefundTooMuch) as refused:
        async with desk.database.tx(desk.shop.id) as tx:
            await do(tx)
    return refused.value


def _refund(order: StaffOrderOut, amount: int, actor: Actor = AGENT) -> Do:
    return lambda tx: refunding.refund_amount(tx, order.id, actor, amount=amount, reason="goodwill")


async def _sent(desk: Desk, *quantities: int) -> StaffOrderOut:
    order = await desk.order(*quantities)
    await _do(desk, order.id, lambda tx: fulfilling.fulfil(tx, order.id, STAFF))
    return await desk.look(order.id)


async def _refunded(desk: Desk, order: StaffOrderOut) -> int:
    return (await desk.look(order.id)).refunded.amount


async def test_an_orders_limit_is_what_one_gives_of_it_in_all_however_it_is_split(desk: Desk) -> None:
    order = await desk.order(9)
    await _do(desk, order.id, _refund(order, 200))
    over = await _refused(desk, _refund(order, 101))
    assert (over.limit, over.left, over.currency, over.per) == (300, 100, "USD", "order")
    await _do(desk, order.id, _refund(order, 100))
    assert (await _refused(desk, _refund(order, 1))).left == 0
    assert await _refunded(desk, order) == 300
    await _do(desk, order.id, _refund(order, 600, BOSS))
    assert await _refunded(desk, order) == 900, "whoever has no limit gives as much as was paid"


async def test_a_days_limit_is_what_one_gives_of_all_orders_together(desk: Desk) -> None:
    one, two = await desk.order(9), await desk.order(9)
    await _do(desk, one.id, _refund(one, 300))
    over = await _refused(desk, _refund(two, 201))
    assert (over.limit, over.left, over.per) == (500, 200, "day")
    assert await _refunded(desk, two) == 0
    await _do(desk, two.id, _refund(two, 200, Actor("staff", "staff:Bob", giver=Giver("account:bob", ANN.limits))))
    await _do(desk, two.id, _refund(two, 200))


async def test_two_at_once_never_give_more_than_one_may(desk: Desk) -> None:
    orders = [await desk.order(9) for _ in range(4)]

    async def give(order: StaffOrderOut) -> bool:
        try:
            await _do(desk, order.id, _refund(order, 150))
        except RefundTooMuch:
            return False
        return True

    given = await asyncio.gather(*(give(order) for order in orders))
    assert sum(given) == 3, "of 500 a day"


async def test_a_second_hand_waits_until_the_first_has_given(desk: Desk) -> None:
    one, two = await desk.order(9), await desk.order(9)
    async with desk.database.tx(desk.shop.id) as tx:
        await _refund(one, 300)(tx)
        waiting = asyncio.create_task(_do(desk, two.id, _refund(two, 300)))
        await others_wait(tx)
    with pytest.raises(RefundTooMuch):
        await waiting
    await desk.money.settle(desk.shop.id, one.id)


async def test_a_new_day_begins_at_midnight_where_the_shop_is(desk: Desk, database_urls: DatabaseUrls) -> None:
    with psycopg.connect(database_urls.owner) as owner:
        zone = '{"zone": "Asia/Tokyo"}'
        owner.execute("UPDATE tenant SET settings = settings || %s::jsonb WHERE id = %s", (zone, desk.shop.id))
    midnight = datetime(2027, 3, 1, 15, tzinfo=UTC)
    one, two = await desk.order(9), await desk.order(9)
    three = await desk.order(9)
    with clock.use(lambda: midnight - timedelta(seconds=1)):
        await _do(desk, one.id, _refund(one, 300))
        await _refused(desk, _refund(two, 300))
    with clock.use(lambda: midnight):
        await _do(desk, two.id, _refund(two, 300))
        assert (await _refused(desk, _refund(one, 1))).per == "order", "an order's limit does not begin anew"
    with clock.use(lambda: midnight + timedelta(hours=9)):  # midnight in UTC is no new day there
        assert (await _refused(desk, _refund(three, 201))).per == "day"


async def test_what_no_limit_speaks_of_is_not_given_at_all(desk: Desk) -> None:
    order = await desk.order(9)
    only_euros = Actor("staff", "staff:Eve", giver=Giver("account:eve", Limits({"EUR": RefundLimit(900, 900)})))
    over = await _refused(desk, _refund(order, 1, only_euros))
    assert (over.limit, over.currency) == (0, "USD")


async def test_units_and_cancellations_count(desk: Desk) -> None:
    order = await desk.order(9)
    line = order.lines[0].id
    units = [(line, 4)]
    await _refused(desk, lambda tx: refunding.refund_units(tx, order.id, AGENT, lines=units, reason="late"))
    await _refused(desk, lambda tx: cancelling.cancel(tx, order.id, AGENT, reason="late", lines=units))
    await _refused(desk, lambda tx: cancelling.cancel(tx, order.id, AGENT, reason="late"))
    await _do(desk, order.id, lambda tx: cancelling.cancel(tx, order.id, AGENT, reason="late", lines=[(line, 3)]))
    await _refused(desk, lambda tx: refunding.refund_units(tx, order.id, AGENT, lines=[(line, 4)], reason="late"))
    assert await _refunded(desk, order) == 300
    await _do(desk, order.id, lambda tx: cancelling.cancel(tx, order.id, BOSS, reason="late"))


async def test_what_was_never_paid_is_cancelled_by_anybody(desk: Desk) -> None:
    async with desk.database.tx(desk.shop.id) as tx:
        await terms.allow(tx, "cod", None, 0)
    order = await desk.order(9, token="cash")
    await _do(desk, order.id, lambda tx: cancelling.cancel(tx, order.id, AGENT, reason="not wanted"))
    assert (await desk.look(order.id)).status == "cancelled"
    other = await desk.order(9)
    await _do(desk, other.id, _refund(other, 300))


async def test_what_is_credited_before_it_is_captured_counts_when_it_is_credited(desk: Desk) -> None:
    desk.bank.away.add("capture")
    order = await desk.order(9)
    line = order.lines[0].id
    await _refused(desk, lambda tx: cancelling.cancel(tx, order.id, AGENT, reason="late", lines=[(line, 4)]))
    await _do(desk, order.id, lambda tx: cancelling.cancel(tx, order.id, AGENT, reason="late", lines=[(line, 3)]))
    desk.bank.away.clear()
    await desk.money.finish(desk.shop.id, older_than=timedelta(0))
    await desk.money.finish(desk.shop.id, older_than=timedelta(0))
    assert await _refunded(desk, order) == 300
    await _refused(desk, _refund(order, 1))


async def test_a_refund_that_failed_is_tried_again_by_whoever_is_there(desk: Desk) -> None:
    order = await desk.order(9)
    desk.bank.away.add("refund")
    await _do(desk, order.id, _refund(order, 800, BOSS))
    desk.bank.away.clear()
    await _do(desk, order.id, lambda tx: refunding.retry(tx, order.id, AGENT))
    assert await _refunded(desk, order) == 800


async def test_a_return_counts_when_it_comes_in(desk: Desk) -> None:
    order = await _sent(desk, 9)
    line = order.lines[0].id

    async def announced(quantity: int) -> UUID:
        back = [Announced(line, quantity, "damaged")]
        found: UUID = await _do(desk, order.id, lambda tx: returning.request(tx, order.id, AGENT, back, note=""))
        return found

    def receive(return_id: UUID) -> Do:
        return lambda tx: returning.receive(tx, order.id, return_id, AGENT, None, warehouse="main")

    four = await announced(4)
    await _refused(desk, receive(four))
    assert (await desk.look(order.id)).returns[0].status == "approved"
    await _do(desk, order.id, receive(await announced(3)))
    assert await _refunded(desk, order) == 300


async def test_what_is_sent_for_a_return_before_it_comes_in_counts_once(desk: Desk) -> None:
    order = await _sent(desk, 9, 4)
    soup, juice = order.lines
    wanted = {soup.variant_id: 4}

    async def asked(quantity: int) -> UUID:
        back = [Announced(juice.id, quantity, "damaged")]
        shopper = Actor("shopper", "shopper")
        found: UUID = await _do(
            desk, order.id, lambda tx: returning.request(tx, order.id, shopper, back, note="", wanted=wanted)
        )
        return found

    two = await asked(2)
    await _refused(desk, lambda tx: returning.approve(tx, order.id, two, AGENT, send_now=True))
    wanted = {soup.variant_id: 2}
    one = await asked(1)
    await _do(desk, order.id, lambda tx: returning.approve(tx, order.id, one, AGENT, send_now=True))
    await _do(desk, order.id, lambda tx: returning.receive(tx, order.id, one, AGENT, None, warehouse="main"))
    over = await _refused(desk, _refund(order, 101))
    assert (over.per, over.left) == ("order", 100)


async def test_a_claim_counts_by_its_money_or_by_what_its_replacement_costs_today(desk: Desk) -> None:
    order = await _sent(desk, 9)
    line, tea = order.lines[0].id, desk.seeded.products[4].variant_id

    async def claimed(quantity: int) -> UUID:
        said = [Claimed(line, quantity, "damaged")]
        found: UUID = await _do(desk, order.id, lambda tx: claiming.raise_claim(tx, order.id, AGENT, said))
        return found

    four, one = await claimed(4), await claimed(1)
    await _refused(desk, lambda tx: claiming.refund(tx, order.id, four, AGENT))
    await _refused(desk, lambda tx: claiming.replace_units(tx, order.id, four, AGENT))
    over = await _refused(desk, lambda tx: claiming.replace_units(tx, order.id, one, AGENT, wanted={tea: 1}))
    assert over.left == 300, "tea costs 500, what was claimed 100"
    await _do(desk, order.id, lambda tx: claiming.replace_units(tx, order.id, one, AGENT))
    await _do(desk, order.id, lambda tx: claiming.refund(tx, order.id, four, AGENT, amount=200))
    await _refused(desk, _refund(order, 1))


async def test_an_edit_that_makes_an_order_cheaper_counts(desk: Desk) -> None:
    order = await desk.order(9)
    line = order.lines[0].id

    async def drafted(quantity: int) -> Do:
        actions = [SetQuantity(action="set_quantity", line_id=line, quantity=quantity)]
        edit_id = await _do(desk, order.id, lambda tx: editing.draft(tx, order.id, AGENT, actions))
        version = (await desk.look(order.id)).version
        return lambda tx: editing.confirm(tx, order.id, edit_id, AGENT, version=version)

    await _refused(desk, await drafted(5))
    await _do(desk, order.id, await drafted(6))
    assert await _refunded(desk, order) == 300


async def test_credit_and_cards_count_against_the_same_day(desk: Desk) -> None:
    order = await desk.order(9)
    async with desk.database.tx(desk.shop.id, read_only=True) as tx:
        customer = await tx.connection.fetchval("SELECT id FROM customer LIMIT 1")

    def grant(amount: int) -> Do:
        body = GrantIn(amount=amount, reason="sorry")
        return lambda tx: stored_value.grant(tx, desk.shop, customer, body, actor="Ann", giver=ANN)

    def issue(amount: int) -> Do:
        return lambda tx: stored_value.issue_gift_card(tx, desk.shop, GiftCardIn(amount=amount), actor="Ann", giver=ANN)

    await _refused(desk, grant(301))
    await _refused(desk, issue(301))
    await _do(desk, order.id, grant(200))
    await _do(desk, order.id, issue(200))
    assert (await _refused(desk, _refund(order, 101))).left == 100
    await _do(desk, order.id, _refund(order, 100))
    await _refused(desk, grant(1))
    await _refused(desk, issue(1))
