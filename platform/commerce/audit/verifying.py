"""Whether the audit log is what was written: every row that was altered, deleted or moved is named.

The chain is read once from its beginning. Only when something is wrong is it read again and taken apart: a row's hash
covers its place, so a row that was moved still says where it belongs, and the places that no row claims are of those
deleted. Checkpoints tell what a chain can't: that it was cut at its end, or written anew.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from itertools import pairwise
from uuid import UUID

import fsspec
from sqlalchemy import text

from commerce.audit.chain import Checkpoint, Entry, Signing, genesis, hashed
from commerce.audit.linking import ENTRY_COLUMNS, entry_of, folder_of
from foundation.database import Tx, hot
from foundation.settings import Settings

BATCH = 1_000
NEARBY = 1_000
"""How far from its place a row is looked for."""


class Kind(StrEnum):
    """What can be wrong."""

    ALTERED = "altered"
    DELETED = "deleted"
    REORDERED = "reordered"
    TRUNCATED = "truncated"
    """Rows at the end are gone: a checkpoint was signed further on."""
    REWRITTEN = "rewritten"
    """The chain fits together, and is not the one that was signed."""
    FORGED = "forged"
    """A checkpoint is not signed by a key of ours."""


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that is wrong with the log."""

    kind: Kind
    seq: int
    """The place in the chain."""
    entry_id: UUID | None
    """The row there; none when it is gone."""
    detail: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of a check."""

    entries: int
    """Rows of the chain."""
    waiting: int
    """Rows that are not linked yet."""
    checkpoints: int
    signed_to: int
    """The last place that a checkpoint vouches for."""
    faults: Sequence[Fault]


# uq_audit_entry_seq
_NEXT = hot(
    text(
        f"SELECT {ENTRY_COLUMNS} FROM audit_entry WHERE tenant_id = :tenant_id AND seq > CAST(:after AS bigint)"  # noqa: S608  (a literal)
        f" ORDER BY seq LIMIT {BATCH}"
    )
)
# ix_audit_entry_unlinked
_WAITING = hot(text("SELECT count(*) FROM audit_entry WHERE tenant_id = :tenant_id AND seq IS NULL"))
_CHECKPOINTS = hot(
    text("SELECT seq, hash, at, signed_by, signature FROM audit_checkpoint WHERE tenant_id = :tenant_id ORDER BY seq")
)


async def verify(tx: Tx, settings: Settings) -> Verdict:
    """Check a tenant's whole log, its checkpoints and their copies outside the database."""
    count, signed, broken = 0, await _checkpoints(tx, settings), False
    prev, heads = genesis(tx.tenant_id), {}
    wanted = {one.seq for one in signed}
    async for entry in _entries(tx):
        count += 1
        assert entry.hash is not None  # noqa: S101  (a row of the chain has one)
        if not broken:
            broken = entry.seq != count or entry.prev != prev or not _is_whole(tx.tenant_id, entry, count)
        if entry.seq in wanted:
            heads[entry.seq] = entry
        prev = entry.hash
    faults = [fault async for fault in _taken_apart(tx)] if broken else []
    faults += _signed_faults(tx.tenant_id, Signing.of(settings), signed, heads, last=count)
    waiting = await tx.one(_WAITING)
    return Verdict(
        entries=count,
        waiting=waiting[0] if waiting else 0,
        checkpoints=len(signed),
        signed_to=max((one.seq for one in signed), default=0),
        faults=sorted(faults, key=lambda fault: fault.seq),
    )


def _is_whole(tenant_id: UUID, entry: Entry, seq: int) -> bool:
    return entry.prev is not None and hashed(tenant_id, entry, seq=seq, prev=entry.prev) == entry.hash


async def _entries(tx: Tx) -> AsyncIterator[Entry]:
    after = 0
    while rows := await tx.rows(_NEXT, {"after": after}):
        for row in rows:
            yield entry_of(row)
        after = rows[-1]["seq"]


@dataclass(frozen=True, slots=True)
class _Placed:
    """A row, where it stands, and where it stood when it was hashed."""

    id: UUID
    seq: int
    origin: int | None
    prev: bytes
    hash: bytes


async def _taken_apart(tx: Tx) -> AsyncIterator[Fault]:
    """What is wrong with a chain that does not hold."""
    placed: list[_Placed] = []
    shift = 0
    """By how much the rows so far stand before where they belong."""
    async for entry in _entries(tx):
        assert entry.seq is not None  # noqa: S101
        assert entry.prev is not None  # noqa: S101
        assert entry.hash is not None  # noqa: S101
        origin = _origin(tx.tenant_id, entry, entry.seq + shift)
        shift = origin - entry.seq if origin is not None else shift
        placed.append(_Placed(entry.id, entry.seq, origin, entry.prev, entry.hash))
    for fault in _faults(tx.tenant_id, placed):
        yield fault


