"""A shop takes everything of its own along, and nothing else: no other shop's rows, and nothing that opens a door."""

from __future__ import annotations

import asyncio
import hashlib
import io
import json
import re
import zipfile
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

import psycopg
import pytest
from pydantic import SecretStr

from commerce.archives import queue
from commerce.leaving import archiving, exports, owned, storage, withheld, working
from foundation import clients, clock
from foundation.settings import Settings
from pipelines.schema import ensure_schema
from tests.security.world import World

if TYPE_CHECKING:
    from tests.conftest import DatabaseUrls

EXPORTS = "/v1/admin/exports"
LOOKS_SECRET = re.compile(
    r"^(?!.*_at$).*(hash|secret|token|digest|password|verifier|challenge|nonce|private|wrapped|credential|signature|api_key)|^prev$"
)


async def _archive(app: Any, settings: Settings, world: World) -> zipfile.ZipFile:
    out = io.BytesIO()
    await archiving.write(app.state.core.database, settings, world.mine.seeded.id, out)
    return zipfile.ZipFile(out)


def _lines(archive: zipfile.ZipFile, table: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in archive.read(f"tables/{table}.jsonl").splitlines()]


async def _tables(app: Any, world: World) -> list[owned.Table]:
    async with app.state.core.database.tx(world.mine.seeded.id) as tx:
        return await owned.tables(tx.connection)


@pytest.mark.both_homes
async def test_every_row_is_there_and_none_of_another_shop(
    app: Any, settings: Settings, world: World, database_urls: DatabaseUrls
) -> None:
    archive = await _archive(app, settings, world)

    assert archive.testzip() is None
    manifest = json.loads(archive.read("manifest.json"))
    counts = {one["name"]: one.get("records") for one in manifest["files"]}
    mine = world.mine.seeded.id
    with psycopg.connect(database_urls.app) as connection:
        connection.execute("SELECT set_config('tradewind.tenant_id', %s, false)", (str(mine),))
        for table in await _tables(app, world):
            if table.name in withheld.TABLES:
                assert f"tables/{table.name}.jsonl" not in counts
                continue
            there = connection.execute(
                f'SELECT count(*) FROM "{table.name}" WHERE {table.owner} = %s',
                (mine,),
            ).fetchone()
            assert there == (counts[f"tables/{table.name}.jsonl"],), table.name
            assert all(row[table.owner] == str(mine) for row in _lines(archive, table.name))
    assert counts["tables/orders.jsonl"] > 0
    assert manifest["rows"] == sum(count for name, count in counts.items() if name.startswith("tables/"))
    assert manifest["schema"].isdigit()


async def test_each_file_is_what_the_manifest_says(app: Any, settings: Settings, world: World) -> None:
    archive = await _archive(app, settings, world)

    files = json.loads(archive.read("manifest.json"))["files"]
    assert {one["name"] for one in files} | {"manifest.json"} == set(archive.namelist())
    for one in files:
        content = archive.read(one["name"])
        assert (one["bytes"], one["sha256"]) == (len(content), hashlib.sha256(content).hexdigest())
        if "records" in one:
            assert one["records"] == len(content.splitlines())


async def test_people_can_be_read_and_doors_can_not_be_opened(app: Any, settings: Settings, world: World) -> None:
    archive = await _archive(app, settings, world)

    order = next(one for one in _lines(archive, "orders") if one["email"])
    assert order["email"] in {"mine@example.com", "second@example.com"}
    assert order["address"]["line1"] == "1 Way"
    addresses = [json.loads(one["content"]) for one in _lines(archive, "customer_address")]
    assert {one["city"] for one in addresses} == {"Berlin"}
    everything = b"\n".join(archive.read(name) for name in archive.namelist() if name.endswith(".jsonl")).decode()
    assert not re.search(r"[ps]1:[A-Za-z0-9_-]{58,}", everything)
    for one in _lines(archive, "api_key"):
        assert "token_hash" not in one
    assert all("secret" not in one for one in _lines(archive, "webhook_subscription"))


async def test_files_are_there_and_those_of_another_shop_are_not(app: Any, settings: Settings, world: World) -> None:
    for side in (world.mine, world.another_shop):  # what is read once is kept, sealed
        paper = f"/v1/admin/orders/{side.things['order']}/documents/{side.things['document']}.pdf"
        assert (await side.clients["staff"].get(paper)).is_success

    archive = await _archive(app, settings, world)

    files = [name for name in archive.namelist() if name.startswith("files/")]
    assert len([name for name in files if "/claims/" in name or "/returns/" in name]) == 4
    assert all(name.startswith(f"files/tenants/{world.mine.seeded.id}/") for name in files)
    (paper,) = [name for name in files if "/documents/" in name]
    assert archive.read(paper).startswith(b"%PDF")
    photo = next(name for name in files if "/claims/" in name)
    assert archive.read(photo).startswith(b"\xff\xd8")


