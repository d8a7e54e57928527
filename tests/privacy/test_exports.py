"""What is kept about a person is theirs to take along: all of it, nothing of others, and readable by nobody else."""

from __future__ import annotations

import asyncio
import json
import zipfile
from collections.abc import AsyncIterator
from datetime import timedelta
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

import httpx
import pytest
from pydantic import SecretStr

import commerce.tables  # noqa: F401
from commerce.archives import queue
from commerce.privacy import collecting, erasing, exports, exports_api, making
from commerce.privacy.asking import Person
from commerce.privacy.exports import PersonExportNotFound
from commerce.privacy.holdings import DOCUMENT, HOLDINGS
from commerce.privacy.portable import KEPT_BACK, PARTS
from commerce.tenancy import service as tenancy
from commerce.tenancy.service import Shop
from foundation import clock
from foundation.database import Base, Database, Tx
from foundation.settings import Settings
from tests.commerce.conftest import AGREED

if TYPE_CHECKING:
    from tests.commerce.conftest import Browser
    from tests.conftest import DatabaseUrls
    from tests.factories import SeededShop

PERSON = {
    "customer_id",
    "account_id",
    "visitor_id",
    "order_id",
    "cart_id",
    "holder_id",
    "shopper_id",
    "subject_id",
    "person_id",
    "session_id",
}
"""Columns that refer to somebody, or to what they did."""
ADDRESS = {
    "name": "Zanzibar Quuxley",
    "line1": "77 Wombatstrasse",
    "postal_code": "43215",
    "city": "Quagmireville",
    "region": "OH",
    "country": "US",
}
OTHER = {**ADDRESS, "name": "Somebody Else", "line1": "1 Elsewhere Road"}


def test_no_table_with_something_of_a_person_is_forgotten() -> None:
    held = {one.table for one in (*HOLDINGS, DOCUMENT)}
    personal = {
        name for name, table in Base.metadata.tables.items() if name in held or PERSON & set(table.columns.keys())
    }
    handed_out = [part.table for part in PARTS]
    assert len(handed_out) == len(set(handed_out))
    assert not set(handed_out) & KEPT_BACK.keys()
    assert personal - set(handed_out) - KEPT_BACK.keys() == set(), "hand it out, or say why not"
    assert KEPT_BACK.keys() - personal == set()


@pytest.mark.parametrize("part", PARTS, ids=lambda part: part.table)
def test_every_file_says_what_it_is_and_hands_out_no_secret(part: Any) -> None:
    said = collecting.described(part)
    names = {field["name"] for field in said["fields"]}
    assert said["meaning"]
    assert part.without <= set(Base.metadata.tables[part.table].columns.keys())
    assert not {name for name in names if name.endswith(("_hash", "_digest"))} | names & {"secret", "public_key"}


@pytest.fixture
def settings(database_urls: DatabaseUrls, tmp_path: Path) -> Settings:
    return Settings(
        _env_file=None,
        database_url=SecretStr(database_urls.app),
        database_owner_url=SecretStr(database_urls.owner),
        database_pool_size=8,
        catalogue_cache_mb=0,
        objects_url=f"file://{tmp_path}",
    )


@pytest.fixture
async def database(settings: Settings) -> AsyncIterator[Database]:
    database = Database(settings.require("database_url", "Postgres"), pool_size=3)
    yield database
    await database.close()


@pytest.fixture
async def shop(database: Database, grocer: SeededShop) -> Shop:
    async with database.transaction(None) as session:
        return next(one for one in await tenancy.all_shops(session) if one.id == grocer.id)


@pytest.fixture
def customer(rows: Any, browser: Browser) -> UUID:
    """The shopper of the browser, who bought something."""
    ((customer_id,),) = rows("SELECT id FROM customer WHERE reference = 'household-1'")
    return UUID(str(customer_id))


def _of(customer: UUID) -> str:
    return f"/v1/admin/customers/{customer}/exports"


async def _asked(staff: httpx.AsyncClient, customer: UUID) -> httpx.Response:
    return await staff.post(_of(customer), json={"reason": "asked for it in writing"})


async def _downloaded(app: Any, shop: Shop, customer: UUID) -> zipfile.ZipFile:
    """The archive, as its owner gets it."""
    async with app.state.core.database.tx(shop.id) as tx:
        (export,) = [one for one in (await exports.every(tx, customer)).items if one.status == "ready"]
    owner = Person(customer, f"customer:{customer}")
    answer = await exports_api.download(app.state.core, shop, owner, export.id)
    return zipfile.ZipFile(BytesIO(b"".join([bytes(piece) async for piece in answer.body_iterator])))  # type: ignore[arg-type]


def _files(folder: Path) -> list[Path]:
    return [one for one in folder.rglob("person-exports/*") if one.is_file()]


def _read(archive: zipfile.ZipFile, table: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in archive.read(f"{table}.jsonl").decode().splitlines()]


