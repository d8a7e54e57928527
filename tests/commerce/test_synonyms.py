"""Synonyms as staff keep them, and how the decision service hears of them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pytest
from pydantic import SecretStr

from commerce.merchandising import synonyms, telling
from foundation import clients
from foundation.database import Database
from foundation.settings import Settings
from foundation.steering import Steering, Synonym
from serving.steering import NOTHING, Steerings

if TYPE_CHECKING:
    import httpx
    from redis.asyncio import Redis

    from foundation.database import Tx
    from tests.asking import Ask
    from tests.factories import SeededShop

ADDRESS = "/v1/admin/search/synonyms"
SCREENS = {"phrases": ["tv", "Flat Screen"], "written": None}


async def said(staff: httpx.AsyncClient) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = (await staff.get(ADDRESS)).json()["items"]
    return items


async def test_staff_add_change_and_take_away(staff: httpx.AsyncClient) -> None:
    made = (await staff.post(ADDRESS, json=SCREENS)).json()
    change = {"phrases": ["notebook"], "written": "laptop", "version": made["version"]}
    assert (await staff.put(f"{ADDRESS}/{made['id']}", json=change)).json() == {
        **change,
        "id": made["id"],
        "version": 2,
    }

    stale = await staff.put(f"{ADDRESS}/{made['id']}", json=change)
    assert (stale.status_code, stale.json()["code"], stale.json()["version"]) == (409, "search.synonym_stale", 2)
    assert [one["written"] for one in await said(staff)] == ["laptop"]

    assert (await staff.delete(f"{ADDRESS}/{made['id']}")).status_code == 204
    for asked in (staff.delete(f"{ADDRESS}/{made['id']}"), staff.put(f"{ADDRESS}/{made['id']}", json=change)):
        assert (await asked).json()["code"] == "search.synonym_not_found"
    assert await said(staff) == []


@pytest.mark.one_database
@pytest.mark.parametrize(
    "wrong",
    [
        {"phrases": ["tv"]},
        {"phrases": []},
        {"phrases": ["tv", "TV"]},
        {"phrases": ["tv"], "written": "Tv"},
        {"phrases": ["tv", "--"]},
        {"phrases": ["tv", "a\nb"]},
        {"phrases": ["tv", "x" * 101]},
        {"phrases": [f"word {number}" for number in range(21)]},
    ],
)
async def test_what_says_nothing_is_refused(staff: httpx.AsyncClient, wrong: dict[str, Any]) -> None:
    assert (await staff.post(ADDRESS, json=wrong)).status_code == 422
    assert await said(staff) == []


async def test_there_is_an_end_to_them(staff: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(synonyms, "MOST", 1)
    assert (await staff.post(ADDRESS, json=SCREENS)).status_code == 201
    refused = await staff.post(ADDRESS, json=SCREENS)
    assert (refused.status_code, refused.json()["code"]) == (409, "search.too_many_synonyms")


@pytest.fixture
async def redis(valkey_url: str) -> AsyncIterator[Redis]:
    redis = clients.redis_async(Settings(_env_file=None, redis_url=SecretStr(valkey_url)))
    yield redis
    await redis.aclose()


@pytest.fixture
async def database(settings: Settings) -> AsyncIterator[Database]:
    database = Database.of(settings, pool_size=1)
    yield database
    await database.close()


async def test_the_service_hears_what_changed_of_the_shop_that_said_it(
    staff: httpx.AsyncClient, database: Database, redis: Redis, grocer: SeededShop, fashion: SeededShop
) -> None:
    teller = telling.Teller()

    async def told(tenant_id: UUID) -> bool:
        async with database.tx(tenant_id, read_only=True) as tx:
            return await teller.tell(redis, tx)

    steerings = Steerings(redis)
    made = (await staff.post(ADDRESS, json=SCREENS)).json()
    assert [await told(grocer.id), await told(grocer.id), await told(fashion.id)] == [True, False, True]

    await steerings.refresh()
    assert steerings.of(grocer.id).said.synonyms == (Synonym(phrases=("tv", "Flat Screen")),)
    assert steerings.of(fashion.id).said.synonyms == ()
    assert [one.by for one in steerings.of(grocer.id).synonyms("en").instead(["tv"])] == [("flat", "screen")]

    await staff.delete(f"{ADDRESS}/{made['id']}")
    assert await told(grocer.id)
    await steerings.refresh()
    assert steerings.of(grocer.id).said.synonyms == ()

    await redis.flushall()
    await steerings.refresh()
    assert steerings.of(grocer.id) is NOTHING
    assert await told(grocer.id)


async def test_how_categories_are_called_is_asked_when_one_was_written_and_else_not(
    database: Database, redis: Redis, grocer: SeededShop, rows: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    teller, reads, read = telling.Teller(), 0, telling.read

    async def counted(tx: Tx) -> Steering:
        nonlocal reads
        reads += 1
        return await read(tx)

    async def told() -> tuple[bool, int]:
        async with database.tx(grocer.id, read_only=True) as tx:
            return await teller.tell(redis, tx), reads

    monkeypatch.setattr(telling, "read", counted)
    assert [await told() for _ in range(3)] == [(True, 1), (False, 1), (False, 1)]
    rows("UPDATE category SET name = 'Larder' WHERE slug = 'pantry' RETURNING 1")
    assert [await told() for _ in range(2)] == [(True, 2), (False, 2)]
    rows("UPDATE category SET product_count = product_count + 1 RETURNING 1")
    assert [await told() for _ in range(2)] == [(False, 3), (False, 3)]
    rows("UPDATE product SET category_id = NULL RETURNING 1")
    rows("DELETE FROM category RETURNING 1")
    assert [await told() for _ in range(2)] == [(True, 4), (False, 4)]
    await redis.flushall()
    assert [await told() for _ in range(2)] == [(True, 5), (False, 5)]
