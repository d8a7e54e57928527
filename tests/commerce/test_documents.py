"""Invoices and credit notes: they follow the order to the last minor unit, and their numbers have no gap."""

from __future__ import annotations

import asyncio
import io
import re
import subprocess
import sys
from contextlib import suppress
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

import httpx
import psycopg
import pytest
from barcode.charsets import code128
from hypothesis import example, given
from hypothesis import strategies as st
from pypdf import PdfReader

from commerce.documents import issuing, marks
from commerce.documents.amounts import Charged, Levy, Part, by_levy, credited, still_to_say
from foundation import clock
from foundation.database import Database
from tests.commerce.desk import Desk
from tests.commerce.invariants import all_faults
from tests.factories import SeededShop, seed_shop

if TYPE_CHECKING:
    from tests.commerce.conftest import Browser
    from tests.conftest import DatabaseUrls

NOBODY = "00000000-0000-7000-8000-000000000000"
VAT, CITY = Levy("VAT", "0.19"), Levy("City", "0.0333")
ISSUER = {
    "name": "Grocer Ltd",
    "address": {"line1": "1 High Street", "postal_code": "10999", "city": "Berlin", "country": "DE"},
    "tax_numbers": [{"name": "VAT ID", "number": "DE123456789"}],
    "footer": "Register of Berlin, HRB 1",
}
TAXES = {"included": False, "country": "DE"}
RATES = {"rates": [{"name": "VAT", "rate": "0.19"}, {"name": "City", "rate": "0.0333"}]}

AMOUNT = st.integers(0, 9_999)
LINE = st.builds(
    lambda key, units, total, vat, city: Part(key, units, total + vat + city, {VAT: vat, CITY: city}),
    st.uuids().map(str),
    st.integers(1, 7),
    AMOUNT,
    AMOUNT,
    AMOUNT,
)


@given(
    lines=st.lists(LINE, min_size=1, max_size=4),
    shipping=AMOUNT,
    shipping_tax=st.integers(0, 500),
    steps=st.lists(
        st.tuples(st.integers(0, 3), st.integers(0, 4), st.integers(0, 4000), st.integers(0, 900)), max_size=8
    ),
)
def test_whatever_is_credited_in_whatever_order_the_notes_add_up_to_it(
    lines: list[Part], shipping: int, shipping_tax: int, steps: list[tuple[int, int, int, int]]
) -> None:
    charged = Charged(lines, Part("shipping", int(shipping != 0), shipping + shipping_tax, {VAT: shipping_tax}))
    whole = sum(part.total for part in charged.parts())
    units: dict[str, int] = {line.key: 0 for line in lines}
    said: list[Part] = []
    amount = of_shipping = 0

    def note() -> None:
        parts = still_to_say(credited(charged, units, amount, shipping=of_shipping), said)
        said.extend(parts)
        assert sum(part.total for part in said) == amount
        assert all(part.net + part.tax == part.total for part in parts)

    for which, more, goodwill, back in steps:
        line = lines[which % len(lines)]
        before = line.share(units[line.key]).total
        units[line.key] = min(line.quantity, units[line.key] + more)
        by_itself = min(back, charged.shipping.total - of_shipping)
        of_shipping += by_itself
        amount = min(whole, amount + line.share(units[line.key]).total - before + goodwill + by_itself)
        note()
    units = {line.key: line.quantity for line in lines}
    amount = whole
    note()
    taxes = {levy: tax for levy, _, tax in by_levy(said)}
    assert taxes.get(VAT, 0) == sum(part.taxes.get(VAT, 0) for part in charged.parts())
    assert taxes.get(CITY, 0) == sum(part.taxes.get(CITY, 0) for part in charged.parts())
    assert still_to_say(credited(charged, units, amount, shipping=of_shipping), said) == []


def test_a_delivery_that_is_given_back_takes_its_own_tax() -> None:
    reduced = Levy("VAT", "0.07")
    charged = Charged([Part("lamp", 1, 1190, {VAT: 190})], Part("shipping", 1, 107, {reduced: 7}))
    (part,) = still_to_say(credited(charged, {}, 107, shipping=107), [])
    assert (part.key, part.total, dict(part.taxes)) == ("shipping", 107, {reduced: 7})


