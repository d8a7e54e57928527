"""Orders that go elsewhere than they were to, and what waits, is a bundle or is taxed by an engine, put into them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from uuid import UUID

import psycopg
import pytest

from commerce.cart import consigning, gifts
from commerce.cart import service as carts
from commerce.cart.schemas import ConsignmentIn, GiftIn, GiftWrapIn
from commerce.cart.service import DeliveryUnavailable
from commerce.checkout.schemas import PaymentIn
from commerce.delivery import service as delivery
from commerce.delivery.schemas import AddressIn, MethodIn
from commerce.identity.service import Shopper
from commerce.inventory import bundles, keeping, policies
from commerce.inventory.schemas import BundleIn, ComponentIn, CountIn, PolicyIn
from commerce.inventory.service import OutOfStock
from commerce.orders import cancelling, editing, fulfilling, refunding
from commerce.orders.change_schemas import AddUnits, ChangeOut, EditAction, SetAddress, SetQuantity
from commerce.orders.drafting import AddressFixed, WhichAddress
from commerce.orders.schemas import StaffOrderOut
from commerce.orders.taxing import TaxesUnquoted, asking
from commerce.taxes import service as taxes
from commerce.taxes.quotes import Answer, Question, Quote, TaxPart
from commerce.taxes.schemas import PolicyIn as TaxPolicyIn
from commerce.taxes.schemas import RateIn, RatesIn
from foundation.database import Database
from tests.commerce.desk import STAFF, Desk
from tests.commerce.invariants import all_faults
from tests.factories import seed_shop

if TYPE_CHECKING:
    from tests.conftest import DatabaseUrls

OHIO = AddressIn(name="A", line1="12 Main", postal_code="43215", city="Columbus", region="OH", country="US")
TEXAS = AddressIn(name="A", line1="1 Elm", postal_code="73301", city="Austin", region="TX", country="US")
OREGON = AddressIn(name="A", line1="9 Oak", postal_code="97201", city="Portland", region="OR", country="US")
BERLIN = AddressIn(name="A", line1="Weg 1", postal_code="10115", city="Berlin", country="DE")
RATES = [
    {"name": "Ohio", "rate": "0.05", "region": "OH"},
    {"name": "Texas", "rate": "0.1", "region": "TX"},
    {"name": "Oregon", "rate": "0.01", "region": "OR"},
]


@pytest.fixture
async def desk(database_urls: DatabaseUrls) -> AsyncIterator[Desk]:
    """A shop that sends anywhere in the US for 500 and abroad for 2000, and adds the tax of each state."""
    database = Database(database_urls.app, pool_size=4)
    desk = await Desk.at(database, seed_shop(database_urls, "moves", stock=9))
    async with database.tx(desk.shop.id) as tx:
        await taxes.set_policy(tx, TaxPolicyIn(included=False, country="US", region="OH"))
        await taxes.set_rates(tx, "US", RatesIn(rates=[RateIn.model_validate(rate) for rate in RATES]))
        await delivery.put(tx, "post", MethodIn(name="Post", price=500, countries=["US"]))
        await delivery.put(tx, "abroad", MethodIn(name="Abroad", price=2000))
    yield desk
    assert await all_faults(database, desk.seeded) == []
    await database.close()


async def _cart(desk: Desk, *quantities: int) -> tuple[Shopper, UUID]:
    shopper = await desk.shopper()
    cart_id = await desk.cart(shopper, quantities)
    async with desk.database.tx(desk.shop.id) as tx:
        await carts.set_address(tx, shopper, cart_id, OHIO)
        await carts.set_delivery(tx, shopper, cart_id, "post")
    return shopper, cart_id


async def _order(desk: Desk, *quantities: int) -> tuple[Shopper, StaffOrderOut]:
    shopper, cart_id = await _cart(desk, *quantities)
    return shopper, await desk.look((await desk.pay(shopper, cart_id)).id)


async def _draft(desk: Desk, order: StaffOrderOut, *actions: EditAction, quote: Quote | None = None) -> ChangeOut:
    async with desk.database.tx(desk.shop.id) as tx:
        change_id = await editing.draft(tx, order.id, STAFF, actions, quote=quote)
        return await editing.read(tx, order.id, change_id)


async def _confirm(desk: Desk, order: StaffOrderOut, change: ChangeOut) -> StaffOrderOut:
    async with desk.database.tx(desk.shop.id) as tx:
        await editing.confirm(tx, order.id, change.id, STAFF, version=change.version)
    await desk.money.settle(desk.shop.id, order.id)
    return await desk.look(order.id)


async def _paid(desk: Desk, shopper: Shopper, order: StaffOrderOut, change: ChangeOut) -> StaffOrderOut:
    waiting = await _confirm(desk, order, change)
    assert [(kept.status, kept.asked) for kept in waiting.changes][-1] == (
        "awaiting_payment",
        change.preview.difference,
    )
    assert (waiting.total, waiting.tax, waiting.address) == (order.total, order.tax, order.address)
    await desk.additional.pay(shopper, order.id, change.id, PaymentIn(token="tok_ok"))
    return await desk.look(order.id)


def _is_what_was_said(order: StaffOrderOut, change: ChangeOut) -> None:
    preview = change.preview
    for name in ("subtotal", "discount", "shipping", "tax", "taxes", "credited", "address", "delivery"):
        assert getattr(order, name) == getattr(preview, name), name
    assert order.total.amount == preview.total
    assert [(line.id, line.quantity, line.total + line.tax) for line in order.lines] == [
        (line.id, line.quantity, line.amount) for line in preview.lines
    ]
    assert [(to.id, to.address, to.delivery, to.shipping, to.tax) for to in order.consignments] == [
        (to.id, to.address, to.delivery, to.shipping, to.tax) for to in preview.consignments
    ]


def _to(address: AddressIn, **said: Any) -> SetAddress:
    return SetAddress(action="set_address", address=address, **said)


def _add(desk: Desk, product: int, quantity: int = 1, consignment_id: UUID | None = None) -> AddUnits:
    variant_id = desk.seeded.products[product].variant_id
    return AddUnits(action="add", variant_id=variant_id, quantity=quantity, consignment_id=consignment_id)


async def test_an_order_goes_to_a_dearer_state_once_the_difference_is_paid(desk: Desk) -> None:
    shopper, order = await _order(desk, 2, 1)
    assert (order.tax, order.total.amount) == (10 + 10 + 25, 945)
    change = await _draft(desk, order, _to(TEXAS))
    assert (change.preview.difference, change.preview.tax) == (45, 90)
    done = await _paid(desk, shopper, order, change)
    _is_what_was_said(done, change)
    assert [(tax.name, tax.base, tax.amount) for tax in done.taxes] == [("Texas", 900, 90)]
    assert [line.explanation.taxes[0].name for line in done.lines] == ["Texas", "Texas"]

    async with desk.database.tx(desk.shop.id) as tx:
        await cancelling.cancel(tx, order.id, STAFF, reason="given up")
    await desk.money.settle(desk.shop.id, order.id)
    assert (await desk.look(order.id)).refunded.amount == 945 + 45


async def test_an_order_goes_to_a_cheaper_state_with_fewer_units_and_the_rest_is_given_back(desk: Desk) -> None:
    _, order = await _order(desk, 2, 1)
    one_less = SetQuantity(action="set_quantity", line_id=order.lines[0].id, quantity=1)
    change = await _draft(desk, order, _to(OREGON), one_less, _add(desk, 2))
    # 9 of tax for 45; a soup at 100 and 1 of tax goes, a bread at 300 and 3 of tax comes.
    assert (change.preview.difference, change.preview.credited) == (-36 - 101 + 303, 101)
    one_less = await _draft(desk, order, _to(OREGON), one_less)
    done = await _confirm(desk, order, one_less)
    _is_what_was_said(done, one_less)
    assert (done.refunded.amount, done.total.amount) == (36 + 101, 909)


async def test_an_order_goes_abroad_another_way_and_later_units_are_taxed_as_there(desk: Desk) -> None:
    shopper, order = await _order(desk, 2)
    with pytest.raises(DeliveryUnavailable):
        await _draft(desk, order, _to(BERLIN))
    change = await _draft(desk, order, _to(BERLIN, delivery="abroad"))
    assert (change.preview.shipping, change.preview.tax, change.preview.difference) == (2000, 0, 1500 - 35)
    done = await _paid(desk, shopper, order, change)
    _is_what_was_said(done, change)
    assert done.delivery is not None
    assert (done.delivery.code, done.taxes[0].scheme, done.address and done.address.country) == (
        "abroad",
        "import",
        "DE",
    )

    more = await _draft(desk, done, _add(desk, 0))
    assert (more.preview.tax, more.preview.difference) == (0, 100)
    back = await _confirm(desk, done, await _draft(desk, done, _to(OHIO, delivery="post")))
    assert (back.total, back.tax, back.refunded.amount) == (order.total, order.tax, 1500 - 35)


async def test_a_gift_wrap_is_taxed_as_there_and_goes_back_with_its_line(desk: Desk) -> None:
    shopper, cart_id = await _cart(desk, 2, 1)
    async with desk.database.tx(desk.shop.id) as tx:
        await gifts.set_wrapping(tx, GiftWrapIn(price=101))
        for line in (await carts.get(tx, shopper, cart_id)).lines:
            await gifts.give(tx, shopper, cart_id, GiftIn(wrap=True), line.id)
    order = await desk.look((await desk.pay(shopper, cart_id)).id)
    assert (order.fees[0].amount, order.fees[0].tax) == (202, 10)
    juice = SetQuantity(action="set_quantity", line_id=order.lines[1].id, quantity=0)
    change = await _draft(desk, order, _to(TEXAS), juice)
    done = await _confirm(desk, order, change)
    _is_what_was_said(done, change)
    # 202 of fees and 20 of tax are two wraps at 111; the juice at 200 goes with its tax and one of them.
    assert (done.fees[0].tax, done.credited) == (20, 220 + 111)
    async with desk.database.tx(desk.shop.id) as tx:
        await cancelling.cancel(tx, order.id, STAFF, reason="given up")
    await desk.money.settle(desk.shop.id, order.id)
    seen = await desk.look(order.id)
    assert (seen.credited, seen.payment_state) == (seen.total.amount, "refunded")


async def test_next_door_nothing_is_charged_anew_whatever_the_rates_and_prices_are_by_now(desk: Desk) -> None:
    _, order = await _order(desk, 2)
    async with desk.database.tx(desk.shop.id) as tx:
        await taxes.set_rates(tx, "US", RatesIn(rates=[RateIn.model_validate({"name": "New", "rate": "0.5"})]))
        await delivery.put(tx, "post", MethodIn(name="Post", price=900, countries=["US"]))
        await fulfilling.fulfil(tx, order.id, STAFF, lines=[(order.lines[0].id, 1)])
    next_door = OHIO.model_copy(update={"line1": "14 Main"})
    done = await _confirm(desk, order, await _draft(desk, order, _to(next_door)))
    assert (done.tax, done.shipping, done.taxes, done.address and done.address.line1) == (
        35,
        500,
        order.taxes,
        "14 Main",
    )


async def test_what_has_left_or_is_credited_is_not_charged_anew(desk: Desk) -> None:
    _, sent = await _order(desk, 2)
    _, credited = await _order(desk, 2)
    async with desk.database.tx(desk.shop.id) as tx:
        await fulfilling.fulfil(tx, sent.id, STAFF, lines=[(sent.lines[0].id, 1)])
        await refunding.refund_amount(tx, credited.id, STAFF, amount=5, reason="sorry")
    await desk.money.settle(desk.shop.id, credited.id)
    for order in (sent, credited):
        with pytest.raises(AddressFixed):
            await _draft(desk, order, _to(TEXAS))


async def _split(desk: Desk) -> tuple[Shopper, StaffOrderOut]:
    """Two soups to Ohio, a soup and a juice to Texas."""
    shopper, cart_id = await _cart(desk, 3, 1)
    async with desk.database.tx(desk.shop.id) as tx:
        soup, juice = (line.id for line in (await carts.get(tx, shopper, cart_id)).lines)
        await consigning.consign(tx, shopper, cart_id, _consigned((OHIO, {soup: 2}), (TEXAS, {soup: 1, juice: 1})))
    return shopper, await desk.look((await desk.pay(shopper, cart_id)).id)


def _consigned(*to: tuple[AddressIn, dict[UUID, int]]) -> Any:
    return [
        ConsignmentIn.model_validate(
            {
                "address": address,
                "delivery": "post",
                "lines": [{"line_id": line_id, "quantity": units} for line_id, units in lines.items()],
            }
        )
        for address, lines in to
    ]


async def test_each_consignment_of_an_order_is_added_to_and_moved_by_itself(desk: Desk) -> None:
    shopper, order = await _split(desk)
    ohio, texas = order.consignments
    assert (ohio.tax, texas.tax, order.total.amount) == (10 + 25, 10 + 20 + 50, 500 + 1000 + 115)
    with pytest.raises(WhichAddress):
        await _draft(desk, order, _add(desk, 2))
    with pytest.raises(WhichAddress):
        await _draft(desk, order, _to(OREGON))
    change = await _draft(desk, order, _add(desk, 2, consignment_id=texas.id), _to(OREGON, consignment_id=ohio.id))
    assert change.preview.difference == 330 - 28
    done = await _paid(desk, shopper, order, change)
    _is_what_was_said(done, change)
    ohio, texas = done.consignments
    assert (ohio.address and ohio.address.region, ohio.tax, texas.tax) == ("OR", 2 + 5, 110)
    assert [line.consignment_id for line in done.lines] == [ohio.id, texas.id, texas.id, texas.id]
    async with desk.database.tx(desk.shop.id) as tx:
        await fulfilling.fulfil(tx, order.id, STAFF, consignment_id=texas.id)
    later = SetQuantity(action="set_quantity", line_id=done.lines[0].id, quantity=3)
    grown = await _draft(desk, done, later)
    assert (grown.preview.difference, grown.preview.lines[-1].consignment_id) == (101, ohio.id)


async def test_a_bundle_and_units_that_wait_are_put_in_with_their_stock(desk: Desk) -> None:
    shopper, order = await _order(desk, 1)
    box = BundleIn(sku="SKU3", components=[ComponentIn(sku="SKU0", quantity=2), ComponentIn(sku="SKU1", quantity=1)])
    async with desk.database.tx(desk.shop.id) as tx:
        await keeping.count(tx, CountIn(sku="SKU3", warehouse="main", counted=0))
        await bundles.put(tx, box)
        await policies.put(tx, PolicyIn(sku="SKU2", backorder_limit=4, lead_days=7))
    with pytest.raises(OutOfStock):
        await _draft(desk, order, _add(desk, 3, 5))
    with pytest.raises(OutOfStock):
        await _draft(desk, order, _add(desk, 2, 14))
    change = await _draft(desk, order, _add(desk, 3, 4), _add(desk, 2, 11))
    done = await _paid(desk, shopper, order, change)
    _is_what_was_said(done, change)
    box_line, bread = done.lines[1:]
    assert (box_line.promised_on, bread.promised_on is not None) == (None, True)
    assert [line.promised_on for line in change.preview.lines] == [None, None, bread.promised_on]
    held = await _rows(desk, "SELECT sum(reserved), (SELECT sum(quantity) FROM promise) FROM stock")
    assert held == [(1 + 8 + 4 + 9, 2)]
    async with desk.database.tx(desk.shop.id) as tx:
        await cancelling.cancel(tx, order.id, STAFF, reason="given up")
    await desk.money.settle(desk.shop.id, order.id)
    assert await _rows(desk, "SELECT sum(reserved), (SELECT sum(released) FROM promise) FROM stock") == [(0, 2)]


async def _rows(desk: Desk, statement: str) -> list[tuple[Any, ...]]:
    async with desk.database.tx(desk.shop.id, read_only=True) as tx:
        return [tuple(int(value) for value in row) for row in await tx.connection.fetch(statement)]


class Tenth:
    """An engine that takes a tenth in Ohio and a fifth elsewhere."""

    def __init__(self) -> None:
        self.asked: list[Question] = []

    async def taxes(self, question: Question) -> Answer:
        self.asked.append(question)
        share = 10 if question.destination.region == "OH" else 5

        def part(amount: int) -> tuple[TaxPart, ...]:
            return (TaxPart("Engine", str(1 / share), amount, amount // share),)

        lines = tuple(part(line.amount) for line in question.lines)
        return Answer(lines, part(question.shipping.amount), f"calc_{len(self.asked)}")


async def _asked(desk: Desk, engines: dict[str, Tenth], order: StaffOrderOut, *actions: EditAction) -> ChangeOut:
    return await asking(engines, lambda quote: _draft(desk, order, *actions, quote=quote))


async def test_an_order_that_an_engine_taxed_is_quoted_through_it_again(desk: Desk) -> None:
    async with desk.database.tx(desk.shop.id) as tx:
        await taxes.set_policy(tx, TaxPolicyIn(included=False, country="US", region="OH", engine="stripe"))
    engine = Tenth()
    engines = {"stripe": engine}
    desk.checkout = replace(desk.checkout, engines=engines)
    shopper, order = await _order(desk, 2)
    assert (order.tax, order.tax_engine.references) == (20 + 50, ["calc_1"])
    with pytest.raises(TaxesUnquoted):
        await _draft(desk, order, _add(desk, 1))

    change = await _asked(desk, engines, order, _add(desk, 1))
    assert ([line.amount for line in engine.asked[-1].lines], engine.asked[-1].shipping.amount) == ([200], 0)
    grown = await _paid(desk, shopper, order, change)
    _is_what_was_said(grown, change)
    assert (grown.tax, grown.tax_engine.references) == (90, ["calc_1", "calc_2"])

    moving = await _asked(desk, engines, grown, _to(TEXAS), _add(desk, 2))
    assert [line.amount for line in engine.asked[-1].lines] == [200, 200, 300]
    moved = await _paid(desk, shopper, grown, moving)
    _is_what_was_said(moved, moving)
    assert (moved.tax, moved.tax_engine.references) == (40 + 40 + 60 + 100, ["calc_3"])

    by_table = await _asked(desk, {}, moved, _add(desk, 0))
    assert by_table.preview.tax == moved.tax + 10


async def test_an_invoice_that_holds_no_more_is_taken_back_and_written_anew(
    desk: Desk, database_urls: DatabaseUrls
) -> None:
    with psycopg.connect(database_urls.app) as connection:
        connection.execute("SELECT set_config('tradewind.tenant_id', %s, true)", (str(desk.shop.id),))
        connection.execute(
            "INSERT INTO document_issuer (tenant_id, id, details, invoice_on, invoice_prefix, credit_note_prefix)"
            " VALUES (%s, gen_random_uuid(), '{}', 'captured', 'R-', 'G-')",
            (str(desk.shop.id),),
        )
    shopper, order = await _order(desk, 2)
    await _paid(desk, shopper, order, await _draft(desk, order, _to(TEXAS), _add(desk, 1)))
    papers = await _rows(desk, "SELECT (kind = 'invoice')::int, total, tax FROM document ORDER BY id")
    assert papers == [(1, 735, 35), (0, 735, 35), (1, 990, 90)]
