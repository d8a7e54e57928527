"""Bundles: made of others, which are reserved, sent, given back and taken back in their place."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from commerce.cart import service as carts
from commerce.cart.schemas import CartOut
from commerce.checkout.refusals import RequirementsUnmet
from commerce.inventory import bundles, keeping, policies
from commerce.inventory import service as inventory
from commerce.inventory.schemas import BundleIn, ComponentIn, CountIn, PolicyIn
from commerce.inventory.service import OutOfStock
from commerce.inventory.supply import Need, Supply, share_out
from commerce.orders import cancelling, fulfilling, returning
from commerce.orders.returning import Announced, Arrived
from foundation import clock
from foundation.database import Database, Tx
from tests.commerce.desk import STAFF, Desk
from tests.commerce.invariants import all_faults
from tests.commerce.watched import Watched
from tests.factories import SeededShop, seed_shop

if TYPE_CHECKING:
    from tests.commerce.conftest import Browser
    from tests.conftest import DatabaseUrls

TODAY = date(2026, 12, 1)


def _box(**changed: int) -> BundleIn:
    """A box is two soups and a juice."""
    parts = {"SKU0": 2, "SKU1": 1} | changed
    return BundleIn(sku="SKU2", components=[ComponentIn(sku=sku, quantity=units) for sku, units in parts.items()])


@pytest.fixture
async def desk(database_urls: DatabaseUrls) -> AsyncIterator[Desk]:
    """A shop with six soups and six juices, and boxes of both."""
    database = Database(database_urls.app, pool_size=8)
    seeded = seed_shop(database_urls, "boxes", stock=6, titles=("Tomato soup", "Orange juice", "Lunch box"))
    desk = await Desk.at(database, seeded)
    async with database.tx(seeded.id) as tx:
        await keeping.count(tx, CountIn(sku="SKU2", warehouse="main", counted=0))
    await _do(desk, lambda tx: bundles.put(tx, _box()))
    yield desk
    assert await all_faults(database, desk.seeded) == []
    await database.close()


async def _do(desk: Desk, do: Callable[[Tx], Awaitable[Any]]) -> Any:
    async with desk.database.tx(desk.shop.id) as tx:
        return await do(tx)


async def _levels(desk: Desk) -> list[tuple[int, int, int]]:
    """(available, reserved, sold) of soup and juice."""

    async def look(tx: Tx) -> list[tuple[int, int, int]]:
        both = [(await keeping.levels(tx, sku)).items[0] for sku in ("SKU0", "SKU1")]
        return [(level.available, level.reserved, level.sold) for level in both]

    levels: list[tuple[int, int, int]] = await _do(desk, look)
    return levels


async def _cart(desk: Desk, quantities: list[int]) -> CartOut:
    shopper = await desk.shopper()
    cart_id = await desk.cart(shopper, quantities)
    async with desk.database.tx(desk.shop.id) as tx:
        return carts.check(await carts.get(tx, shopper, cart_id)).out()


async def test_as_many_boxes_can_be_had_as_there_are_of_the_scarcest_part(desk: Desk) -> None:
    assert [line.available for line in (await _cart(desk, [0, 0, 1])).lines] == [3]


async def test_a_box_takes_its_parts_and_the_order_has_the_box(desk: Desk) -> None:
    order = await desk.order(1, 0, 2)
    assert [(line.sku, line.quantity) for line in order.lines] == [("SKU0", 1), ("SKU2", 2)]
    assert await _levels(desk) == [(1, 5, 0), (4, 2, 0)]
    await _do(desk, lambda tx: fulfilling.fulfil(tx, order.id, STAFF))
    assert await _levels(desk) == [(1, 0, 5), (4, 0, 2)]


async def test_lines_that_share_a_part_are_told_so_in_the_cart(desk: Desk) -> None:
    said = await _cart(desk, [3, 0, 2])
    assert [(r.code, r.available) for r in said.requirements] == [("inventory.out_of_stock", 1)]
    shopper = await desk.shopper()
    with pytest.raises(RequirementsUnmet):
        await desk.pay(shopper, await desk.cart(shopper, [3, 0, 2]))


async def test_the_last_parts_go_to_one_of_a_box_and_its_part(desk: Desk) -> None:
    await desk.order(4, 0, 0)
    box, soup = await desk.shopper(), await desk.shopper()
    of_box, of_soup = await desk.cart(box, [0, 0, 1]), await desk.cart(soup, [1])

    async def pay(shopper: Any, cart_id: UUID) -> bool:
        try:
            await desk.pay(shopper, cart_id)
        except (OutOfStock, RequirementsUnmet):
            return False
        return True

    assert sum(await asyncio.gather(pay(box, of_box), pay(soup, of_soup))) == 1


async def test_some_of_the_boxes_are_sent_cancelled_and_sent_back(desk: Desk) -> None:
    order = await desk.order(0, 0, 3)
    [line] = order.lines
    await _do(desk, lambda tx: fulfilling.fulfil(tx, order.id, STAFF, lines=[(line.id, 2)]))
    await _do(desk, lambda tx: cancelling.cancel(tx, order.id, STAFF, reason="x", lines=[(line.id, 1)]))
    assert await _levels(desk) == [(2, 0, 4), (4, 0, 2)]
    announced = [Announced(line.id, 2, "other")]
    asked = await _do(desk, lambda tx: returning.request(tx, order.id, STAFF, announced, note=""))
    arrived = [Arrived(line.id, 1, restock=True), Arrived(line.id, 1, restock=False)]
    await _do(desk, lambda tx: returning.receive(tx, order.id, asked, STAFF, arrived, warehouse="main"))
    assert await _levels(desk) == [(4, 0, 4), (5, 0, 2)]


async def test_an_order_keeps_what_its_boxes_were_made_of(desk: Desk) -> None:
    order = await desk.order(0, 0, 1)
    await _do(desk, lambda tx: bundles.put(tx, _box(SKU0=1, SKU1=3)))
    await _do(desk, lambda tx: cancelling.cancel(tx, order.id, STAFF, reason="x"))
    assert await _levels(desk) == [(6, 0, 0), (6, 0, 0)]
    assert [line.available for line in (await _cart(desk, [0, 0, 1])).lines] == [2]


async def test_a_box_waits_for_the_part_that_is_not_in(desk: Desk) -> None:
    await _do(desk, lambda tx: policies.put(tx, PolicyIn(sku="SKU0", backorder_limit=4, lead_days=9)))
    said = await _cart(desk, [0, 0, 4])
    in_nine_days = clock.now().date() + timedelta(days=9)
    assert (said.lines[0].available, said.lines[0].promised_on) == (5, in_nine_days)
    order = await desk.order(0, 0, 4)
    assert order.lines[0].promised_on == in_nine_days
    assert await _levels(desk) == [(0, 6, 0), (2, 4, 0)]
    await _do(desk, lambda tx: cancelling.cancel(tx, order.id, STAFF, reason="x", lines=[(order.lines[0].id, 1)]))
    await _do(desk, lambda tx: fulfilling.fulfil(tx, order.id, STAFF))


async def test_a_box_is_sold_out_when_a_part_of_it_is(desk: Desk) -> None:
    assert await _do(desk, inventory.sold_out_products) == []
    await desk.order(5)
    assert await _do(desk, inventory.sold_out_products) == [str(desk.seeded.products[2].product_id)]
    await _do(desk, lambda tx: policies.put(tx, PolicyIn(sku="SKU0", backorder_limit=1)))
    assert await _do(desk, inventory.sold_out_products) == []


class _Counting(Watched):
    """Counts hot statements."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.asked = 0

    async def before(self) -> None:
        self.asked += 1


