"""Edits of placed orders: what a preview says is what is confirmed, and what was placed stays as it was placed."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

import httpx
import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from commerce.cart.terms import Terms
from commerce.cart.totals import PricedLine, always, compute
from commerce.orders.changes import Added, Change, Sums, effect, read_terms, taxed, written_terms
from commerce.orders.lines import Line
from commerce.payments.providers import ActionRequired, Authorised, Charge, Refused
from commerce.pricing.engine import at_list
from commerce.taxes.engine import Rate
from tests.commerce.test_webhooks import Bank, bank
from tests.factories import SeededShop

if TYPE_CHECKING:
    from tests.commerce.conftest import Browser

__all__ = ["bank"]

ADDRESS = {
    "name": "Ada Byron",
    "line1": "12 Main Street",
    "line2": None,
    "postal_code": "43004",
    "city": "Columbus",
    "region": "OH",
    "country": "US",
    "phone": None,
}
PARCEL = {"name": "Parcel", "price": 495, "min_days": 2, "max_days": 4, "countries": ["US"]}
LEVELS = "SELECT received, available, reserved, sold FROM stock WHERE variant_id = %s"
TERMS = {"standard": [Rate("VAT", Fraction(19, 100)), Rate("City", Fraction(1, 30), compound=True)], "none": []}


@pytest.fixture
async def order(browser: Browser, staff: httpx.AsyncClient, grocer: SeededShop) -> dict[str, Any]:
    """Three soups and a juice, sent to Ohio, where 5.75 % are added: 500 and 495 for the parcel, 1052 in all."""
    await staff.put("/v1/admin/delivery-methods/parcel", json=PARCEL)
    await staff.put("/v1/admin/taxes/policy", json={"included": False, "country": "US", "region": "OH"})
    await staff.put("/v1/admin/taxes/rates/US", json={"rates": [{"name": "Sales tax", "rate": "0.0575"}]})
    cart = await browser.add(await browser.cart(), grocer.products[0].variant_id, 3)
    cart = await browser.add(cart, grocer.products[1].variant_id)
    await browser.http.put(f"/v1/store/carts/{cart['id']}/address", json=ADDRESS)
    await browser.http.put(f"/v1/store/carts/{cart['id']}/delivery", json={"code": "parcel"})
    placed = await browser.complete(cart, email="a@b.example")
    assert placed.status_code == 201, placed.text
    seen: dict[str, Any] = (await staff.get(f"/v1/admin/orders/{placed.json()['id']}")).json()
    return seen


async def _send(http: httpx.AsyncClient, order: dict[str, Any], what: str, **body: Any) -> httpx.Response:
    side = "admin" if "authorization" in http.headers else "store"
    headers = {"Idempotency-Key": str(uuid4())}
    return await http.post(f"/v1/{side}/orders/{order['id']}/{what}", json=body, headers=headers)


async def _draft(http: httpx.AsyncClient, order: dict[str, Any], *actions: dict[str, Any]) -> dict[str, Any]:
    answer = await _send(http, order, "edits", actions=list(actions))
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


async def _confirmed(http: httpx.AsyncClient, order: dict[str, Any], edit: dict[str, Any]) -> dict[str, Any]:
    answer = await _send(http, order, f"edits/{edit['id']}/confirm", version=edit["version"])
    assert answer.status_code == 200, answer.text
    done: dict[str, Any] = answer.json()
    return done


def _set(order: dict[str, Any], line: int, quantity: int) -> dict[str, Any]:
    return {"action": "set_quantity", "line_id": order["lines"][line]["id"], "quantity": quantity}


def _add(shop: SeededShop, product: int, quantity: int = 1) -> dict[str, Any]:
    return {"action": "add", "variant_id": str(shop.products[product].variant_id), "quantity": quantity}


def _is_what_was_said(order: dict[str, Any], preview: dict[str, Any]) -> None:
    for name in ("subtotal", "discount", "shipping", "tax", "taxes", "address", "delivery_note"):
        assert order[name] == preview[name], name
    assert order["total"]["amount"] == preview["total"]
    assert [(line["id"], line["variant_id"], line["title"], line["quantity"]) for line in order["lines"]] == [
        (line["id"], line["variant_id"], line["title"], line["quantity"]) for line in preview["lines"]
    ]
    assert [(line["cancelled"], line["total"] + line["tax"]) for line in order["lines"]] == [
        (line["cancelled"], line["amount"]) for line in preview["lines"]
    ]


async def test_units_are_exchanged_for_cheaper_ones_and_the_rest_is_given_back(
    staff: httpx.AsyncClient, order: dict[str, Any], grocer: SeededShop, rows: Any
) -> None:
    edit = await _draft(staff, order, _set(order, 0, 1), _add(grocer, 0), _set(order, 1, 0))
    preview = edit["preview"]
    # Two soups of three and a juice go: 211 of 317 and 212; a soup at 100 and 6 of tax comes.
    assert (preview["credited"], preview["difference"], preview["shipping"]) == (423, -317, 495)
    assert (await staff.get(f"/v1/admin/orders/{order['id']}")).json() == order

    done = await _confirmed(staff, order, edit)
    _is_what_was_said(done, preview)
    assert (done["version"], done["refunded"]["amount"], done["credited"]) == (order["version"] + 1, 317, 423)
    assert rows(LEVELS, grocer.products[0].variant_id) == [(100, 98, 2, 0)]
    assert rows(LEVELS, grocer.products[1].variant_id) == [(100, 100, 0, 0)]
    assert [entry["kind"] for entry in done["timeline"]] == ["placed", "captured", "edited", "refunded"]

    rest = await _send(staff, order, "cancel", reason="given up")
    assert (rest.json()["refunded"]["amount"], rest.json()["credited"]) == (1052, 1052 + 106)


async def test_what_makes_an_order_dearer_is_held_until_it_is_paid(
    browser: Browser, staff: httpx.AsyncClient, order: dict[str, Any], grocer: SeededShop, rows: Any
) -> None:
    edit = await _draft(staff, order, _add(grocer, 2, 2), {"action": "set_delivery_note", "note": "Ring twice"})
    assert edit["preview"]["difference"] == 600 + 34
    waiting = await _confirmed(staff, order, edit)
    assert [(change["status"], change["asked"]) for change in waiting["changes"]] == [("awaiting_payment", 634)]
    assert (waiting["total"], waiting["delivery_note"], len(waiting["lines"])) == (order["total"], "", 2)
    assert rows(LEVELS, grocer.products[2].variant_id) == [(100, 98, 2, 0)]

    pay = f"changes/{edit['id']}/pay"
    refused = await _send(browser.http, order, pay, token="tok_declined")
    assert (refused.status_code, refused.json()["code"]) == (402, "payments.refused")
    paid = await _send(browser.http, order, pay, token="tok_ok")
    assert paid.status_code == 200, paid.text
    _is_what_was_said(paid.json(), edit["preview"])
    assert rows("SELECT amount, status FROM payment WHERE order_id IS NOT NULL ORDER BY id") == [
        (1052, "captured"),
        (634, "captured"),
    ]
    assert rows("SELECT sum(amount) FROM ledger_posting WHERE account = 'sales'") == [(-1686,)]
    again = await _send(browser.http, order, pay, token="tok_ok")
    assert (again.status_code, again.json()["code"]) == (409, "orders.change_over")

    sent = await _send(staff, order, "fulfilments")
    assert (sent.status_code, rows(LEVELS, grocer.products[2].variant_id)) == (201, [(100, 98, 0, 2)])


async def test_news_of_a_payment_for_an_edit_does_not_disturb_whoever_pays_it(
    browser: Browser,
    staff: httpx.AsyncClient,
    order: dict[str, Any],
    grocer: SeededShop,
    bank: Bank,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    edit = await _draft(staff, order, _add(grocer, 2))
    await _confirmed(staff, order, edit)
    authorise, told = bank.provider.authorise, []

    async def and_tell(charge: Charge) -> Authorised | ActionRequired | Refused:
        answer = await authorise(charge)
        told.append((await bank.tell("payment_changed", "evt_1", payment_id=charge.payment_id)).status_code)
        return answer

    monkeypatch.setattr(bank.provider, "authorise", and_tell)
    paid = await _send(browser.http, order, f"changes/{edit['id']}/pay", token="4242424242424242")
    assert (paid.status_code, told) == (200, [204]), paid.text
    _is_what_was_said(paid.json(), edit["preview"])
    assert paid.json()["payment_state"] == "paid"


async def test_nothing_is_taken_for_an_edit_whose_order_has_moved_on(
    browser: Browser, staff: httpx.AsyncClient, order: dict[str, Any], grocer: SeededShop, rows: Any
) -> None:
    edit = await _draft(staff, order, _add(grocer, 2))
    await _confirmed(staff, order, edit)
    await _send(staff, order, "fulfilments", lines=[{"line_id": order["lines"][0]["id"], "quantity": 1}])
    late = await _send(browser.http, order, f"changes/{edit['id']}/pay", token="tok_ok")
    assert (late.status_code, late.json()["code"]) == (409, "orders.outdated")
    assert rows("SELECT count(*) FROM payment") == [(1,)]
    given_up = await _send(staff, order, f"edits/{edit['id']}/cancel")
    assert (given_up.status_code, rows(LEVELS, grocer.products[2].variant_id)) == (200, [(100, 100, 0, 0)])


async def test_prices_and_rates_are_those_of_the_preview_and_of_the_day_of_the_order(
    staff: httpx.AsyncClient, order: dict[str, Any], grocer: SeededShop, rows: Any
) -> None:
    rows("UPDATE price SET amount = 150 WHERE variant_id = %s", grocer.products[0].variant_id)
    await staff.put("/v1/admin/taxes/rates/US", json={"rates": [{"name": "Sales tax", "rate": "0.5"}]})
    await staff.put("/v1/admin/delivery-methods/parcel", json={**PARCEL, "price": 9_900})
    edit = await _draft(staff, order, _set(order, 1, 0), _add(grocer, 0))
    rows("UPDATE price SET amount = 999 WHERE variant_id = %s", grocer.products[0].variant_id)
    done = await _confirmed(staff, order, edit)
    _is_what_was_said(done, edit["preview"])
    assert done["lines"][2]["explanation"]["price"]["source"] == "list"
    assert [(line["unit_price"], line["tax"]) for line in done["lines"]] == [(100, 17), (200, 12), (150, 9)]
    assert (done["shipping"], done["taxes"][0]["rate"]) == (495, "0.0575")


async def test_of_two_edits_of_one_version_one_is_confirmed(
    staff: httpx.AsyncClient, order: dict[str, Any], grocer: SeededShop
) -> None:
    one, other = [await _draft(staff, order, _set(order, 0, quantity)) for quantity in (1, 2)]
    await _confirmed(staff, order, one)
    late = await _send(staff, order, f"edits/{other['id']}/confirm", version=other["version"])
    assert (late.status_code, late.json()["code"], late.json()["version"]) == (409, "orders.outdated", 2)
    guessed = await _send(staff, order, f"edits/{other['id']}/confirm", version=2)
    assert (guessed.status_code, guessed.json()["code"]) == (409, "orders.outdated")
    twice = await _send(staff, order, f"edits/{one['id']}/confirm", version=2)
    assert (twice.status_code, twice.json()["code"]) == (409, "orders.change_over")


async def test_a_shopper_takes_units_out_and_has_it_sent_next_door_but_adds_nothing(
    browser: Browser, order: dict[str, Any], grocer: SeededShop
) -> None:
    next_door = {**ADDRESS, "line1": "14 Main Street"}
    edit = await _draft(browser.http, order, _set(order, 0, 2), {"action": "set_address", "address": next_door})
    done = await _confirmed(browser.http, order, edit)
    _is_what_was_said(done, edit["preview"])
    assert (done["address"]["line1"], done["refunded"]["amount"]) == ("14 Main Street", 106)

    more = await _send(browser.http, order, "edits", actions=[_set(order, 0, 4)])
    assert (more.status_code, more.json()["code"], more.json()["possible"]) == (409, "orders.too_many_units", 2)
    added = await _send(browser.http, order, "edits", actions=[_add(grocer, 0)])
    assert (added.status_code, added.json()["code"]) == (422, "request.invalid_fields")


@pytest.mark.parametrize(
    ("actions", "status", "code"),
    [
        ([{"action": "set_quantity", "line_id": str(UUID(int=1)), "quantity": 1}], 422, "orders.unknown_line"),
        ([{"action": "set_quantity", "line": 0, "quantity": 3}], 422, "orders.edit_changes_nothing"),
        ([{"action": "set_quantity", "line": 0, "quantity": -1}], 422, "request.invalid_fields"),
        ([{"action": "set_quantity", "line": 0, "quantity": 1.5}], 422, "request.invalid_fields"),
        ([{"action": "set_quantity", "line": 0, "quantity": 10_000}], 422, "request.invalid_fields"),
        ([{"action": "set_quantity", "line": 0, "quantity": 1}] * 2, 422, "orders.edit_contradicts"),
        (
            [{"action": "set_quantity", "line": n, "quantity": 0} for n in (0, 1)],
            422,
            "orders.edit_leaves_nothing",
        ),
        ([{"action": "add", "variant_id": str(UUID(int=1)), "quantity": 1}], 422, "catalog.variant_not_for_sale"),
        ([{"action": "add", "product": 0, "quantity": 98}], 409, "inventory.out_of_stock"),
        (
            [{"action": "set_address", "address": {**ADDRESS, "country": "DE", "region": None}}],
            422,
            "delivery.unavailable",
        ),
        ([{"action": "set_address", "address": {**ADDRESS, "region": "ZZ"}}], 422, "delivery.address_invalid"),
        (
            [{"action": "set_address", "address": ADDRESS, "consignment_id": str(UUID(int=1))}],
            404,
            "orders.consignment_not_found",
        ),
        ([{"action": "set_address", "address": ADDRESS, "delivery": "by-pigeon"}], 422, "delivery.unavailable"),
        ([{"action": "set_address", "address": ADDRESS}], 422, "orders.edit_changes_nothing"),
        ([{"action": "set_delivery_note", "note": "x" * 501}], 422, "request.invalid_fields"),
        ([{"action": "set_price", "amount": 1}], 422, "request.invalid_fields"),
        ([], 422, "request.invalid_fields"),
    ],
)
async def test_an_edit_that_makes_no_sense_is_refused_and_changes_nothing(
    staff: httpx.AsyncClient,
    order: dict[str, Any],
    grocer: SeededShop,
    actions: list[dict[str, Any]],
    status: int,
    code: str,
) -> None:
    asked = []
    for action in actions:
        said = dict(action)
        if "line" in said:
            said["line_id"] = order["lines"][said.pop("line")]["id"]
        if "product" in said:
            said["variant_id"] = str(grocer.products[said.pop("product")].variant_id)
        asked.append(said)
    answer = await _send(staff, order, "edits", actions=asked)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert (await staff.get(f"/v1/admin/orders/{order['id']}")).json() == order


async def test_what_has_left_is_not_edited(
    browser: Browser, staff: httpx.AsyncClient, order: dict[str, Any], grocer: SeededShop
) -> None:
    edit = await _draft(staff, order, _set(order, 1, 0))
    await _send(staff, order, "fulfilments", lines=[{"line_id": order["lines"][0]["id"], "quantity": 2}])
    shopper = await _send(browser.http, order, "edits", actions=[_set(order, 1, 0)])
    assert (shopper.status_code, shopper.json()["code"]) == (409, "orders.illegal_transition")
    below = await _send(staff, order, "edits", actions=[_set(order, 0, 1)])
    assert (below.status_code, below.json()["possible"]) == (409, 1)
    stale = await _send(staff, order, f"edits/{edit['id']}/confirm", version=edit["version"])
    assert (stale.status_code, stale.json()["code"]) == (409, "orders.outdated")


async def test_nobody_elses_edit_is_seen_or_confirmed(
    app: Any, staff: httpx.AsyncClient, order: dict[str, Any], grocer: SeededShop, fashion: SeededShop
) -> None:
    edit = await _draft(staff, order, _set(order, 1, 0))
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    for host in (grocer.host, fashion.host):
        async with httpx.AsyncClient(transport=transport, base_url=f"http://{host}") as stranger:
            await stranger.post("/v1/store/sessions", json={})
            seen = await stranger.get(f"/v1/store/orders/{order['id']}/edits/{edit['id']}")
            assert (seen.status_code, seen.json()["code"]) == (404, "orders.not_found")
            for what in (f"edits/{edit['id']}/confirm", f"edits/{edit['id']}/cancel", f"changes/{edit['id']}/pay"):
                body: dict[str, Any] = {"version": 1} if what.endswith("confirm") else {}
                body = {"token": "tok_ok"} if what.endswith("pay") else body
                answer = await _send(stranger, order, what, **body)
                assert (answer.status_code, answer.json()["code"]) == (404, "orders.not_found"), what
    missing = await _send(staff, order, f"edits/{uuid4()}/confirm", version=1)
    assert (missing.status_code, missing.json()["code"]) == (404, "orders.change_not_found")


async def test_the_actions_of_a_change_are_never_rewritten(
    staff: httpx.AsyncClient, order: dict[str, Any], rows: Any, database_urls: Any
) -> None:
    await _draft(staff, order, _set(order, 1, 0))
    with psycopg.connect(database_urls.owner) as owner, pytest.raises(psycopg.errors.Error, match="append"):
        owner.execute("UPDATE order_change_action SET quantity = 9")


units = st.integers(1, 9)


@st.composite
def orders(draw: st.DrawFn) -> tuple[Sums, dict[UUID, Line], bool]:
    lines = draw(st.lists(st.builds(PricedLine, st.integers(1, 999), units), min_size=1, max_size=4))
    included = draw(st.booleans())
    gross = sum(line.unit_price * line.quantity for line in lines)
    totals = compute(lines, discount=draw(st.integers(0, gross)), to=[always(Terms(TERMS, included, 495))])
    sums = Sums(totals.subtotal, totals.discount, totals.shipping, totals.tax, included, totals.taxes, totals.total, 0)
    held = {}
    for line, total, tax in zip(lines, totals.line_totals, totals.line_taxes, strict=True):
        amount = total + (0 if included else tax)
        line_id = uuid4()
        held[line_id] = Line(line_id, uuid4(), uuid4(), line.quantity, amount, 0, 0, 0, 0, 0)
    return sums, held, included


def _added(price: int, quantity: int, included: bool) -> Added:
    taxes = tuple(taxed(price, quantity, "standard", Terms(TERMS, included)))
    return Added(uuid4(), uuid4(), uuid4(), "SKU", "Tea", quantity, at_list(price), None, taxes)


@given(orders(), st.lists(st.tuples(st.integers(0, 999), units, st.lists(st.integers(0, 3))), max_size=6))
def test_any_sequence_of_edits_adds_up_and_ends_at_zero(
    order: tuple[Sums, dict[UUID, Line], bool], edits: list[tuple[int, int, list[int]]]
) -> None:
    sums, lines, included = order
    for price, quantity, taken in edits:
        removed = {
            line.id: units
            for line, wanted in zip(lines.values(), taken, strict=False)
            if (units := min(wanted, line.open))
        }
        untouched = {line_id: (line.cancelled, line.credited) for line_id, line in lines.items()}
        made = effect(sums, lines, Change([_added(price, quantity, included)], removed))
        assert {line_id: (line.cancelled, line.credited) for line_id, line in lines.items()} == untouched
        assert made.difference == made.sums.owed - sums.owed
        sums, lines = made.sums, dict(made.lines)
        assert sums.total == sums.subtotal - sums.discount + sums.shipping + (0 if included else sums.tax)
        assert sum(tax.amount for tax in sums.taxes) == sums.tax
        assert sums.shipping == 495
    everything = {line.id: line.open for line in lines.values() if line.open}
    ended = effect(sums, lines, Change(removed=everything))
    assert ended.sums.owed == sums.shipping + _shipping_tax(order)


def _shipping_tax(order: tuple[Sums, dict[UUID, Line], bool]) -> int:
    sums, lines, _ = order
    return sums.total - sums.shipping - sum(line.total for line in lines.values())


@given(st.integers(0, 9_999), units, st.booleans())
def test_rates_are_read_as_they_were_written(price: int, quantity: int, included: bool) -> None:
    terms = Terms(TERMS, included, scheme="oss", note="why")
    assert read_terms(written_terms(terms), tax_included=included) == terms
    assert taxed(price, quantity, "none", terms) == ()
