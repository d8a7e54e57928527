"""The worker that takes files in, batch by batch.

Each batch is one transaction, with how far the file is in it: whoever goes on after a kill reads the file from its
beginning, and writes from there. Between two batches the shop's other writers have their turn.
"""

from __future__ import annotations

import asyncio
import gc
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from typing import IO, Any

import orjson
import structlog

from commerce.archives.queue import Turn, next_turn
from commerce.exchange import columns, drafting, importing, jobs, reading
from commerce.exchange.drafting import Draft, Seen
from commerce.exchange.importing import Outcome
from commerce.exchange.problems import BadRow, FileRefused, Problem
from commerce.exchange.reading import Source
from commerce.tenancy.rounds import keep_going_round
from commerce.tenancy.service import Shop
from foundation import objects
from foundation.database import Database, Tx
from foundation.settings import Settings

log = structlog.get_logger(__name__)
PERIOD_SECONDS = 2.0
BATCH_ROWS = 2_000
"""Of one transaction: so many take well under a second, which is how long others wait for theirs."""
_IN_MEMORY = 2**20
_OBJECTS = 200_000
"""New ones after which the youngest are looked at."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Some of a file's drafts, and how far it is behind them."""

    drafts: list[Draft]
    rows: int
    read: int


async def run(database: Database, settings: Settings) -> None:
    """Go round all shops until it is cancelled."""

    async def see_to_shop(shop: Shop) -> None:
        await tidy(database, settings, shop)
        await see_to(database, settings, shop)

    if settings.objects_url is not None:
        await keep_going_round("imports", database, see_to_shop, every=PERIOD_SECONDS, with_drafts=True)


async def tidy(database: Database, settings: Settings, shop: Shop) -> None:
    """Forget imports whose time is over, and delete their files."""
    async with database.tx(shop.id) as tx:
        for import_id in await jobs.expire(tx):
            await asyncio.to_thread(objects.delete, settings.objects_url or "", jobs.path_of(shop.id, import_id))


async def see_to(database: Database, settings: Settings, shop: Shop) -> bool:
    """Take in the file that a shop has sent, if one waits; whether one did."""

    async def work(turn: Turn, claimed: Mapping[str, Any]) -> None:
        await _fetch_and_take(database, settings, shop, turn, claimed)

    return await next_turn(jobs.QUEUE, database, shop.id, "imports.interrupted", work)


async def _fetch_and_take(
    database: Database, settings: Settings, shop: Shop, turn: Turn, claimed: Mapping[str, Any]
) -> None:
    with tempfile.SpooledTemporaryFile(_IN_MEMORY) as file:
        path = jobs.path_of(shop.id, turn.id)
        await asyncio.to_thread(objects.copy_to, settings.objects_url or "", path, file)
        await take(database, shop, turn, file, claimed)


async def take(database: Database, shop: Shop, turn: Turn, file: IO[bytes], claimed: Mapping[str, Any]) -> None:
    """Take in a file from where it was left; `claimed` is the row of the import.

    Raises:
        TakenOver: another does, or somebody has stopped it.
    """
    with _seldom_collected():
        await _take(database, shop, turn, file, claimed)


async def _take(database: Database, shop: Shop, turn: Turn, file: IO[bytes], claimed: Mapping[str, Any]) -> None:
    file.seek(0)
    done = claimed["rows"]
    mapping = orjson.loads(claimed["mapping"])
    refused: FileRefused | None = None
    with Seen() as seen:
        try:
            source = await asyncio.to_thread(reading.opened, file, claimed["format"])
            async with database.tx(shop.id) as tx:
                await jobs.begin(tx, turn, source.names)
            batches = _batches(_drafts(source, claimed["format"], mapping, shop, seen), file, done)
            said_as = _said_as(source, mapping)
            coming = asyncio.create_task(_next(batches))
            try:
                while (batch := await coming) is not None:
                    coming = asyncio.create_task(_next(batches))
                    async with database.tx(shop.id) as tx:
                        outcome = await _outcome(tx, batch, claimed, shop)
                        outcome.bad = [_told(row, said_as) for row in outcome.bad]
                        await jobs.go_on(tx, turn, outcome, rows=batch.rows, read=batch.read)
            finally:
                await asyncio.wait({coming})
        except FileRefused as fault:
            refused = fault
    async with database.tx(shop.id) as tx:
        await jobs.finish(tx, turn, refused)


@contextmanager
def _seldom_collected() -> Iterator[None]:
    """A batch is a hundred thousand objects that live until it is through; to look at all of them each time that some
    hundred more are made took more of the processor than all the rest of an import.
    """
    before = gc.get_threshold()
    gc.freeze()
    gc.set_threshold(_OBJECTS, 10, 10)
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()


async def _outcome(tx: Tx, batch: Batch, claimed: Mapping[str, Any], shop: Shop) -> Outcome:
    async with tx.rehearsal() if claimed["dry_run"] else nullcontext():
        return await importing.take(tx, batch.drafts, by=claimed["requested_by"], currency=shop.currency)


def _drafts(source: Source, kind: str, mapping: Mapping[str, str], shop: Shop, seen: Seen) -> Iterator[Draft]:
    if kind == "jsonl":
        return drafting.of_documents(source.rows, seen)
    names = source.columns if source.columns is not None else source.names
    layout = columns.layout(
        names,
        {} if source.columns is not None else mapping,
        currency=shop.currency,
        decimal_comma=source.decimal_comma,
    )
    return drafting.of_rows(source.rows, layout, seen, first_wins=source.first_wins)


def _batches(drafts: Iterable[Draft], file: IO[bytes], done: int) -> Iterator[Batch]:
    """What is left of a file, in parts; rows that are done are only seen."""
    rows, batch, size = 0, list[Draft](), 0
    refused: FileRefused | None = None
    try:
        for draft in drafts:
            rows += len(draft.rows)
            if rows <= done:
                continue
            batch.append(draft)
            size += len(draft.rows)
            if size >= BATCH_ROWS:
                yield Batch(batch, rows, file.tell())
                batch, size = [], 0
    except FileRefused as fault:
        refused = fault
    if batch:
        yield Batch(batch, rows, file.tell())
    if refused is not None:
        raise refused


async def _next(batches: Iterator[Batch]) -> Batch | None:
    return await asyncio.to_thread(_of, batches)


def _of(batches: Iterator[Batch]) -> Batch | None:
    return next(batches, None)


def _said_as(source: Source, mapping: Mapping[str, str]) -> Callable[[str], str]:
    """What a column of ours is called in the file."""
    theirs = {ours: name for name, ours in {**source.meant, **mapping}.items()}
    return lambda column: theirs.get(column, column)


def _told(row: BadRow, said_as: Callable[[str], str]) -> BadRow:
    return BadRow(row.line, row.cells, [Problem(said_as(one.column), one.reason) for one in row.problems])
