"""Files that are sent, on their way into the object store: in pieces, and none is left that nobody asked to take in."""

from __future__ import annotations

from collections.abc import AsyncIterator

from commerce.archives.arriving import received
from commerce.archives.handing_out import require_storage
from commerce.exchange import jobs
from commerce.exchange.reading import FORMATS, Format
from commerce.exchange.schemas import ImportOut, ImportQuery
from commerce.media import leftovers
from commerce.tenancy.service import Shop
from foundation import audit
from foundation.database import Database
from foundation.errors import Unprocessable
from foundation.ids import new_id
from foundation.settings import Settings


class UnknownFormat(Unprocessable):
    """What the file is can't be told from the end of its name: say which format it has."""

    code = "exchange.unknown_format"

    formats: list[str]


def format_of(query: ImportQuery) -> Format:
    """What the file is.

    Raises:
        UnknownFormat.
    """
    found = query.format or next((kind for end, kind in FORMATS.items() if query.name.lower().endswith(end)), None)
    if found is None:
        raise UnknownFormat(formats=sorted(set(FORMATS.values())))
    return found


async def receive(
    database: Database, settings: Settings, shop: Shop, query: ImportQuery, body: AsyncIterator[bytes], *, by: str
) -> ImportOut:
    """Keep a file as it comes, and have it taken in.

    Raises:
        UnknownFormat, TooManyImports, NoStorage, StorageUnavailable: nothing is kept.
    """
    url, kind, import_id = require_storage(settings), format_of(query), new_id()
    path = jobs.path_of(shop.id, import_id)
    async with database.tx(shop.id) as tx:
        await jobs.require_room(tx)
        await leftovers.doom(tx, [path], after=leftovers.WRITTEN_WITHIN)
    size = (await received(url, path, body)).size
    async with database.tx(shop.id) as tx:
        await leftovers.spare(tx, [path])
        audit.made("import", import_id)
        return await jobs.ask(tx, import_id, kind, query.name, query.mapping(), dry_run=query.dry_run, size=size, by=by)