def test_a_credited_book_takes_the_tax_of_books_and_not_of_all_that_was_bought() -> None:
    reduced = Levy("VAT", "0.07")
    charged = Charged(
        [Part("book", 2, 2140, {reduced: 140}), Part("lamp", 1, 1190, {VAT: 190})], Part("shipping", 0, 0)
    )
    parts = still_to_say(credited(charged, {"book": 1}, 1070), [])
    assert by_levy(parts) == [(reduced, 1000, 70)]


@pytest.fixture
async def invoicing(staff: httpx.AsyncClient) -> None:
    """The grocer says who they are in law, and what they tax."""
    assert (await staff.put("/v1/admin/documents/issuer", json=ISSUER)).status_code == 200
    assert (await staff.put("/v1/admin/taxes/policy", json=TAXES)).status_code == 200
    assert (await staff.put("/v1/admin/taxes/rates/DE", json=RATES)).status_code == 200


async def _order(browser: Browser, grocer: SeededShop, key: str = "key-1") -> dict[str, Any]:
    soup, juice = grocer.products[:2]
    cart = await browser.add(await browser.cart(), soup.variant_id, 3)
    cart = await browser.add(cart, juice.variant_id)
    placed = await browser.complete(cart, email="a@b.example", key=key)
    assert placed.status_code == 201, placed.text
    order: dict[str, Any] = placed.json()
    return order


async def _do(staff: httpx.AsyncClient, order: dict[str, Any], what: str, **body: Any) -> dict[str, Any]:
    answer = await staff.post(
        f"/v1/admin/orders/{order['id']}/{what}", json=body, headers={"Idempotency-Key": str(uuid4())}
    )
    assert answer.status_code in (200, 201), answer.text
    done: dict[str, Any] = answer.json()
    return done


async def _papers(staff: httpx.AsyncClient, order: dict[str, Any]) -> list[dict[str, Any]]:
    answer = await staff.get(f"/v1/admin/orders/{order['id']}/documents")
    assert answer.status_code == 200, answer.text
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


def _said(papers: list[dict[str, Any]]) -> list[tuple[str, int, int]]:
    return [(paper["kind"], paper["tax"], paper["total"]) for paper in papers]


def _text(body: bytes) -> str:
    return " ".join(" ".join(page.extract_text() for page in PdfReader(io.BytesIO(body)).pages).split())


@pytest.mark.usefixtures("invoicing")
async def test_an_order_is_invoiced_when_its_money_is_taken_and_corrected_to_the_last_cent(
    browser: Browser, staff: httpx.AsyncClient, grocer: SeededShop, database_urls: DatabaseUrls
) -> None:
    order = await _order(browser, grocer)
    year = datetime.now(UTC).year
    (invoice,) = await _papers(staff, order)
    total = order["total"]["amount"]
    assert (invoice["number"], invoice["total"], invoice["tax"]) == (f"INV-{year}-000001", total, order["tax"])

    soup, juice = order["lines"]
    await _do(staff, order, "cancel", reason="x", lines=[{"line_id": soup["id"], "quantity": 1}])
    await _do(staff, order, "refunds", amount=50, reason="late")
    await _do(staff, order, "fulfilments")
    back = [{"line_id": line["id"], "quantity": 1, "reason": "other"} for line in (soup, juice)]
    asked = await _do(staff, order, "returns", lines=back)
    await _do(staff, order, f"returns/{asked['returns'][0]['id']}/receive", warehouse="main")
    await _do(staff, order, "refunds", amount=total - (await _credited(staff, order)), reason="all of it")

    papers = await _papers(staff, order)
    notes = papers[1:]
    assert [paper["number"] for paper in notes] == [f"CN-{year}-{place:06d}" for place in range(1, len(notes) + 1)]
    assert len(notes) == 4
    assert {paper["invoice_id"] for paper in notes} == {invoice["id"]}
    assert sum(paper["total"] for paper in notes) == total
    assert sum(paper["tax"] for paper in notes) == order["tax"]
    timeline = (await staff.get(f"/v1/admin/orders/{order['id']}")).json()["timeline"]
    assert [entry["data"]["number"] for entry in timeline if entry["kind"] in ("invoice", "credit_note")] == [
        paper["number"] for paper in papers
    ]
    database = Database(database_urls.app, pool_size=1)
    assert await all_faults(database, grocer) == []
    await database.close()


