"""A shop whose time is over is removed: its rows in every table, then whatever other engines have of it.

It runs as the owner of the schema, because some tables let the app add rows only. Row-level security is forced on the
owner too, so a transaction for one shop can't touch the rows of another, whatever its statement says. What is
append-only gives way to the owner alone, and only for a shop that has a tombstone which is not finished
(`refuse_change`).

The tombstone is written first, in the database and in the object store. Every step may be done any number of times, so
whoever is killed in the middle is followed by another who begins anew and finds less to do.
"""

from __future__ import annotations

import asyncio
import hmac
import json
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

import asyncpg
import structlog

from commerce.leaving import owned, storage
from commerce.leaving.owned import DIRECTORY, Table, quoted
from foundation import clock, objects, sealing
from foundation.database import SHARED, TENANT_SETTING
from foundation.errors import Conflict, Unavailable
from foundation.naming import REMOVED, removed_path
from foundation.settings import Settings

log = structlog.get_logger(__name__)
BATCH = 2_000
"""Rows a transaction: it holds their locks, and what it did is lost when it is interrupted."""
PASSES = 10
"""How often rows are looked for anew that somebody wrote meanwhile."""
SOLE = 1_414_091_609
"""The advisory lock, with the shop's hash, of whoever moves a shop to another database or removes it."""
LINGERING = "10s"
"""How long it is waited for: Postgres notices some time after it that whoever held it has died."""
_NOBODY = UUID(int=0)


class RemovalNotDue(Conflict):
    """The shop is not closing, or its time of grace is not over."""

    code = "leaving.removal_not_due"


class RemovalRunning(Conflict):
    """Somebody is removing the shop already, or moving it to another database."""

    code = "leaving.removal_running"


class PlaceFailed(Unavailable):
    """Something that has data of the shop can't be reached right now. What is removed stays so; ask again to go on."""

    code = "leaving.place_failed"

    place: str


@dataclass(frozen=True, slots=True)
class Gone:
    """A shop that is being removed."""

    tenant_id: UUID
    slug: str | None
    """Not known any more when its row is gone, and perhaps another's by then."""


class Place(Protocol):
    """Something besides the tables that has data of shops."""

    @property
    def name(self) -> str:
        """What it is called where progress is shown."""

    def clear(self, gone: Gone) -> int:
        """Remove all that is there of a shop, from blocking code; how many things that were."""


Seen = Callable[[str, int], None]
"""Is told what is being removed, and how much of it is."""


def unseen(at: str, count: int) -> None:
    """Tells nobody."""


@dataclass(frozen=True, slots=True)
class Removed:
    """What was removed, by table and place."""

    slug: str | None
    counts: dict[str, int]


@asynccontextmanager
async def owner(settings: Settings, database: str = SHARED) -> AsyncIterator[asyncpg.Connection]:
    """A connection as the owner of the schema; `database` names one that a shop has of its own.

    Raises:
        EngineNotConfigured: the owner has no address.
    """
    connection = await asyncpg.connect(settings.everywhere("owner_url", "Postgres for its owner")[database])
    try:
        yield connection
    finally:
        await connection.close()


@asynccontextmanager
async def alone(connection: asyncpg.Connection, tenant_id: UUID, *, wait: str = LINGERING) -> AsyncIterator[None]:
    """Be the only one that removes the shop, or moves it; `wait` for that, a duration of Postgres.

    Raises:
        RemovalRunning: somebody else does.
    """
    try:
        async with connection.transaction():
            await connection.execute("SELECT set_config('lock_timeout', $1, true)", wait)
            # It is the session's, and outlives the transaction.
            await connection.execute("SELECT pg_advisory_lock($1, hashtext($2))", SOLE, str(tenant_id))
    except asyncpg.LockNotAvailableError as fault:
        raise RemovalRunning from fault
    try:
        yield
    finally:
        await connection.execute("SELECT pg_advisory_unlock($1, hashtext($2))", SOLE, str(tenant_id))


_BEGIN = """
    UPDATE tenant SET status = 'removing'
    WHERE id = $1 AND (status = 'removing' OR $2
        OR (status = 'closing' AND (closes_at <= $3 OR $4)) OR (status = 'draft' AND created_at <= $5))
    RETURNING slug
"""
_BURY = """
    INSERT INTO removed_tenant (id, slug_digest, began_at) VALUES ($1, $2, $3)
    ON CONFLICT (id) DO UPDATE SET finished_at = NULL, swept_at = NULL
"""
_FINISH = "UPDATE removed_tenant SET finished_at = $2, at = NULL WHERE id = $1"