async def test_a_cart_with_boxes_is_read_in_as_many_statements_as_one_without(
    desk: Desk, database_urls: DatabaseUrls
) -> None:
    asked = []
    for quantities in ([1, 0, 0], [1, 1, 1]):
        shopper = await desk.shopper()
        cart_id = await desk.cart(shopper, quantities)
        counting = _Counting(database_urls.app)
        async with counting.tx(desk.shop.id) as tx:
            await carts.get(tx, shopper, cart_id)
        asked.append(counting.asked)
        await counting.close()
    assert asked[0] == asked[1]


async def test_a_bundle_is_made_over_http_and_shown_in_the_shop(
    staff: httpx.AsyncClient, browser: Browser, grocer: SeededShop, fashion: SeededShop, rows: Any
) -> None:
    async def put(sku: str, *components: tuple[str, int]) -> httpx.Response:
        said = [{"sku": part, "quantity": units} for part, units in components]
        return await staff.put("/v1/admin/inventory/bundles", json={"sku": sku, "components": said})

    for sku, parts, status, code in [
        ("SKU2", [("SKU0", 1)], 409, "inventory.bundle_has_stock"),
        ("SKU2", [("SKU2", 1)], 422, "inventory.nested_bundle"),
        ("SKU2", [("SKU0", 1), ("SKU0", 2)], 422, "inventory.nested_bundle"),
        ("SKU2", [("NONE", 1)], 404, "inventory.unknown_sku"),
        ("NONE", [("SKU0", 1)], 404, "inventory.unknown_sku"),
        ("SKU2", [("SKU0", 0)], 422, "request.invalid_fields"),
    ]:
        refused = await put(sku, *parts)
        assert (refused.status_code, refused.json()["code"]) == (status, code)

    async def post(what: str, **body: Any) -> httpx.Response:
        headers = {"Idempotency-Key": str(uuid4())}
        return await staff.post(
            f"/v1/admin/inventory/{what}", json={"sku": "SKU2", "warehouse": "main", **body}, headers=headers
        )

    await post("counts", counted=0)
    made = await put("SKU2", ("SKU0", 30), ("SKU1", 1))
    assert (made.status_code, made.json()["components"]) == (
        200,
        [{"sku": "SKU0", "quantity": 30}, {"sku": "SKU1", "quantity": 1}],
    )
    assert (await staff.get("/v1/admin/inventory/bundles", params={"sku": "SKU2"})).json() == made.json()
    assert (await put("SKU3", ("SKU2", 1))).json()["code"] == "inventory.nested_bundle"
    assert (await put("SKU0", ("SKU3", 1))).json()["code"] == "inventory.nested_bundle"
    assert (await post("receipts", quantity=1)).json()["code"] == "inventory.is_bundle"

    bread = grocer.products[2]
    shown = (await browser.http.get(f"/v1/store/products/{bread.handle}")).json()
    assert (shown["variants"][0]["available"], shown["variants"][0]["promised_on"]) == (True, None)
    listed = (await browser.http.get("/v1/store/products")).json()["items"]
    assert {card["handle"]: card["available"] for card in listed}[bread.handle]

    cart = await browser.add(await browser.cart(), bread.variant_id, 3)
    assert cart["lines"][0]["available"] == 3
    order = (await browser.complete(cart)).json()
    assert [(line["sku"], line["quantity"]) for line in order["lines"]] == [("SKU2", 3)]
    shown = (await browser.http.get(f"/v1/store/products/{bread.handle}")).json()
    assert not shown["variants"][0]["available"]


