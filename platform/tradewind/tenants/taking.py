"""`tradewind tenant export`: everything of a shop, into a file."""

from __future__ import annotations

import os
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from commerce.leaving import archiving
from commerce.leaving.archiving import Written
from foundation import audit
from foundation.database import Database
from foundation.settings import Settings
from tradewind.tenants import working
from tradewind.tenants.working import OPERATOR


def export(slug: str, to: Path, *, quiet: bool) -> Written:
    """Write the archive of a shop into a file that only its owner may read. It is there whole, or not at all.

    Raises:
        NotDone: there is no such shop, or the file can't be written.
    """

    async def work(database: Database, settings: Settings) -> Written:
        tenant = await working.shop(database, slug)
        async with database.tx(tenant.id) as tx:
            details = {"to": to.name}
            await audit.record(tx, actor=OPERATOR, action="leaving.export_taken", details=details)
        unfinished = to.with_name(f".{to.name}.unfinished")
        columns = (TextColumn("{task.description:24}"), BarColumn(), MofNCompleteColumn())
        try:
            with (
                os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as out,
                Progress(*columns, console=Console(stderr=True), disable=quiet) as progress,
            ):
                task = progress.add_task(slug, total=None)

                def seen(done: int, total: int, at: str) -> None:
                    progress.update(task, completed=done, total=total, description=at)

                written = await archiving.write(database, settings, tenant.id, out, seen)
            unfinished.replace(to)
        finally:
            unfinished.unlink(missing_ok=True)
        return written

    return working.with_database(work)
