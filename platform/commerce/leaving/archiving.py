"""Everything of a shop, written into an archive: its rows from one snapshot, its events, its files.

Rows are read by a cursor a few hundred at a time and written at once, so it takes as much memory for a large shop as
for a small one. What is sealed is opened: it is the shop's own data. What is left out `withheld` says.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import IO
from uuid import UUID

from commerce.documents import storing
from commerce.leaving import owned, storage, withheld
from commerce.leaving.owned import Table, quoted
from commerce.tenancy import service as tenancy
from foundation import analytics, clock, veil
from foundation.archives import Archive
from foundation.database import Database, Tx
from foundation.errors import Unavailable
from foundation.naming import object_folders
from foundation.settings import Settings

FORMAT = "tradewind-shop"
VERSION = 1
BATCH = 500
STREAMS = ("events", "decisions")
"""What is kept in ClickHouse and can't be made from the rows; the other tables there can."""


class EventsUnavailable(Unavailable):
    """The shop's events can't be read right now, and an archive without them would not be whole."""

    code = "leaving.events_unavailable"


_IS_THERE = "SELECT 1 FROM system.tables WHERE database = currentDatabase() AND name = {stream:String}"

Seen = Callable[[int, int, str], None]
"""Is told how many rows are written, of how many, and what is being written."""


def unseen(done: int, total: int, at: str) -> None:
    """Tells nobody."""


@dataclass(slots=True)
class Written:
    """What an archive has come to."""

    rows: int = 0
    total: int = 0
    size: int = 0
    """In bytes."""
    sha256: str = ""
    revision: str = ""
    left_out: dict[str, object] = field(default_factory=dict)


async def write(
    database: Database, settings: Settings, tenant_id: UUID, out: IO[bytes], seen: Seen = unseen
) -> Written:
    """Write the archive of a shop.

    Raises:
        UnknownTenant: there is no such shop.
        Unreadable: something is sealed by a key that this process has not.
        EventsUnavailable: ClickHouse has an address and does not answer.
        OSError: the stream, or the object store, fails.
    """
    written = Written()
    with Archive(out) as archive:
        async with database.tx(tenant_id, snapshot=True) as tx:
            shop, taken_at = await tenancy.own(tx), clock.now()
            tables = [one for one in reversed(await owned.tables(tx.connection)) if one.name not in withheld.TABLES]
            written.revision = await tx.connection.fetchval("SELECT version_num FROM alembic_version")
            written.total = sum([await _count(tx, one) for one in tables])
            for one in tables:
                await _write_table(tx, archive, one, written, seen)
        for stream in STREAMS if settings.clickhouse_url is not None else ():
            seen(written.rows, written.total, stream)
            await asyncio.to_thread(_write_stream, archive, settings, tenant_id, stream)
        if settings.objects_url is not None:
            seen(written.rows, written.total, "files")
            await _write_files(database, archive, settings.objects_url, tenant_id, shop.slug)
        archive.about = {
            "format": FORMAT,
            "version": VERSION,
            "schema": written.revision,
            "shop": {"id": str(shop.id), "slug": shop.slug, "name": shop.name, "currency": shop.currency},
            "taken_at": taken_at.isoformat(),
            "rows": written.rows,
            "left_out": _left_out(tables),
        }
    written.size, written.sha256 = archive.size, archive.sha256
    return written


def _left_out(tables: list[Table]) -> dict[str, object]:
    columns = {
        one.name: {name: str(why) for name, why in said.items()}
        for one in tables
        if (said := withheld.columns_of(one.name))
    }
    return {"tables": {name: str(why) for name, why in withheld.TABLES.items()}, "columns": columns}


async def _count(tx: Tx, table: Table) -> int:
    statement = f"SELECT count(*) FROM {quoted(table.name)} WHERE {quoted(table.owner)} = $1"  # noqa: S608  (the catalogue's names)
    counted: int = await tx.connection.fetchval(statement, tx.tenant_id)
    return counted


def _select(table: Table) -> str:
    shown = ", ".join(quoted(name) for name in table.columns if name not in withheld.columns_of(table.name))
    order = ", ".join(quoted(name) for name in table.key)
    # With the star it is the row, also where a column of it is called the same.
    return (
        f"SELECT row_to_json(found.*)::text FROM (SELECT {shown} FROM {quoted(table.name)}"  # noqa: S608  (as above)
        f" WHERE {quoted(table.owner)} = $1 ORDER BY {order}) found"
    )


async def _write_table(tx: Tx, archive: Archive, table: Table, written: Written, seen: Seen) -> None:
    with archive.file(f"tables/{table.name}.jsonl") as entry:
        entry.records = 0
        cursor = await tx.connection.cursor(_select(table), tx.tenant_id)
        while rows := await cursor.fetch(BATCH):
            lines = await veil.documents_opened(tx, [row[0] for row in rows])
            await asyncio.to_thread(entry.write, ("\n".join(lines) + "\n").encode(), records=len(lines))
            written.rows += len(lines)
            seen(written.rows, written.total, table.name)


def _write_stream(archive: Archive, settings: Settings, tenant_id: UUID, stream: str) -> None:
    from clickhouse_connect.driver.exceptions import ClickHouseError  # noqa: PLC0415

    # `FINAL`: what was delivered twice is there once.
    statement = f"SELECT * FROM {stream} FINAL WHERE tenant_id = {{tenant_id:UUID}}"  # noqa: S608  (one of ours)
    try:
        with analytics.of_shop(settings, tenant_id) as shop, archive.file(f"{stream}.jsonl") as entry:
            entry.records = 0
            # Nothing was ever delivered where there is no table yet.
            if shop.rows(_IS_THERE, {"stream": stream}):
                for piece in shop.lines(statement):
                    entry.write(piece, records=piece.count(b"\n"))
    except ClickHouseError as fault:
        raise EventsUnavailable from fault


async def _write_files(database: Database, archive: Archive, url: str, tenant_id: UUID, slug: str) -> None:
    store = storage.Store.at(url)
    every = (path for folder in object_folders(tenant_id, slug) for path in store.every(folder))
    while paths := await asyncio.to_thread(lambda: list(islice(every, BATCH))):
        async with database.tx(tenant_id, read_only=True) as tx:
            keys = await storing.keys_of(tx, paths)
        await asyncio.to_thread(_copy, archive, store, tenant_id, paths, keys)


def _copy(
    archive: Archive, store: storage.Store, tenant_id: UUID, paths: Sequence[str], keys: Mapping[str, bytes]
) -> None:
    for path in paths:
        with archive.file(f"files/{path}") as entry:
            if path in keys:
                entry.write(storing.opened(tenant_id, path, b"".join(store.read(path)), keys[path]))
                continue
            for chunk in store.read(path):
                entry.write(chunk)