async def _credited(staff: httpx.AsyncClient, order: dict[str, Any]) -> int:
    credited: int = (await staff.get(f"/v1/admin/orders/{order['id']}")).json()["credited"]
    return credited


@pytest.mark.usefixtures("invoicing")
async def test_a_paper_reads_the_same_each_time_and_says_what_it_must(
    browser: Browser, staff: httpx.AsyncClient, grocer: SeededShop
) -> None:
    order = await _order(browser, grocer)
    path = f"/v1/store/orders/{order['id']}/invoice.pdf"
    first, again = await browser.http.get(path), await browser.http.get(path)
    assert first.headers["content-type"] == "application/pdf"
    assert first.content == again.content
    (invoice,) = await _papers(staff, order)
    assert f'filename="{invoice["number"]}.pdf"' in first.headers["content-disposition"]
    said = _text(first.content)
    for expected in (
        "Grocer Ltd",
        "10999 Berlin",
        "Germany",
        "VAT ID DE123456789",
        "Register of Berlin, HRB 1",
        invoice["number"],
        order["number"],
        "Tomato soup",
        "SKU0",
        "3 $1.00",
        "VAT 19 % on $5.00",
        "City 3.33 % on $5.00",
        "$0.95",
        "$6.12",
        "Page 1 of 1",
    ):
        assert expected in said.replace("\xa0", " "), (expected, said)

    await _do(staff, order, "cancel", reason="x")
    note = (await _papers(staff, order))[1]
    body = (await staff.get(f"/v1/admin/orders/{order['id']}/documents/{note['id']}.pdf")).content
    assert "Credit note" in _text(body)
    assert f"Corrects invoice {invoice['number']}" in _text(body)


@pytest.mark.usefixtures("invoicing")
async def test_a_long_order_goes_over_several_pages(staff: httpx.AsyncClient, app: Any, grocer: SeededShop) -> None:
    from commerce.documents import rendering, service

    core = app.state.core
    desk = await Desk.at(core.database, grocer)
    order = await desk.order(1)
    async with core.database.tx(grocer.id) as tx:
        written = await service.invoice(tx, order.id)
    written.data["parts"] = [{**written.data["parts"][0], "title": f"Thing {place}"} for place in range(60)]
    reader = PdfReader(io.BytesIO(rendering.invoice(written)))
    texts = [page.extract_text() for page in reader.pages]
    assert len(texts) > 2
    assert all(f"Page {place + 1} of {len(texts)}" in " ".join(said.split()) for place, said in enumerate(texts))
    assert all(written.document.number in said for said in texts)
    assert [f"Thing {place}\n" in "".join(texts) for place in range(60)] == [True] * 60


@pytest.mark.parametrize(
    ("currency", "locale", "shown"),
    [("JPY", "ja-JP", "500"), ("KWD", "en-KW", "0.500"), ("INR", "en-IN", "₹5.00"), ("EUR", "de-DE", "5,00 €")],
)
async def test_amounts_have_their_currencys_decimals(
    database_urls: DatabaseUrls, currency: str, locale: str, shown: str
) -> None:
    from commerce.documents import rendering, service

    seeded = seed_shop(database_urls, f"in-{currency.lower()}", currency=currency)
    with psycopg.connect(database_urls.owner) as owner:
        owner.execute("UPDATE tenant SET locale = %s WHERE id = %s", (locale, seeded.id))
    database = Database(database_urls.app, pool_size=2)
    await _say_who(database, seeded)
    desk = await Desk.at(database, seeded)
    order = await desk.order(3, 1)
    async with database.tx(seeded.id) as tx:
        written = await service.invoice(tx, order.id)
    assert shown in _text(rendering.invoice(written)).replace("\xa0", " ")
    assert await all_faults(database, seeded) == []
    await database.close()


