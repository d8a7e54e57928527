"""Carts that were left with something in them, as the worker marks them and as the events tell it."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from commerce.cart import saved, service
from commerce.cart.abandonment import abandoned, mark
from commerce.identity import service as identity
from commerce.identity.service import Shopper
from foundation import clock
from foundation.database import Database
from foundation.errors import Problem
from foundation.events import AddToCart, CartAbandoned, Event, Item, OrderPlaced, Payload, RemoveFromCart, record
from tests.commerce.desk import AGREED, Desk
from tests.factories import seed_shop

if TYPE_CHECKING:
    from tests.conftest import DatabaseUrls

HOUR = timedelta(hours=1)
START = datetime(2026, 11, 25, 12, tzinfo=UTC)
ONE, TWO = UUID(int=1), UUID(int=2)
SHOP, PRODUCT = UUID(int=7), UUID(int=8)


def _said(payload: Payload, cart_id: UUID, minutes: int) -> Event:
    return record(payload, tenant_id=SHOP, aggregate_id=cart_id, occurred_at=START + timedelta(minutes=minutes))


def _add(cart_id: UUID, minutes: int, quantity: int = 1) -> Event:
    return _said(AddToCart(items=[Item(item_id=PRODUCT, quantity=quantity)]), cart_id, minutes)


def _remove(cart_id: UUID, minutes: int, quantity: int = 1) -> Event:
    return _said(RemoveFromCart(items=[Item(item_id=PRODUCT, quantity=quantity)]), cart_id, minutes)


def _placed(cart_id: UUID, minutes: int) -> Event:
    amounts: dict[str, Any] = dict.fromkeys(("subtotal", "discount", "shipping", "tax", "total"), 0)
    return _said(OrderPlaced(order_id=TWO, cart_id=cart_id, currency="USD", lines=[], **amounts), TWO, minutes)


def _told(cart_id: UUID, minutes: int) -> Event:
    said = CartAbandoned(cart_id=cart_id, currency="USD", value=1, lines=1, units=1, last_active_at=START)
    return _said(said, cart_id, minutes)


def _at(minutes: int, *events: Event) -> dict[UUID, datetime]:
    return abandoned(events, at=START + timedelta(minutes=minutes), after=HOUR)


def test_a_cart_is_abandoned_once_nothing_has_happened_to_it_for_long_enough() -> None:
    added = _add(ONE, 5)
    assert _at(64, added) == {}
    assert _at(65, added) == {ONE: added.occurred_at}
    assert _at(65, added, _add(ONE, 30)) == {}


@pytest.mark.parametrize("end", [_remove(ONE, 6), _placed(ONE, 6), _told(ONE, 66)])
def test_an_empty_ordered_or_told_cart_is_not(end: Event) -> None:
    assert _at(600, _add(ONE, 5), end) == {}


def test_a_cart_that_was_gone_on_with_can_be_abandoned_again() -> None:
    again = _add(ONE, 100)
    assert _at(160, _add(ONE, 5), _told(ONE, 66), again) == {ONE: again.occurred_at}


events = st.lists(
    st.one_of(
        st.builds(_add, st.sampled_from([ONE, TWO]), st.integers(0, 200), st.integers(1, 3)),
        st.builds(_remove, st.sampled_from([ONE, TWO]), st.integers(0, 200), st.integers(1, 3)),
        st.builds(_told, st.sampled_from([ONE, TWO]), st.integers(0, 200)),
        st.builds(_placed, st.sampled_from([ONE, TWO]), st.integers(0, 200)),
    ),
    max_size=12,
)


@given(st.data(), events, st.integers(0, 300))
def test_events_that_come_twice_or_in_another_order_say_the_same(data: Any, told: list[Event], at: int) -> None:
    twice = data.draw(st.permutations(told + told[:5]))
    assert _at(at, *twice) == _at(at, *told)


@pytest.fixture
async def desk(database_urls: DatabaseUrls) -> AsyncIterator[Desk]:
    database = Database(database_urls.app, pool_size=4)
    yield await Desk.at(database, seed_shop(database_urls, "corner", titles=("Tomato soup", "Orange juice")))
    await database.close()


async def _mark(desk: Desk) -> int:
    async with desk.database.tx(desk.shop.id) as tx:
        return await mark(tx, after=HOUR)


async def _stream(desk: Desk) -> list[Event]:
    async with desk.database.tx(desk.shop.id) as tx:
        rows = await tx.connection.fetch("SELECT *, payload::text AS said FROM outbox ORDER BY seq")
    fields = Event.model_fields.keys() - {"payload", "consent"}
    return [Event(**{name: row[name] for name in fields}, payload=json.loads(row["said"])) for row in rows]


async def _put(desk: Desk, shopper: Shopper, cart_id: UUID, quantity: int) -> None:
    """So many of the first product in the cart, or one more: every touch is an event."""
    sold = desk.seeded.products[0]
    async with desk.database.tx(desk.shop.id) as tx:
        lines = (await service.get(tx, shopper, cart_id)).lines
        if lines:
            different = quantity + (quantity == lines[0].quantity)
            await service.change(tx, shopper, cart_id, lines[0].id, different)
        elif quantity:
            await service.add(tx, shopper, cart_id, variant_id=sold.variant_id, quantity=quantity, decision_id=None)


async def test_a_cart_is_told_of_once_and_again_when_it_is_left_again(desk: Desk) -> None:
    shopper = await desk.shopper()
    cart_id = await desk.cart(shopper, [2, 1])
    await desk.cart(await desk.shopper(), [])
    start = clock.now()
    with clock.use(lambda: start + timedelta(minutes=59)):
        assert await _mark(desk) == 0
    with clock.use(lambda: start + 2 * HOUR):
        assert sum(await asyncio.gather(*(_mark(desk) for _ in range(4)))) == 1
        assert await _mark(desk) == 0
        await _put(desk, shopper, cart_id, 5)
        assert await _mark(desk) == 0
    with clock.use(lambda: start + 4 * HOUR):
        assert await _mark(desk) == 1
    told = [event for event in await _stream(desk) if event.name == "cart.abandoned"]
    assert [(event.aggregate_id, event.visitor_id) for event in told] == [(cart_id, shopper.visitor_id)] * 2
    assert [(event.payload["units"], event.payload["value"]) for event in told] == [(3, 400), (6, 700)]


async def test_a_cart_that_became_an_order_is_not_told_of(desk: Desk) -> None:
    shopper = await desk.shopper()
    await desk.pay(shopper, await desk.cart(shopper, [1, 0]))
    later = clock.now() + 10 * HOUR
    with clock.use(lambda: later):
        assert await _mark(desk) == 0


@pytest.mark.parametrize("seed", range(4))
async def test_the_worker_marks_the_carts_that_the_events_say_are_abandoned(desk: Desk, seed: int) -> None:
    chance = random.Random(seed)
    now = clock.now()
    shoppers = [await desk.shopper() for _ in range(4)]
    for step in range(40):
        now += timedelta(minutes=chance.choice([1, 20, 61]))
        with clock.use(lambda at=now: at):  # type: ignore[misc]
            shopper = chance.choice(shoppers)
            what = chance.choice(["put", "put", "put", "pay", "sign in", "look", "look"])
            if what == "look":
                expected = abandoned(await _stream(desk), at=now, after=HOUR)
                before = len(await _told_of(desk))
                await _mark(desk)
                marked = (await _told_of(desk))[before:]
                assert sorted(marked) == sorted(expected), (seed, step)
            elif what == "sign in" and shopper.customer_id is None:
                shoppers[shoppers.index(shopper)] = await _sign_in(desk, shopper)
            else:
                cart_id = await desk.cart(shopper, [])
                if what == "put":
                    await _put(desk, shopper, cart_id, chance.randint(0, 3))
                else:
                    with suppress(Problem):
                        await desk.pay(shopper, cart_id, chance.choice(["tok_ok", "tok_declined"]))


async def _told_of(desk: Desk) -> list[UUID]:
    return [event.aggregate_id for event in await _stream(desk) if event.name == "cart.abandoned"]


async def _sign_in(desk: Desk, visitor: Shopper) -> Shopper:
    async with desk.database.tx(desk.shop.id) as tx:
        customer = await identity.customer_by_reference(tx, "household-1")
        _, shopper = await identity.open_session(
            tx, ttl=HOUR, visitor_id=visitor.visitor_id, customer=customer, agreed=AGREED
        )
        await saved.adopt(tx, visitor=visitor, shopper=shopper)
        await service.adopt(tx, visitor=visitor, shopper=shopper)
    return shopper
