"""An archive of what is kept about one person, written as it is read: JSON Lines by table, and a manifest.

Rows come from one snapshot, by a cursor, a few hundred at a time. The manifest says of every file and every field what
it is, in the words of the tables' own definitions.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import IO, Any
from uuid import UUID

from sqlalchemy import text

from commerce.privacy.erasing import everything_of
from commerce.privacy.portable import PARTS, Part
from foundation import analytics, clock, veil
from foundation.archives import Archive
from foundation.database import Base, Database, Tx, hot
from foundation.docstrings import field_notes
from foundation.settings import Settings

FORMAT = "tradewind-person"
VERSION = 1
BATCH = 500
STREAMS: Mapping[str, str] = {
    "events": "What happened, and what was recorded of what they did.",
    "decisions": "What they were shown, and why.",
}
"""What ClickHouse has of them."""


async def write(database: Database, settings: Settings, tenant_id: UUID, customer_id: UUID, out: IO[bytes]) -> Archive:
    """Write the archive of a customer; what is given back says how large it is, and its digest.

    Raises:
        UnknownPerson: there is nobody, or they are forgotten.
        Unreadable: something is sealed by a key that this process has not.
        ClickHouseError, OSError: events can't be read, or the stream fails.
    """
    with Archive(out) as archive:
        async with database.tx(tenant_id, snapshot=True) as tx:
            theirs, taken_at = await everything_of(tx, customer_id), clock.now()
            for part in PARTS:
                await _write_rows(tx, archive, part, theirs)
        if settings.clickhouse_url is not None:
            await asyncio.to_thread(_write_streams, archive, settings, tenant_id, theirs)
        archive.about = {
            "format": FORMAT,
            "version": VERSION,
            "customer_id": str(customer_id),
            "taken_at": taken_at.isoformat(),
            "described": [*map(described, PARTS), *_streams_described()],
        }
    return archive


def columns_of(part: Part) -> Sequence[str]:
    """The columns of a table that the archive has."""
    left_out = part.without | {"tenant_id"}
    return [column.name for column in Base.metadata.tables[part.table].columns if column.name not in left_out]


def described(part: Part) -> Mapping[str, Any]:
    """What a file of the archive is, and each of its fields."""
    owner = next(one.class_ for one in Base.registry.mappers if one.local_table.name == part.table)  # type: ignore[attr-defined]
    notes, columns = field_notes(owner), Base.metadata.tables[part.table].columns
    fields = [
        {"name": name, "type": str(columns[name].type).lower(), "meaning": notes.get(name, "")}
        for name in columns_of(part)
    ]
    meaning = " ".join((owner.__doc__ or "").split())
    return {"name": f"{part.table}.jsonl", "meaning": meaning, "fields": fields}


def _streams_described() -> list[Mapping[str, Any]]:
    return [{"name": f"{stream}.jsonl", "meaning": meaning} for stream, meaning in STREAMS.items()]


async def _write_rows(tx: Tx, archive: Archive, part: Part, theirs: Mapping[str, Any]) -> None:
    shown = ", ".join(f't."{name}"' for name in columns_of(part))
    statement = hot(
        text(
            f"SELECT row_to_json(found)::text FROM (SELECT {shown} FROM {part.table} t"  # noqa: S608  (literals)
            f" WHERE t.tenant_id = :tenant_id AND {part.theirs} ORDER BY t.id) found"
        )
    )
    values = statement.arguments({"tenant_id": tx.tenant_id, **theirs})
    with archive.file(f"{part.table}.jsonl") as entry:
        entry.records = 0
        cursor = await tx.connection.cursor(statement.sql, *values)
        while rows := await cursor.fetch(BATCH):
            lines = await veil.documents_opened(tx, [row[0] for row in rows])
            await asyncio.to_thread(entry.write, ("\n".join(lines) + "\n").encode(), records=len(lines))


def _write_streams(archive: Archive, settings: Settings, tenant_id: UUID, theirs: Mapping[str, Any]) -> None:
    people = {"customer": str(theirs["customer_id"]), "visitors": [str(one) for one in theirs["visitors"]]}
    for stream in STREAMS:
        # `FINAL`: what was delivered twice is there once. What a browser did after somebody else signed in is theirs.
        statement = (
            f"SELECT * EXCEPT (tenant_id) FROM {stream} FINAL WHERE tenant_id = {{tenant_id:UUID}}"  # noqa: S608  (ours)
            " AND (shopper_id = {customer:UUID}"
            " OR (shopper_id IS NULL AND has({visitors:Array(UUID)}, assumeNotNull(visitor_id))))"
        )
        with analytics.of_shop(settings, tenant_id) as shop, archive.file(f"{stream}.jsonl") as entry:
            entry.records = 0
            for piece in shop.lines(statement, people):
                entry.write(piece, records=piece.count(b"\n"))
