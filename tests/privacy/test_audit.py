"""Whoever changes the audit log behind its back is found out, and the row is named."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from psycopg import sql
from pydantic import SecretStr
from sqlalchemy import text

from commerce.audit import linking, verifying
from commerce.audit.verifying import Kind
from foundation import audit, sealing
from foundation.database import Database, hot
from foundation.ids import new_id
from foundation.settings import Settings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path
    from uuid import UUID

    import httpx

    from tests.conftest import DatabaseUrls
    from tests.factories import SeededShop

_WORDS = hot(text("SELECT reason, details FROM audit_entry WHERE tenant_id = :tenant_id"))


@pytest.fixture
def signing(tmp_path: Path) -> Settings:
    return Settings(
        _env_file=None,
        audit_signing_keys=SecretStr(f"test:{base64.b64encode(bytes(range(32))).decode()}"),
        objects_url=f"file://{tmp_path}",
    )


@pytest.fixture
async def database(database_urls: DatabaseUrls) -> AsyncIterator[Database]:
    database = Database(database_urls.app, pool_size=3)
    yield database
    await database.close()


@pytest.fixture
def tamper(database_urls: DatabaseUrls) -> Callable[..., None]:
    """What somebody does who owns the database: no grant and no trigger is in their way."""

    def change(statement: str, *values: object) -> None:
        with psycopg.connect(database_urls.owner) as owner:
            for table in ("audit_entry", "audit_checkpoint"):
                owner.execute(sql.SQL("ALTER TABLE {} DISABLE TRIGGER USER").format(sql.Identifier(table)))
                owner.execute(sql.SQL("ALTER TABLE {} NO FORCE ROW LEVEL SECURITY").format(sql.Identifier(table)))
            owner.execute(statement, values)

    return change


async def _written(database: Database, tenant_id: UUID, count: int, settings: Settings) -> list[UUID]:
    ids = []
    for number in range(count):
        async with database.tx(tenant_id) as tx:
            ids.append(await audit.record(tx, actor="key:1", action="orders.refund", details={"amount": number}))
    await linking.run(database, tenant_id, settings)
    return ids


async def _verdict(database: Database, tenant_id: UUID, settings: Settings) -> verifying.Verdict:
    async with database.tx(tenant_id, read_only=True) as tx:
        return await verifying.verify(tx, settings)


async def test_a_log_nobody_touched_is_whole_and_signed(database: Database, signing: Settings) -> None:
    tenant_id = new_id()
    await _written(database, tenant_id, 5, signing)
    verdict = await _verdict(database, tenant_id, signing)
    assert (verdict.entries, verdict.waiting, verdict.signed_to, list(verdict.faults)) == (5, 0, 5, [])


async def test_what_rolls_back_is_not_in_the_log(database: Database, signing: Settings) -> None:
    tenant_id = new_id()

    async def fail() -> None:
        async with database.tx(tenant_id) as tx:
            await audit.record(tx, actor="key:1", action="orders.refund")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()
    assert await linking.run(database, tenant_id, signing) == 0


async def test_a_row_that_commits_late_is_linked_later_and_none_is_skipped(
    database: Database, signing: Settings
) -> None:
    tenant_id = new_id()
    async with database.tx(tenant_id) as late:
        await audit.record(late, actor="key:late", action="orders.refund")
        await _written(database, tenant_id, 2, signing)
    assert await linking.run(database, tenant_id, signing) == 1
    verdict = await _verdict(database, tenant_id, signing)
    assert (verdict.entries, verdict.waiting, list(verdict.faults)) == (3, 0, [])


async def test_the_row_that_was_altered_is_named(
    database: Database, signing: Settings, tamper: Callable[..., None]
) -> None:
    tenant_id = new_id()
    ids = await _written(database, tenant_id, 5, signing)
    tamper("UPDATE audit_entry SET details = '{\"amount\": 1000000}' WHERE id = %s", ids[2])
    (fault,) = (await _verdict(database, tenant_id, signing)).faults
    assert (fault.kind, fault.seq, fault.entry_id) == (Kind.ALTERED, 3, ids[2])


async def test_a_row_that_was_altered_and_hashed_anew_is_named(
    database: Database, signing: Settings, tamper: Callable[..., None]
) -> None:
    tenant_id = new_id()
    ids = await _written(database, tenant_id, 5, signing)
    tamper("UPDATE audit_entry SET actor = 'key:2' WHERE id = %s", ids[2])
    async with database.tx(tenant_id) as tx:
        (entry,) = [one async for one in verifying._entries(tx) if one.id == ids[2]]
    anew = linking.hashed(tenant_id, entry, seq=3, prev=entry.prev or b"")
    tamper("UPDATE audit_entry SET hash = %s WHERE id = %s", anew, ids[2])
    (fault,) = (await _verdict(database, tenant_id, signing)).faults
    assert (fault.kind, fault.seq, fault.entry_id) == (Kind.ALTERED, 3, ids[2])


@pytest.mark.parametrize("renumbered", [False, True])
@pytest.mark.parametrize("place", [1, 3])
async def test_the_row_that_was_deleted_is_named(
    database: Database, signing: Settings, tamper: Callable[..., None], *, renumbered: bool, place: int
) -> None:
    tenant_id = new_id()
    ids = await _written(database, tenant_id, 5, Settings(_env_file=None))
    tamper("DELETE FROM audit_entry WHERE id = %s", ids[place - 1])
    for number in range(place + 1, 6) if renumbered else ():
        tamper("UPDATE audit_entry SET seq = %s WHERE id = %s", number - 1, ids[number - 1])
    (fault,) = (await _verdict(database, tenant_id, signing)).faults
    assert (fault.kind, fault.seq, fault.entry_id) == (Kind.DELETED, place, None)


async def test_the_row_that_was_moved_is_named(
    database: Database, signing: Settings, tamper: Callable[..., None]
) -> None:
    tenant_id = new_id()
    ids = await _written(database, tenant_id, 5, Settings(_env_file=None))
    for entry_id, seq in ((ids[1], 99), (ids[2], 2), (ids[1], 3)):
        tamper("UPDATE audit_entry SET seq = %s WHERE id = %s", seq, entry_id)
    (fault,) = (await _verdict(database, tenant_id, signing)).faults
    assert (fault.kind, fault.seq, fault.entry_id) == (Kind.REORDERED, 3, ids[1])


async def test_a_log_that_was_cut_at_its_end_is_found_out(
    database: Database, signing: Settings, tamper: Callable[..., None]
) -> None:
    tenant_id = new_id()
    ids = await _written(database, tenant_id, 5, signing)
    tamper("DELETE FROM audit_entry WHERE id = ANY (%s)", ids[3:])
    tamper("DELETE FROM audit_checkpoint")  # the copy outside still tells
    (fault,) = (await _verdict(database, tenant_id, signing)).faults
    assert (fault.kind, fault.seq) == (Kind.TRUNCATED, 4)


async def test_a_log_that_was_written_anew_is_found_out(
    database: Database, signing: Settings, tamper: Callable[..., None]
) -> None:
    tenant_id = new_id()
    await _written(database, tenant_id, 3, signing)
    tamper("UPDATE audit_entry SET actor = 'key:2', seq = NULL, prev = NULL, hash = NULL")
    async with database.tx(tenant_id) as tx:
        assert await linking.link(tx) == 3
    (fault,) = (await _verdict(database, tenant_id, signing)).faults
    assert (fault.kind, fault.seq) == (Kind.REWRITTEN, 3)


async def test_a_checkpoint_that_somebody_made_up_is_found_out(
    database: Database, signing: Settings, tamper: Callable[..., None]
) -> None:
    tenant_id = new_id()
    await _written(database, tenant_id, 3, signing)
    tamper("UPDATE audit_checkpoint SET seq = 2")
    kinds = {fault.kind for fault in (await _verdict(database, tenant_id, signing)).faults}
    assert Kind.FORGED in kinds


async def test_the_app_can_not_change_what_was_written(database_urls: DatabaseUrls, database: Database) -> None:
    tenant_id = new_id()
    await _written(database, tenant_id, 1, Settings(_env_file=None))
    with psycopg.connect(database_urls.app, autocommit=True) as app:
        app.execute("SELECT set_config('tradewind.tenant_id', %s, false)", (str(tenant_id),))
        for statement in (
            "UPDATE audit_entry SET actor = 'key:2'",
            "DELETE FROM audit_entry",
            "TRUNCATE audit_entry",
            "DELETE FROM audit_checkpoint",
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                app.execute(statement)
        with pytest.raises(psycopg.errors.RestrictViolation):
            app.execute("UPDATE audit_entry SET seq = 7")
    with psycopg.connect(database_urls.owner) as owner, pytest.raises(psycopg.errors.RestrictViolation):
        owner.execute("DELETE FROM audit_entry")


async def test_the_log_holds_when_the_person_it_speaks_of_is_gone(database: Database, signing: Settings) -> None:
    tenant_id, ada = new_id(), new_id()
    async with database.tx(tenant_id) as tx:
        await audit.record(
            tx,
            actor="key:1",
            action="identity.act_as",
            object=f"customer:{ada}",
            reason="Ada Lovelace called",
            about=ada,
            details={"by": "phone", "who": "Ada Lovelace"},
        )
    await linking.run(database, tenant_id, signing)
    async with database.tx(tenant_id) as tx:
        row = (await tx.rows(_WORDS))[0]
        assert sealing.is_sealed(row["reason"])
        assert "Ada" not in row["details"]
        assert audit.WITHHELD in row["details"]
        await tx.connection.execute("DELETE FROM subject_key")
    assert not (await _verdict(database, tenant_id, signing)).faults


async def test_staff_read_the_log_and_check_it(
    staff: httpx.AsyncClient, client: httpx.AsyncClient, grocer: SeededShop, app: Any
) -> None:
    database: Database = app.state.core.database
    order = new_id()
    for action in ("orders.refund", "orders.cancel", "identity.act_as"):
        async with database.tx(grocer.id) as tx:
            await audit.record(tx, actor="key:1", action=action, object=f"order:{order}", reason="she asked for it")
    await linking.run(database, grocer.id, app.state.core.settings)

    first = (await staff.get("/v1/admin/audit", params={"limit": 2})).json()
    assert [one["action"] for one in first["items"]] == ["identity.act_as", "orders.cancel"]
    assert first["items"][0]["reason"] == "she asked for it"
    rest = (await staff.get("/v1/admin/audit", params={"limit": 2, "cursor": first["next_cursor"]})).json()
    assert ([one["action"] for one in rest["items"]], rest["has_more"]) == (["orders.refund"], False)
    found = (await staff.get("/v1/admin/audit", params={"action": "orders.*", "object": f"order:{order}"})).json()
    assert [one["seq"] for one in found["items"]] == [2, 1]
    assert (await staff.get("/v1/admin/audit/verification")).json()["intact"]
    assert (await client.get("/v1/admin/audit")).status_code == 401
