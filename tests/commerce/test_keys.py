"""An Idempotency-Key is good for one effect, whatever is lost between the commit and the answer."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import httpx
import psycopg
import pytest

from commerce.orders import reading
from foundation import idempotency
from foundation.database import Database, DatabaseUnavailable
from foundation.living import LIVING
from tests.commerce.conftest import Browser
from tests.factories import SeededShop, seed_shop

if TYPE_CHECKING:
    from tests.conftest import DatabaseUrls


class _Died(BaseException):
    """The worker dies here."""


def _dies_after_the_commit(monkeypatch: pytest.MonkeyPatch, app: Any, urls: DatabaseUrls) -> None:
    """The next answer is computed and never kept, and whoever computed it is gone."""
    settle = idempotency.settle

    async def die(*_: Any) -> None:
        monkeypatch.setattr(idempotency, "settle", settle)
        app.state.core.life.number = None
        with psycopg.connect(urls.app) as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid, 1000) FROM pg_locks WHERE locktype = 'advisory' AND classid = %s",
                (LIVING,),
            )
        raise _Died

    monkeypatch.setattr(idempotency, "settle", die)


async def _placed(browser: Browser, grocer: SeededShop) -> str:
    cart = await browser.add(await browser.cart(), grocer.products[2].variant_id, 3)
    order = await browser.complete(cart)
    assert order.status_code == 201, order.text
    identifier: str = order.json()["id"]
    return identifier


async def test_a_refund_is_made_once_though_its_answer_was_never_kept(
    app: Any,
    browser: Browser,
    staff: httpx.AsyncClient,
    grocer: SeededShop,
    database_urls: DatabaseUrls,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    order_id = await _placed(browser, grocer)

    async def refund() -> httpx.Response:
        return await staff.post(
            f"/v1/admin/orders/{order_id}/refunds",
            json={"amount": 100, "reason": "late"},
            headers={"Idempotency-Key": "refund-1"},
        )

    _dies_after_the_commit(monkeypatch, app, database_urls)
    with pytest.raises(_Died):
        await refund()
    again = await refund()
    assert (again.status_code, again.json()["refunded"]["amount"]) == (201, 100)
    assert (await refund()).headers["Idempotency-Replayed"] == "true"
    assert (await staff.get(f"/v1/admin/orders/{order_id}")).json()["refunded"]["amount"] == 100


async def test_a_receipt_is_taken_in_once_though_its_answer_was_never_kept(
    app: Any, staff: httpx.AsyncClient, database_urls: DatabaseUrls, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def receive() -> httpx.Response:
        return await staff.post(
            "/v1/admin/inventory/receipts",
            json={"sku": "SKU0", "warehouse": "main", "quantity": 5},
            headers={"Idempotency-Key": "receipt-1"},
        )

    _dies_after_the_commit(monkeypatch, app, database_urls)
    with pytest.raises(_Died):
        await receive()
    assert (await receive()).json()["items"][0]["available"] == 105


async def test_a_refund_is_made_once_though_its_answer_could_not_be_read(
    browser: Browser, staff: httpx.AsyncClient, grocer: SeededShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    where = f"/v1/admin/orders/{await _placed(browser, grocer)}"
    body, key = {"amount": 100, "reason": "late"}, {"Idempotency-Key": "refund-1"}

    async def away(*_: object) -> None:
        raise DatabaseUnavailable

    with monkeypatch.context() as broken:
        broken.setattr(reading, "for_staff", away)
        assert (await staff.post(f"{where}/refunds", json=body, headers=key)).status_code == 503
    again = await staff.post(f"{where}/refunds", json=body, headers=key)
    assert (again.status_code, again.json()["refunded"]["amount"]) == (201, 100)


async def test_a_key_whose_work_was_refused_can_be_used_again(staff: httpx.AsyncClient) -> None:
    body = {"sku": "SKU0", "warehouse": "main", "quantity": 101, "reason": "lost"}
    headers = {"Idempotency-Key": "write-off-1"}
    refused = await staff.post("/v1/admin/inventory/write-offs", json=body, headers=headers)
    assert (refused.status_code, refused.json()["code"]) == (409, "inventory.out_of_stock")
    await staff.post(
        "/v1/admin/inventory/receipts",
        json={"sku": "SKU0", "warehouse": "main", "quantity": 1},
        headers={"Idempotency-Key": "receipt-1"},
    )
    done = await staff.post("/v1/admin/inventory/write-offs", json=body, headers=headers)
    assert (done.status_code, done.json()["items"][0]["available"]) == (201, 0)


async def test_a_connection_that_is_cut_is_a_database_that_is_not_there(database_urls: DatabaseUrls) -> None:
    seeded = seed_shop(database_urls, "cut")
    database = Database(database_urls.app, pool_size=2)

    async def be_cut() -> None:
        async with database.tx(seeded.id) as tx:
            pid = await tx.connection.fetchval("SELECT pg_backend_pid()")
            await asyncio.to_thread(_terminate, database_urls.app, pid)
            await tx.connection.fetch("SELECT 1")

    with pytest.raises(DatabaseUnavailable):
        await be_cut()
    async with database.tx(seeded.id, read_only=True) as tx:
        assert await tx.connection.fetchval("SELECT count(*) FROM product") == len(seeded.products)
    await database.close()


async def test_a_database_that_is_away_is_a_503_that_says_so(
    app: Any, client: httpx.AsyncClient, grocer: SeededShop
) -> None:
    assert (await client.get("/v1/store/products")).status_code == 200
    for place in app.state.core.database._places.values():
        if place._pool is not None:
            place._pool.terminate()
    answer = await client.get("/v1/store/products")
    assert (answer.status_code, answer.json()["code"]) == (503, "service.database_unavailable")


def _terminate(url: str, pid: int) -> None:
    with psycopg.connect(url) as connection:
        connection.execute("SELECT pg_terminate_backend(%s)", (pid,))
