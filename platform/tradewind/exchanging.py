"""`tradewind import` and `tradewind export`: products into a shop by a file, and out of it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path
from uuid import UUID

from rich.console import Console

from commerce.catalog import counting
from commerce.exchange import exporting, jobs, returning, working
from commerce.exchange.exporting import Asked, TooLarge
from commerce.exchange.reading import FORMATS, Format
from commerce.exchange.schemas import ImportOut
from commerce.tenancy import service as tenancy
from commerce.tenancy.service import Shop
from foundation import objects
from foundation.database import Database
from foundation.ids import new_id
from foundation.progress import Progress, silent
from foundation.settings import Settings
from tradewind.data.cli import progress_bar
from tradewind.errors import StackError

BY = "system:operator"
_LOOKED_EVERY = 0.5
_OVER = {"done", "refused", "cancelled", "failed"}


def run_import(
    slug: str, file: Path, *, dry_run: bool, kind: Format | None, mapped: Sequence[str], errors: Path | None
) -> bool:
    """`bring`, with a bar and a word at the end; whether every row was taken. The bad ones are written beside the file.

    Raises:
        StackError: as `bring` does, or a name is not mapped as `theirs=ours`.
    """
    console, settings = Console(), Settings()
    mapping = dict(_pair(one) for one in mapped)
    with progress_bar(console, file.name) as tick:
        done = asyncio.run(bring(settings, slug, file, kind=kind, dry_run=dry_run, mapping=mapping, progress=tick))
    console.print(
        f"{'Tried' if dry_run else 'Done'}: {done.rows:,} rows; {done.created:,} products are new,"
        f" {done.changed:,} changed, {done.unchanged:,} as they were; {done.bad:,} bad rows."
    )
    if done.problem is not None:
        console.print(f"[red]{done.status}[/] at line {done.problem.line} {done.problem.column}: {done.problem.reason}")
    if done.bad:
        target = errors or file.with_name(f"{file.stem}-errors.{returning.ENDINGS[done.format]}")
        asyncio.run(_write_errors(settings, slug, done, target))
        console.print(f"To correct and send again: {target}")
    return done.status == "done" and not done.bad


def run_export(slug: str, file: Path, *, costs: bool = False) -> int:
    """`take_out`, with a bar; the file's size in bytes.

    Raises:
        StackError: as `take_out` does.
    """
    with progress_bar(Console(), file.name) as tick:
        return asyncio.run(take_out(Settings(), slug, file, costs=costs, progress=tick))


async def _write_errors(settings: Settings, slug: str, done: ImportOut, target: Path) -> None:
    database = Database.of(settings, pool_size=1)
    try:
        shop = await _shop(database, slug)
        async with database.tx(shop.id, read_only=True) as tx:
            kind, columns = await jobs.columns(tx, done.id)
        with await asyncio.to_thread(target.open, "wb") as out:
            async for piece in returning.pieces(database, shop.id, done.id, kind, columns):
                await asyncio.to_thread(out.write, piece)
    finally:
        await database.close()


def _pair(told: str) -> tuple[str, str]:
    theirs, given, ours = told.partition("=")
    if not given:
        raise StackError(f"{told} is no pair such as `Article number=sku`.")
    return theirs.strip(), ours.strip()


async def take_out(
    settings: Settings, slug: str, file: Path, *, costs: bool = False, progress: Progress = silent
) -> int:
    """Write a shop's catalogue into a file, which an import takes in again, with `costs` also what variants cost the
    shop and on channels; its size in bytes.

    Raises:
        StackError: there is no such shop, it has more than the format holds, or the file's name ends otherwise than
            `.csv`, `.jsonl` or `.xlsx`.
    """
    kind = next((one for one in exporting.MEDIA_TYPES if file.suffix.lower() == f".{one}"), None)
    if kind is None:
        raise StackError("A catalogue is written as .csv, .jsonl or .xlsx: end the file's name by one of them.")
    database, products = Database.of(settings, pool_size=1), 0

    def seen(count: int) -> None:
        nonlocal products
        products += count
        progress(products, total, "products")

    try:
        shop = await _shop(database, slug)
        async with database.tx(shop.id, read_only=True) as tx:
            total = await counting.products(tx)
        with await asyncio.to_thread(file.open, "wb") as out:
            await exporting.write(database, Asked(shop.id, shop.currency, costs), kind, out, seen=seen)
            return out.tell()
    except TooLarge as fault:
        raise StackError(str(fault)) from fault
    finally:
        await database.close()


async def bring(
    settings: Settings,
    slug: str,
    file: Path,
    *,
    kind: Format | None = None,
    dry_run: bool = False,
    mapping: Mapping[str, str] | None = None,
    progress: Progress = silent,
) -> ImportOut:
    """Take a file into a shop as an import asked for over HTTP is, by this process unless a worker is quicker.

    Raises:
        StackError: there is no such shop, no object store, or the file's format can't be told from its name.
        TooManyImports.
    """
    kind = kind or FORMATS.get(file.suffix.lower())
    if kind is None:
        raise StackError(f"What {file.name} is can't be told by its name: say it with --format.")
    if settings.objects_url is None:
        raise StackError("There is no object store for the file: set TRADEWIND_OBJECTS_URL.")
    database = Database.of(settings, pool_size=3)
    try:
        shop = await _shop(database, slug)
        import_id = new_id()
        size = await asyncio.to_thread(_store, settings.objects_url, shop.id, import_id, file)
        async with database.tx(shop.id) as tx:
            await jobs.ask(tx, import_id, kind, file.name, mapping or {}, dry_run=dry_run, size=size, by=BY)
        return await _followed(database, settings, shop, import_id, progress)
    finally:
        await database.close()


async def _followed(
    database: Database, settings: Settings, shop: Shop, import_id: UUID, progress: Progress
) -> ImportOut:
    taking = asyncio.create_task(working.see_to(database, settings, shop))
    try:
        while True:
            over, _ = await asyncio.wait({taking}, timeout=_LOOKED_EVERY)
            async with database.tx(shop.id, read_only=True) as tx:
                found = await jobs.one(tx, import_id)
            progress(min(found.bytes, found.size), found.size, f"{found.rows:,} rows, {found.bad:,} bad")
            if found.status in _OVER:
                return found
            if over and not await taking:  # a worker has it
                await asyncio.sleep(_LOOKED_EVERY)
            if over:
                taking = asyncio.create_task(working.see_to(database, settings, shop))
    finally:
        await asyncio.wait({taking})


async def _shop(database: Database, slug: str) -> Shop:
    async with database.transaction(None) as session:
        found = next((one for one in await tenancy.all_shops(session, with_drafts=True) if one.slug == slug), None)
    if found is None:
        raise StackError(f"There is no shop {slug}.")
    return found


def _store(url: str, shop_id: UUID, import_id: UUID, file: Path) -> int:
    with file.open("rb") as source, objects.writing(url, jobs.path_of(shop_id, import_id)) as target:
        while piece := source.read(2**20):
            target.write(piece)
        return source.tell()
