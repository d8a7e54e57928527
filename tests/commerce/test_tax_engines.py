"""A tax engine outside: what Stripe Tax is asked and how its answer is read, and that the shop's own table holds without one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl
from uuid import UUID

import httpx
import pytest

from commerce.cart import service as carts
from commerce.cart.quoting import quote
from commerce.checkout.refusals import TotalChanged
from commerce.delivery import service as delivery
from commerce.delivery.schemas import AddressIn, MethodIn
from commerce.identity.service import Shopper
from commerce.taxes import service as taxes
from commerce.taxes.quotes import Address, Answer, EngineUnavailable, Question, Taxable, TaxPart, quoted
from commerce.taxes.schemas import PolicyIn, RateIn, RatesIn
from commerce.taxes.stripe import StripeTax
from foundation import clock
from foundation.database import Database
from tests.commerce.desk import Desk
from tests.commerce.invariants import all_faults
from tests.factories import seed_shop

if TYPE_CHECKING:
    from tests.conftest import DatabaseUrls

SEATTLE = Address("US", "WA", "98104", "Seattle", "920 5th Ave")
ASKED = Question("USD", False, (Taxable(1499, "txcd_10000000"), Taxable(500, None)), Taxable(300, None), SEATTLE, Address("US", "OH"))  # fmt: skip


def _tax(amount: int, base: int, name: str, percent: str, **more: Any) -> dict[str, Any]:
    """A tax as Stripe writes it in a breakdown."""
    return {
        "amount": amount,
        "jurisdiction": {"country": "US", "display_name": "Washington", "level": "state", "state": "WA"},
        "sourcing": "destination",
        "tax_rate_details": {"display_name": name, "percentage_decimal": percent, "tax_type": "sales_tax"},
        "taxability_reason": "standard_rated",
        "taxable_amount": base,
        **more,
    }


def _line(number: int, amount: int, *taxes: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": f"tax_li_{number}",
        "object": "tax.calculation_line_item",
        "amount": amount,
        "amount_tax": sum(tax["amount"] for tax in taxes),
        "reference": str(number),
        "tax_behavior": "exclusive",
        "tax_breakdown": list(taxes),
    }


EXEMPT = _tax(0, 0, "", "0", tax_rate_details=None, taxability_reason="product_exempt")
RECORDED: dict[str, Any] = {
    "id": "taxcalc_1OduxkBUZ691iUZ4iWvpMApI",
    "object": "tax.calculation",
    "currency": "usd",
    "line_items": {
        "object": "list",
        "data": [
            _line(1, 500, EXEMPT),
            _line(0, 1499, _tax(97, 1499, "WA State Sales Tax", "6.5"), _tax(57, 1499, "Seattle", "3.8")),
        ],
        "has_more": False,
    },
    "shipping_cost": {"amount": 300, "amount_tax": 0, "tax_behavior": "exclusive", "tax_breakdown": [EXEMPT]},
    "tax_amount_exclusive": 154,
}


def _stripe(answer: httpx.Response, asked: list[httpx.Request] | None = None) -> StripeTax:
    def peer(request: httpx.Request) -> httpx.Response:
        if asked is not None:
            asked.append(request)
        return answer

    return StripeTax("sk_test_1", transport=httpx.MockTransport(peer))


async def test_stripe_is_asked_for_one_calculation_and_its_answer_is_put_in_order() -> None:
    asked: list[httpx.Request] = []
    answer = await _stripe(httpx.Response(200, json=RECORDED), asked).taxes(replace(ASKED, vat_id="ATU13585627"))
    (request,) = asked
    assert (request.method, str(request.url)) == ("POST", "https://api.stripe.com/v1/tax/calculations")
    assert request.headers["authorization"] == "Bearer sk_test_1"
    assert dict(parse_qsl(request.content.decode())) == {
        "currency": "usd",
        "line_items[0][amount]": "1499",
        "line_items[0][reference]": "0",
        "line_items[0][tax_behavior]": "exclusive",
        "line_items[0][tax_code]": "txcd_10000000",
        "line_items[1][amount]": "500",
        "line_items[1][reference]": "1",
        "line_items[1][tax_behavior]": "exclusive",
        "shipping_cost[amount]": "300",
        "shipping_cost[tax_behavior]": "exclusive",
        "customer_details[address_source]": "shipping",
        "customer_details[address][country]": "US",
        "customer_details[address][state]": "WA",
        "customer_details[address][postal_code]": "98104",
        "customer_details[address][city]": "Seattle",
        "customer_details[address][line1]": "920 5th Ave",
        "customer_details[tax_ids][0][type]": "eu_vat",
        "customer_details[tax_ids][0][value]": "ATU13585627",
        "ship_from_details[address][country]": "US",
        "ship_from_details[address][state]": "OH",
        "expand[0]": "line_items.data.tax_breakdown",
        "expand[1]": "shipping_cost.tax_breakdown",
    }
    assert answer == Answer(
        ((TaxPart("WA State Sales Tax", "0.065", 1499, 97), TaxPart("Seattle", "0.038", 1499, 57)), ()),
        (),
        "taxcalc_1OduxkBUZ691iUZ4iWvpMApI",
    )


async def test_a_reverse_charge_keeps_its_reason() -> None:
    free = _tax(0, 1499, "VAT", "20", taxability_reason="reverse_charge")
    told = {**RECORDED, "line_items": {"data": [_line(0, 1499, free), _line(1, 500, EXEMPT)], "has_more": False}}
    answer = await _stripe(httpx.Response(200, json=told)).taxes(ASKED)
    assert [(tax.scheme, tax.amount) for tax in answer.lines[0]] == [("intra_community", 0)]
    assert "Article 138" in answer.lines[0][0].note


def _wrong(**changes: Any) -> httpx.Response:
    return httpx.Response(200, json={**RECORDED, **changes})


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(402, json={"error": {"type": "api_error"}}),
        httpx.Response(500),
        httpx.Response(200, text="<html>"),
        httpx.Response(200, json=[]),
        _wrong(line_items={"data": [_line(0, 1499)], "has_more": False}),
        _wrong(line_items={"data": [_line(0, 1499), _line(1, 501)], "has_more": False}),
        _wrong(line_items={**RECORDED["line_items"], "has_more": True}),
        _wrong(shipping_cost={"amount": 300, "amount_tax": 9, "tax_breakdown": [EXEMPT]}),
    ],
)
async def test_what_is_no_answer_is_not_taken_for_one(answer: httpx.Response) -> None:
    with pytest.raises(EngineUnavailable):
        await _stripe(answer).taxes(ASKED)


class Fixed:
    """An engine that takes a tenth of everything, or nothing that makes sense."""

    def __init__(self, *, share: int = 10, late: bool = False) -> None:
        self.share, self.late, self.asked = share, late, 0

    async def taxes(self, question: Question) -> Answer:
        self.asked += 1
        if self.late:
            await asyncio.Event().wait()
        return Answer(
            tuple((TaxPart("Tenth", "0.1", line.amount, line.amount // self.share),) for line in question.lines),
            (TaxPart("Tenth", "0.1", question.shipping.amount, question.shipping.amount // self.share),),
            "calc_1",
        )


class Absurd(Fixed):
    """An engine that says something that can't add up."""

    async def taxes(self, question: Question) -> Answer:
        answer = await super().taxes(question)
        return replace(answer, lines=((TaxPart("All", "2", 1, question.lines[0].amount + 1),), *answer.lines[1:]))