async def _say_who(database: Database, seeded: SeededShop, **more: Any) -> None:
    from commerce.documents import service
    from commerce.documents.schemas import IssuerIn

    async with database.tx(seeded.id) as tx:
        await service.set_issuer(tx, IssuerIn.model_validate({**ISSUER, **more}))


async def test_numbers_have_no_gap_whatever_is_rolled_back(database_urls: DatabaseUrls) -> None:
    seeded = seed_shop(database_urls, "gapless")
    database = Database(database_urls.app, pool_size=8)
    desk = await Desk.at(database, seeded)
    orders = [(await desk.order(1)).id for _ in range(12)]  # before the shop says who it is: no papers yet
    await _say_who(database, seeded)

    async def write(place: int, order_id: UUID) -> None:
        for gives_up in (place % 3 == 0, False):
            with suppress(ZeroDivisionError):
                async with database.tx(seeded.id) as tx:
                    written = await issuing.keep_up(tx, order_id, due=True)
                    assert len(written) <= 1
                    await asyncio.sleep(0.01)
                    assert 1 // (not gives_up)

    await asyncio.gather(*(write(place, order_id) for place, order_id in enumerate(orders)))
    async with database.tx(seeded.id) as tx:
        rows = await tx.connection.fetch("SELECT sequence FROM document WHERE kind = 'invoice' ORDER BY sequence")
    assert [row["sequence"] for row in rows] == list(range(1, 13))
    assert await all_faults(database, seeded) == []
    await database.close()


async def test_numbers_begin_anew_with_the_year_where_the_shop_is(database_urls: DatabaseUrls) -> None:
    seeded = seed_shop(database_urls, "years")
    with psycopg.connect(database_urls.owner) as owner:
        owner.execute('UPDATE tenant SET settings = settings || \'{"zone": "Asia/Tokyo"}\' WHERE id = %s', (seeded.id,))
    database = Database(database_urls.app, pool_size=2)
    await _say_who(database, seeded)
    desk = await Desk.at(database, seeded)
    numbers = []
    for moment in (datetime(2030, 12, 31, 14, 59, tzinfo=UTC), datetime(2030, 12, 31, 15, 0, tzinfo=UTC)):
        with clock.use(lambda moment=moment: moment):  # type: ignore[misc]
            order = await desk.order(1)
        async with database.tx(seeded.id) as tx:
            rows = await tx.connection.fetch("SELECT number, issued_on FROM document WHERE order_id = $1", order.id)
        numbers += [(row["number"], row["issued_on"]) for row in rows]
    assert numbers == [("INV-2030-000001", date(2030, 12, 31)), ("INV-2031-000001", date(2031, 1, 1))]
    await database.close()


async def test_a_shop_may_invoice_what_it_sends(database_urls: DatabaseUrls) -> None:
    from commerce.orders import fulfilling
    from tests.commerce.desk import STAFF

    seeded = seed_shop(database_urls, "sending")
    database = Database(database_urls.app, pool_size=2)
    await _say_who(database, seeded, invoice_on="sent")
    desk = await Desk.at(database, seeded)
    order = await desk.order(3, 1)

    async def kinds() -> list[str]:
        async with database.tx(seeded.id) as tx:
            return [row["kind"] for row in await tx.connection.fetch("SELECT kind FROM document ORDER BY id")]

    assert await kinds() == []
    for _ in order.lines:
        async with database.tx(seeded.id) as tx:
            open_line = next(line for line in (await desk.look(order.id)).lines if line.fulfilled < line.quantity)
            await fulfilling.fulfil(tx, order.id, STAFF, lines=[(open_line.id, open_line.quantity)])
        assert await kinds() == ["invoice"]
    await database.close()


async def test_a_shop_that_has_not_said_who_it_is_invoices_nothing(
    browser: Browser, staff: httpx.AsyncClient, grocer: SeededShop
) -> None:
    order = await _order(browser, grocer)
    assert await _papers(staff, order) == []
    missing = await browser.http.get(f"/v1/store/orders/{order['id']}/invoice.pdf")
    assert (missing.status_code, missing.json()["code"]) == (404, "documents.not_found")
    assert (await staff.get("/v1/admin/documents/issuer")).json() == {"issuer": None}


