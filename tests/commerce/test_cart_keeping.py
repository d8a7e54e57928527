"""What stays with a shopper beside their lines: kept for later, shared, noted, merged, and told when it changed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

import httpx
import pytest

from commerce.cart import saved, service
from commerce.identity import service as identity
from commerce.identity.service import Shopper
from foundation import clock
from foundation.database import Database
from tests.commerce.conftest import Browser
from tests.commerce.desk import SOON, Desk
from tests.factories import SeededShop, seed_shop

if TYPE_CHECKING:
    from tests.conftest import DatabaseUrls

ANSWERS = {200, 201, 204}


async def _do(browser: Browser, method: str, path: str, **body: Any) -> Any:
    answer = await browser.http.request(method, f"/v1/store/{path}", **({"json": body} if body else {}))
    assert answer.status_code in ANSWERS, answer.text
    return answer.json() if answer.content else None


async def _refused(browser: Browser, method: str, path: str, **body: Any) -> tuple[int, str]:
    answer = await browser.http.request(method, f"/v1/store/{path}", **({"json": body} if body else {}))
    return answer.status_code, answer.json()["code"]


@pytest.fixture
async def stranger(app: Any, grocer: SeededShop) -> AsyncIterator[Browser]:
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url=f"http://{grocer.host}") as http:
        await http.post("/v1/store/sessions", json={"reference": "household-2"})
        yield Browser(http)


def _skus(cart: dict[str, Any]) -> dict[str, int]:
    return {line["sku"]: line["quantity"] for line in cart["lines"]}


async def test_a_line_kept_for_later_comes_back_at_todays_price(
    browser: Browser, grocer: SeededShop, rows: Any
) -> None:
    cart = await browser.add(await browser.cart(), grocer.products[0].variant_id, 3)
    cart = await browser.add(cart, grocer.products[1].variant_id)
    cart = await _do(browser, "POST", f"carts/{cart['id']}/lines/{cart['lines'][0]['id']}/save")
    assert _skus(cart) == {"SKU1": 1}
    rows("UPDATE price SET amount = 120 WHERE variant_id = %s", grocer.products[0].variant_id)

    (kept,) = (await _do(browser, "GET", "saved-items"))["items"]
    assert (kept["sku"], kept["quantity"], kept["price"]["amount"], kept["available"]) == ("SKU0", 3, 120, 100)
    cart = await _do(browser, "POST", f"carts/{cart['id']}/saved-items/{kept['id']}")
    assert _skus(cart) == {"SKU0": 3, "SKU1": 1}
    assert (cart["totals"]["total"], cart["requirements"]) == (3 * 120 + 200, [])
    assert (await _do(browser, "GET", "saved-items"))["items"] == []
    assert await _refused(browser, "POST", f"carts/{cart['id']}/saved-items/{kept['id']}") == (
        404,
        "cart.saved_item_not_found",
    )


async def test_what_is_kept_twice_adds_up_and_outlives_the_order(browser: Browser, grocer: SeededShop) -> None:
    soup = grocer.products[0].variant_id
    cart = await browser.cart()
    for quantity in (2, 3):
        cart = await browser.add(cart, soup, quantity)
        cart = await _do(browser, "POST", f"carts/{cart['id']}/lines/{cart['lines'][0]['id']}/save")
    cart = await browser.add(cart, grocer.products[1].variant_id)
    assert (await browser.complete(cart)).status_code == 201
    (kept,) = (await _do(browser, "GET", "saved-items"))["items"]
    assert kept["quantity"] == 5
    await _do(browser, "DELETE", f"saved-items/{kept['id']}")
    assert (await _do(browser, "GET", "saved-items"))["items"] == []


async def test_what_another_keeps_does_not_exist(
    browser: Browser, stranger: Browser, grocer: SeededShop, fashion: SeededShop
) -> None:
    cart = await browser.add(await browser.cart(), grocer.products[0].variant_id)
    line = cart["lines"][0]["id"]
    theirs = await stranger.cart()
    assert await _refused(stranger, "POST", f"carts/{cart['id']}/lines/{line}/save") == (404, "cart.not_found")
    assert await _refused(stranger, "POST", f"carts/{theirs['id']}/lines/{line}/save") == (404, "cart.line_not_found")
    await _do(browser, "POST", f"carts/{cart['id']}/lines/{line}/save")
    (kept,) = (await _do(browser, "GET", "saved-items"))["items"]
    assert (await _do(stranger, "GET", "saved-items"))["items"] == []
    gone = (404, "cart.saved_item_not_found")
    assert await _refused(stranger, "DELETE", f"saved-items/{kept['id']}") == gone
    assert await _refused(stranger, "POST", f"carts/{theirs['id']}/saved-items/{kept['id']}") == gone
    await stranger.http.post("/v1/store/sessions", json={}, headers={"Host": fashion.host})
    assert len((await _do(browser, "GET", "saved-items"))["items"]) == 1


async def test_a_shared_cart_is_a_copy_that_another_takes_at_todays_prices(
    browser: Browser, stranger: Browser, grocer: SeededShop, rows: Any
) -> None:
    soup, juice, bread = grocer.products[:3]
    cart = await browser.cart()
    for sold, quantity in ((soup, 2), (juice, 60), (bread, 1)):
        cart = await browser.add(cart, sold.variant_id, quantity)
    link = await _do(browser, "POST", f"carts/{cart['id']}/share")
    await _do(browser, "DELETE", f"carts/{cart['id']}/lines/{cart['lines'][0]['id']}")
    rows("UPDATE price SET amount = 111 WHERE variant_id = %s", soup.variant_id)
    rows("UPDATE product SET status = 'draft' WHERE id = %s", bread.product_id)

    seen = await _do(stranger, "GET", f"shared-carts/{link['token']}")
    assert [(line["sku"], line["quantity"], line["price"] and line["price"]["amount"]) for line in seen["lines"]] == [
        ("SKU0", 2, 111),
        ("SKU1", 60, 200),
        ("SKU2", 1, None),
    ]
    theirs = await stranger.add(await stranger.cart(), juice.variant_id, 50)
    taken = await _do(stranger, "POST", f"carts/{theirs['id']}/take-shared", token=link["token"])
    assert _skus(taken["cart"]) == {"SKU0": 2, "SKU1": 100}
    assert set(taken["short"]) == {str(juice.variant_id), str(bread.variant_id)}
    assert taken["cart"]["requirements"] == []
    assert taken["cart"]["lines"][0]["unit_price"] in {111, 200}
    again = await _do(stranger, "POST", f"carts/{theirs['id']}/take-shared", token=link["token"])
    assert _skus(again["cart"]) == {"SKU0": 4, "SKU1": 100}
    assert len(await _shared(rows)) == 1


async def _shared(rows: Any) -> list[Any]:
    stored: list[Any] = rows("SELECT token_hash, lines::text FROM shared_cart")
    assert all("visitor" not in lines and "customer" not in lines for _, lines in stored)
    return stored


async def test_a_link_that_is_over_guessed_or_another_shops_shares_nothing(
    browser: Browser, grocer: SeededShop, fashion: SeededShop
) -> None:
    cart = await browser.add(await browser.cart(), grocer.products[0].variant_id)
    link = await _do(browser, "POST", f"carts/{cart['id']}/share")
    path, gone = f"shared-carts/{link['token']}", (404, "cart.shared_not_found")
    assert await _refused(browser, "GET", f"shared-carts/{'x' * 43}") == gone
    elsewhere = await browser.http.get(f"/v1/store/{path}", headers={"Host": fashion.host, "Cookie": ""}, cookies=None)
    assert elsewhere.json()["code"] in {"cart.shared_not_found", "identity.session_unknown"}
    later = clock.now() + timedelta(days=30)
    with clock.use(lambda: later):
        browser.http.cookies.clear()
        assert await _refused(browser, "GET", path) == gone


async def test_an_empty_cart_is_not_shared(browser: Browser) -> None:
    cart = await browser.cart()
    assert await _refused(browser, "POST", f"carts/{cart['id']}/share") == (422, "cart.nothing_to_share")


async def test_a_note_stays_with_the_order(browser: Browser, grocer: SeededShop) -> None:
    cart = await browser.add(await browser.cart(), grocer.products[0].variant_id)
    cart = await _do(browser, "PUT", f"carts/{cart['id']}/note", note="  Ring twice, please.  ")
    assert cart["note"] == "Ring twice, please."
    for nonsense in ("", "   ", "x" * 1001, "a\x00b", 5, True):
        assert (await _refused(browser, "PUT", f"carts/{cart['id']}/note", note=nonsense))[0] in {400, 422}, nonsense
    order = (await browser.complete(cart)).json()
    assert order["customer_note"] == "Ring twice, please."
    again = await _do(browser, "PUT", f"carts/{(await browser.cart())['id']}/note", note=None)
    assert again["note"] is None


@pytest.fixture
async def corner(database_urls: DatabaseUrls) -> AsyncIterator[Desk]:
    database = Database(database_urls.app, pool_size=20)
    titles = tuple(f"Thing {number}" for number in range(110))
    yield await Desk.at(database, seed_shop(database_urls, "corner", stock=10, titles=titles))
    await database.close()


async def _signed_in(desk: Desk, visitor: Shopper) -> Shopper:
    async with desk.database.tx(desk.shop.id) as tx:
        customer = await identity.customer_by_reference(tx, "household-1")
        _, shopper = await identity.open_session(tx, ttl=SOON, visitor_id=visitor.visitor_id, customer=customer)
    return shopper


async def _adopt(desk: Desk, visitor: Shopper, shopper: Shopper) -> None:
    async with desk.database.tx(desk.shop.id) as tx:
        await saved.adopt(tx, visitor=visitor, shopper=shopper)
        await service.adopt(tx, visitor=visitor, shopper=shopper)


async def _add(desk: Desk, shopper: Shopper, cart_id: UUID, product: int, quantity: int = 1) -> None:
    async with desk.database.tx(desk.shop.id) as tx:
        variant_id = desk.seeded.products[product].variant_id
        await service.add(tx, shopper, cart_id, variant_id=variant_id, quantity=quantity, decision_id=None)


async def _quantities(desk: Desk, shopper: Shopper) -> dict[str, int]:
    async with desk.database.tx(desk.shop.id) as tx:
        cart = await service.current(tx, shopper)
    return {line.variant.sku: line.quantity for line in cart.lines} if cart else {}


async def test_sixty_five_lines_added_at_once_all_land_and_all_come_along(corner: Desk) -> None:
    visitor = await corner.shopper()
    brought = await corner.cart(visitor, [])
    await asyncio.gather(*(_add(corner, visitor, brought, number) for number in range(65)))
    assert await _quantities(corner, visitor) == {f"SKU{number}": 1 for number in range(65)}

    customer = await _signed_in(corner, await corner.shopper())
    own = await corner.cart(customer, [])
    for number, quantity in ((0, 4), (1, 10), (70, 2)):
        await _add(corner, customer, own, number, quantity)
    await _add(corner, visitor, brought, 2, 50)
    await _adopt(corner, visitor, customer)

    merged = await _quantities(corner, customer)
    assert len(merged) == 66
    assert [merged[f"SKU{number}"] for number in (0, 1, 2, 3, 70)] == [5, 10, 10, 1, 2]


async def test_what_finds_no_room_in_a_merged_cart_is_kept_for_later(corner: Desk) -> None:
    visitor = await corner.shopper()
    brought = await corner.cart(visitor, [1] * 60)
    customer = await _signed_in(corner, await corner.shopper())
    await corner.cart(customer, [0] * 50 + [1] * 60)
    assert brought
    await _adopt(corner, visitor, customer)

    in_cart = await _quantities(corner, customer)
    async with corner.database.tx(corner.shop.id) as tx:
        kept = {item.sku for item in (await saved.items(tx, corner.shop, customer)).items}
    assert len(in_cart) == 100
    assert len(kept) == 10
    assert in_cart.keys() | kept == {f"SKU{number}" for number in range(110)}


async def test_what_is_added_while_signing_in_lands_or_is_refused_but_is_never_lost(corner: Desk) -> None:
    for _ in range(5):
        visitor = await corner.shopper()
        brought = await corner.cart(visitor, [1])
        customer = await _signed_in(corner, await corner.shopper())
        own = await corner.cart(customer, [0, 1])
        before = await _quantities(corner, customer)
        adding = [_add(corner, visitor, brought, 10 + number) for number in range(6)]
        adding += [_add(corner, customer, own, 20 + number) for number in range(6)]
        done = await asyncio.gather(_adopt(corner, visitor, customer), *adding, return_exceptions=True)
        landed = await _quantities(corner, customer)
        for number, answer in enumerate(done[1:]):
            sku = f"SKU{10 + number if number < 6 else 14 + number}"
            assert (answer is None) <= (sku in landed), sku
            assert answer is None or isinstance(answer, service.CartNotFound)
        assert before.keys() <= landed.keys()


async def test_codes_notes_and_what_was_kept_come_along_at_sign_in(
    client: httpx.AsyncClient, grocer: SeededShop
) -> None:
    browser = Browser(client)
    await client.post("/v1/store/sessions", json={"reference": "household-1"})
    own = await browser.add(await browser.cart(), grocer.products[0].variant_id, 2)
    await _do(browser, "PUT", f"carts/{own['id']}/note", note="Mine")
    await _do(browser, "POST", f"carts/{own['id']}/lines/{own['lines'][0]['id']}/save")
    await client.delete("/v1/store/sessions/current")
    client.cookies.clear()
    await client.post("/v1/store/sessions", json={})
    for sold, quantity in zip(grocer.products[:2], (5, 1), strict=True):
        cart = await browser.add(await browser.cart(), sold.variant_id, quantity)
        await _do(browser, "POST", f"carts/{cart['id']}/lines/{cart['lines'][0]['id']}/save")
    await browser.add(cart, grocer.products[2].variant_id)
    await _do(browser, "PUT", f"carts/{cart['id']}/note", note="Brought")

    await client.post("/v1/store/sessions", json={"reference": "household-1"})

    cart = await browser.cart()
    assert (cart["id"], cart["note"], _skus(cart)) == (own["id"], "Mine\nBrought", {"SKU2": 1})
    kept = (await _do(browser, "GET", "saved-items"))["items"]
    assert {item["sku"]: item["quantity"] for item in kept} == {"SKU0": 5, "SKU1": 1}


async def test_what_changed_is_one_list_that_is_accepted_as_a_whole(
    browser: Browser, staff: httpx.AsyncClient, grocer: SeededShop, rows: Any
) -> None:
    dearer, cheaper, gone, scarce, sold_out, same = grocer.products[:6]
    cart = await browser.cart()
    for sold in grocer.products[:6]:
        cart = await browser.add(cart, sold.variant_id, 5)
    await staff.put("/v1/admin/delivery-methods/bike", json={"name": "Bike", "kind": "collect", "price": 10})
    await staff.put("/v1/admin/discount-codes/HALF", json={"percent": "50"})
    await _do(browser, "PUT", f"carts/{cart['id']}/delivery", code="bike")
    cart = await _do(browser, "POST", f"carts/{cart['id']}/codes", code="HALF")
    assert (cart["changes"], cart["changes_seen"]) == ([], None)

    rows("UPDATE price SET amount = 150 WHERE variant_id = %s", dearer.variant_id)
    rows("UPDATE price SET amount = 150 WHERE variant_id = %s", cheaper.variant_id)
    rows("UPDATE product SET status = 'draft' WHERE id = %s", gone.product_id)
    for sold, left in ((scarce, 2), (sold_out, 0)):
        rows(
            "UPDATE stock SET available = %s, written_off = received - %s WHERE variant_id = %s",
            left,
            left,
            sold.variant_id,
        )
    method = {"name": "Bike", "kind": "collect", "price": 10, "active": False}
    await staff.put("/v1/admin/delivery-methods/bike", json=method)
    await staff.put("/v1/admin/delivery-methods/van", json={**method, "name": "Van", "active": True})
    await staff.put("/v1/admin/discount-codes/HALF", json={"percent": "50", "ends_at": "2020-01-01T00:00:00"})

    shown = await _do(browser, "GET", f"carts/{cart['id']}")
    assert {(change["kind"], change["title"], change["before"], change["after"]) for change in shown["changes"]} == {
        ("price_up", dearer.title, 100, 150),
        ("price_down", cheaper.title, 200, 150),
        ("not_sold", gone.title, 5, 0),
        ("less_stock", scarce.title, 5, 2),
        ("less_stock", sold_out.title, 5, 0),
        ("code_over", "HALF", None, None),
        ("delivery_gone", "bike", None, None),
    }
    accepted = await _do(
        browser, "POST", f"carts/{cart['id']}/accept", version=shown["version"], changes_seen=shown["changes_seen"]
    )
    assert _skus(accepted) == {"SKU0": 5, "SKU1": 5, "SKU3": 2, "SKU5": 5}
    assert [line["unit_price"] for line in accepted["lines"]] == [150, 150, 400, same.price]
    assert (accepted["changes"], accepted["codes"], accepted["version"] > shown["version"]) == ([], [], True)
    assert "checkout.delivery_missing" in [requirement["code"] for requirement in accepted["requirements"]]


async def test_only_what_was_seen_is_accepted(browser: Browser, grocer: SeededShop, rows: Any) -> None:
    soup = grocer.products[0].variant_id
    cart = await browser.add(await browser.cart(), soup)
    rows("UPDATE price SET amount = 120 WHERE variant_id = %s", soup)
    shown = await _do(browser, "GET", f"carts/{cart['id']}")
    path, seen = f"carts/{cart['id']}/accept", {"version": shown["version"], "changes_seen": shown["changes_seen"]}

    rows("UPDATE price SET amount = 900 WHERE variant_id = %s", soup)
    assert await _refused(browser, "POST", path, **seen) == (409, "cart.moved_on")
    await browser.add(cart, grocer.products[1].variant_id)
    assert await _refused(browser, "POST", path, version=shown["version"]) == (409, "cart.moved_on")
    for nonsense in ({"version": 0}, {"version": 2**40}, {"version": True}, {"version": 1, "changes_seen": "'"}, {}):
        answer = await browser.http.post(f"/v1/store/{path}", json=nonsense)
        assert (answer.status_code, answer.json()["code"]) == (422, "request.invalid_fields")
    now = await _do(browser, "GET", f"carts/{cart['id']}")
    assert [line["unit_price"] for line in now["lines"]] == [100, 200]
    accepted = await _do(browser, "POST", path, version=now["version"], changes_seen=now["changes_seen"])
    assert [line["unit_price"] for line in accepted["lines"]] == [900, 200]


async def test_a_price_that_follows_from_accepting_is_a_change_of_its_own(
    browser: Browser, staff: httpx.AsyncClient, grocer: SeededShop, rows: Any
) -> None:
    offers = [{"amount": 90, "min_quantity": 10}]
    await staff.put("/v1/admin/prices/variants/SKU0/offers", json={"currency": "USD", "offers": offers})
    cart = await browser.add(await browser.cart(), grocer.products[0].variant_id, 10)
    rows("UPDATE stock SET available = 4, written_off = 96 WHERE variant_id = %s", grocer.products[0].variant_id)
    shown = await _do(browser, "GET", f"carts/{cart['id']}")
    assert [change["kind"] for change in shown["changes"]] == ["less_stock"]
    cut = await _do(browser, "POST", f"carts/{cart['id']}/accept", version=shown["version"])
    assert [(change["kind"], change["before"], change["after"]) for change in cut["changes"]] == [("price_up", 90, 100)]


async def test_at_most_two_hundred_things_are_kept(browser: Browser, grocer: SeededShop, rows: Any) -> None:
    me = (await browser.http.get("/v1/store/sessions/current")).json()["customer_id"]
    cart = await browser.add(await browser.cart(), grocer.products[0].variant_id)
    rows(
        "WITH made AS (INSERT INTO variant (tenant_id, id, product_id, sku)"
        " SELECT %s, uuidv7(), %s, 'MORE' || n FROM generate_series(1, 200) n RETURNING id)"
        " SELECT count(*) FROM made",
        grocer.id,
        grocer.products[1].product_id,
    )
    rows(
        "WITH kept AS (INSERT INTO saved_item (tenant_id, id, holder_id, variant_id, quantity, saved_at)"
        " SELECT tenant_id, uuidv7(), %s, id, 1, now() FROM variant WHERE sku LIKE 'MORE%%' RETURNING id)"
        " SELECT count(*) FROM kept",
        me,
    )
    line = cart["lines"][0]["id"]
    assert await _refused(browser, "POST", f"carts/{cart['id']}/lines/{line}/save") == (422, "cart.too_many_saved")
    assert _skus(await _do(browser, "GET", f"carts/{cart['id']}")) == {"SKU0": 1}