_units = st.integers(0, 12)
_supplies = st.lists(st.tuples(_units, _units), min_size=3, max_size=3)
_asked = st.lists(
    st.tuples(st.integers(1, 9), st.dictionaries(st.integers(0, 2), st.integers(1, 3), min_size=1)), max_size=5
)


@given(_supplies, _asked)
def test_lines_that_share_parts_are_never_told_of_more_than_there_is(
    supplies: list[tuple[int, int]], asked: list[tuple[int, dict[int, int]]]
) -> None:
    known = {place: Supply(there, room, lead_days=3) for place, (there, room) in enumerate(supplies)}
    lines = [
        (quantity, [Need(UUID(int=place), UUID(int=9), each, known[place]) for place, each in parts.items()])
        for quantity, parts in asked
    ]
    shares = share_out(lines, TODAY)
    left = dict(known)
    for (quantity, parts), share in zip(asked, shares, strict=True):
        assert share.available == min(left[place].in_all // each for place, each in parts.items())
        waits = quantity <= share.available and any(
            left[place].available < quantity * each for place, each in parts.items()
        )
        assert (share.promised_on is not None) == waits
        for place, each in parts.items():
            left[place] = left[place].less(min(quantity, share.available) * each)
    assert all(supply.available >= 0 and supply.room >= 0 for supply in left.values())
