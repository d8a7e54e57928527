"""Two hands on one order, one of them interrupted at each of its statements in turn."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pytest

from commerce.identity.service import Shopper
from commerce.orders import cancelling, editing, fulfilling, refunding, returning
from commerce.orders.change_schemas import AddUnits, EditAction, SetQuantity
from commerce.orders.held import Actor
from commerce.orders.returning import Announced
from commerce.payments.schemas import Waiting
from commerce.payments.service import PaymentWasRefused
from foundation.database import Database, Tx
from foundation.errors import Conflict
from tests.commerce.desk import STAFF, Desk
from tests.commerce.invariants import all_faults, unsettled
from tests.commerce.watched import Watched
from tests.factories import SeededShop, seed_shop

if TYPE_CHECKING:
    from tests.conftest import DatabaseUrls

Hand = Callable[[Desk, UUID], Awaitable[object]]
BLOCKED_SECONDS = 0.1
"""How long the other hand may go on before it is taken to wait for the first."""


class Interruption:
    """Stops whoever passes it for the n-th time until they are let go."""

    def __init__(self, at: int) -> None:
        self.left, self.reached, self.go = at, asyncio.Event(), asyncio.Event()

    async def passed(self) -> None:
        self.left -= 1
        if self.left == 0:
            self.reached.set()
            await self.go.wait()


class Interrupted(Watched):
    """A database whose hot statements are each followed by a chance to be interrupted."""

    def __init__(self, url: str, interruption: Interruption) -> None:
        super().__init__(url)
        self.after = interruption.passed  # type: ignore[method-assign]


def _in_one(do: Callable[[Tx, UUID, Actor], Awaitable[object]]) -> Hand:
    async def hand(desk: Desk, order_id: UUID) -> None:
        async with desk.database.tx(desk.shop.id) as tx:
            await do(tx, order_id, STAFF)
        await desk.money.settle(desk.shop.id, order_id)

    return hand


async def _cancel(tx: Tx, order_id: UUID, actor: Actor) -> None:
    await cancelling.cancel(tx, order_id, actor, reason="given up")


async def _refund(tx: Tx, order_id: UUID, actor: Actor) -> None:
    await refunding.refund_amount(tx, order_id, actor, amount=400, reason="late")


async def _capture(desk: Desk, order_id: UUID) -> None:
    await desk.money.settle(desk.shop.id, order_id)


async def _drafted(desk: Desk) -> UUID:
    """An order with a draft: one soup more for the juice, which gives something back."""
    order = await desk.order(3, 1)
    actions: list[EditAction] = [
        SetQuantity(action="set_quantity", line_id=order.lines[1].id, quantity=0),
        AddUnits(action="add", variant_id=order.lines[0].variant_id, quantity=1),
    ]
    async with desk.database.tx(desk.shop.id) as tx:
        await editing.draft(tx, order.id, STAFF, actions)
    return order.id


async def _edit(tx: Tx, order_id: UUID, actor: Actor) -> None:
    drafts = await tx.connection.fetch("SELECT id, version FROM order_change WHERE order_id = $1", order_id)
    await editing.confirm(tx, order_id, drafts[0]["id"], actor, version=drafts[0]["version"])


cancel, fulfil, refund, edit = (_in_one(do) for do in (_cancel, fulfilling.fulfil, _refund, _edit))
PAIRS = {
    "cancel against fulfil": (cancel, fulfil, True),
    "fulfil against cancel": (fulfil, cancel, True),
    "fulfil against fulfil": (fulfil, fulfil, True),
    "cancel against cancel": (cancel, cancel, True),
    "refund against refund": (refund, refund, True),
    "refund against cancel": (refund, cancel, True),
    "cancel against refund": (cancel, refund, True),
    "edit against fulfil": (edit, fulfil, True),
    "fulfil against edit": (fulfil, edit, True),
    "edit against cancel": (edit, cancel, True),
    "edit against edit": (edit, edit, True),
    "capture against void": (_capture, cancel, False),
    "void against capture": (cancel, _capture, False),
    "capture against capture": (_capture, _capture, False),
}


async def _uncaptured(desk: Desk) -> UUID:
    desk.bank.away = {"capture"}
    order = await desk.order(3, 1)
    desk.bank.away = set()
    assert order.payment_state == "authorised"
    return order.id


async def _run(do: Callable[[], Awaitable[object]]) -> str:
    try:
        await do()
    except (Conflict, PaymentWasRefused) as refused:
        return refused.code
    return "done"


async def _both(
    interruption: Interruption, first: Callable[[], Awaitable[object]], second: Callable[[], Awaitable[object]]
) -> tuple[bool, list[str]]:
    """Whether the first had ended before its interruption, and what became of both."""
    one = asyncio.create_task(_run(first))
    reached = asyncio.create_task(interruption.reached.wait())
    await asyncio.wait({one, reached}, return_when=asyncio.FIRST_COMPLETED)
    ended = one.done()
    other = asyncio.create_task(_run(second))
    await asyncio.wait({other}, timeout=BLOCKED_SECONDS)
    interruption.go.set()
    answers = list(await asyncio.gather(one, other))
    reached.cancel()
    return ended, answers


@pytest.mark.parametrize("pair", PAIRS)
async def test_wherever_one_hand_is_interrupted_the_order_stays_right(pair: str, database_urls: DatabaseUrls) -> None:
    first, second, paid = PAIRS[pair]
    seeded = seed_shop(database_urls, "raced", stock=1_000)
    database = Database(database_urls.app, pool_size=4)
    desk = await Desk.at(database, seeded)
    at = 0
    ended = False
    while not ended:
        at += 1
        order_id = await (_drafted(desk) if paid else _uncaptured(desk))
        ended, answers = await _race(database_urls, desk, order_id, first, second, at)
        assert "done" in answers
        assert await all_faults(database, seeded) == [], (at, answers)
        async with database.tx(seeded.id) as tx:
            assert await unsettled(tx) == [], (at, answers)
    assert at > 5
    await database.close()


async def _race(
    urls: DatabaseUrls, desk: Desk, order_id: UUID, first: Hand, second: Hand, at: int
) -> tuple[bool, list[str]]:
    """Whether the first hand had ended before its interruption, and what became of both."""
    interruption = Interruption(at)
    slow = Interrupted(urls.app, interruption)
    slow_desk = Desk(slow, desk.seeded, desk.shop, desk.bank)
    ended, answers = await _both(interruption, lambda: first(slow_desk, order_id), lambda: second(desk, order_id))
    await slow.close()
    # Whoever was overtaken between two transactions leaves its provider's part to the next round.
    await desk.money.settle(desk.shop.id, order_id)
    return ended, answers


async def test_wherever_one_of_two_carts_is_interrupted_one_gift_card_pays_for_one(database_urls: DatabaseUrls) -> None:
    seeded = seed_shop(database_urls, "raced")
    database = Database(database_urls.app, pool_size=4)
    desk = await Desk.at(database, seeded)
    at, ended, price = 0, False, 500
    while not ended:
        at += 1
        code = await desk.gift_card(price + 99)
        carts = [(shopper := await desk.shopper(), await desk.cart(shopper, [3, 1])) for _ in range(2)]

        async def buy(at_desk: Desk, place: int, code: str = code, carts: Any = tuple(carts)) -> None:
            await at_desk.try_to_pay(*carts[place], code)

        interruption = Interruption(at)
        slow = Interrupted(database_urls.app, interruption)
        slow_desk = Desk(slow, seeded, desk.shop, desk.bank)
        ended, answers = await _both(interruption, lambda: buy(slow_desk, 0), lambda: buy(desk, 1))  # noqa: B023
        await slow.close()
        assert sorted(answers) == ["done", "payments.refused"], at
        assert await all_faults(database, seeded) == [], at
        assert await desk.on_cards() == (99 * at, 0, price * at)
    assert at > 20
    await database.close()


Checkouts = Callable[[Desk, Shopper, UUID, UUID], Awaitable[object]]


async def _webhook(desk: Desk, shopper: Shopper, cart_id: UUID, payment_id: UUID) -> None:
    await desk.hear("payment_changed", payment_id)


async def _redirect(desk: Desk, shopper: Shopper, cart_id: UUID, payment_id: UUID) -> None:
    await desk.checkout.go_on(desk.shop, shopper, cart_id)


async def _complete(desk: Desk, shopper: Shopper, cart_id: UUID, payment_id: UUID) -> None:
    await desk.try_to_pay(shopper, cart_id, "tok_ok")


async def _give_up(desk: Desk, shopper: Shopper, cart_id: UUID, payment_id: UUID) -> None:
    await desk.checkout.give_up(desk.shop, shopper, cart_id)


async def _recover(desk: Desk, shopper: Shopper, cart_id: UUID, payment_id: UUID) -> None:
    await desk.checkout.recover(desk.shop, older_than=timedelta(0))


CHECKOUTS: dict[str, tuple[Checkouts, Checkouts]] = {
    "webhook against redirect": (_webhook, _redirect),
    "redirect against webhook": (_redirect, _webhook),
    "webhook against complete": (_webhook, _complete),
    "webhook against giving up": (_webhook, _give_up),
    "redirect against recovery": (_redirect, _recover),
}


@pytest.mark.parametrize("pair", CHECKOUTS)
async def test_wherever_news_of_a_payment_is_interrupted_there_is_one_order_or_none(
    pair: str, database_urls: DatabaseUrls
) -> None:
    first, second = CHECKOUTS[pair]
    seeded = seed_shop(database_urls, "raced")
    database = Database(database_urls.app, pool_size=4)
    desk = await Desk.at(database, seeded)
    at, ended = 0, False
    while not ended:
        at += 1
        shopper = await desk.shopper()
        cart_id = await desk.cart(shopper, (3, 1))
        waiting = await desk.try_to_pay(shopper, cart_id, "tok_ok", "tok_challenge")
        assert isinstance(waiting, Waiting)
        payment_id = waiting.payments[0].id
        desk.bank.answer(payment_id, approved=True)
        before = len(desk.bank.taken)

        def hand(do: Checkouts, *about: Any) -> Hand:
            return lambda at_desk, _: do(at_desk, *about)

        about = (shopper, cart_id, payment_id)
        ended, _ = await _race(database_urls, desk, cart_id, hand(first, *about), hand(second, *about), at)
        await desk.checkout.recover(desk.shop, older_than=timedelta(0))
        async with database.tx(seeded.id) as tx:
            orders = await tx.connection.fetch("SELECT payment_state FROM orders WHERE cart_id = $1", cart_id)
            assert await unsettled(tx) == [], at
        assert [row["payment_state"] for row in orders] in (["paid"], []), at
        assert len(desk.bank.taken) - before == 2 * len(orders), at
        assert desk.bank.held == {}, at
        assert await all_faults(database, seeded) == [], at
    assert at > 5
    await database.close()


async def test_units_are_returned_once_by_two_at_once(database_urls: DatabaseUrls) -> None:
    seeded: SeededShop = seed_shop(database_urls, "raced")
    database = Database(database_urls.app, pool_size=4)
    desk = await Desk.at(database, seeded)
    order = await desk.order(2)
    await fulfil(desk, order.id)
    announced = [Announced(order.lines[0].id, 2, "other")]

    async def ask() -> str:
        async def hand(desk: Desk, order_id: UUID) -> None:
            async with desk.database.tx(desk.shop.id) as tx:
                await returning.request(tx, order_id, STAFF, announced, note="")

        return await _run(lambda: hand(desk, order.id))

    assert sorted(await asyncio.gather(ask(), ask(), ask())) == ["done", *["orders.too_many_units"] * 2]
    assert await all_faults(database, seeded) == []
    await database.close()
