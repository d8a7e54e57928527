"""Lots: the first to expire is the first to go, what has expired goes to nobody, and each parcel's lots are known."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from commerce.inventory import expiry, keeping, promises
from commerce.inventory import service as inventory
from commerce.inventory.allocation import NotInYet
from commerce.inventory.coming_back import Left, NotOfThatLot, SentBack, attributed
from commerce.inventory.expiry import UnknownLot
from commerce.inventory.lots import Lot, LotRecalled, sellable
from commerce.inventory.schemas import CountIn, ReceiptIn, TransferIn, WriteOffIn
from commerce.inventory.service import OutOfStock, StockLine
from commerce.orders import cancelling, fulfilling, returning
from commerce.orders.returning import Announced, Arrived
from foundation import clock
from foundation.database import Database, Tx
from foundation.ids import new_id
from tests.commerce.desk import SOON, STAFF, Desk
from tests.commerce.invariants import all_faults
from tests.factories import owner, seed_shop

if TYPE_CHECKING:
    from tests.conftest import DatabaseUrls

TODAY = clock.now().date()
SOONER, LATER = TODAY + timedelta(days=5), TODAY + timedelta(days=50)


@pytest.fixture
async def desk(database_urls: DatabaseUrls) -> AsyncIterator[Desk]:
    """A dairy with two units that came without a lot, three of lot B and, expiring sooner, three of lot A."""
    database = Database(database_urls.app, pool_size=4)
    desk = await Desk.at(database, seed_shop(database_urls, "dairy", stock=2, titles=("Milk",)))
    await _receive(desk, "B", LATER)
    await _receive(desk, "A", SOONER)
    yield desk
    assert await all_faults(database, desk.seeded) == []
    await database.close()


async def _do(desk: Desk, do: Callable[[Tx], Awaitable[Any]]) -> Any:
    async with desk.database.tx(desk.shop.id) as tx:
        return await do(tx)


async def _receive(desk: Desk, lot: str | None, expires_on: date | None, quantity: int = 3) -> None:
    body = ReceiptIn(sku="SKU0", warehouse="main", quantity=quantity, lot=lot, expires_on=expires_on)
    await _do(desk, lambda tx: keeping.receive(tx, body))


async def _lots(desk: Desk) -> dict[str, tuple[int, int, int, int]]:
    """(available, reserved, sold, written off) by lot."""
    lots = (await _do(desk, lambda tx: keeping.lots_of(tx, "SKU0"))).items
    return {lot.lot: (lot.available, lot.reserved, lot.sold, lot.written_off) for lot in lots}


async def _available(desk: Desk) -> int:
    variant_id = desk.seeded.products[0].variant_id
    available: int = (await _do(desk, lambda tx: inventory.availability(tx, [variant_id])))[variant_id]
    return available


async def _midnight_passes(desk: Desk, days: int) -> int:
    later = clock.now() + timedelta(days=days)
    with clock.use(lambda: later):
        written_off: int = await _do(desk, expiry.write_off_expired)
    return written_off


async def test_what_expires_first_goes_first_and_what_has_no_lot_goes_last(desk: Desk) -> None:
    await desk.order(4)
    assert await _lots(desk) == {"A": (0, 3, 0, 0), "B": (2, 1, 0, 0)}
    await desk.order(4)
    assert await _lots(desk) == {"A": (0, 3, 0, 0), "B": (0, 3, 0, 0)}
    assert await _available(desk) == 0


async def test_a_parcels_lots_are_known_and_a_recall_finds_every_order(desk: Desk) -> None:
    sent, waits = await desk.order(4), await desk.order(1)
    [fulfilment_id] = await _do(desk, lambda tx: fulfilling.fulfil(tx, sent.id, STAFF))
    assert await _lots(desk) == {"A": (0, 0, 3, 0), "B": (1, 1, 1, 0)}

    async def recall(lot: str) -> list[tuple[UUID, UUID | None, int]]:
        found = await _do(
            desk, lambda tx: keeping.recall(tx, "SKU0", lot, after=UUID(int=0), limit=10, by=owner(desk.shop.id))
        )
        return [(got.order_id, got.fulfilment_id, got.quantity) for got in found]

    keeper = replace(owner(desk.shop.id), scopes=frozenset({"inventory:read"}))
    for by, told in ((owner(desk.shop.id), "a@b.example"), (keeper, None)):
        (got,) = await _do(desk, lambda tx, by=by: keeping.recall(tx, "SKU0", "A", after=UUID(int=0), limit=9, by=by))
        assert got.email == told, "an address is for those who may know customers"
    assert await recall("A") == [(sent.id, fulfilment_id, 3)]
    assert await recall("B") == [(sent.id, fulfilment_id, 1), (waits.id, None, 1)]
    assert await recall("C") == []
    moved = await _do(desk, lambda tx: keeping.movements(tx, "SKU0", before=UUID(int=2**128 - 1), limit=2))
    assert {(movement.kind, movement.lot, movement.quantity) for movement in moved} == {
        ("sell", "A", 3),
        ("sell", "B", 1),
    }


async def test_what_is_cancelled_goes_back_to_its_lot(desk: Desk) -> None:
    order = await desk.order(4)
    await _do(desk, lambda tx: cancelling.cancel(tx, order.id, STAFF, reason="x"))
    assert await _lots(desk) == {"A": (3, 0, 0, 0), "B": (3, 0, 0, 0)}


async def test_what_was_held_too_long_goes_back_to_its_lot(desk: Desk) -> None:
    sold = desk.seeded.products[0]
    line = StockLine(sold.variant_id, sold.product_id, 4)
    await _do(desk, lambda tx: inventory.reserve(tx, new_id(), [line], until=clock.now() - SOON))
    assert await _lots(desk) == {"A": (0, 3, 0, 0), "B": (2, 1, 0, 0)}
    await _do(desk, inventory.release_expired)
    assert await _lots(desk) == {"A": (3, 0, 0, 0), "B": (3, 0, 0, 0)}


async def test_an_expired_lot_is_not_sold_even_before_the_worker_comes_round(desk: Desk) -> None:
    sold = desk.seeded.products[0]
    line = StockLine(sold.variant_id, sold.product_id, 6)
    later = clock.now() + timedelta(days=6)
    with clock.use(lambda: later), pytest.raises(OutOfStock) as refused:
        await _do(desk, lambda tx: inventory.reserve(tx, new_id(), [line], until=later + SOON))
    assert refused.value.available == 5


async def test_a_lot_is_sold_on_its_last_day_and_written_off_on_the_next(desk: Desk) -> None:
    assert await _midnight_passes(desk, 5) == 0
    assert await _midnight_passes(desk, 6) == 3
    assert await _midnight_passes(desk, 6) == 0
    assert await _lots(desk) == {"A": (0, 0, 0, 3), "B": (3, 0, 0, 0)}
    assert await _available(desk) == 5
    async with desk.database.tx(desk.shop.id) as tx:
        lost = await tx.connection.fetch("SELECT reason, quantity FROM stock_movement WHERE kind = 'write_off'")
    assert [tuple(row) for row in lost] == [("expired", 3)]


async def test_an_order_whose_units_expired_gets_others_before_anybody_else(desk: Desk) -> None:
    order = await desk.order(3)
    assert await _midnight_passes(desk, 6) == 3
    assert await _lots(desk) == {"A": (0, 0, 0, 3), "B": (0, 3, 0, 0)}
    await _do(desk, lambda tx: fulfilling.fulfil(tx, order.id, STAFF))


async def test_an_order_whose_units_expired_waits_when_there_are_no_others(desk: Desk) -> None:
    first, second = await desk.order(3), await desk.order(5)
    await _midnight_passes(desk, 6)
    with pytest.raises(NotInYet):
        await _do(desk, lambda tx: fulfilling.fulfil(tx, first.id, STAFF))
    await _receive(desk, "C", LATER, 2)
    assert await _do(desk, lambda tx: promises.waiting(tx, first.id)) == {desk.seeded.products[0].variant_id: 1}
    await _do(desk, lambda tx: fulfilling.fulfil(tx, second.id, STAFF))
    await _do(desk, lambda tx: cancelling.cancel(tx, first.id, STAFF, reason="x", lines=[(first.lines[0].id, 1)]))
    await _do(desk, lambda tx: fulfilling.fulfil(tx, first.id, STAFF))


async def test_a_payment_whose_units_expired_becomes_an_order_that_waits(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    authorise = desk.bank.authorise

    async def slowly(charge: Any) -> Any:
        await _midnight_passes(desk, 6)
        return await authorise(charge)

    monkeypatch.setattr(desk.bank, "authorise", slowly)
    order = await desk.order(8)
    assert await _do(desk, lambda tx: promises.waiting(tx, order.id)) == {desk.seeded.products[0].variant_id: 3}


async def test_lots_move_with_a_transfer_and_are_written_off_by_name_or_by_age(desk: Desk) -> None:
    async with desk.database.tx(desk.shop.id) as tx:
        await tx.connection.execute(
            "INSERT INTO warehouse (tenant_id, id, code, name) VALUES ($1, $2, 'north', 'North')",
            desk.shop.id,
            new_id(),
        )
    moving = TransferIn(sku="SKU0", source="main", destination="north", quantity=4)
    await _do(desk, lambda tx: keeping.transfer(tx, moving))
    lots = (await _do(desk, lambda tx: keeping.lots_of(tx, "SKU0"))).items
    assert {(lot.warehouse, lot.lot, lot.available) for lot in lots} == {
        ("main", "A", 0),
        ("main", "B", 2),
        ("north", "A", 3),
        ("north", "B", 1),
    }
    lost = WriteOffIn(sku="SKU0", warehouse="north", quantity=1, lot="B", reason="broken")
    await _do(desk, lambda tx: keeping.write_off(tx, lost))
    await _do(desk, lambda tx: keeping.count(tx, CountIn(sku="SKU0", warehouse="north", counted=1)))
    lots = (await _do(desk, lambda tx: keeping.lots_of(tx, "SKU0"))).items
    assert {(lot.lot, lot.available, lot.written_off) for lot in lots if lot.warehouse == "north"} == {
        ("A", 1, 2),
        ("B", 0, 1),
    }


async def _returned(desk: Desk, order: Any, *arrived: Arrived, days: int = 0) -> dict[str, int]:
    """Send units back and take them in; gives what of them is sold again and what is lost, as the return says."""
    announced = [Announced(order.lines[0].id, sum(one.quantity for one in arrived), "other")]
    return_id = await _do(desk, lambda tx: returning.request(tx, order.id, STAFF, announced, note="", override="late"))
    later = clock.now() + timedelta(days=days)
    with clock.use(lambda: later):
        await _do(desk, lambda tx: returning.receive(tx, order.id, return_id, STAFF, arrived, warehouse="main"))
    async with desk.database.tx(desk.shop.id) as tx:
        row = await tx.connection.fetchrow(
            "SELECT received, restocked FROM order_return_line WHERE return_id = $1", return_id
        )
    return dict(row)


async def _came_back(desk: Desk) -> list[tuple[str, str | None, str, int]]:
    """The movements of what came back: kind, lot, reason, units."""
    moved = await _do(desk, lambda tx: keeping.movements(tx, "SKU0", before=UUID(int=2**128 - 1), limit=50))
    return [
        (one.kind, one.lot, one.reason, one.quantity)
        for one in reversed(moved)
        if one.kind in {"take_back", "write_off"}
    ]


async def test_what_comes_back_goes_to_the_lots_it_left_in(desk: Desk) -> None:
    order = await desk.order(7)
    await _do(desk, lambda tx: fulfilling.fulfil(tx, order.id, STAFF))
    line = order.lines[0].id
    assert await _lots(desk) == {"A": (0, 0, 3, 0), "B": (0, 0, 3, 0)}

    assert await _returned(desk, order, Arrived(line, 2, restock=True), Arrived(line, 1, restock=False)) == {
        "received": 3,
        "restocked": 2,
    }
    assert await _lots(desk) == {"A": (2, 0, 3, 1), "B": (0, 0, 3, 0)}
    await _returned(desk, order, Arrived(line, 4, restock=True))
    assert await _lots(desk) == {"A": (2, 0, 3, 1), "B": (3, 0, 3, 0)}
    assert await _came_back(desk) == [
        ("take_back", "A", "return", 3),
        ("write_off", "A", "return", 1),
        ("take_back", "B", "return", 3),
        ("take_back", None, "return", 1),
    ]
    assert await _available(desk) == 7


async def test_a_lot_that_was_read_from_it_is_believed_as_far_as_it_left(desk: Desk) -> None:
    order = await desk.order(4)
    await _do(desk, lambda tx: fulfilling.fulfil(tx, order.id, STAFF))
    line = order.lines[0].id

    for lot, units, possible in (("B", 2, 1), ("C", 1, 0)):
        with pytest.raises(NotOfThatLot) as refused:
            await _returned(desk, order, Arrived(line, units, restock=True, lot=lot))
        assert refused.value.possible == possible
    assert await _lots(desk) == {"A": (0, 0, 3, 0), "B": (2, 0, 1, 0)}
    order = await desk.order(3)
    await _do(desk, lambda tx: fulfilling.fulfil(tx, order.id, STAFF))
    await _returned(desk, order, Arrived(order.lines[0].id, 1, restock=True, lot="B"))
    assert await _lots(desk) == {"A": (0, 0, 3, 0), "B": (1, 0, 3, 0)}


async def test_nothing_of_a_lot_that_is_over_is_sold_again(desk: Desk) -> None:
    order = await desk.order(7)
    await _do(desk, lambda tx: fulfilling.fulfil(tx, order.id, STAFF))
    line = order.lines[0].id
    await _do(desk, lambda tx: expiry.recall(tx, "SKU0", "B"))

    back = await _returned(desk, order, Arrived(line, 7, restock=True), days=6)

    assert back == {"received": 7, "restocked": 1}
    assert await _lots(desk) == {"A": (0, 0, 3, 3), "B": (0, 0, 3, 3)}
    assert await _came_back(desk) == [
        ("take_back", "A", "return", 3),
        ("write_off", "A", "expired", 3),
        ("take_back", "B", "return", 3),
        ("write_off", "B", "recalled", 3),
        ("take_back", None, "return", 1),
    ]


async def test_a_recalled_lot_is_sold_to_nobody_and_who_was_to_get_it_gets_another(desk: Desk) -> None:
    order = await desk.order(2)
    assert await _lots(desk) == {"A": (1, 2, 0, 0), "B": (3, 0, 0, 0)}
    await _do(desk, lambda tx: expiry.recall(tx, "SKU0", "A"))
    assert await _lots(desk) == {"A": (0, 0, 0, 3), "B": (1, 2, 0, 0)}
    await _do(desk, lambda tx: fulfilling.fulfil(tx, order.id, STAFF))
    with pytest.raises(LotRecalled):
        await _receive(desk, "A", SOONER)
    with pytest.raises(UnknownLot):
        await _do(desk, lambda tx: expiry.recall(tx, "SKU0", "Z"))
    assert await _available(desk) == 3


async def test_what_a_payment_held_of_a_lot_that_was_recalled_meanwhile_is_not_sold(desk: Desk) -> None:
    sold = desk.seeded.products[0]
    holder, line = new_id(), StockLine(sold.variant_id, sold.product_id, 2)
    await _do(desk, lambda tx: inventory.reserve(tx, holder, [line], until=clock.now() + SOON))
    await _do(desk, lambda tx: expiry.recall(tx, "SKU0", "A"))
    await _do(desk, lambda tx: inventory.release(tx, holder))
    assert await _do(desk, expiry.write_off_expired) == 0
    assert await _lots(desk) == {"A": (0, 0, 0, 3), "B": (3, 0, 0, 0)}


_left = st.lists(
    st.builds(
        lambda code, units, days, recalled: Left(
            code, None if days is None else TODAY + timedelta(days=days), recalled, units
        ),
        st.sampled_from("ABC"),
        st.integers(1, 5),
        st.none() | st.integers(-2, 2),
        st.booleans(),
    ),
    max_size=3,
    unique_by=lambda lot: lot.code,
)


@given(_left, st.integers(0, 9), st.integers(0, 9))
def test_all_that_came_back_goes_somewhere_once_and_nothing_that_is_over_is_sold(
    left: list[Left], restocked: int, lost: int
) -> None:
    found = attributed([SentBack(UUID(int=1), UUID(int=2), restocked, lost)], left, TODAY)
    assert sum(back.restocked + back.lost for back in found) == restocked + lost
    assert sum(back.restocked for back in found) <= restocked
    for back in found:
        assert back.restocked == 0 or back.lot.over(TODAY) is None
        if back.lot.code is not None:
            of_lot = sum(one.restocked + one.lost for one in found if one.lot.code == back.lot.code)
            assert of_lot <= next(lot.units for lot in left if lot.code == back.lot.code)


@pytest.mark.parametrize(
    ("what", "body", "status", "code"),
    [
        ("receipts", {"quantity": 1, "expires_on": "2099-01-01"}, 422, "inventory.lot_unnamed"),
        ("receipts", {"quantity": 1, "lot": "L", "expires_on": "2020-01-01"}, 422, "inventory.lot_expired"),
        ("receipts", {"quantity": 1, "lot": "L", "expires_on": "soon"}, 422, "request.invalid_fields"),
        ("receipts", {"quantity": 1, "lot": "X", "expires_on": "2099-01-02"}, 409, "inventory.lot_differs"),
        ("write-offs", {"quantity": 3, "lot": "X", "reason": "x"}, 409, "inventory.lot_short"),
        ("write-offs", {"quantity": 1, "lot": "NONE", "reason": "x"}, 409, "inventory.lot_short"),
    ],
)
async def test_a_lot_that_makes_no_sense_is_refused_and_changes_nothing(
    staff: httpx.AsyncClient, rows: Any, what: str, body: dict[str, Any], status: int, code: str
) -> None:
    async def post(what: str, body: dict[str, Any]) -> httpx.Response:
        headers = {"Idempotency-Key": str(uuid4())}
        named = {"sku": "SKU0", "warehouse": "main", **body}
        return await staff.post(f"/v1/admin/inventory/{what}", json=named, headers=headers)

    assert (await post("receipts", {"quantity": 2, "lot": "X", "expires_on": "2099-01-01"})).status_code == 201
    before = rows("SELECT * FROM stock"), rows("SELECT * FROM stock_lot"), rows("SELECT count(*) FROM stock_movement")
    refused = await post(what, body)
    assert (refused.status_code, refused.json()["code"]) == (status, code)
    assert before == (
        rows("SELECT * FROM stock"),
        rows("SELECT * FROM stock_lot"),
        rows("SELECT count(*) FROM stock_movement"),
    )
    listed = await staff.get("/v1/admin/inventory/lots", params={"sku": "SKU0"})
    assert [(lot["lot"], lot["available"]) for lot in listed.json()["items"]] == [("X", 2)]
    recalled = await staff.get("/v1/admin/inventory/recalls", params={"sku": "SKU0", "lot": "X"})
    assert recalled.json() == {"items": [], "has_more": False, "next_cursor": None}
    headers = {"Idempotency-Key": "recall"}
    over = await staff.post("/v1/admin/inventory/recalls", json={"sku": "SKU0", "lot": "X"}, headers=headers)
    assert [(lot["available"], lot["written_off"]) for lot in over.json()["items"]] == [(0, 2)]
    assert over.json()["items"][0]["recalled_at"] is not None
    assert (await post("receipts", {"quantity": 1, "lot": "X", "expires_on": "2099-01-01"})).status_code == 409
    unknown = await staff.post(
        "/v1/admin/inventory/recalls", json={"sku": "SKU0", "lot": "Y"}, headers={"Idempotency-Key": "other"}
    )
    assert (unknown.status_code, unknown.json()["code"]) == (404, "inventory.unknown_lot")


_lots_of = st.lists(st.tuples(st.integers(1, 9), st.one_of(st.none(), st.integers(-9, 9))), max_size=5)


@given(_lots_of, st.integers(0, 9), st.integers(0, 30))
def test_what_can_be_sold_is_fresh_and_not_kept_back(
    known: list[tuple[int, int | None]], without: int, kept_back: int
) -> None:
    lots = [
        Lot(new_id(), units, None if days is None else TODAY + timedelta(days=days))
        for units, days in sorted(known, key=lambda lot: (lot[1] is None, lot[1] or 0))
    ]
    there = without + sum(lot.units for lot in lots)
    sold = sellable(there, kept_back, lots, TODAY)
    fresh = without + sum(lot.units for lot in lots if lot.expires_on is None or lot.expires_on >= TODAY)
    assert sum(lot.units for lot in sold) == max(fresh - kept_back, 0)
    assert all(lot.expires_on is None or lot.expires_on >= TODAY for lot in sold)
    dates = [lot.expires_on or date.max for lot in sold]
    assert dates == sorted(dates)