@pytest.mark.usefixtures("invoicing")
async def test_papers_are_their_owners_alone(
    browser: Browser, staff: httpx.AsyncClient, app: Any, grocer: SeededShop, fashion: SeededShop
) -> None:
    from commerce.identity.staff import create_key

    order = await _order(browser, grocer)
    (invoice,) = await _papers(staff, order)
    async with app.state.core.database.transaction(fashion.id) as session:
        _, token = await create_key(session, fashion.id, name="Other")
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    other_staff = httpx.AsyncClient(
        transport=transport, base_url=f"http://{fashion.host}", headers={"Authorization": f"Bearer {token}"}
    )
    stranger = httpx.AsyncClient(transport=transport, base_url=f"http://{grocer.host}")
    await stranger.post("/v1/store/sessions", json={"reference": "household-2"})
    store, admin = f"/v1/store/orders/{order['id']}", f"/v1/admin/orders/{order['id']}"
    for path in ("documents", "invoice.pdf", f"documents/{invoice['id']}.pdf"):
        refused = await stranger.get(f"{store}/{path}")
        assert (refused.status_code, refused.json()["code"]) == (404, "orders.not_found")
        assert (await browser.http.get(f"{store}/{path}")).status_code == 200
    for path in ("documents", f"documents/{invoice['id']}.pdf", f"fulfilments/{NOBODY}/packing-slip.pdf"):
        assert (await other_staff.get(f"{admin}/{path}")).status_code == 404
    assert (await browser.http.get(f"{store}/documents/{NOBODY}.pdf")).json()["code"] == "documents.not_found"
    assert (await staff.get(f"/v1/admin/orders/{NOBODY}/documents/{invoice['id']}.pdf")).status_code == 404
    await other_staff.aclose()
    await stranger.aclose()


@pytest.mark.usefixtures("invoicing")
async def test_a_packing_slip_says_what_lies_in_the_parcel_and_no_price(
    browser: Browser, staff: httpx.AsyncClient, grocer: SeededShop
) -> None:
    for what, body in (
        ("write-offs", {"quantity": 100, "reason": "flood"}),
        ("receipts", {"quantity": 9, "lot": "L-2030-7"}),
    ):
        placed = {"sku": "SKU0", "warehouse": "main", **body}
        done = await staff.post(f"/v1/admin/inventory/{what}", json=placed, headers={"Idempotency-Key": what})
        assert done.status_code == 201, done.text
    assert (await staff.put("/v1/admin/gift-wrap", json={"price": 100})).status_code == 200
    cart = await browser.add(await browser.cart(), grocer.products[0].variant_id, 3)
    cart = await browser.add(cart, grocer.products[1].variant_id)
    for line, gift in zip(
        cart["lines"], ({"wrap": True, "message": "Get well, Ada"}, {"message": "Juicy"}), strict=True
    ):
        await browser.http.put(f"/v1/store/carts/{cart['id']}/lines/{line['id']}/gift", json=gift)
    await browser.http.put(f"/v1/store/carts/{cart['id']}/gift", json={"message": "To all of you"})
    order = (await browser.complete(cart, email="a@b.example")).json()
    lines = [{"line_id": order["lines"][0]["id"], "quantity": 2}]
    sent = await _do(staff, order, "fulfilments", lines=lines, carrier="DHL", tracking_number="0034 0434")
    path = f"/v1/admin/orders/{order['id']}/fulfilments/{sent['parcels'][0]['id']}"
    said = _text((await staff.get(f"{path}/packing-slip.pdf")).content)
    for expected in ("Packing slip", "Tomato soup", "SKU0", "DHL", "0034 0434", "Main", "L-2030-7", "parcel: 2"):
        assert expected in said, (expected, said)
    for expected in ("To all of you", "Get well, Ada", "Gift-wrapped"):
        assert expected in said, (expected, said)
    assert "Juicy" not in said
    assert "Orange juice" not in said
    assert "$" not in said
    assert "0034 0434" in _text((await staff.get(f"{path}/label.pdf")).content)


