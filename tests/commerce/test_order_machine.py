"""Whatever shoppers, staff, the bank and the clock do to a shop, in any order: stock, money and events stay right."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from decimal import Decimal
from fractions import Fraction
from functools import partial
from itertools import count
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar
from uuid import UUID

import psycopg
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, rule, run_state_machine_as_test

from commerce.cart import checking
from commerce.cart import service as cart_service
from commerce.cart.consigning import consign
from commerce.cart.schemas import ConsignedUnitsIn, ConsignmentIn
from commerce.cart.terms import Terms
from commerce.cart.totals import Fee, PricedLine, TermsFor, Totals, always, compute
from commerce.checkout.schemas import PayAgain
from commerce.documents import service as documents
from commerce.documents.schemas import IssuerAddress, IssuerIn
from commerce.identity.service import Shopper
from commerce.orders import cancelling, collecting, editing, fulfilling, refunding, returning
from commerce.orders.change_schemas import AddUnits, EditAction, SetQuantity
from commerce.orders.held import by_shopper
from commerce.orders.returning import Announced, Arrived
from commerce.orders.schemas import StaffOrderOut
from commerce.orders.shipping import refund_shipping
from commerce.payments import service as payments
from commerce.payments import terms
from commerce.payments.schemas import PaymentIn, PaymentOut
from commerce.promotions.engine import Discount
from commerce.taxes.engine import Rate
from commerce.vendors import service as vendors
from commerce.vendors.schemas import VendorIn
from foundation import clock
from foundation.database import Database, Tx
from foundation.errors import Problem
from tests.commerce.desk import STAFF, Crash, Desk
from tests.commerce.invariants import faults, unsettled
from tests.commerce.stockroom import BOX, EVERY_DEED, Stockroom
from tests.factories import SeededShop, seed_shop

if TYPE_CHECKING:
    from tests.conftest import DatabaseUrls

ResultT = TypeVar("ResultT")
SOME, MANY = 8, 60
"""Walks: some each time, and as a proof so many that everything happens in them."""
FEW = 5
"""Facts and deeds that some walks may be without."""
SHIPPING = 99
ISSUER = IssuerIn(
    name="A shop", address=IssuerAddress(line1="1 High Street", postal_code="10999", city="Berlin", country="DE")
)
EVERY_FACT = {
    "order.placed",
    "order.cancelled",
    "order.edited",
    "exchange.requested",
    "order.fulfilled",
    "order.delivered",
    "payment.captured",
    "payment.capture_failed",
    "payment.dispute_closed",
    "payment.disputed",
    "payment.refused",
    "payment.refunded",
    "return.requested",
    "return.received",
    "stock.allocated",
    "stock.changed",
    "document.issued",
    "stored_value.moved",
}
"""What the machine must have brought about, or it has proved little."""

TROUBLE = st.fixed_dictionaries(
    {
        what: st.sets(st.sampled_from(["authorise", "capture", "void", "refund"]), max_size=2)
        for what in ("away", "lost", "deadly")
    }
)
TOKENS = ("tok_ok", "tok_ok", "tok_challenge", "tok_challenge", "tok_declined", "tok_expires", "cash")
QUIET: dict[str, set[str]] = {"away": set(), "lost": set(), "deadly": set()}
MOSTLY_QUIET = st.one_of(st.just(QUIET), st.just(QUIET), TROUBLE)
PICK = st.integers(0, 2)
UNITS = st.builds(lambda units, boxes: [*units, boxes], st.lists(st.integers(0, 3), min_size=3, max_size=3), PICK)


def discounted(
    lines: list[PricedLine], *, discounts: Sequence[Discount], fees: Sequence[Fee], to: Sequence[TermsFor]
) -> Totals:
    """An order with discounts that do not divide, taxes and fees, so that every share has to be rounded."""
    off = [Discount("13 %", share=Fraction(13, 100)), Discount("7 off the first", amount=7, line=0)]
    dear = Terms({"standard": [Rate("VAT", Fraction(19, 100)), Rate("City", Fraction(1, 30))]}, shipping=SHIPPING)
    return compute(lines, discounts=[*discounts, *off], fees=[*fees, Fee("Wrap", 35)], to=[always(dear)] * len(to))


class ShopMachine(Stockroom):
    """A shop with four products, few of each; the second can be had before it is in."""

    database: Database
    new_shop: Callable[[], SeededShop]
    loop: asyncio.AbstractEventLoop

    def __init__(self) -> None:
        super().__init__()
        self.orders: list[tuple[UUID, Shopper, UUID]] = []
        self.stubborn: set[UUID] = set()
        self.waiting: list[tuple[Shopper, UUID]] = []

    @initialize()
    def open(self) -> None:
        self.seeded = self.new_shop()
        self.desk = self.do(Desk.at(self.database, self.seeded))
        self.keep_back(1, 0, 9)
        self.attempt(lambda: self.change(self.let_a_vendor_sell_the_first))
        self.attempt(lambda: self.change(lambda tx: documents.set_issuer(tx, ISSUER)))
        self.attempt(lambda: self.change(lambda tx: terms.allow(tx, "cod", None, 0)))
        self.card = self.do(self.desk.gift_card(220))
        self.stock_up()
        self.sell_to([2, 3, 1], "tok_ok", by_card=True)
        self.sell_to([0, 10, 2], "tok_ok", split=True)
        assert len(self.do(self.desk.look(self.orders[1][0])).consignments) == 2
        self.receive(product=1, quantity=6)
        sent, _, _ = self.orders[0]
        self.attempt(lambda: self.change(lambda tx: fulfilling.fulfil(tx, sent, STAFF)))
        self.ask_to_return(0, [1, 2, 0], by_staff=True, wanted=0)
        self.ask_to_return(0, [0, 1, 0], by_staff=True, wanted=2)
        self.sell_to([0, 9, 0], "tok_ok")
        self.sell_to([1, 0, 0], "tok_expires")
        self.receive(product=1, quantity=2)

    async def let_a_vendor_sell_the_first(self, tx: Tx) -> None:
        terms = VendorIn(name="The Mill", commission_rate=Decimal("0.07"), commission_fee=11)
        await vendors.put(tx, "mill", terms)
        await vendors.assign(tx, "mill", [self.seeded.products[0].product_id])

    @rule(
        quantities=UNITS,
        token=st.sampled_from(["tok_ok"] * 4 + ["tok_declined", "tok_refund_fails"]),
        bank=MOSTLY_QUIET,
        split=st.booleans(),
        by_card=st.booleans(),
    )
    def sell(self, quantities: list[int], token: str, bank: dict[str, set[str]], *, split: bool, by_card: bool) -> None:
        self.trouble(bank if token == "tok_ok" else QUIET)
        self.sell_to(quantities, token, split=split, by_card=by_card)

    def sell_to(self, quantities: list[int], token: str, *, split: bool = False, by_card: bool = False) -> None:
        async def buy() -> None:
            shopper = await self.desk.shopper()
            cart_id = await self.desk.cart(shopper, quantities)
            if split:
                await self.split(shopper, cart_id)
            try:
                await self.desk.try_to_pay(shopper, cart_id, *([self.card] if by_card else []), token)
            finally:
                order_id = await self.note_order(shopper, cart_id)
                if order_id is not None and token == "tok_refund_fails":
                    self.stubborn.add(order_id)
                if order_id is not None and sum(quantities[BOX:]):
                    self.deeds["a bundle was sold"] += 1

        self.attempt(buy)

    async def note_order(self, shopper: Shopper, cart_id: UUID) -> UUID | None:
        """The order that a cart has become, if it has, so that it is looked after from now on."""
        async with self.database.tx(self.seeded.id) as tx:
            rows = await tx.connection.fetch("SELECT id FROM orders WHERE cart_id = $1", cart_id)
        for row in rows:
            if all(row["id"] != order_id for order_id, _, _ in self.orders):
                self.orders.append((row["id"], shopper, cart_id))
        return rows[0]["id"] if rows else None

    @rule(quantities=UNITS, tokens=st.lists(st.sampled_from(TOKENS), min_size=1, max_size=3), bank=MOSTLY_QUIET)
    def pay_in_parts(self, quantities: list[int], tokens: list[str], bank: dict[str, set[str]]) -> None:
        self.trouble(bank)

        async def buy() -> None:
            shopper = await self.desk.shopper()
            cart_id = await self.desk.cart(shopper, quantities)
            self.waiting.append((shopper, cart_id))
            try:
                await self.desk.try_to_pay(shopper, cart_id, *tokens)
            finally:
                await self.note_order(shopper, cart_id)

        self.attempt(buy)

    @rule(
        pick=PICK,
        approved=st.booleans(),
        news=st.lists(st.sampled_from(["webhook", "redirect", "complete", "give up"]), min_size=1, max_size=4),
        bank=MOSTLY_QUIET,
    )
    def end_challenges(self, pick: int, approved: bool, news: list[str], bank: dict[str, set[str]]) -> None:
        if not self.waiting:
            return
        shopper, cart_id = self.waiting[-1 - pick % len(self.waiting)]
        self.trouble(bank)
        for payment_id in self.desk.bank.asked_to_act:
            self.desk.bank.answer(payment_id, approved=approved)
        for way in news:
            self.attempt(partial(self.bring_news, way, shopper, cart_id))
        self.do(self.note_order(shopper, cart_id))

    async def bring_news(self, way: str, shopper: Shopper, cart_id: UUID) -> None:
        desk = self.desk
        match way:
            case "webhook":
                for payment_id in list(desk.bank.asked_to_act):
                    await desk.hear("payment_changed", payment_id)
            case "redirect":
                await desk.checkout.go_on(desk.shop, shopper, cart_id)
            case "complete":
                await desk.try_to_pay(shopper, cart_id, "tok_ok")
            case "give up":
                await desk.checkout.give_up(desk.shop, shopper, cart_id)

    @rule(pick=PICK, token=st.sampled_from(TOKENS), bank=MOSTLY_QUIET)
    def pay_for_the_order_again(self, pick: int, token: str, bank: dict[str, set[str]]) -> None:
        async def again(order: StaffOrderOut, shopper: Shopper, _: UUID) -> None:
            provider = "cod" if token == "cash" else "test"
            body = PayAgain(payment=PaymentIn(provider=provider, token=token))
            await self.desk.checkout.pay_again(self.desk.shop, shopper, order.id, body)

        self.with_order(pick, again, bank)

    @rule(pick=PICK, bank=MOSTLY_QUIET)
    def collect(self, pick: int, bank: dict[str, set[str]]) -> None:
        async def do(order: StaffOrderOut, *_: Any) -> None:
            for payment in await self.payments_of(order.id):
                if payment.status == "due":
                    await self.change(
                        partial(collecting.collect, order_id=order.id, payment_id=payment.id, actor=STAFF), order.id
                    )

        self.with_order(pick, do, bank)

    @rule(
        pick=PICK,
        share=st.integers(1, 100),
        outcome=st.sampled_from(["dispute_won", "dispute_lost", None]),
        turned=st.booleans(),
    )
    def dispute(self, pick: int, share: int, outcome: str | None, turned: bool) -> None:
        async def do(order: StaffOrderOut, *_: Any) -> None:
            for payment in await self.payments_of(order.id):
                if payment.status == "captured" and payment.provider == "test":
                    said = {
                        "amount": max(payment.amount * share // 100, 1),
                        "currency": payment.currency,
                        "dispute_reference": f"dispute_{payment.id}",
                    }
                    kinds = ["dispute_opened", *([outcome] if outcome else [])]
                    for kind in reversed(kinds) if turned else kinds:
                        await self.desk.hear(kind, payment.id, **said)

        self.with_order(pick, do, QUIET)

    async def payments_of(self, order_id: UUID) -> list[PaymentOut]:
        async with self.database.tx(self.seeded.id, read_only=True) as tx:
            return await payments.of_order(tx, order_id)

    async def split(self, shopper: Shopper, cart_id: UUID) -> None:
        """All but one unit of each line to one address, and that one to another."""
        async with self.database.tx(self.seeded.id) as tx:
            lines = (await cart_service.get(tx, shopper, cart_id)).lines
            most = [
                ConsignedUnitsIn(line_id=line.id, quantity=line.quantity - 1) for line in lines if line.quantity > 1
            ]
            ones = [ConsignedUnitsIn(line_id=line.id, quantity=1) for line in lines]
            if most:
                await consign(tx, shopper, cart_id, [ConsignmentIn(lines=ones), ConsignmentIn(lines=most)])

    @rule(pick=PICK)
    def pay_again(self, pick: int) -> None:
        async def again(order: StaffOrderOut, shopper: Shopper, cart_id: UUID) -> None:
            assert (await self.desk.pay(shopper, cart_id)).id == order.id

        self.with_order(pick, again, QUIET)

    @rule(pick=PICK, units=UNITS, everything=st.booleans(), bank=MOSTLY_QUIET)
    def cancel(self, pick: int, units: list[int], everything: bool, bank: dict[str, set[str]]) -> None:
        async def do(order: StaffOrderOut, *_: Any) -> None:
            lines = None if everything else _lines(order, units)
            await self.change(lambda tx: cancelling.cancel(tx, order.id, STAFF, reason="x", lines=lines), order.id)

        self.with_order(pick, do, bank)

    @rule(pick=PICK, bank=MOSTLY_QUIET)
    def cancel_by_shopper(self, pick: int, bank: dict[str, set[str]]) -> None:
        async def do(order: StaffOrderOut, shopper: Shopper, _: UUID) -> None:
            actor = by_shopper(shopper)
            await self.change(lambda tx: cancelling.cancel(tx, order.id, actor, reason="x", owner=shopper), order.id)

        self.with_order(pick, do, bank)

    @rule(
        pick=PICK,
        wanted=UNITS,
        added=st.integers(0, 2),
        waits=st.booleans(),
        token=st.sampled_from(["tok_ok", "tok_ok", "tok_declined"]),
        bank=MOSTLY_QUIET,
    )
    def edit(
        self, pick: int, wanted: list[int], added: int, waits: bool, token: str, bank: dict[str, set[str]]
    ) -> None:
        async def do(order: StaffOrderOut, shopper: Shopper, _: UUID) -> None:
            actions: list[EditAction] = [
                SetQuantity(action="set_quantity", line_id=line.id, quantity=quantity)
                for line, quantity in zip(order.lines, wanted, strict=False)
            ]
            if added:
                variant_id = self.seeded.products[added].variant_id
                actions.append(AddUnits(action="add", variant_id=variant_id, quantity=added))
            async with self.database.tx(self.seeded.id) as tx:
                edit_id = await editing.draft(tx, order.id, STAFF, actions)
            async with self.database.tx(self.seeded.id) as tx:
                drafted = await editing.read(tx, order.id, edit_id)
                await editing.confirm(tx, order.id, edit_id, STAFF, version=drafted.version)
            if (await self.desk.look(order.id)).version == drafted.version and not waits:
                await self.desk.additional.pay(shopper, order.id, edit_id, PaymentIn(token=token))
            async with self.database.tx(self.seeded.id) as tx:
                done = (await editing.read(tx, order.id, edit_id)).status == "confirmed"
            if done:
                after, said = await self.desk.look(order.id), drafted.preview
                assert (after.subtotal, after.tax, after.total.amount) == (said.subtotal, said.tax, said.total)
                assert (after.credited, after.shipping, after.discount) == (said.credited, said.shipping, said.discount)
                assert {(line.id, line.quantity, line.cancelled) for line in after.lines} == {
                    (line.id, line.quantity, line.cancelled) for line in said.lines
                }
            await self.desk.money.settle(self.seeded.id, order.id)

        self.with_order(pick, do, bank)

    @rule(pick=PICK, units=UNITS, everything=st.booleans())
    def fulfil(self, pick: int, units: list[int], everything: bool) -> None:
        async def do(order: StaffOrderOut, *_: Any) -> None:
            lines = None if everything else _lines(order, units)
            await self.change(lambda tx: fulfilling.fulfil(tx, order.id, STAFF, lines=lines), order.id)

        self.with_order(pick, do, QUIET)

    @rule(pick=PICK, parcel=PICK, there=st.booleans())
    def progress(self, pick: int, parcel: int, there: bool) -> None:
        async def do(order: StaffOrderOut, *_: Any) -> None:
            if order.parcels:
                sent = order.parcels[parcel % len(order.parcels)].id
                status: Any = "delivered" if there else "out_for_delivery"
                await self.change(lambda tx: fulfilling.progress(tx, order.id, sent, status, STAFF), order.id)

        self.with_order(pick, do, QUIET)

    @rule(pick=PICK, units=UNITS, by_staff=st.booleans(), wanted=st.integers(0, 2))
    def ask_to_return(self, pick: int, units: list[int], by_staff: bool, wanted: int) -> None:
        async def do(order: StaffOrderOut, shopper: Shopper, _: UUID) -> None:
            announced = [Announced(line_id, quantity, "other") for line_id, quantity in _lines(order, units)]
            actor = STAFF if by_staff else by_shopper(shopper)
            other = {self.seeded.products[wanted].variant_id: wanted} if wanted else {}
            if announced:
                await self.change(
                    lambda tx: returning.request(tx, order.id, actor, announced, note="", wanted=other), order.id
                )

        self.with_order(pick, do, QUIET)

    @rule(pick=PICK, back=PICK, yes=st.booleans(), send_now=st.booleans())
    def decide(self, pick: int, back: int, yes: bool, send_now: bool) -> None:
        async def do(order: StaffOrderOut, *_: Any) -> None:
            if order.returns:
                asked = order.returns[back % len(order.returns)].id
                decide = partial(returning.approve, send_now=send_now) if yes else returning.reject
                await self.change(lambda tx: decide(tx, order.id, asked, STAFF), order.id)

        self.with_order(pick, do, QUIET)

    @rule(
        pick=PICK,
        approved=st.booleans(),
        news=st.lists(st.sampled_from(["webhook", "redirect", "give up"]), min_size=1, max_size=3),
        bank=MOSTLY_QUIET,
    )
    def end_challenges_of_changes(self, pick: int, approved: bool, news: list[str], bank: dict[str, set[str]]) -> None:
        async def do(order: StaffOrderOut, shopper: Shopper, _: UUID) -> None:
            additional, acting = self.desk.additional, self.desk.bank.asked_to_act
            for change in order.changes:
                if change.status == "awaiting_payment":
                    await additional.pay(shopper, order.id, change.id, PaymentIn(token="tok_challenge"))
                    for payment_id in acting:
                        self.desk.bank.answer(payment_id, approved=approved)
                    for way in news:
                        if way == "webhook":
                            for payment_id in list(acting):
                                await self.desk.hear("payment_changed", payment_id)
                        else:
                            end = additional.go_on if way == "redirect" else additional.give_up
                            await end(shopper, order.id, change.id)

        self.with_order(pick, do, bank)

    @rule(pick=PICK, token=st.sampled_from(["tok_ok", "tok_challenge", "tok_declined"]), bank=MOSTLY_QUIET)
    def pay_what_lacks(self, pick: int, token: str, bank: dict[str, set[str]]) -> None:
        async def do(order: StaffOrderOut, shopper: Shopper, _: UUID) -> None:
            for change in order.changes:
                if change.status == "awaiting_payment":
                    await self.desk.additional.pay(shopper, order.id, change.id, PaymentIn(token=token))

        self.with_order(pick, do, bank)

    @rule(pick=PICK, back=PICK, all_of_it=st.booleans(), restock=st.booleans(), bank=MOSTLY_QUIET)
    def take_back(self, pick: int, back: int, all_of_it: bool, restock: bool, bank: dict[str, set[str]]) -> None:
        async def do(order: StaffOrderOut, *_: Any) -> None:
            if not order.returns:
                return
            asked = order.returns[back % len(order.returns)]
            arrived = None if all_of_it else [Arrived(asked.lines[0].line_id, 1, restock)]
            await self.change(
                lambda tx: returning.receive(tx, order.id, asked.id, STAFF, arrived, warehouse="main"), order.id
            )

        self.with_order(pick, do, bank)

    @rule(pick=PICK, amount=st.integers(1, 900), bank=MOSTLY_QUIET)
    def refund_some(self, pick: int, amount: int, bank: dict[str, set[str]]) -> None:
        async def do(order: StaffOrderOut, *_: Any) -> None:
            await self.change(
                lambda tx: refunding.refund_amount(tx, order.id, STAFF, amount=amount, reason="x"), order.id
            )

        self.with_order(pick, do, bank)

    @rule(pick=PICK, amount=st.sampled_from(["all", 40]), bank=MOSTLY_QUIET)
    def refund_shipping(self, pick: int, amount: Any, bank: dict[str, set[str]]) -> None:
        async def do(order: StaffOrderOut, *_: Any) -> None:
            await self.change(lambda tx: refund_shipping(tx, order.id, STAFF, amount=amount, reason="x"), order.id)

        self.with_order(pick, do, bank)

    @rule(pick=PICK, number=st.integers(0, 1))
    def fulfil_consignment(self, pick: int, number: int) -> None:
        async def do(order: StaffOrderOut, *_: Any) -> None:
            if order.consignments:
                to = order.consignments[number].id
                await self.change(lambda tx: fulfilling.fulfil(tx, order.id, STAFF, consignment_id=to), order.id)

        self.with_order(pick, do, QUIET)

    @rule(pick=PICK, units=UNITS, bank=MOSTLY_QUIET)
    def refund_units(self, pick: int, units: list[int], bank: dict[str, set[str]]) -> None:
        async def do(order: StaffOrderOut, *_: Any) -> None:
            lines = _lines(order, units)
            await self.change(lambda tx: refunding.refund_units(tx, order.id, STAFF, lines=lines, reason="x"), order.id)

        self.with_order(pick, do, bank)

    @rule(pick=PICK)
    def retry(self, pick: int) -> None:
        async def do(order: StaffOrderOut, *_: Any) -> None:
            await self.change(lambda tx: refunding.retry(tx, order.id, STAFF), order.id)

        self.with_order(pick, do, QUIET)

    @rule(minutes=st.sampled_from([1, 5, 20]), bank=MOSTLY_QUIET)
    def time_passes(self, minutes: int, bank: dict[str, set[str]]) -> None:
        self.ahead += timedelta(minutes=minutes)
        self.trouble(bank)
        self.attempt(self.tidy)

    @invariant()
    def nothing_is_wrong(self) -> None:
        async def look() -> list[str]:
            async with self.database.tx(self.seeded.id) as tx:
                return await faults(tx)

        assert self.do(look()) == []

    def teardown(self) -> None:
        """Once the bank is well again and the worker has gone round, nothing is left to be settled."""
        if not hasattr(self, "desk"):
            return
        self.trouble(QUIET)
        for _ in range(2):
            self.ahead += timedelta(hours=1)
            self.attempt(self.tidy)
        self.nothing_is_wrong()
        bank = self.desk.bank

        async def look() -> tuple[set[object], list[int]]:
            async with self.database.tx(self.seeded.id) as tx:
                sums = await tx.connection.fetch(
                    "SELECT (SELECT coalesce(sum(amount), 0) FROM payment WHERE status = 'captured' AND id = ANY($1)),"
                    " (SELECT coalesce(sum(amount), 0) FROM refund WHERE status = 'succeeded' AND id = ANY($2))",
                    list(bank.taken),
                    list(bank.given),
                )
                return set(await unsettled(tx)), [int(value) for value in sums[0].values()]

        left, sums = self.do(look())
        assert left <= self.stubborn
        assert bank.held == {}
        assert self.do(self.desk.on_cards())[1] == 0
        assert sums == [sum(bank.taken.values()), sum(bank.given.values())]

    def trouble(self, bank: dict[str, set[str]]) -> None:
        self.desk.bank.away, self.desk.bank.lost, self.desk.bank.deadly = bank["away"], bank["lost"], bank["deadly"]

    def with_order(self, pick: int, do: Callable[..., Awaitable[None]], bank: dict[str, set[str]]) -> None:
        if self.orders:
            order_id, shopper, cart_id = self.orders[pick % len(self.orders)]
            self.trouble(bank)

            async def work() -> None:
                await do(await self.desk.look(order_id), shopper, cart_id)

            self.attempt(work)

    async def change(self, do: Callable[[Tx], Awaitable[object]], order_id: UUID | None = None) -> None:
        async with self.database.tx(self.seeded.id) as tx:
            await do(tx)
        if order_id is not None:
            await self.desk.money.settle(self.seeded.id, order_id)

    async def tidy(self) -> None:
        await self.desk.checkout.recover(self.desk.shop, older_than=timedelta(minutes=2))
        await self.desk.additional.lapse(self.seeded.id)
        await self.desk.notifications.catch_up(self.seeded.id)
        await self.tidy_stock()

    def attempt(self, do: Callable[[], Awaitable[None]], deed: str | None = None) -> None:
        async def work() -> None:
            try:
                await do()
            except (Problem, Crash):
                return
            if deed is not None:
                self.deeds[deed] += 1

        self.do(work())

    def do(self, work: Awaitable[ResultT]) -> ResultT:
        async def timed() -> ResultT:
            return await work

        real = clock.now
        later = real() + self.ahead
        with clock.use(lambda: later):
            return self.loop.run_until_complete(timed())


def _lines(order: StaffOrderOut, units: list[int]) -> list[tuple[UUID, int]]:
    return [(line.id, quantity) for line, quantity in zip(order.lines, units, strict=False) if quantity]


@pytest.mark.parametrize("walks", [SOME, pytest.param(MANY, marks=pytest.mark.proof)])
def test_whatever_happens_stock_money_and_events_stay_right(
    walks: int, database_urls: DatabaseUrls, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checking, "compute", discounted)
    number = count()
    titles = ("Tomato soup", "Orange juice", "Rye bread", "Lunch box")
    loop = asyncio.new_event_loop()
    database = Database(database_urls.app, pool_size=2)

    class Here(ShopMachine):
        deeds: ClassVar[Counter[str]] = Counter()

    Here.database, Here.loop = database, loop
    Here.new_shop = staticmethod(lambda: seed_shop(database_urls, f"shop-{next(number)}", stock=12, titles=titles))
    try:
        run_state_machine_as_test(  # type: ignore[no-untyped-call]
            Here,
            settings=settings(
                max_examples=walks,
                stateful_step_count=40,
                derandomize=True,
                deadline=None,
                database=None,
                suppress_health_check=list(HealthCheck),
            ),
        )
        with psycopg.connect(database_urls.relay) as relay:
            told = {name for (name,) in relay.execute("SELECT DISTINCT name FROM outbox")}
        missing = (EVERY_FACT - told) | (EVERY_DEED - set(Here.deeds))
        assert not missing if walks == MANY else len(missing) <= FEW, missing
    finally:
        loop.run_until_complete(database.close())
        loop.close()