async def begin(
    connection: asyncpg.Connection,
    settings: Settings,
    tenant_id: UUID,
    *,
    early: bool = False,
    drafted_before: datetime | None = None,
) -> Gone:
    """Make the shop one that is being removed: it has no address from now on, nobody works for it, and a tombstone
    says so. `early`: although its time of grace is not over; it must be closing all the same.

    Raises:
        RemovalNotDue.
        PlaceFailed: it has a database of its own, which can't be reached.
    """
    now, buried = clock.now(), await _is_buried(connection, tenant_id)
    due = (now, early, drafted_before)
    agreed = buried or await _end_at_home(connection, settings, tenant_id, due)
    async with connection.transaction():
        slug = await connection.fetchval(_BEGIN, tenant_id, agreed, *due)
        if slug is None and not buried:
            raise RemovalNotDue
        digest = slug_digest(slug) if slug else b""
        await connection.execute(_BURY, tenant_id, digest, now)
        await connection.execute("DELETE FROM tenant_domain WHERE tenant_id = $1", tenant_id)
    if settings.objects_url is not None:
        await asyncio.to_thread(_keep_outside, settings.objects_url, tenant_id, now)
    return Gone(tenant_id, slug)


async def _end_at_home(
    connection: asyncpg.Connection, settings: Settings, tenant_id: UUID, due: tuple[datetime, bool, datetime | None]
) -> bool:
    """Whether the shop has a database of its own, where it is one that is being removed now. What is said there counts:
    the shared directory may not have heard yet that it shall not end after all.
    """
    home = await connection.fetchval("SELECT home FROM tenant WHERE id = $1", tenant_id)
    if not home:
        return False
    if home not in settings.databases:
        raise PlaceFailed(place=home)
    try:
        async with owner(settings, home) as own, own.transaction():
            agreed = False  # by nobody else: what is said there has to be enough
            if await own.fetchval(_BEGIN, tenant_id, agreed, *due) is None:
                raise RemovalNotDue
            await own.execute("DELETE FROM tenant_domain WHERE tenant_id = $1", tenant_id)
    except (OSError, asyncpg.PostgresError) as fault:
        raise PlaceFailed(place=home) from fault
    return True


async def remove(
    connection: asyncpg.Connection,
    gone: Gone,
    *,
    first: Sequence[Place],
    then: Sequence[Place],
    seen: Seen = unseen,
    batch: int = BATCH,
) -> Removed:
    """Remove a shop that was begun with: what needs its rows, its rows, what stands elsewhere, its name.

    Raises:
        PlaceFailed: it can be gone on with later.
    """
    counts: dict[str, int] = {}
    for place in first:
        counts[place.name] = await _clear(connection, place, gone, seen)
    for _ in range(PASSES):
        removed = await _rows(connection, gone, seen, batch)
        for name, count in removed.items():
            counts[name] = counts.get(name, 0) + count
        if not removed:
            break
    for place in then:
        counts[place.name] = await _clear(connection, place, gone, seen)
    async with connection.transaction():
        await connection.execute(f"DELETE FROM {DIRECTORY} WHERE id = $1", gone.tenant_id)  # noqa: S608  (a literal)
        await connection.execute(_FINISH, gone.tenant_id, clock.now())
    log.info("leaving.removed", tenant=str(gone.tenant_id), rows=sum(counts.values()))
    return Removed(gone.slug, counts)


async def _clear(connection: asyncpg.Connection, place: Place, gone: Gone, seen: Seen) -> int:
    await connection.execute("UPDATE removed_tenant SET at = $2 WHERE id = $1", gone.tenant_id, place.name)
    try:
        count = await asyncio.to_thread(place.clear, gone)
    except Exception as fault:  # any engine, by its own library
        raise PlaceFailed(place=place.name) from fault
    seen(place.name, count)
    return count


async def _rows(connection: asyncpg.Connection, gone: Gone, seen: Seen, batch: int) -> dict[str, int]:
    """Delete the shop's rows of every table, those first that others are not referred to by; how many, by table."""
    counts: dict[str, int] = {}
    for table in await owned.tables(connection):
        if table.name == DIRECTORY:
            continue
        while count := await _some(connection, table, gone.tenant_id, batch):
            counts[table.name] = counts.get(table.name, 0) + count
            seen(table.name, counts[table.name])
    return counts


async def _some(connection: asyncpg.Connection, table: Table, tenant_id: UUID, batch: int) -> int:
    async with connection.transaction():
        await connection.execute("SELECT set_config($1, $2, true)", TENANT_SETTING, str(tenant_id))
        done = await connection.execute(_delete(table), tenant_id, batch)
        count = int(done.rpartition(" ")[2])
        if count:
            await connection.execute(
                "UPDATE removed_tenant SET rows = rows + $2, at = $3 WHERE id = $1", tenant_id, count, table.name
            )
    return count


def _delete(table: Table) -> str:
    """A batch of rows that no row of the same table refers to."""
    name, key = quoted(table.name), ", ".join(quoted(column) for column in table.key)
    free = "".join(
        f" AND NOT EXISTS (SELECT FROM {name} other WHERE ({_columns('other', one.here)})"
        f" = ({_columns('found', one.there)}))"
        for one in table.own
    )
    return (
        f"DELETE FROM {name} WHERE {quoted(table.owner)} = $1 AND ({key}) IN"  # noqa: S608  (as above)
        f" (SELECT {key} FROM {name} found WHERE {quoted(table.owner)} = $1{free} LIMIT $2)"
    )