async def test_events_of_the_shop_are_there_and_none_of_another(
    app: Any, settings: Settings, world: World, clickhouse_database: str
) -> None:
    mine, theirs = str(world.mine.seeded.id), str(world.another_shop.seeded.id)
    with_events = settings.model_copy(update={"clickhouse_url": SecretStr(clickhouse_database)})
    client = clients.clickhouse(with_events)
    assert (await _archive(app, with_events, world)).read("events.jsonl") == b"", "nothing was delivered yet"
    ensure_schema(client)
    client.insert("events", [[mine, "view_item"], [theirs, "view_item"]], column_names=["tenant_id", "name"])
    client.close()

    archive = await _archive(app, with_events, world)

    assert [json.loads(line)["tenant_id"] for line in archive.read("events.jsonl").splitlines()] == [mine]
    assert archive.read("decisions.jsonl") == b""


async def test_an_archive_without_the_events_is_none(app: Any, settings: Settings, world: World) -> None:
    silent = settings.model_copy(update={"clickhouse_url": SecretStr("http://127.0.0.1:9/default")})
    with pytest.raises(archiving.EventsUnavailable):
        await _archive(app, silent, world)


async def test_a_table_that_is_new_is_taken_along(
    app: Any, settings: Settings, world: World, database_urls: DatabaseUrls
) -> None:
    with psycopg.connect(database_urls.owner) as owner:
        owner.execute("CREATE TABLE planted (tenant_id uuid, id uuid, word text, PRIMARY KEY (tenant_id, id))")
        owner.execute("GRANT SELECT ON planted TO tradewind_app")
        owner.execute("INSERT INTO planted VALUES (%s, gen_random_uuid(), 'x')", (world.mine.seeded.id,))

    archive = await _archive(app, settings, world)

    assert [one["word"] for one in _lines(archive, "planted")] == ["x"]


async def test_every_column_that_looks_like_a_secret_is_withheld_or_said_to_be_none(app: Any, world: World) -> None:
    looks, said = set(), set()
    for table in await _tables(app, world):
        if table.name not in withheld.TABLES:
            looks |= {(table.name, name) for name in table.columns if LOOKS_SECRET.search(name)}
    for name, columns in withheld.COLUMNS.items():
        said |= {(name, column) for column in columns}
    said |= {(name, column) for name, columns in withheld.NO_SECRET.items() for column in columns.split()}
    assert looks - said == set(), "say in commerce/leaving/withheld.py whether these are secrets"


async def test_nothing_is_withheld_that_is_not_there(app: Any, world: World) -> None:
    there = {table.name: set(table.columns) for table in await _tables(app, world)}
    assert set(withheld.TABLES) <= there.keys()
    for said in (withheld.COLUMNS, {name: columns.split() for name, columns in withheld.NO_SECRET.items()}):
        assert [(name, one) for name, columns in said.items() for one in columns if one not in there[name]] == []


async def test_bytes_are_withheld_or_said_to_be_no_secret(app: Any, world: World, database_urls: DatabaseUrls) -> None:
    owned_tables = {table.name for table in await _tables(app, world)}
    with psycopg.connect(database_urls.owner) as owner:
        found = owner.execute(
            "SELECT table_name, column_name FROM information_schema.columns"
            " WHERE table_schema = 'public' AND data_type = 'bytea'"
        ).fetchall()
    shown = {
        (table, column)
        for table, column in found
        if table in owned_tables and table not in withheld.TABLES and column not in withheld.columns_of(table)
    }
    assert shown == {
        (table, column)
        for table, columns in withheld.NO_SECRET.items()
        for column in columns.split()
        if (table, column) in found
    }


async def test_staff_ask_a_worker_makes_it_and_they_take_it(app: Any, settings: Settings, world: World) -> None:
    staff, mine, database = world.mine.clients["staff"], world.mine.seeded.id, app.state.core.database

    asked = await staff.post(EXPORTS)
    assert (asked.status_code, asked.json()["status"]) == (202, "waiting")
    again = await staff.post(EXPORTS)
    assert (again.status_code, again.json()["code"]) == (409, "leaving.export_running")
    where = asked.headers["location"]
    assert (await staff.get(f"{where}/file")).json()["code"] == "leaving.export_not_ready"
    assert await working.see_to(database, settings, mine)
    made = (await staff.get(where)).json()
    taken = await staff.get(f"{where}/file")

    assert (made["status"], made["rows_done"]) == ("ready", made["rows_total"])
    assert hashlib.sha256(taken.content).hexdigest() == made["sha256"]
    assert len(taken.content) == made["size"]
    assert zipfile.ZipFile(io.BytesIO(taken.content)).testzip() is None
    log = (await staff.get("/v1/admin/audit")).json()["items"]
    assert {"leaving.export_asked", "leaving.export_taken"} <= {one["action"] for one in log}
    assert (await world.another_shop.clients["staff"].get(where)).status_code == 404


