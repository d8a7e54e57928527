"""A file on its way to whoever may have it: in pieces, from where they left off."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import IO, Annotated, Any
from urllib.parse import quote
from uuid import UUID

from fastapi import Header
from fastapi.responses import StreamingResponse

from commerce.archives.arriving import StorageUnavailable
from commerce.archives.handing_out import repr_digest
from commerce.digital.schemas import DigitalFileOut
from commerce.digital.service import Kept, path_of
from foundation import objects
from foundation.errors import Problem

CONTENT: dict[int | str, dict[str, Any]] = {
    200: {"content": {"application/octet-stream": {}}, "description": "The file."},
    206: {"content": {"application/octet-stream": {}}, "description": "A part of it, as `Range` asks."},
}
"""How the answer is described."""
Part = Annotated[str | None, Header(alias="Range", max_length=200)]
Condition = Annotated[str | None, Header(alias="If-Range", max_length=200)]
_PIECE = 2**18
_RANGE = re.compile(r"bytes=([0-9]{0,18})-([0-9]{0,18})")


class RangeNotSatisfiable(Problem):
    """The file is not so long."""

    status = 416
    code = "digital.range_not_satisfiable"

    size: int


@dataclass(frozen=True, slots=True)
class Span:
    """A part of a file, in bytes."""

    start: int
    length: int
    is_part: bool

    @classmethod
    def asked(cls, header: str | None, etag: str | None, file: DigitalFileOut) -> Span:
        """What `Range` asks of a file (RFC 9110, section 14): one part, or all where it asks for several, says what
        nobody understands, or `If-Range` is of another version.

        Raises:
            RangeNotSatisfiable.
        """
        found = _RANGE.fullmatch(header or "")
        if found is None or found.group(0) == "bytes=-" or (etag is not None and etag != etag_of(file)):
            return cls(0, file.size, is_part=False)
        first, last = found.groups()
        start = int(first) if first else max(file.size - int(last), 0)
        end = min(int(last), file.size - 1) if first and last else file.size - 1
        if start >= file.size or end < start:
            raise RangeNotSatisfiable(size=file.size)
        return cls(start, end - start + 1, is_part=True)


def etag_of(file: DigitalFileOut) -> str:
    """By which a version of a file is known."""
    return f'"{file.sha256}"'


async def handed_out(url: str, tenant_id: UUID, file: Kept, span: Span) -> StreamingResponse:
    """The answer with a part of a file. `Repr-Digest` (RFC 9530) is the SHA-256 of all of it.

    Raises:
        StorageUnavailable: it can't be read now.
    """
    try:
        source = await asyncio.to_thread(objects.reading, url, path_of(tenant_id, file.content_id))
    except OSError as fault:
        raise StorageUnavailable from fault
    headers = {
        "Content-Disposition": f"attachment; filename*=UTF-8''{quote(file.name, safe='')}",
        "Content-Length": str(span.length),
        "Accept-Ranges": "bytes",
        "ETag": etag_of(file),
        "Repr-Digest": repr_digest(file.sha256),
        "Cache-Control": "private, no-store",
    }
    if span.is_part:
        headers["Content-Range"] = f"bytes {span.start}-{span.start + span.length - 1}/{file.size}"
    return StreamingResponse(
        _pieces(source, span), 206 if span.is_part else 200, headers=headers, media_type=file.media_type
    )


async def _pieces(source: IO[bytes], span: Span) -> AsyncIterator[bytes]:
    left = span.length
    try:
        await asyncio.to_thread(source.seek, span.start)
        while left and (piece := await asyncio.to_thread(source.read, min(left, _PIECE))):
            left -= len(piece)
            yield piece
    finally:
        source.close()
