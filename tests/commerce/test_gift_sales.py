"""Gift cards sold as goods: good for their price once sent, untaxed when sold, and void when they are given back."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import httpx
import pytest

from commerce.identity.service import Shopper
from commerce.identity.staff import create_key
from commerce.orders import cancelling, claiming, fulfilling, gift_sales, refunding, returning
from commerce.orders.claiming import Claimed
from commerce.orders.gift_sales import CodeShown, GiftCardUsed, NotPaidYet
from commerce.orders.held import by_shopper
from commerce.orders.returning import Announced
from commerce.orders.schemas import StaffOrderOut
from commerce.payments import terms
from commerce.stored_value.service import GiftCardNotFound
from commerce.taxes import service as taxes
from commerce.taxes.schemas import PolicyIn, RateIn, RatesIn
from foundation.database import Database, Tx
from tests.commerce.desk import STAFF, Desk, GiftCardCode
from tests.commerce.invariants import all_faults, unsettled
from tests.factories import SeededShop, seed_shop

if TYPE_CHECKING:
    from tests.commerce.conftest import Browser
    from tests.conftest import DatabaseUrls


@pytest.fixture
async def desk(database_urls: DatabaseUrls) -> AsyncIterator[Desk]:
    """A shop that adds a tenth of tax, and whose second product, at 200, is a gift card."""
    database = Database(database_urls.app, pool_size=6)
    desk = await Desk.at(database, seed_shop(database_urls, "gifts", stock=9))
    async with database.tx(desk.shop.id) as tx:
        await taxes.set_policy(tx, PolicyIn(included=False, country="US"))
        await taxes.set_rates(tx, "US", RatesIn(rates=[RateIn.model_validate({"name": "Tax", "rate": "0.1"})]))
        await gift_sales.mark(tx, desk.seeded.products[1].handle, gift_card=True)
    yield desk
    assert await all_faults(database, desk.seeded) == []
    async with database.tx(desk.shop.id) as tx:
        assert await unsettled(tx) == []
    await database.close()


async def _do(desk: Desk, order: StaffOrderOut, do: Callable[[Tx], Awaitable[Any]]) -> Any:
    async with desk.database.tx(desk.shop.id) as tx:
        done = await do(tx)
    await desk.money.settle(desk.shop.id, order.id)
    return done


async def _sent(desk: Desk, *quantities: int) -> tuple[Shopper, StaffOrderOut]:
    shopper = await desk.shopper()
    order = await desk.look((await desk.pay(shopper, await desk.cart(shopper, quantities))).id)
    await _do(desk, order, lambda tx: fulfilling.fulfil(tx, order.id, STAFF))
    return shopper, await desk.look(order.id)


async def _show(desk: Desk, shopper: Shopper, order: StaffOrderOut) -> GiftCardCode:
    card_id, actor = order.gift_cards[0].id, by_shopper(shopper)
    code = await _do(desk, order, lambda tx: gift_sales.show(tx, order.id, card_id, actor, owner=shopper))
    return GiftCardCode(code)


async def _books(desk: Desk) -> dict[str, int]:
    async with desk.database.tx(desk.shop.id) as tx:
        rows = await tx.connection.fetch("SELECT account, sum(amount)::bigint FROM ledger_posting GROUP BY account")
    return dict(tuple(row) for row in rows)


async def test_a_card_is_sold_untaxed_becomes_good_when_sent_and_pays_for_the_next_order(desk: Desk) -> None:
    shopper = await desk.shopper()
    placed = await desk.look((await desk.pay(shopper, await desk.cart(shopper, [1, 2]))).id)
    assert ([line.tax for line in placed.lines], placed.total.amount, placed.gift_cards) == ([10, 0], 510, [])
    await _do(desk, placed, lambda tx: fulfilling.fulfil(tx, placed.id, STAFF))
    order = await desk.look(placed.id)
    assert [(card.amount, card.available, card.ending) for card in order.gift_cards] == [(200, 200, None)] * 2
    books = await _books(desk)
    assert (books["sales"], books["gift_cards_sold"], books["gift_cards"]) == (-510, 400, -400)

    code = await _show(desk, shopper, order)
    assert (await desk.look(order.id)).gift_cards[0].ending == code[-4:]
    with pytest.raises(CodeShown):
        await _show(desk, shopper, order)
    nobody, actor = uuid4(), by_shopper(shopper)
    with pytest.raises(GiftCardNotFound):
        await _do(desk, order, lambda tx: gift_sales.show(tx, order.id, nobody, actor, owner=shopper))
    friend = await desk.shopper()
    await desk.try_to_pay(friend, await desk.cart(friend, [1]), code, "tok_ok")
    assert (await desk.look(order.id)).gift_cards[0].available == 150


async def test_a_card_given_back_is_void_and_one_that_was_spent_from_is_not_given_back(desk: Desk) -> None:
    shopper, order = await _sent(desk, 0, 3)
    line = order.lines[0].id
    code = await _show(desk, shopper, order)
    friend = await desk.shopper()
    await desk.try_to_pay(friend, await desk.cart(friend, [1]), code, "tok_ok")
    with pytest.raises(GiftCardUsed) as refused:
        await _do(desk, order, lambda tx: refunding.refund_units(tx, order.id, STAFF, lines=[(line, 3)], reason="x"))
    assert (refused.value.quantity, refused.value.possible) == (3, 2)
    await _do(desk, order, lambda tx: refunding.refund_units(tx, order.id, STAFF, lines=[(line, 1)], reason="x"))

    back = [Announced(line, 2, "other")]
    return_id = await _do(desk, order, lambda tx: returning.request(tx, order.id, STAFF, back, note=""))
    with pytest.raises(GiftCardUsed):
        await _do(desk, order, lambda tx: returning.receive(tx, order.id, return_id, STAFF, None, warehouse="main"))
    seen = await desk.look(order.id)
    assert (seen.refunded.amount, sorted(card.available for card in seen.gift_cards)) == (200, [0, 150, 200])
    one = [returning.Arrived(line, 1, restock=True)]
    await _do(desk, order, lambda tx: returning.receive(tx, order.id, return_id, STAFF, one, warehouse="main"))
    assert sorted(card.available for card in (await desk.look(order.id)).gift_cards) == [0, 0, 150]


async def test_a_card_that_is_replaced_is_void_and_the_other_as_good(desk: Desk) -> None:
    _, order = await _sent(desk, 0, 1)
    claimed = [Claimed(order.lines[0].id, 1, "damaged")]
    claim_id = await _do(desk, order, lambda tx: claiming.raise_claim(tx, order.id, STAFF, claimed))
    await _do(desk, order, lambda tx: claiming.replace_units(tx, order.id, claim_id, STAFF))
    await _do(desk, order, lambda tx: fulfilling.fulfil(tx, order.id, STAFF))
    cards = (await desk.look(order.id)).gift_cards
    assert [(card.line_id == order.lines[0].id, card.available) for card in cards] == [(True, 0), (False, 200)]


async def test_what_is_not_sent_is_cancelled_as_goods_are_and_no_card_was_ever_good(desk: Desk) -> None:
    order = await desk.order(0, 2)
    lines = [(order.lines[0].id, 1)]
    with pytest.raises(GiftCardUsed):
        await _do(desk, order, lambda tx: refunding.refund_units(tx, order.id, STAFF, lines=lines, reason="x"))
    await _do(desk, order, lambda tx: cancelling.cancel(tx, order.id, STAFF, reason="x"))
    seen = await desk.look(order.id)
    assert (seen.refunded.amount, seen.gift_cards, await desk.on_cards()) == (400, [], (None, None, None))


async def test_a_card_is_given_back_or_spent_when_both_are_tried_at_once(desk: Desk) -> None:
    shopper, order = await _sent(desk, 0, 1)
    code = await _show(desk, shopper, order)
    friend = await desk.shopper()
    cart, lines = await desk.cart(friend, [1]), [(order.lines[0].id, 1)]
    done = await asyncio.gather(
        desk.try_to_pay(friend, cart, code, "tok_ok"),
        _do(desk, order, lambda tx: refunding.refund_units(tx, order.id, STAFF, lines=lines, reason="x")),
        return_exceptions=True,
    )
    assert sum(isinstance(answer, Exception) for answer in done) == 1, done
    seen = await desk.look(order.id)
    assert (seen.refunded.amount, seen.gift_cards[0].available) in ((200, 0), (0, 150))


async def test_no_card_is_sent_before_its_money_is_here(desk: Desk) -> None:
    async with desk.database.tx(desk.shop.id) as tx:
        await terms.allow(tx, "cod", None, 0)
    order = await desk.order(0, 1, token="cash")
    with pytest.raises(NotPaidYet):
        await _do(desk, order, lambda tx: fulfilling.fulfil(tx, order.id, STAFF))
    assert (await desk.look(order.id)).fulfilment_state == "unfulfilled"
    await _do(desk, order, lambda tx: cancelling.cancel(tx, order.id, STAFF, reason="x"))


async def test_the_code_is_in_one_answer_alone_and_for_its_buyer(
    app: Any, browser: Browser, staff: httpx.AsyncClient, grocer: SeededShop, rows: Any
) -> None:
    handle = grocer.products[1].handle
    assert (await staff.put(f"/v1/admin/gift-card-products/{handle}")).status_code == 204
    missing = await staff.put("/v1/admin/gift-card-products/no-such-thing")
    assert (missing.status_code, missing.json()["code"]) == (404, "gift_cards.product_not_found")
    rates = {"rates": [{"name": "Tax", "rate": "0.1", "tax_class": "gift-card"}]}
    refused = await staff.put("/v1/admin/taxes/rates/US", json=rates)
    assert (refused.status_code, refused.json()["code"]) == (422, "request.invalid_fields")

    order = (await browser.complete(await browser.add(await browser.cart(), grocer.products[1].variant_id))).json()
    where = f"/v1/admin/orders/{order['id']}"
    sent = await staff.post(f"{where}/fulfilments", json={}, headers={"Idempotency-Key": "send"})
    (card,) = sent.json()["gift_cards"]
    path = f"/v1/store/orders/{order['id']}/gift-cards/{card['id']}/code"
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url=f"http://{grocer.host}") as stranger:
        await stranger.post("/v1/store/sessions", json={})
        denied = await stranger.post(path, headers={"Idempotency-Key": "a"})
        assert (denied.status_code, denied.json()["code"]) == (404, "orders.not_found")
    first, again = [(await browser.http.post(path, headers={"Idempotency-Key": "show"})).json() for _ in range(2)]
    assert (len(first["code"]), again["code"]) == (19, None)
    kept = "SELECT count(*) FROM idempotency_key WHERE position(convert_to(%s, 'UTF8') IN body) > 0"
    assert rows(kept, first["code"]) == [(0,)]
    other = await browser.http.post(path, headers={"Idempotency-Key": "other"})
    assert (other.status_code, other.json()["code"]) == (409, "gift_cards.code_shown")

    async with app.state.core.database.transaction(grocer.id) as session:
        _, token = await create_key(session, grocer.id, name="Till", scopes=["stored_value:write"])
    too_little = {"Idempotency-Key": "new", "Authorization": f"Bearer {token}"}
    forbidden = await staff.post(f"{where}/gift-cards/{card['id']}/renewal", headers=too_little)
    assert (forbidden.status_code, forbidden.json()["code"]) == (403, "identity.scope_missing")
    renewed = await staff.post(f"{where}/gift-cards/{card['id']}/renewal", headers={"Idempotency-Key": "new"})
    assert (renewed.status_code, renewed.json()["gift_cards"][0]["ending"]) == (200, None)
    fresh = (await browser.http.post(path, headers={"Idempotency-Key": "fresh"})).json()["code"]
    looked = [
        (await browser.http.post("/v1/store/gift-cards/lookup", json={"code": code})).status_code
        for code in (first["code"], fresh)
    ]
    assert looked == [404, 200]
