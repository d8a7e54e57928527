"""A file that is sent, on its way into the object store: in pieces, as it comes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from foundation import objects
from foundation.archives import Measured
from foundation.errors import Unavailable
from foundation.naming import ObjectPath


class StorageUnavailable(Unavailable):
    """The file can't be kept right now; try again in a moment."""

    code = "exchange.storage_unavailable"


async def received(url: str, path: ObjectPath, body: AsyncIterator[bytes]) -> Measured:
    """Write what comes to a place in the store at `url`; gives how much that was, and its digest.

    Raises:
        StorageUnavailable: the store takes nothing now.
    """
    try:
        out = await asyncio.to_thread(objects.writing, url, path)
        measured = Measured(out)
        try:
            async for piece in body:
                await asyncio.to_thread(measured.write, piece)
        finally:
            await asyncio.to_thread(out.close)
    except OSError as fault:
        raise StorageUnavailable from fault
    return measured