async def test_all_of_a_person_is_in_it_and_nothing_of_another(
    browser: Browser,
    app: Any,
    staff: httpx.AsyncClient,
    grocer: SeededShop,
    customer: UUID,
    database: Database,
    settings: Settings,
    shop: Shop,
) -> None:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url=f"http://{grocer.host}") as other:
        await other.post("/v1/store/sessions", json={"reference": "household-2", "consent": AGREED})
        assert (await other.post("/v1/store/addresses", json={"address": OTHER})).status_code == 201
    await browser.http.post("/v1/store/addresses", json={"address": ADDRESS})
    cart = await browser.cart()
    await browser.add(cart, grocer.products[0].variant_id)
    order = (await browser.complete(cart, email="z.quuxley@example.com")).json()

    assert (await _asked(staff, customer)).status_code == 202
    assert await making.see_to(database, settings, shop)
    archive = await _downloaded(app, shop, customer)

    (mine,) = _read(archive, "customer")
    assert mine["id"] == str(customer)
    (kept,) = _read(archive, "customer_address")
    assert json.loads(kept["content"])["line1"] == "77 Wombatstrasse", "it is opened"
    assert [one["number"] for one in _read(archive, "orders")] == [order["number"]]
    assert _read(archive, "orders")[0]["email"] == "z.quuxley@example.com"
    assert {one["purpose"] for one in _read(archive, "consent_answer")} == {"analytics", "personalisation", "marketing"}
    everything = b"".join(archive.read(name) for name in archive.namelist())
    assert b"Elsewhere" not in everything
    assert b"token_hash" not in everything
    manifest = json.loads(archive.read("manifest.json"))
    assert {one["name"] for one in manifest["files"]} == {f"{part.table}.jsonl" for part in PARTS}
    said = {one["name"]: one for one in manifest["described"]}
    assert all(one["name"] in said for one in manifest["files"])


async def test_what_lies_in_the_store_is_sealed_and_deleted_in_a_week(
    staff: httpx.AsyncClient, customer: UUID, database: Database, settings: Settings, shop: Shop, tmp_path: Path
) -> None:
    await _asked(staff, customer)
    await making.see_to(database, settings, shop)
    (file,) = _files(tmp_path)
    assert not zipfile.is_zipfile(file)
    later = clock.now() + timedelta(days=7, seconds=1)
    with clock.use(lambda: later):
        await making.see_to(database, settings, shop)
        assert (await staff.get(_of(customer))).json()["items"] == []
    assert _files(tmp_path) == []


async def test_whoever_is_forgotten_leaves_no_archive(
    staff: httpx.AsyncClient, customer: UUID, database: Database, settings: Settings, shop: Shop, tmp_path: Path
) -> None:
    await _asked(staff, customer)
    await making.see_to(database, settings, shop)
    (export,) = (await staff.get(_of(customer))).json()["items"]
    await erasing.forget(database, settings, shop.id, customer, actor="key:test")
    async with database.tx(shop.id) as tx:
        with pytest.raises(PersonExportNotFound):
            await exports.take(tx, customer, UUID(export["id"]), by="customer:test")
    await making.see_to(database, settings, shop)
    assert _files(tmp_path) == []
    assert (await _asked(staff, customer)).status_code == 404


async def test_of_two_that_ask_at_once_one_is_made_and_few_are_kept(
    staff: httpx.AsyncClient, customer: UUID, database: Database, settings: Settings, shop: Shop
) -> None:
    answers = await asyncio.gather(*(_asked(staff, customer) for _ in range(4)))
    assert sorted(one.status_code for one in answers) == [202, 409, 409, 409]
    for _ in range(4):
        await making.see_to(database, settings, shop)
        await _asked(staff, customer)
    await making.see_to(database, settings, shop)
    assert (await _asked(staff, customer)).status_code == 429


async def test_who_asks_and_who_takes_is_in_the_audit_log(
    app: Any, staff: httpx.AsyncClient, customer: UUID, database: Database, settings: Settings, shop: Shop
) -> None:
    await _asked(staff, customer)
    await making.see_to(database, settings, shop)
    await _downloaded(app, shop, customer)
    entries = (await staff.get("/v1/admin/audit", params={"object": f"customer:{customer}"})).json()["items"]
    assert [(one["action"], one["reason"]) for one in reversed(entries)] == [
        ("privacy.export_asked", "asked for it in writing"),
        ("privacy.export_taken", None),
    ]


async def test_a_worker_that_dies_is_followed_by_another(
    staff: httpx.AsyncClient,
    customer: UUID,
    database: Database,
    settings: Settings,
    shop: Shop,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    await _asked(staff, customer)

    async def dies(*_: object) -> object:
        raise OSError("the disk is full")

    with monkeypatch.context() as patched:
        patched.setattr(collecting, "write", dies)
        assert not await making.see_to(database, settings, shop)
    assert await making.see_to(database, settings, shop)
    assert [one["status"] for one in (await staff.get(_of(customer))).json()["items"]] == ["ready"]


async def test_one_that_takes_long_is_held_and_made_once(
    staff: httpx.AsyncClient,
    customer: UUID,
    database: Database,
    settings: Settings,
    shop: Shop,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    await _asked(staff, customer)
    write, prolong, held, taken = collecting.write, exports.QUEUE.prolong, asyncio.Event(), []
    begun = clock.now()

    async def holds(tx: Tx, turn: queue.Turn) -> None:
        await prolong(tx, turn)
        held.set()

    async def slowly(*said: Any) -> Any:
        monkeypatch.setattr(clock, "now", lambda: begun + queue.LEASE - timedelta(seconds=1))
        for _ in range(2):  # the first is committed by the second
            held.clear()
            async with asyncio.timeout(60):
                await held.wait()
        monkeypatch.setattr(clock, "now", lambda: begun + queue.LEASE + timedelta(seconds=1))
        async with database.tx(shop.id) as tx:
            taken.append(await exports.claim(tx))
        return await write(*said)

    monkeypatch.setattr(queue, "PROLONGED_EVERY", 0.05)
    monkeypatch.setattr(exports.QUEUE, "prolong", holds)
    monkeypatch.setattr(collecting, "write", slowly)
    assert await making.see_to(database, settings, shop)
    assert taken == [None]


async def test_only_a_customer_of_the_shop_has_an_archive(staff: httpx.AsyncClient) -> None:
    assert (await _asked(staff, uuid4())).status_code == 404
