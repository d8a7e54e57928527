"""What staff do to stock: every balance is what its movements add up to."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import httpx
import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from commerce.inventory import keeping
from commerce.inventory.schemas import CountIn, ReceiptIn, TransferIn, WriteOffIn
from foundation.database import Database
from foundation.errors import Problem
from foundation.ids import new_id
from tests.factories import SeededShop, seed_shop

if TYPE_CHECKING:
    from tests.conftest import DatabaseUrls

BALANCES = "SELECT received, available, reserved, sold, written_off FROM stock"


@pytest.fixture
def second_warehouse(database_urls: DatabaseUrls, grocer: SeededShop) -> None:
    _add_warehouse(database_urls, grocer)


def _add_warehouse(urls: DatabaseUrls, shop: SeededShop) -> None:
    with psycopg.connect(urls.app) as app:
        app.execute("SELECT set_config('tradewind.tenant_id', %s, true)", (str(shop.id),))
        app.execute(
            "INSERT INTO warehouse (tenant_id, id, code, name) VALUES (%s, %s, 'north', 'North')", (shop.id, new_id())
        )


async def _post(staff: httpx.AsyncClient, what: str, key: str = "key-1", **body: Any) -> httpx.Response:
    return await staff.post(
        f"/v1/admin/inventory/{what}",
        json={"sku": "SKU0", **({} if what == "transfers" else {"warehouse": "main"}), **body},
        headers={"Idempotency-Key": key},
    )


async def test_a_receipt_is_taken_in_once_for_each_key(staff: httpx.AsyncClient) -> None:
    first = await _post(staff, "receipts", quantity=5)
    again = await _post(staff, "receipts", quantity=5)
    other = await _post(staff, "receipts", quantity=6)
    assert (first.status_code, first.json()["items"][0]["available"]) == (201, 105)
    assert (again.status_code, again.content) == (201, first.content)
    assert (other.status_code, other.json()["code"]) == (422, "idempotency.key_reused")


async def test_no_more_can_be_written_off_than_is_available(staff: httpx.AsyncClient, rows: Any) -> None:
    refused = await _post(staff, "write-offs", quantity=101, reason="broken")
    assert (refused.status_code, refused.json()["code"]) == (409, "inventory.out_of_stock")
    done = await _post(staff, "write-offs", key="key-2", quantity=100, reason="broken")
    assert done.json()["items"][0]["available"] == 0
    assert ("write_off", 100, "broken") in rows("SELECT kind, quantity, reason FROM stock_movement")


@pytest.mark.parametrize(("counted", "received", "written_off"), [(120, 120, 0), (90, 100, 10), (100, 100, 0)])
async def test_a_count_receives_what_was_found_and_writes_off_what_is_gone(
    staff: httpx.AsyncClient, counted: int, received: int, written_off: int
) -> None:
    level = (await _post(staff, "counts", counted=counted)).json()["items"][0]
    assert (level["available"], level["received"], level["written_off"]) == (counted, received, written_off)


async def test_a_count_below_what_is_promised_changes_nothing(
    staff: httpx.AsyncClient, grocer: SeededShop, rows: Any
) -> None:
    rows(
        "UPDATE stock SET available = available - 30, reserved = 30 WHERE variant_id = %s",
        grocer.products[0].variant_id,
    )
    refused = await _post(staff, "counts", counted=29)
    assert (refused.status_code, refused.json()["code"]) == (409, "inventory.counted_below_reserved")
    allowed = await _post(staff, "counts", key="key-2", counted=30)
    assert allowed.json()["items"][0]["available"] == 0


@pytest.mark.usefixtures("second_warehouse")
async def test_a_transfer_leaves_one_warehouse_and_reaches_the_other(staff: httpx.AsyncClient) -> None:
    moved = await _post(staff, "transfers", source="main", destination="north", quantity=40)
    assert {level["warehouse"]: level["available"] for level in moved.json()["items"]} == {"main": 60, "north": 40}
    listed = (await staff.get("/v1/admin/inventory/movements", params={"sku": "SKU0", "limit": 2})).json()
    assert [(m["kind"], m["warehouse"]) for m in listed["items"]] == [
        ("transfer_in", "north"),
        ("transfer_out", "main"),
    ]
    older = await staff.get("/v1/admin/inventory/movements", params={"sku": "SKU0", "cursor": listed["next_cursor"]})
    assert [m["kind"] for m in older.json()["items"]] == ["receive"]


@pytest.mark.one_database
@pytest.mark.parametrize(
    ("what", "body", "status", "code"),
    [
        ("receipts", {"sku": "NONE", "quantity": 1}, 404, "inventory.unknown_sku"),
        ("receipts", {"warehouse": "none", "quantity": 1}, 404, "inventory.unknown_warehouse"),
        ("receipts", {"quantity": 0}, 422, "request.invalid_fields"),
        ("receipts", {"quantity": 1.5}, 422, "request.invalid_fields"),
        ("write-offs", {"quantity": 1}, 422, "request.invalid_fields"),
        ("counts", {"counted": -1}, 422, "request.invalid_fields"),
        ("transfers", {"source": "main", "destination": "main", "quantity": 1}, 422, "inventory.transfer_to_itself"),
    ],
)
async def test_what_makes_no_sense_is_refused_and_changes_nothing(
    staff: httpx.AsyncClient, rows: Any, what: str, body: dict[str, Any], status: int, code: str
) -> None:
    before = rows(BALANCES)
    response = await _post(staff, what, **body)
    assert (response.status_code, response.json()["code"]) == (status, code)
    assert rows(BALANCES) == before


async def test_stock_is_changed_by_staff_only(client: httpx.AsyncClient, browser: Any) -> None:
    of_a_shopper = (403, "identity.not_staff")
    refused = (({}, of_a_shopper), ({"Authorization": "Bearer twk_made-up"}, (401, "identity.key_unknown")))
    for headers, refusal in refused:
        response = await client.post("/v1/admin/inventory/receipts", json={}, headers=headers)
        assert (response.status_code, response.json()["code"]) == refusal


async def test_write_offs_at_once_never_take_more_than_there_is(staff: httpx.AsyncClient, rows: Any) -> None:
    answers = await asyncio.gather(
        *(_post(staff, "write-offs", key=f"key-{n}", quantity=30, reason="lost") for n in range(8))
    )
    assert sorted(answer.status_code for answer in answers) == [201] * 3 + [409] * 5


_quantities = st.integers(1, 150)
_sku = {"sku": "SKU0"}
_operations = st.one_of(
    st.builds(lambda q: (keeping.receive, ReceiptIn(**_sku, warehouse="north", quantity=q)), _quantities),
    st.builds(lambda q: (keeping.write_off, WriteOffIn(**_sku, warehouse="main", quantity=q, reason="x")), _quantities),
    st.builds(lambda q: (keeping.count, CountIn(**_sku, warehouse="north", counted=q)), _quantities),
    st.builds(
        lambda q, back: (
            keeping.transfer,
            TransferIn(
                **_sku,
                source="north" if back else "main",
                destination="main" if back else "north",
                quantity=q,
            ),
        ),
        _quantities,
        st.booleans(),
    ),
)


def test_whatever_staff_do_the_balances_are_what_the_movements_add_up_to(database_urls: DatabaseUrls) -> None:
    shop = seed_shop(database_urls, "kept", titles=("Tomato soup",))
    _add_warehouse(database_urls, shop)

    async def play(steps: list[Any]) -> list[object]:
        database = Database(database_urls.app, pool_size=1)
        for do, asked in steps:
            try:
                async with database.tx(shop.id) as tx:
                    await do(tx, asked)
            except Problem:
                continue
        async with database.tx(shop.id) as tx:
            wrong: list[object] = [*await keeping.discrepancies(tx)]
        await database.close()
        return wrong

    @settings(max_examples=25, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(steps=st.lists(_operations, max_size=12))
    def holds(steps: list[Any]) -> None:
        assert asyncio.run(play(steps)) == []

    holds()


async def test_a_balance_written_past_the_log_is_found(
    database_urls: DatabaseUrls, grocer: SeededShop, rows: Any
) -> None:
    rows(
        "UPDATE stock SET available = available + 1, received = received + 1 WHERE variant_id = %s",
        grocer.products[0].variant_id,
    )
    database = Database(database_urls.app, pool_size=1)
    async with database.tx(grocer.id) as tx:
        assert len(await keeping.discrepancies(tx)) == 1
    await database.close()
