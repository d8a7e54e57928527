"""Attempts to pay: several payments, challenges, and everybody who may bring one to its end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from commerce.cart import service as carts
from commerce.cart.service import CartNotFound, CartNotOpen
from commerce.checkout.refusals import NothingToContinue, ReservationLost
from commerce.checkout.splitting import PaymentsDontAddUp, shares
from commerce.identity.service import Shopper
from commerce.inventory import service as inventory
from commerce.orders.schemas import OrderOut
from commerce.payments.providers import ProviderUnavailable
from commerce.payments.schemas import Waiting
from commerce.payments.service import PaymentWasRefused
from foundation import clock
from foundation.database import Database
from foundation.errors import Conflict
from tests.commerce.desk import SOON, Desk
from tests.commerce.invariants import all_faults, unsettled
from tests.factories import seed_shop

if TYPE_CHECKING:
    from tests.commerce.conftest import Browser
    from tests.conftest import DatabaseUrls
    from tests.factories import SeededShop

STUCK = timedelta(minutes=2)


@pytest.fixture
async def desk(database_urls: DatabaseUrls) -> AsyncIterator[Desk]:
    database = Database(database_urls.app, pool_size=4)
    desk = await Desk.at(database, seed_shop(database_urls, "parts"))
    yield desk
    assert await all_faults(database, desk.seeded) == []
    await database.close()


async def _to_pay(desk: Desk) -> tuple[Shopper, UUID]:
    shopper = await desk.shopper()
    return shopper, await desk.cart(shopper, [3, 1])


async def _challenged(desk: Desk, *tokens: str) -> tuple[Shopper, UUID, UUID]:
    """A shopper, their cart, and the payment that waits for them."""
    shopper, cart_id = await _to_pay(desk)
    waiting = await desk.try_to_pay(shopper, cart_id, *(tokens or ("tok_challenge",)))
    assert isinstance(waiting, Waiting)
    assert waiting.payments[0].action_url == "https://bank.example/challenge"
    return shopper, cart_id, waiting.payments[0].id


async def _went_to_nothing(desk: Desk, shopper: Shopper, cart_id: UUID) -> None:
    async with desk.database.tx(desk.shop.id) as tx:
        assert (await carts.get(tx, shopper, cart_id)).status == "open"
        left = await inventory.availability(tx, [sold.variant_id for sold in desk.seeded.products[:2]])
        assert await tx.connection.fetch("SELECT id FROM orders") == []
    assert list(left.values()) == [100, 100]
    assert desk.bank.held == desk.bank.taken == {}


@given(total=st.integers(1, 10**15), parts=st.lists(st.integers(1, 10**15), max_size=4))
def test_shares_are_the_total_or_nothing_is_shared(total: int, parts: list[int]) -> None:
    try:
        shared = shares(total, [*parts, None])
    except PaymentsDontAddUp:
        assert sum(parts) >= total
    else:
        assert sum(shared) == total
        assert shared[:-1] == parts
        assert min(shared) > 0


@pytest.mark.parametrize("amounts", [[None, 5], [None, None], [4, 5], [10, 5], [10, None], [11, None], [9]])
def test_payments_that_do_not_make_the_total_are_refused(amounts: list[int | None]) -> None:
    with pytest.raises(PaymentsDontAddUp):
        shares(10, amounts)


async def test_a_free_cart_is_paid_with_nothing() -> None:
    assert shares(0, [None]) == [0]


async def test_an_order_is_paid_with_several_payments(desk: Desk) -> None:
    shopper, cart_id = await _to_pay(desk)
    order = await desk.try_to_pay(shopper, cart_id, "tok_ok", "tok_ok", "tok_ok")
    assert isinstance(order, OrderOut)
    assert order.payment_state == "paid"
    assert sorted(desk.bank.taken.values()) == [50, 50, order.total.amount - 100]


async def test_one_refusal_lets_the_others_go(desk: Desk) -> None:
    shopper, cart_id = await _to_pay(desk)
    with pytest.raises(PaymentWasRefused):
        await desk.try_to_pay(shopper, cart_id, "tok_ok", "tok_declined", "tok_ok")
    await _went_to_nothing(desk, shopper, cart_id)
    await desk.pay(shopper, cart_id)


async def test_a_payment_without_an_answer_lets_the_others_go_even_when_that_has_to_be_asked_again(desk: Desk) -> None:
    shopper, cart_id = await _to_pay(desk)
    desk.bank.away = {"void"}
    with pytest.raises(ProviderUnavailable):
        await desk.try_to_pay(shopper, cart_id, "tok_ok", "tok_unavailable")
    assert len(desk.bank.held) == 1
    desk.bank.away = set()
    later = clock.now() + STUCK * 2
    with clock.use(lambda: later):
        assert await desk.checkout.recover(desk.shop, older_than=STUCK) == 2
        assert await desk.checkout.recover(desk.shop, older_than=STUCK) == 0
    await _went_to_nothing(desk, shopper, cart_id)


async def test_a_challenge_that_is_passed_places_the_order_once(desk: Desk) -> None:
    shopper, cart_id, payment_id = await _challenged(desk)
    assert isinstance(await desk.checkout.go_on(desk.shop, shopper, cart_id), Waiting)
    assert isinstance(await desk.try_to_pay(shopper, cart_id, "tok_challenge"), Waiting)
    desk.bank.answer(payment_id, approved=True)
    order = await desk.checkout.go_on(desk.shop, shopper, cart_id)
    assert isinstance(order, OrderOut)
    assert order.payment_state == "paid"
    assert await desk.checkout.go_on(desk.shop, shopper, cart_id) == order
    assert await desk.pay(shopper, cart_id) == order
    assert len(desk.bank.taken) == 1


async def test_a_challenge_that_is_failed_opens_the_cart_again(desk: Desk) -> None:
    shopper, cart_id, payment_id = await _challenged(desk, "tok_ok", "tok_challenge")
    desk.bank.answer(payment_id, approved=False)
    for _ in range(2):
        with pytest.raises(PaymentWasRefused):
            await desk.checkout.go_on(desk.shop, shopper, cart_id)
    await _went_to_nothing(desk, shopper, cart_id)


async def test_what_was_checked_is_what_is_placed_whatever_a_challenge_took(desk: Desk) -> None:
    shopper, cart_id, payment_id = await _challenged(desk)
    async with desk.database.tx(desk.shop.id) as tx:
        await tx.connection.execute("UPDATE price SET amount = 1; UPDATE cart_line SET unit_price = 1")
    desk.bank.answer(payment_id, approved=True)
    order = await desk.checkout.go_on(desk.shop, shopper, cart_id)
    assert isinstance(order, OrderOut)
    assert order.total.amount == 3 * 100 + 200


async def test_everybody_who_brings_the_news_at_once_makes_one_order(desk: Desk) -> None:
    shopper, cart_id, payment_id = await _challenged(desk, "tok_ok", "tok_challenge")
    desk.bank.answer(payment_id, approved=True)

    async def ask(do: Any) -> object:
        try:
            return await do
        except Conflict as refused:
            return refused.code

    told = await asyncio.gather(
        *(ask(desk.checkout.go_on(desk.shop, shopper, cart_id)) for _ in range(4)),
        *(ask(desk.try_to_pay(shopper, cart_id, "tok_ok")) for _ in range(4)),
        *(ask(desk.checkout.recover(desk.shop, older_than=timedelta())) for _ in range(2)),
    )
    orders = {answer.id for answer in told if isinstance(answer, OrderOut)}
    assert len(orders) == 1
    assert [answer for answer in told[:8] if not isinstance(answer, OrderOut)] == []
    assert len(desk.bank.taken) == 2
    assert desk.bank.held == {}


async def test_a_shopper_who_does_not_come_back_is_waited_for_as_long_as_the_stock_is_held(desk: Desk) -> None:
    shopper, cart_id, payment_id = await _challenged(desk)
    for minutes, over in ((3, False), (16, True)):
        later = clock.now() + timedelta(minutes=minutes)
        with clock.use(lambda later=later: later):
            await desk.checkout.recover(desk.shop, older_than=STUCK)
        async with desk.database.tx(desk.shop.id) as tx:
            assert ((await carts.get(tx, shopper, cart_id)).status == "open") is over
    desk.bank.answer(payment_id, approved=True)
    with pytest.raises(ReservationLost):
        await desk.checkout.go_on(desk.shop, shopper, cart_id)
    await _went_to_nothing(desk, shopper, cart_id)


async def test_a_provider_whose_news_got_lost_is_asked(desk: Desk) -> None:
    _, _, payment_id = await _challenged(desk)
    desk.bank.answer(payment_id, approved=True)
    later = clock.now() + STUCK * 2
    with clock.use(lambda: later):
        assert await desk.checkout.recover(desk.shop, older_than=STUCK) == 1
    assert list(desk.bank.taken) == [payment_id]


async def test_a_payment_whose_stock_ran_out_of_time_is_let_go(desk: Desk) -> None:
    shopper, cart_id, payment_id = await _challenged(desk, "tok_ok", "tok_challenge")
    desk.bank.answer(payment_id, approved=True)
    later = clock.now() + SOON * 2
    with clock.use(lambda: later):
        async with desk.database.tx(desk.shop.id) as tx:
            await inventory.release_expired(tx)
        with pytest.raises(ReservationLost):
            await desk.checkout.go_on(desk.shop, shopper, cart_id)
    await _went_to_nothing(desk, shopper, cart_id)


async def test_a_shopper_may_give_up_what_waits_for_them_and_nothing_else(desk: Desk) -> None:
    shopper, cart_id, payment_id = await _challenged(desk, "tok_ok", "tok_challenge")
    await desk.checkout.give_up(desk.shop, shopper, cart_id)
    await _went_to_nothing(desk, shopper, cart_id)
    desk.bank.answer(payment_id, approved=True)
    with pytest.raises(NothingToContinue):
        await desk.checkout.give_up(desk.shop, shopper, cart_id)
    order = await desk.pay(shopper, cart_id)
    with pytest.raises(NothingToContinue):
        await desk.checkout.give_up(desk.shop, shopper, cart_id)
    assert await desk.checkout.go_on(desk.shop, shopper, cart_id) == order
    async with desk.database.tx(desk.shop.id) as tx:
        assert await unsettled(tx) == []


async def test_an_answer_that_comes_after_the_attempt_was_given_up_is_let_go(desk: Desk) -> None:
    shopper, cart_id = await _to_pay(desk)
    authorise = desk.bank.authorise

    async def slowly(charge: Any) -> Any:
        later = clock.now() + STUCK * 2
        with clock.use(lambda: later):
            await desk.checkout.recover(desk.shop, older_than=STUCK)
        return await authorise(charge)

    desk.bank.authorise = slowly  # type: ignore[method-assign]
    with pytest.raises(ReservationLost):
        await desk.pay(shopper, cart_id)
    await _went_to_nothing(desk, shopper, cart_id)


async def test_a_stranger_can_not_continue_somebody_elses_payment(desk: Desk) -> None:
    _, cart_id, _ = await _challenged(desk)
    stranger = await desk.shopper()
    for ask in (desk.checkout.go_on, desk.checkout.give_up):
        with pytest.raises(CartNotFound):
            await ask(desk.shop, stranger, cart_id)


async def test_a_cart_that_is_just_being_paid_is_not_open(desk: Desk) -> None:
    shopper, cart_id = await _to_pay(desk)
    authorise = desk.bank.authorise

    async def meanwhile(charge: Any) -> Any:
        with pytest.raises(CartNotOpen):
            await desk.try_to_pay(shopper, cart_id, "tok_ok")
        with pytest.raises(NothingToContinue):
            await desk.checkout.give_up(desk.shop, shopper, cart_id)
        return await authorise(charge)

    desk.bank.authorise = meanwhile  # type: ignore[method-assign]
    await desk.pay(shopper, cart_id)


@pytest.mark.parametrize(
    ("payments", "status", "code"),
    [
        ([{"token": "tok_ok", "amount": 60}, {"token": "tok_ok"}], 201, None),
        ([{"token": "tok_ok", "amount": 60}, {"token": "tok_ok", "amount": 41}], 422, "checkout.payments_dont_add_up"),
        ([{"token": "tok_ok"}, {"token": "tok_ok", "amount": 60}], 422, "checkout.payments_dont_add_up"),
        ([{"token": "tok_ok", "amount": 100}, {"token": "tok_ok"}], 422, "checkout.payments_dont_add_up"),
        ([{"token": "tok_ok", "amount": 0}, {"token": "tok_ok"}], 422, "request.invalid_fields"),
        ([{"token": "tok_ok", "amount": -1}, {"token": "tok_ok"}], 422, "request.invalid_fields"),
        ([{"token": "tok_ok", "amount": 1.5}, {"token": "tok_ok"}], 422, "request.invalid_fields"),
        ([], 422, "request.invalid_fields"),
        ([{"token": "tok_ok"}] * 11, 422, "request.invalid_fields"),
        (
            [{"token": "tok_ok", "provider": "nobody", "amount": 60}, {"token": "tok_ok"}],
            422,
            "payments.unknown_provider",
        ),
    ],
)
async def test_a_cart_is_completed_with_payments_that_make_sense(
    browser: Browser, grocer: SeededShop, rows: Any, payments: list[Any], status: int, code: str | None
) -> None:
    cart = await browser.add(await browser.cart(), grocer.products[0].variant_id)
    response = await browser.http.post(
        f"/v1/store/carts/{cart['id']}/complete", json={"payments": payments}, headers={"Idempotency-Key": "parts"}
    )
    assert (response.status_code, response.json().get("code")) == (status, code)
    assert rows("SELECT count(*) FROM payment") == [(0 if code else 2,)]


@pytest.mark.one_database
@pytest.mark.parametrize("url", ["javascript:alert(1)", "//evil.example", "https://a:b@evil.example/", "ftp://x/", "x"])
async def test_a_shopper_is_sent_back_to_a_page_only(browser: Browser, grocer: SeededShop, url: str) -> None:
    cart = await browser.add(await browser.cart(), grocer.products[0].variant_id)
    response = await browser.complete(cart, return_url=url)
    assert (response.status_code, response.json()["code"]) == (422, "request.invalid_fields")


async def test_one_way_to_say_how_to_pay(browser: Browser, grocer: SeededShop) -> None:
    cart = await browser.add(await browser.cart(), grocer.products[0].variant_id)
    both = await browser.complete(cart, payments=[{"token": "tok_ok"}])
    assert (both.status_code, both.json()["code"]) == (422, "request.invalid_fields")


async def test_nothing_is_continued_that_was_not_begun(browser: Browser, grocer: SeededShop) -> None:
    cart = await browser.add(await browser.cart(), grocer.products[0].variant_id)
    for what in ("continue", "give-up"):
        response = await browser.http.post(
            f"/v1/store/carts/{cart['id']}/{what}", headers={"Idempotency-Key": f"key-{what}"}
        )
        assert (response.status_code, response.json()["code"]) == (409, "checkout.nothing_to_continue")