@given(st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=1, max_size=40))
@example("TUKQCCDK55JP44")
@example("9934")
def test_the_bars_of_a_packing_slip_are_read_as_what_was_written(content: str) -> None:
    drawn = marks.bars(content)
    runs = [(int(at), int(width)) for at, width in re.findall(r"M(\d+) 0h(\d+)v", drawn)]
    end = int(re.findall(r"viewBox=\"0 0 (\d+) 30", drawn)[0]) - marks.QUIET
    modules = "".join("1" if any(at <= m < at + width for at, width in runs) else "0" for m in range(marks.QUIET, end))
    assert modules.endswith("1100011101011")
    symbols = [code128.CODES.index(modules[at : at + 11]) for at in range(0, len(modules) - 13, 11)]
    *read, check = symbols
    assert sum(max(place, 1) * symbol for place, symbol in enumerate(read)) % 103 == check
    assert _decoded(read) == content


def _decoded(symbols: list[int]) -> str:
    """What a reader makes of the symbols of sets B and C, and of the two that go from one to the other."""
    in_b, text = symbols[0] == 104, ""
    assert symbols[0] in (104, 105)
    for symbol in symbols[1:]:
        if in_b and symbol == 99:
            in_b = False
        elif not in_b and symbol == 100:
            in_b = True
        else:
            text += chr(symbol + 32) if in_b else f"{symbol:02}"
    return text


@pytest.mark.usefixtures("invoicing")
async def test_a_paper_is_rendered_once_and_kept_sealed_where_there_is_an_object_store(
    browser: Browser, staff: httpx.AsyncClient, grocer: SeededShop, app: Any, tmp_path: Any, monkeypatch: Any
) -> None:
    from commerce.documents import rendering

    core = app.state.core
    monkeypatch.setattr(core.settings, "objects_url", tmp_path.as_uri())
    order = await _order(browser, grocer)
    path = f"/v1/store/orders/{order['id']}/invoice.pdf"
    first = (await browser.http.get(path)).content
    monkeypatch.setattr(rendering, "invoice", lambda _: b"another")
    assert (await browser.http.get(path)).content == first
    (kept,) = tmp_path.rglob("*.pdf")
    assert not kept.read_bytes().startswith(b"%PDF")


@pytest.mark.usefixtures("invoicing")
async def test_nobody_changes_a_paper_and_none_is_kept_that_does_not_add_up(
    browser: Browser, staff: httpx.AsyncClient, grocer: SeededShop, rows: Any, database_urls: DatabaseUrls
) -> None:
    order = await _order(browser, grocer)
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        rows("UPDATE document SET total = 1")
    with psycopg.connect(database_urls.owner) as owner, pytest.raises(psycopg.errors.RestrictViolation):
        owner.execute("DELETE FROM document")
    copy = """
        INSERT INTO document (tenant_id, id, kind, year, sequence, number, order_id, currency, net, tax, total, data,
                              issued_on, issued_at)
        SELECT tenant_id, gen_random_uuid(), kind, year, sequence + 1, number || 'x', order_id, currency, {}, data,
               issued_on, issued_at FROM document"""
    for wrong in ("net + 1, tax, total", "net + 1, tax, total + 1", "net - 1, tax + 1, total"):
        with pytest.raises(psycopg.errors.CheckViolation, match="ck_document_sums"):
            rows(copy.format(wrong))
    assert len(await _papers(staff, order)) == 1


async def test_who_issues_must_be_said_properly(staff: httpx.AsyncClient) -> None:
    wrong: list[dict[str, Any]] = [
        {"name": ""},
        {"invoice_prefix": "inv\n"},
        {"invoice_on": "never"},
        {"address": {"line1": "x"}},
        {"tax_numbers": [{"name": "VAT ID", "number": "\x00"}]},
        {"more": 1},
    ]
    for body in wrong:
        answer = await staff.put("/v1/admin/documents/issuer", json={**ISSUER, **body})
        assert answer.status_code in (400, 422), body
    assert (await staff.get("/v1/admin/documents/issuer")).json() == {"issuer": None}


def test_a_worker_loads_no_typesetter_until_a_paper_is_asked_for() -> None:
    loaded = "import commerce.app, sys; print([m for m in ('typst', 'babel', 'segno', 'barcode') if m in sys.modules])"
    said = subprocess.run([sys.executable, "-c", loaded], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "[]"