async def test_the_operator_takes_an_archive_and_the_shop_sees_it(app: Any, settings: Settings, world: World) -> None:
    operator, mine, database = world.mine.clients["operator"], world.mine.seeded.id, app.state.core.database

    asked = await operator.post("/v1/operator/tenants/mine/exports")
    where = asked.headers["location"]
    assert await working.see_to(database, settings, mine)
    taken = await operator.get(f"{where}/file")

    assert (asked.status_code, (await operator.get(where)).json()["status"]) == (202, "ready")
    assert hashlib.sha256(taken.content).hexdigest() == (await operator.get(where)).json()["sha256"]
    assert (await operator.get(where.replace("/mine/", "/theirs/"))).status_code == 404
    log = (await world.mine.clients["staff"].get("/v1/admin/audit?actor=system:operator")).json()["items"]
    assert [one["action"] for one in log] == ["leaving.export_taken", "leaving.export_asked"]


async def test_of_two_that_ask_at_once_one_is_heard(world: World) -> None:
    staff = world.mine.clients["staff"]
    answers = await asyncio.gather(*(staff.post(EXPORTS) for _ in range(4)))
    assert sorted(answer.status_code for answer in answers) == [202, 409, 409, 409]


async def test_an_archive_is_deleted_after_a_week(
    app: Any, settings: Settings, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    staff, mine, database = world.mine.clients["staff"], world.mine.seeded.id, app.state.core.database
    where = (await staff.post(EXPORTS)).headers["location"]
    await working.see_to(database, settings, mine)
    folder = Path((settings.objects_url or "").removeprefix("file://")) / storage.exports(mine)
    assert len(list(folder.iterdir())) == 1

    later = clock.now() + queue.KEPT + timedelta(seconds=1)
    monkeypatch.setattr(clock, "now", lambda: later)
    await working.see_to(database, settings, mine)

    assert list(folder.iterdir()) == []
    async with database.tx(mine) as tx:
        with pytest.raises(exports.ExportNotFound):
            await exports.one(tx, UUID(where.rpartition("/")[2]))


async def test_a_worker_that_died_is_followed_by_another_and_has_no_word_any_more(
    app: Any, settings: Settings, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    staff, mine, database = world.mine.clients["staff"], world.mine.seeded.id, app.state.core.database
    await staff.post(EXPORTS)
    async with database.tx(mine) as tx:
        row = await exports.QUEUE.claim(tx)
        dead = queue.Turn(row["id"], row["attempt"])
    async with database.tx(mine) as tx:
        assert await exports.QUEUE.claim(tx) is None

    later = clock.now() + queue.LEASE + timedelta(seconds=1)
    monkeypatch.setattr(clock, "now", lambda: later)

    assert await working.see_to(database, settings, mine)
    async with database.tx(mine) as tx:
        with pytest.raises(queue.TakenOver):
            await exports.go_on(tx, dead, done=1, total=1, at="orders")
        assert not await exports.ready(tx, dead, rows=1, size=1, sha256="00")
        (kept,) = (await exports.every(tx)).items
    assert kept.status == "ready"
    assert kept.size != 1


async def test_one_that_can_not_be_made_is_given_up_and_another_can_be_asked_for(
    app: Any, settings: Settings, world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    staff, mine, database = world.mine.clients["staff"], world.mine.seeded.id, app.state.core.database
    await staff.post(EXPORTS)
    began = clock.now()
    (tmp_path / "blocked").write_text("")
    broken = settings.model_copy(update={"objects_url": (tmp_path / "blocked").as_uri()})
    for number in range(queue.ATTEMPTS + 1):
        later = began + number * (exports.AGAIN + timedelta(seconds=1))
        monkeypatch.setattr(clock, "now", lambda later=later: later)
        for _ in range(2):  # not again at once
            assert not await working.see_to(database, broken, mine)

    (failed,) = (await staff.get(EXPORTS)).json()["items"]
    assert failed["status"] == "failed"
    monkeypatch.setattr(clock, "now", lambda: began)  # whoever asks has proved lately who they are
    assert (await staff.post(EXPORTS)).status_code == 202


async def test_a_shop_that_is_closing_can_take_its_data_along(app: Any, settings: Settings, world: World) -> None:
    staff, mine = world.mine.clients["staff"], world.mine.seeded
    closed = await staff.put("/v1/admin/closure", json={"name": mine.slug.title()})
    assert closed.json()["status"] == "closing"

    asked = await staff.post(EXPORTS)
    await working.see_to(app.state.core.database, settings, mine.id)

    assert asked.status_code == 202
    assert (await staff.get(f"{asked.headers['location']}/file")).status_code == 200