@pytest.mark.parametrize(
    "engines", [{}, {"stripe": Fixed(late=True)}, {"stripe": Absurd()}, {"stripe": Fixed(share=-10)}]
)
async def test_without_a_usable_answer_in_time_the_table_holds_for_a_while(engines: dict[str, Fixed]) -> None:
    said = await quoted(engines, "stripe", [ASKED], at=clock.now(), deadline=0.02)
    assert (said.engine, said.instead_of, said.answers) == ("table", "stripe", ())
    assert said.answers_to([ASKED], clock.now())
    assert not said.answers_to([ASKED], clock.now() + timedelta(minutes=2))
    assert not said.answers_to([replace(ASKED, currency="EUR")], clock.now())


@pytest.fixture
async def desk(database_urls: DatabaseUrls) -> AsyncIterator[Desk]:
    """A shop whose own table says 5 % and that asks Stripe."""
    seeded = seed_shop(database_urls, "asks")
    database = Database(database_urls.app, pool_size=2)
    desk = await Desk.at(database, seeded)
    async with database.tx(seeded.id) as tx:
        await taxes.set_policy(tx, PolicyIn(included=False, country="US", region="OH", engine="stripe"))
        await taxes.set_rates(tx, "US", RatesIn(rates=[RateIn.model_validate({"name": "Table", "rate": "0.05"})]))
        await delivery.put(tx, "post", MethodIn(name="Post", price=500))
    yield desk
    await database.close()