def _origin(tenant_id: UUID, entry: Entry, expected: int) -> int | None:
    """Where a row stood when it was hashed, if it is as it was then."""
    nearby = (seq for step in range(1, NEARBY) for seq in (expected + step, expected - step))
    return next((seq for seq in (expected, *nearby) if seq > 0 and _is_whole(tenant_id, entry, seq)), None)


def _faults(tenant_id: UUID, placed: Sequence[_Placed]) -> Iterator[Fault]:
    by_origin = {one.origin: one for one in placed if one.origin is not None}
    altered = _altered(placed)
    for one, seq in altered:
        yield Fault(Kind.ALTERED, seq, one.id, "its content is not what was hashed")
    claimed = set(by_origin) | {seq for _, seq in altered}
    for seq in range(1, max(claimed, default=0)):
        if seq not in claimed:
            yield Fault(Kind.DELETED, seq, None, f"the row that was number {seq} is gone")
    furthest = 0
    for one in placed:
        if one.origin is None:
            continue
        if one.origin < furthest:
            yield Fault(Kind.REORDERED, one.seq, one.id, f"it was number {one.origin}")
        furthest = max(furthest, one.origin)
    # One that was altered and hashed anew is whole by itself; the one after it tells.
    for seq, one in sorted(by_origin.items()):
        before = by_origin.get(seq - 1)
        expected = before.hash if before else genesis(tenant_id) if seq == 1 else None
        if expected is not None and one.prev != expected:
            named = before or one
            at = seq - 1 if before else seq
            yield Fault(Kind.ALTERED, at, named.id, f"it is not the row that number {at + 1} follows")


def _altered(placed: Sequence[_Placed]) -> list[tuple[_Placed, int]]:
    """Rows whose hash fits no place, each with the place that its neighbours leave it."""
    found: list[tuple[_Placed, int]] = []
    shift = 0
    for one in placed:
        if one.origin is None:
            found.append((one, one.seq + shift))
        else:
            shift = one.origin - one.seq
    return found


async def _checkpoints(tx: Tx, settings: Settings) -> list[Checkpoint]:
    """Every checkpoint, of the table and of the copies outside, in the order of the chain."""
    found = {(one.seq, one.at): one for one in (Checkpoint(**dict(row)) for row in await tx.rows(_CHECKPOINTS))}
    if settings.objects_url is not None:
        for one in await asyncio.to_thread(_copies, settings.objects_url, tx.tenant_id):
            found.setdefault((one.seq, one.at), one)
    return sorted(found.values(), key=lambda one: (one.seq, one.at))


def _copies(url: str, tenant_id: UUID) -> list[Checkpoint]:
    store, root = fsspec.url_to_fs(url)
    folder = f"{root}/{folder_of(tenant_id)}"
    if not store.exists(folder):
        return []
    read = (json.loads(store.cat_file(path)) for path in store.ls(folder, detail=False))
    return [
        Checkpoint(
            seq=one["seq"],
            hash=bytes.fromhex(one["hash"]),
            at=datetime.fromisoformat(one["at"]),
            signed_by=one["signed_by"],
            signature=bytes.fromhex(one["signature"]),
        )
        for one in read
    ]


def _signed_faults(
    tenant_id: UUID, signing: Signing, signed: Sequence[Checkpoint], heads: dict[int, Entry], *, last: int
) -> list[Fault]:
    """What the checkpoints say against the chain."""
    forged = [one for one in signed if not signing.is_good(tenant_id, one)]
    faults = [
        Fault(Kind.FORGED, one.seq, None, f"the checkpoint of {one.at:%Y-%m-%d %H:%M} is not signed by a key of ours")
        for one in forged
    ]
    good = [one for one in signed if one not in forged]
    missing = [one.seq for one in good if one.seq not in heads and one.seq > last]
    if missing:
        faults.append(
            Fault(Kind.TRUNCATED, last + 1, None, f"numbers {last + 1} to {max(missing)} were signed and are gone")
        )
    for before, one in pairwise([None, *good]):
        assert one is not None  # noqa: S101
        entry = heads.get(one.seq)
        if entry is not None and entry.hash != one.hash:
            since = before.seq + 1 if before else 1
            detail = f"rows {since} to {one.seq} are not those that were signed at {one.at:%Y-%m-%d %H:%M}"
            faults.append(Fault(Kind.REWRITTEN, one.seq, entry.id, detail))
            break
    return faults
