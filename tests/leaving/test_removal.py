"""A shop whose time is over is removed from everywhere, and no other shop loses a row."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

import httpx
import psycopg
import pytest
from psycopg import sql
from pydantic import SecretStr

from commerce.leaving import removing, warning
from commerce.leaving.removing import Gone, RemovalNotDue, RemovalRunning
from commerce.onboarding.service import KEPT_DAYS
from commerce.tenancy import service as tenancy
from foundation import clients, clock
from foundation.naming import cache_key, removed_path
from foundation.settings import Settings
from pipelines.schema import ensure_schema
from tests.engines.qdrant.conftest import KEY
from tests.security.world import World
from tests.serving.conftest import qdrant_url
from tradewind.removal import running

if TYPE_CHECKING:
    from tests.conftest import DatabaseUrls

__all__ = ["qdrant_url"]
ROOT = Path(__file__).parents[2]
Counts = dict[str, dict[UUID, int]]


@pytest.fixture
def owned(settings: Settings, database_urls: DatabaseUrls) -> Settings:
    """With the rights of the owner."""
    return settings.model_copy(update={"database_owner_url": SecretStr(database_urls.owner)})


@pytest.fixture
def superuser(database_urls: DatabaseUrls, postgres_server: Any) -> Iterator[psycopg.Connection[Any]]:
    """Whom no policy hides a row from."""
    name = database_urls.owner.rpartition("/")[2]
    with psycopg.connect(postgres_server.url("postgres", name), autocommit=True) as connection:
        yield connection


def _counts(connection: psycopg.Connection[Any]) -> Counts:
    """Rows of every shop in every table that has any."""
    tables = connection.execute(
        "SELECT c.table_name FROM information_schema.columns c JOIN information_schema.tables t"
        " USING (table_schema, table_name) WHERE table_schema = 'public' AND column_name = 'tenant_id'"
        " AND table_type = 'BASE TABLE'"
    ).fetchall()
    found: Counts = {}
    for (name,) in tables:
        counted = sql.SQL("SELECT tenant_id, count(*) FROM {} GROUP BY 1").format(sql.Identifier(name))
        found[name] = dict(connection.execute(counted).fetchall())
    found["tenant"] = dict(connection.execute("SELECT id, 1 FROM tenant").fetchall())
    return found


def _of(counts: Counts, tenant_id: UUID) -> dict[str, int]:
    return {name: rows[tenant_id] for name, rows in counts.items() if tenant_id in rows}


def _of_others(counts: Counts, tenant_id: UUID) -> Counts:
    return {name: {one: count for one, count in rows.items() if one != tenant_id} for name, rows in counts.items()}


async def _close(world: World) -> UUID:
    mine = world.mine.seeded
    closed = await world.mine.clients["staff"].put("/v1/admin/closure", json={"name": mine.slug.title()})
    assert closed.json()["status"] == "closing"
    return mine.id


@pytest.mark.both_homes
async def test_all_rows_go_and_those_of_others_stay(
    owned: Settings, world: World, superuser: psycopg.Connection[Any]
) -> None:
    mine = await _close(world)
    before = _counts(superuser)
    assert len(_of(before, mine)) > 60

    removed = await running.remove(owned, mine, early=True)

    after = _counts(superuser)
    assert _of(after, mine) == {}
    assert _of_others(after, mine) == _of_others(before, mine)
    assert {name: removed.counts[name] for name in ("orders", "ledger_posting", "audit_entry", "category")} == {
        name: before[name][mine] for name in ("orders", "ledger_posting", "audit_entry", "category")
    }
    assert removed.counts["files"] > 0
    row = superuser.execute("SELECT id, slug_digest, finished_at IS NULL FROM removed_tenant").fetchone()
    assert row == (mine, removing.slug_digest("mine"), False)


async def test_nobody_answers_at_its_address_and_the_others_do(owned: Settings, world: World) -> None:
    mine = await _close(world)

    await running.remove(owned, mine, early=True)

    assert (await world.mine.clients["staff"].get("/v1/admin/closure")).status_code == 404
    assert (await world.another_shop.clients["staff"].get("/v1/admin/closure")).status_code == 200


async def test_a_shop_that_is_open_or_has_grace_is_not_removed(
    owned: Settings, world: World, superuser: psycopg.Connection[Any]
) -> None:
    with pytest.raises(RemovalNotDue):
        await running.remove(owned, world.mine.seeded.id, early=True)
    mine = await _close(world)
    before = _counts(superuser)
    with pytest.raises(RemovalNotDue):
        await running.remove(owned, mine)
    assert await running.once(owned) == 0
    assert _counts(superuser) == before


async def test_by_the_operators_word_a_closing_shop_is_removed_by_the_next_round(
    owned: Settings, world: World, superuser: psycopg.Connection[Any]
) -> None:
    operator, at = world.mine.clients["operator"], "/v1/operator/tenants/mine/removal"
    now = {"slug": "mine", "now": True}
    assert (await operator.post(at, json=now)).json()["code"] == "leaving.removal_not_due", "it is open"
    mine = await _close(world)
    for body, code in (
        ({"slug": "mine"}, "leaving.removal_not_due"),
        ({"slug": "theirs", "now": True}, "leaving.slug_differs"),
    ):
        assert (await operator.post(at, json=body)).json()["code"] == code
    assert await running.once(owned) == 0

    asked = await operator.post(at, json=now)

    assert (asked.status_code, asked.json()["status"]) == (202, "closing")
    log = superuser.execute("SELECT actor, object FROM audit_entry WHERE action = 'lifecycle.remove'").fetchall()
    assert log == [("system:operator", "tenant:mine")]
    assert await running.once(owned) == 1
    assert _of(_counts(superuser), mine) == {}


async def test_the_round_removes_what_is_over_and_drafts_that_nobody_finished(
    app: Any, owned: Settings, world: World, superuser: psycopg.Connection[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    mine, drafted = await _close(world), UUID(int=7)
    async with app.state.core.database.tx(drafted) as tx:
        await tenancy.draft(tx, "Never finished")
    superuser.execute("UPDATE tenant SET closes_at = %s WHERE id = %s", (clock.now(), mine))

    assert await running.once(owned) == 1
    later = clock.now() + timedelta(days=KEPT_DAYS, minutes=1)
    monkeypatch.setattr(clock, "now", lambda: later)
    await running.once(owned)

    left = {slug for (slug,) in superuser.execute("SELECT slug FROM tenant").fetchall()}
    assert left == {"theirs", "operated"}


def _remove_until_killed(tenant_id: UUID, owner_url: str, superuser: psycopg.Connection[Any]) -> None:
    """Another process removes the shop and is killed when some rows are gone."""
    environment = {
        **os.environ,
        "TRADEWIND_DATABASE_OWNER_URL": owner_url,
        "PYTHONPATH": os.pathsep.join((str(ROOT), str(ROOT / "platform"))),
    }
    command = [sys.executable, "-m", "tests.leaving.remover", str(tenant_id)]
    process = subprocess.Popen(command, env=environment, cwd=ROOT)
    try:
        deadline = time.monotonic() + 120
        while superuser.execute("SELECT FROM removed_tenant WHERE rows >= 40").fetchone() is None:
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.01)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()


async def test_whoever_is_killed_in_the_middle_is_followed_by_another(
    owned: Settings, world: World, database_urls: DatabaseUrls, superuser: psycopg.Connection[Any]
) -> None:
    mine = await _close(world)
    before = _counts(superuser)
    _remove_until_killed(mine, database_urls.owner, superuser)
    halfway = _counts(superuser)
    assert 0 < sum(_of(halfway, mine).values()) < sum(_of(before, mine).values())
    assert superuser.execute("SELECT status FROM tenant WHERE id = %s", (mine,)).fetchone() == ("removing",)

    assert await running.once(owned) == 1

    after = _counts(superuser)
    assert _of(after, mine) == {}
    assert _of_others(after, mine) == _of_others(before, mine)


@dataclass(frozen=True, slots=True)
class _Rival:
    """Somebody who would remove the shop too, in the middle of its removal."""

    settings: Settings
    name: str = "rival"

    def clear(self, gone: Gone) -> int:
        with pytest.raises(RemovalRunning):
            asyncio.run(self._remove(gone))
        return 1

    async def _remove(self, gone: Gone) -> None:
        async with removing.owner(self.settings) as late, removing.alone(late, gone.tenant_id, wait="1ms"):
            pass


async def test_two_do_not_remove_a_shop_at_once(owned: Settings, world: World) -> None:
    mine = await _close(world)
    async with removing.owner(owned) as connection, removing.alone(connection, mine):
        gone = await removing.begin(connection, owned, mine, early=True)
        removed = await removing.remove(connection, gone, first=(_Rival(owned),), then=())
    assert removed.counts["rival"] == 1


async def test_tables_that_are_new_go_too_in_the_order_of_their_references(
    owned: Settings, world: World, superuser: psycopg.Connection[Any], database_urls: DatabaseUrls
) -> None:
    mine, theirs = await _close(world), world.another_shop.seeded.id
    with psycopg.connect(database_urls.owner) as owner:
        owner.execute(
            "CREATE TABLE planted (tenant_id uuid, id uuid, above uuid, product_id uuid, PRIMARY KEY (tenant_id, id),"
            " FOREIGN KEY (tenant_id, above) REFERENCES planted (tenant_id, id),"
            " FOREIGN KEY (tenant_id, product_id) REFERENCES product (tenant_id, id))"
        )
    for shop in (world.mine.seeded, world.another_shop.seeded):
        above = None
        for number in range(1, 4):
            superuser.execute(
                "INSERT INTO planted VALUES (%s, %s, %s, %s)",
                (shop.id, UUID(int=number), above, shop.products[0].product_id),
            )
            above = UUID(int=number)

    removed = await running.remove(owned, mine, early=True)

    assert removed.counts["planted"] == 3
    assert _counts(superuser)["planted"] == {theirs: 3}


async def test_a_shop_out_of_a_backup_is_removed_anew(
    owned: Settings, world: World, superuser: psycopg.Connection[Any]
) -> None:
    mine = await _close(world)
    await running.remove(owned, mine, early=True)
    # A backup from before knows neither of its end nor of its tombstone.
    superuser.execute("DELETE FROM removed_tenant")
    superuser.execute("INSERT INTO tenant (id, slug, name, currency) VALUES (%s, 'mine', 'Mine', 'USD')", (mine,))
    superuser.execute("INSERT INTO tenant_domain (host, tenant_id) VALUES ('mine.localhost', %s)", (mine,))
    superuser.execute("INSERT INTO vendor (tenant_id, id, code, name) VALUES (%s, %s, 'x', 'x')", (mine, UUID(int=1)))
    before = _counts(superuser)

    assert await running.once(owned) == 1

    assert _of(_counts(superuser), mine) == {}
    assert _of_others(_counts(superuser), mine) == _of_others(before, mine)
    assert await running.once(owned) == 0


async def test_a_tombstone_that_somebody_else_wrote_removes_nobody(
    owned: Settings, world: World, superuser: psycopg.Connection[Any]
) -> None:
    mine = world.mine.seeded.id
    path = Path((owned.objects_url or "").removeprefix("file://")) / removed_path(mine)
    path.parent.mkdir(parents=True)
    path.write_text('{"began_at": "2026-01-01T00:00:00+00:00", "seal": "00"}')
    before = _counts(superuser)

    assert await running.once(owned) == 0

    assert _counts(superuser) == before


async def test_what_is_append_only_stays_so_for_every_other_shop(
    owned: Settings, world: World, database_urls: DatabaseUrls
) -> None:
    mine = await _close(world)
    async with removing.owner(owned) as connection:
        await removing.begin(connection, owned, mine, early=True)
    with psycopg.connect(database_urls.owner) as owner:
        owner.execute("SELECT set_config('tradewind.tenant_id', %s, true)", (str(world.another_shop.seeded.id),))
        with pytest.raises(psycopg.errors.RestrictViolation):
            owner.execute("DELETE FROM ledger_posting")
    with psycopg.connect(database_urls.app) as app:
        app.execute("SELECT set_config('tradewind.tenant_id', %s, true)", (str(mine),))
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            app.execute("DELETE FROM ledger_posting")


async def test_every_engine_lets_go_of_it_and_of_nobody_else(
    owned: Settings,
    world: World,
    superuser: psycopg.Connection[Any],
    clickhouse_database: str,
    valkey_url: str,
    qdrant_url: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    mine, theirs = await _close(world), world.another_shop.seeded.id
    everywhere = owned.model_copy(
        update={
            "clickhouse_url": SecretStr(clickhouse_database),
            "redis_url": SecretStr(valkey_url),
            "qdrant_url": qdrant_url,
            "qdrant_api_key": SecretStr(KEY),
        }
    )
    clickhouse = clients.clickhouse(everywhere)
    ensure_schema(clickhouse)
    both = [[str(mine), "view_item"], [str(theirs), "view_item"]]
    clickhouse.insert("events", both, column_names=["tenant_id", "name"])
    qdrant = httpx.AsyncClient(base_url=qdrant_url, headers={"api-key": KEY})
    with clients.redis(everywhere) as redis:
        for tenant_id in (mine, theirs):
            redis.set(cache_key(tenant_id, "test"), "x")
            vectors = {"vectors": {"size": 2, "distance": "Cosine"}}
            await qdrant.put(f"/collections/items-{tenant_id}-v1", json=vectors)

        removed = await running.remove(everywhere, mine, early=True)

        listed = (await qdrant.get("/collections")).json()["result"]["collections"]
        left = [one["name"] for one in listed]
        assert left == [f"items-{theirs}-v1"]
        assert list(redis.scan_iter()) == [cache_key(theirs, "test")]
        assert {name: removed.counts[name] for name in ("clickhouse", "qdrant", "valkey")} == {
            "clickhouse": 1,
            "qdrant": 1,
            "valkey": 1,
        }

        # What was on its way when it was removed is taken away once it has come.
        clickhouse.insert("events", both, column_names=["tenant_id", "name"])
        later = clock.now() + running.SETTLED + timedelta(seconds=1)
        monkeypatch.setattr(clock, "now", lambda: later)
        assert await running.once(everywhere) == 1
        assert await running.once(everywhere) == 0
    tenants = clickhouse.query("SELECT DISTINCT tenant_id FROM events").result_rows
    clickhouse.close()
    await qdrant.aclose()
    assert [one for (one,) in tenants] == [theirs]


# One with a database of its own needs both to be looked at: tests/relocating/test_ending.py.
@pytest.mark.parametrize("apart", [False])
async def test_an_engine_that_is_down_holds_it_up_and_it_goes_on_when_it_is_back(
    owned: Settings, world: World, superuser: psycopg.Connection[Any]
) -> None:
    mine = await _close(world)
    down = owned.model_copy(update={"redis_url": SecretStr("redis://127.0.0.1:9/0")})

    with pytest.raises(removing.PlaceFailed) as failed:
        await running.remove(down, mine, early=True)
    assert failed.value.place == "valkey"
    assert await running.once(down) == 0
    assert superuser.execute("SELECT status FROM tenant WHERE id = %s", (mine,)).fetchone() == ("removing",)

    assert await running.once(owned) == 1
    assert _of(_counts(superuser), mine) == {}


async def test_admins_are_warned_a_week_and_a_day_before(
    app: Any, world: World, superuser: psycopg.Connection[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    database, ends = app.state.core.database, clock.now() + timedelta(days=30)
    mine = await _close(world)  # which two admins run
    told = []
    for before in (8, 6.9, 6.8, 1.1, 0.9, 0.8, -0.1):
        monkeypatch.setattr(clock, "now", lambda before=before: ends - timedelta(days=before))
        async with database.tx(mine) as tx:
            told.append(await warning.warn(tx))

    assert told == [0, 2, 0, 0, 2, 0, 0]
    sent = superuser.execute("SELECT tenant_id, template FROM message WHERE template = 'shop_ends'").fetchall()
    assert sent == [(mine, "shop_ends")] * 4


async def test_a_shop_that_is_kept_and_closed_again_is_warned_again(
    app: Any, world: World, monkeypatch: pytest.MonkeyPatch, superuser: psycopg.Connection[Any]
) -> None:
    mine = await _close(world)
    superuser.execute("UPDATE tenant SET warned_days = 1 WHERE id = %s", (mine,))
    await world.mine.clients["staff"].delete("/v1/admin/closure")
    assert superuser.execute("SELECT warned_days FROM tenant WHERE id = %s", (mine,)).fetchone() == (None,)
