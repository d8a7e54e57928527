"""A file that was made on its way to whoever asked for it, in pieces; it says how to check it."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator, Iterator

from fastapi.responses import StreamingResponse

from foundation.errors import Unavailable
from foundation.settings import Settings


class NoStorage(Unavailable):
    """This installation has no place to keep archives in; its operator can make one."""

    code = "leaving.no_storage"


def require_storage(settings: Settings) -> str:
    """Where archives are kept.

    Raises:
        NoStorage.
    """
    if settings.objects_url is None:
        raise NoStorage
    return settings.objects_url


def repr_digest(sha256: str) -> str:
    """What `Repr-Digest` (RFC 9530) says of a file with this SHA-256, in hexadecimal digits."""
    return f"sha-256=:{base64.b64encode(bytes.fromhex(sha256)).decode()}:"


async def handed_out(
    pieces: Iterator[bytes], *, name: str, size: int | None, sha256: str | None, media_type: str = "application/zip"
) -> StreamingResponse:
    """The answer with an archive of this file name. `Repr-Digest` (RFC 9530) is its SHA-256.

    Raises:
        FileNotFoundError: its file is gone.
    """
    first = await asyncio.to_thread(next, pieces)
    return StreamingResponse(
        all_of(first, pieces),
        media_type=media_type,
        headers={
            "Content-Disposition": f'attachment; filename="{name}"',
            "Content-Length": str(size),
            "Repr-Digest": repr_digest(sha256 or ""),
            "Cache-Control": "no-store",
        },
    )


async def all_of(first: bytes, others: Iterator[bytes]) -> AsyncIterator[bytes]:
    """A file of which one piece is read, the others read in a thread."""
    yield first
    while (piece := await asyncio.to_thread(next, others, None)) is not None:
        yield piece
