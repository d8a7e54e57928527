"""A claimed key is its worker's for as long as the worker lives, and nobody's afterwards, whatever the clock says."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import httpx
import psycopg
import pytest

from commerce.inventory import keeping
from foundation import clock, idempotency, living
from foundation.database import Database, DatabaseUnavailable, Tx
from foundation.idempotency import Answer, RequestInFlight, Scope
from foundation.living import LIVING, Life
from tests.factories import SeededShop
from tests.waiting import comes

if TYPE_CHECKING:
    from tests.conftest import DatabaseUrls

TEN_MINUTES = timedelta(minutes=10)


@asynccontextmanager
async def _living(urls: DatabaseUrls) -> AsyncIterator[Life]:
    life = Life(urls.app)
    async with life.lived():
        await comes(lambda: life.number is not None)
        yield life


@pytest.fixture
async def database(database_urls: DatabaseUrls) -> AsyncIterator[Database]:
    database = Database(database_urls.app, pool_size=2)
    yield database
    await database.close()


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(living, "AGAIN", 0.01)


async def _claim(database: Database, shop: SeededShop, life: Life, *, ahead: timedelta = timedelta()) -> Scope:
    scope, now = Scope(shop.id, "staff:somebody", "POST /", "the key", life.claim()), clock.now()
    with clock.use(lambda: now + ahead):
        async with database.tx(shop.id) as tx:
            assert await idempotency.claim(tx, scope, b"the same") is None
    return scope


async def _soon_claimed(database: Database, grocer: SeededShop, life: Life, *, ahead: timedelta) -> idempotency.Scope:
    """A claim, once Postgres has seen that the other's connection is closed, which it does in its own time."""
    for _ in range(500):
        try:
            return await _claim(database, grocer, life, ahead=ahead)
        except RequestInFlight:
            await asyncio.sleep(0.01)
    return await _claim(database, grocer, life, ahead=ahead)


@pytest.mark.parametrize("ahead", [-TEN_MINUTES, TEN_MINUTES], ids=["clock back", "clock ahead"])
async def test_a_key_is_free_once_its_worker_is_gone_and_not_before(
    ahead: timedelta, database: Database, grocer: SeededShop, database_urls: DatabaseUrls
) -> None:
    async with _living(database_urls) as other:
        async with _living(database_urls) as mine:
            scope = await _claim(database, grocer, mine)
            with pytest.raises(RequestInFlight):
                await _claim(database, grocer, other, ahead=ahead)
        taken = await _soon_claimed(database, grocer, other, ahead=ahead)
        async with database.tx(grocer.id) as tx:  # whoever was thought dead has nothing to say any more
            await idempotency.settle(tx, scope, Answer(201, "text/plain", b"late"))
            await idempotency.release(tx, scope)
            with pytest.raises(RequestInFlight):
                await idempotency.claim(tx, scope, b"the same")
            await idempotency.settle(tx, taken, Answer(201, "text/plain", b"done"))
            assert await idempotency.claim(tx, scope, b"the same") == Answer(201, "text/plain", b"done")


async def test_a_worker_whose_session_was_cut_lives_on_by_another_number(
    database: Database, grocer: SeededShop, database_urls: DatabaseUrls
) -> None:
    async with _living(database_urls) as life:
        before = life.number
        await _claim(database, grocer, life)
        with psycopg.connect(database_urls.app) as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND classid = %s", (LIVING,)
            )
        await comes(lambda: life.number not in (before, None))
        await _claim(database, grocer, life)


async def _received(staff: httpx.AsyncClient) -> httpx.Response:
    body = {"sku": "SKU0", "warehouse": "main", "quantity": 5}
    return await staff.post("/v1/admin/inventory/receipts", json=body, headers={"Idempotency-Key": "receipt-1"})


def _once_instead(monkeypatch: pytest.MonkeyPatch, where: Any, name: str, fault: Exception) -> None:
    """The next call fails."""
    real: Callable[..., Awaitable[Any]] = getattr(where, name)

    async def fail(*_: Any, **__: Any) -> None:
        monkeypatch.setattr(where, name, real)
        raise fault

    monkeypatch.setattr(where, name, fail)


async def _alive(app: Any) -> None:
    await comes(lambda: app.state.core.life.number is not None)


async def test_an_answer_that_could_not_be_kept_is_kept_as_soon_as_postgres_is_there(
    app: Any, staff: httpx.AsyncClient, rows: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    await _alive(app)
    _once_instead(monkeypatch, idempotency, "settle", DatabaseUnavailable())
    assert (await _received(staff)).status_code == 503
    await comes(lambda: bool(rows("SELECT status FROM idempotency_key WHERE status IS NOT NULL")))
    again = await _received(staff)
    assert (again.status_code, again.headers["Idempotency-Replayed"]) == (201, "true")
    assert again.json()["items"][0]["available"] == 105


async def test_a_claim_whose_commit_was_cut_is_given_back(
    app: Any, staff: httpx.AsyncClient, rows: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    await _alive(app)
    real = idempotency.claim

    async def claimed_and_cut(tx: Tx, *about: Any) -> None:
        monkeypatch.setattr(idempotency, "claim", real)
        await real(tx, *about)
        await tx.connection.execute("COMMIT")
        raise DatabaseUnavailable

    monkeypatch.setattr(idempotency, "claim", claimed_and_cut)
    assert (await _received(staff)).status_code == 503
    await comes(lambda: not rows("SELECT key FROM idempotency_key"))
    assert (await _received(staff)).status_code == 201


async def test_a_request_that_broke_gives_its_key_back(
    app: Any, staff: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    await _alive(app)
    _once_instead(monkeypatch, keeping, "receive", RuntimeError("broken"))
    assert (await _received(staff)).status_code == 500
    assert (await _received(staff)).json()["items"][0]["available"] == 105
