"""Rows become a chain: the worker links what has committed, in order, and signs how far it has come.

Whoever writes a row waits for nobody; a chain that was linked in the writer's own transaction would make every
staff action of a tenant wait for the one before. One worker links a tenant's rows at a time (an advisory lock), those
it sees: a row whose transaction commits late is linked later, and none is skipped.
"""

from __future__ import annotations

import asyncio
import json
from datetime import datetime, timedelta
from uuid import UUID

import asyncpg
import fsspec
import structlog
from sqlalchemy import text

from commerce.audit.chain import Checkpoint, Entry, Signing, genesis, hashed
from foundation import clock
from foundation.database import Database, Tx, hot
from foundation.ids import new_id
from foundation.settings import Settings

log = structlog.get_logger(__name__)

BATCH = 500
CHECKPOINT_EVERY = timedelta(minutes=5)
"""How long the chain may have grown without a signature."""
ENTRY_COLUMNS = "id, at, actor, action, object, reason, details, seq, prev, hash"

_HOLD = hot(
    text(
        "SELECT pg_try_advisory_xact_lock(hashtextextended('audit:' || CAST(CAST(:tenant_id AS uuid) AS text), 0))"
        " AS held"
    )
)
# uq_audit_entry_seq
_HEAD = hot(
    text("SELECT seq, hash FROM audit_entry WHERE tenant_id = :tenant_id AND seq IS NOT NULL ORDER BY seq DESC LIMIT 1")
)
# ix_audit_entry_unlinked
_WAITING = hot(
    text(
        f"SELECT {ENTRY_COLUMNS} FROM audit_entry WHERE tenant_id = :tenant_id AND seq IS NULL"  # noqa: S608  (a literal)
        f" ORDER BY at, id LIMIT {BATCH}"
    )
)
_LINK = hot(
    text(
        """
        UPDATE audit_entry e SET seq = l.seq, prev = l.prev, hash = l.hash
        FROM unnest(CAST(:ids AS uuid[]), CAST(:seqs AS bigint[]), CAST(:prevs AS bytea[]), CAST(:hashes AS bytea[]))
             AS l (id, seq, prev, hash)
        WHERE e.tenant_id = :tenant_id AND e.id = l.id AND e.seq IS NULL
        """
    )
)
# ix_audit_checkpoint_seq
_LAST = hot(
    text("SELECT seq, at FROM audit_checkpoint WHERE tenant_id = :tenant_id ORDER BY seq DESC, at DESC LIMIT 1")
)
_SIGN = hot(
    text(
        """
        INSERT INTO audit_checkpoint (tenant_id, id, seq, hash, at, signed_by, signature)
        VALUES (:tenant_id, :id, CAST(:seq AS bigint), :hash, CAST(:at AS timestamptz), :signed_by, :signature)
        """
    )
)


def entry_of(row: asyncpg.Record) -> Entry:
    """A row of `ENTRY_COLUMNS`."""
    return Entry(**{**dict(row), "details": json.loads(row["details"])})


async def link(tx: Tx) -> int:
    """Link what waits, up to `BATCH` rows, and say how many; none while another worker does it."""
    held = await tx.one(_HOLD)
    if held is None or not held["held"]:
        return 0
    waiting = [entry_of(row) for row in await tx.rows(_WAITING)]
    if not waiting:
        return 0
    head = await tx.one(_HEAD)
    seq, prev = (head["seq"], head["hash"]) if head else (0, genesis(tx.tenant_id))
    links: list[tuple[UUID, int, bytes, bytes]] = []
    for entry in waiting:
        seq += 1
        made = hashed(tx.tenant_id, entry, seq=seq, prev=prev)
        links.append((entry.id, seq, prev, made))
        prev = made
    ids, seqs, prevs, hashes = (list(column) for column in zip(*links, strict=True))
    await tx.rows(_LINK, {"ids": ids, "seqs": seqs, "prevs": prevs, "hashes": hashes})
    return len(links)


async def checkpoint(tx: Tx, signing: Signing, *, every: timedelta = CHECKPOINT_EVERY) -> Checkpoint | None:
    """Sign the head of the chain, when it has moved and was not signed for a while."""
    if signing.current is None:
        return None
    head, last, now = await tx.one(_HEAD), await tx.one(_LAST), clock.now()
    if head is None or not _is_due(head["seq"], last, now, every):
        return None
    made = signing.sign(tx.tenant_id, seq=head["seq"], hash=head["hash"], at=now)
    values = {
        "id": new_id(),
        "seq": made.seq,
        "hash": made.hash,
        "at": made.at,
        "signed_by": made.signed_by,
        "signature": made.signature,
    }
    await tx.rows(_SIGN, values)
    return made


def _is_due(head: int, last: asyncpg.Record | None, now: datetime, every: timedelta) -> bool:
    return last is None or (head != last["seq"] and now - last["at"] >= every)


async def run(database: Database, tenant_id: UUID, settings: Settings, *, every: timedelta = CHECKPOINT_EVERY) -> int:
    """One round for a tenant: all that waits is linked and, when it is time, signed; says how many were linked."""
    linked = 0
    while True:
        async with database.tx(tenant_id) as tx:
            some = await link(tx)
        linked += some
        if some < BATCH:
            break
    async with database.tx(tenant_id) as tx:
        made = await checkpoint(tx, Signing.of(settings), every=every)
    if made is not None:
        await _keep_outside(settings, tenant_id, made)
    return linked


async def _keep_outside(settings: Settings, tenant_id: UUID, made: Checkpoint) -> None:
    """A copy where whoever can write to the database can't: in the log, and in the object store where there is one."""
    log.info(
        "audit.checkpoint",
        tenant=str(tenant_id),
        seq=made.seq,
        hash=made.hash.hex(),
        at=made.at.isoformat(),
        signed_by=made.signed_by,
        signature=made.signature.hex(),
    )
    if settings.objects_url is not None:
        await asyncio.to_thread(_write, settings.objects_url, tenant_id, made)


def folder_of(tenant_id: UUID) -> str:
    """Where the copies of a tenant's checkpoints are, in the object store."""
    return f"audit/{tenant_id}"


def _write(url: str, tenant_id: UUID, made: Checkpoint) -> None:
    store, root = fsspec.url_to_fs(url)
    folder = f"{root}/{folder_of(tenant_id)}"
    store.makedirs(folder, exist_ok=True)
    content = {
        "seq": made.seq,
        "hash": made.hash.hex(),
        "at": made.at.isoformat(),
        "signed_by": made.signed_by,
        "signature": made.signature.hex(),
    }
    store.pipe_file(f"{folder}/{made.seq:012d}-{made.at:%Y%m%dT%H%M%S%f}.json", json.dumps(content).encode())