def _columns(of: str, names: Sequence[str]) -> str:
    return ", ".join(f"{of}.{quoted(name)}" for name in names)


_ENDED = """
    SELECT id FROM tenant
    WHERE status = 'removing' OR (status = 'closing' AND closes_at <= $1) OR (status = 'draft' AND created_at <= $2)
    ORDER BY id
"""
_LATE = "SELECT id FROM removed_tenant WHERE finished_at <= $1 AND swept_at IS NULL ORDER BY id"


async def ended(connection: asyncpg.Connection, *, now: datetime, drafted_before: datetime) -> list[UUID]:
    """Shops whose time is over, those that somebody began to remove, and what was begun to be set up and never was."""
    return [row["id"] for row in await connection.fetch(_ENDED, now, drafted_before)]


async def to_sweep(connection: asyncpg.Connection, *, finished_before: datetime) -> list[UUID]:
    """Shops that were removed so long ago that nothing is on its way any more, and not looked at since."""
    return [row["id"] for row in await connection.fetch(_LATE, finished_before)]


async def swept(connection: asyncpg.Connection, tenant_id: UUID) -> None:
    """It was looked at."""
    await connection.execute("UPDATE removed_tenant SET swept_at = $2 WHERE id = $1", tenant_id, clock.now())


async def risen(connection: asyncpg.Connection, settings: Settings) -> list[UUID]:
    """Shops that were removed and are there again, in any database, out of a backup; those of which only the copy of a
    tombstone in the object store knows have one in the database again.
    """
    if settings.objects_url is not None:
        for tenant_id, began_at in await asyncio.to_thread(_outside, settings.objects_url):
            await connection.execute(
                "INSERT INTO removed_tenant (id, slug_digest, began_at, finished_at) VALUES ($1, '', $2, $2)"
                " ON CONFLICT (id) DO NOTHING",
                tenant_id,
                began_at,
            )
    buried = [row["id"] for row in await connection.fetch("SELECT id FROM removed_tenant ORDER BY id")]
    found = await _among(connection, buried)
    for name in settings.databases:
        try:
            async with owner(settings, name) as own:
                found += await _among(own, buried)
        except (OSError, asyncpg.PostgresError) as fault:
            log.warning("leaving.database_unavailable", database=name, error=str(fault).splitlines()[:1])
    return found


async def _among(connection: asyncpg.Connection, buried: Sequence[UUID]) -> list[UUID]:
    """Those of which a database has rows."""
    if not buried:
        return []
    tables = await owned.tables(connection)
    return [tenant_id for tenant_id in buried if await _has_rows(connection, tables, tenant_id)]


async def _has_rows(connection: asyncpg.Connection, tables: Sequence[Table], tenant_id: UUID) -> bool:
    async with connection.transaction():
        await connection.execute("SELECT set_config($1, $2, true)", TENANT_SETTING, str(tenant_id))
        for table in tables:
            statement = f"SELECT EXISTS (SELECT FROM {quoted(table.name)} WHERE {quoted(table.owner)} = $1)"  # noqa: S608  (the catalogue's names)
            if await connection.fetchval(statement, tenant_id):
                return True
    return False


async def _is_buried(connection: asyncpg.Connection, tenant_id: UUID) -> bool:
    buried: bool = await connection.fetchval("SELECT EXISTS (SELECT FROM removed_tenant WHERE id = $1)", tenant_id)
    return buried


def slug_digest(slug: str) -> bytes:
    """What a tombstone keeps of a shop's name: whoever has the key and the name can tell that it was removed."""
    return sealing.digest(_NOBODY, "removed shop", slug)


def _seal(tenant_id: UUID, began_at: str) -> str:
    """Who can only write into the object store can't have a shop removed."""
    return sealing.digest(tenant_id, "removal", began_at).hex()


def _keep_outside(url: str, tenant_id: UUID, began_at: datetime) -> None:
    path = removed_path(tenant_id)
    if objects.get(url, path) is None:
        at = began_at.isoformat()
        objects.put(url, path, json.dumps({"began_at": at, "seal": _seal(tenant_id, at)}).encode())


def _outside(url: str) -> list[tuple[UUID, datetime]]:
    found = []
    for path in storage.Store.at(url).every(REMOVED):
        tenant_id = UUID(path.rpartition("/")[2].removesuffix(".json"))
        said: dict[str, Any] = json.loads(objects.get(url, removed_path(tenant_id)) or b"{}")
        if hmac.compare_digest(said.get("seal", ""), _seal(tenant_id, said.get("began_at", ""))):
            found.append((tenant_id, datetime.fromisoformat(said["began_at"])))
        else:
            log.error("leaving.forged_tombstone", path=path)
    return found