async def _cart(desk: Desk) -> tuple[Shopper, UUID]:
    shopper = await desk.shopper()
    cart_id = await desk.cart(shopper, [2, 1])
    home = AddressIn(name="A", line1="B", postal_code="43215", city="Columbus", region="OH", country="US")
    async with desk.database.tx(desk.shop.id) as tx:
        await carts.set_address(tx, shopper, cart_id, home)
        await carts.set_delivery(tx, shopper, cart_id, "post")
    return shopper, cart_id


async def test_an_order_is_taxed_as_the_engine_said_and_keeps_who_said_it(desk: Desk) -> None:
    engine = Fixed()
    desk.checkout = replace(desk.checkout, engines={"stripe": engine})
    shopper, cart_id = await _cart(desk)
    order = await desk.pay(shopper, cart_id)
    assert (order.tax, order.total.amount) == (20 + 20 + 50, 400 + 500 + 90)
    assert [line.tax for line in order.lines] == [20, 20]
    assert [(tax.name, tax.base, tax.amount, tax.scheme) for tax in order.taxes] == [("Tenth", 900, 90, "quoted")]
    assert (order.tax_engine.name, order.tax_engine.references, engine.asked) == ("stripe", ["calc_1"], 1)
    assert await all_faults(desk.database, desk.seeded) == []


async def test_an_order_is_placed_by_the_table_when_the_engine_is_away(desk: Desk) -> None:
    order = await desk.pay(*await _cart(desk))
    assert (order.tax, [tax.name for tax in order.taxes]) == (45, ["Table"])
    assert (order.tax_engine.name, order.tax_engine.instead_of) == ("table", "stripe")
    assert await all_faults(desk.database, desk.seeded) == []


async def test_what_was_asked_before_paying_is_what_is_paid_and_a_changed_cart_is_asked_anew(desk: Desk) -> None:
    engine = Fixed()
    desk.checkout = replace(desk.checkout, engines={"stripe": engine})
    shopper, cart_id = await _cart(desk)

    async def total() -> tuple[int, bool]:
        async with desk.database.tx(desk.shop.id) as tx:
            checked = carts.check(await carts.get(tx, shopper, cart_id))
        return checked.totals.total, bool(checked.questions)

    assert await total() == (945, True)
    for _ in range(2):
        await quote(desk.database, desk.checkout.engines, desk.shop.id, shopper, cart_id)
    assert (await total(), engine.asked) == ((990, False), 1)
    async with desk.database.tx(desk.shop.id) as tx:
        await carts.add(
            tx, shopper, cart_id, variant_id=desk.seeded.products[2].variant_id, quantity=1, decision_id=None
        )
    assert await total() == (700 + 500 + 60, True)
    with pytest.raises(TotalChanged) as changed:
        await desk.checkout.complete(desk.shop, shopper, cart_id, _paying(1260))
    assert (changed.value.total, engine.asked) == (700 + 500 + 120, 2)
    order = await desk.checkout.complete(desk.shop, shopper, cart_id, _paying(1320))
    assert (order.total.amount, engine.asked) == (1320, 2)  # type: ignore[union-attr]


def _paying(expected: int) -> Any:
    from commerce.checkout.schemas import Complete
    from commerce.payments.schemas import PaymentIn

    return Complete(payment=PaymentIn(token="tok_ok"), expected_total=expected)
