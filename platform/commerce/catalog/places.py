"""Where a list that is searched or narrowed down goes on: a cursor that belongs to its question alone."""

from __future__ import annotations

import base64
import binascii
import hashlib
import math
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal
from uuid import UUID

import orjson

from commerce.http import MalformedCursor
from foundation.errors import BadRequest

Source = Literal["index", "full_text"]
_SOURCES: dict[Source, bytes] = {"index": b"i", "full_text": b"t"}
_NAMED = {letter: source for source, letter in _SOURCES.items()}
_DIGEST = 8
_LAYOUT = struct.Struct(f">c{_DIGEST}s8s16s")


class CursorOfAnotherQuery(BadRequest):
    """The cursor was made for another query, category, filter or order: begin at the first page."""

    code = "search.cursor_of_another_query"


@dataclass(frozen=True, slots=True)
class Place:
    """Behind which product a list goes on, and who keeps that list: the index, or the shop's own Postgres."""

    source: Source
    key: float | int
    """Where the product was in the order: a number of the index's, or an integer of Postgres's."""
    product_id: UUID


def question(words: str, within: str | None, filters: Sequence[str], sort: str) -> bytes:
    """By which the cursors of a list are known."""
    asked = orjson.dumps([words, within, sorted(filters), sort])
    return hashlib.blake2b(asked, digest_size=_DIGEST).digest()


def written(place: Place, asked: bytes) -> str:
    """The place as a cursor."""
    key = struct.pack(">d" if place.source == "index" else ">q", place.key)
    packed = _LAYOUT.pack(_SOURCES[place.source], asked, key, place.product_id.bytes)
    return base64.urlsafe_b64encode(packed).decode().rstrip("=")


def is_one(cursor: str) -> bool:
    """Whether a cursor is of a list that is searched or narrowed down, whichever it is."""
    try:
        return _unpacked(cursor)[0] in _NAMED
    except MalformedCursor:
        return False


def read(cursor: str, asked: bytes) -> Place:
    """The place that a cursor of this list is for.

    Raises:
        MalformedCursor: it is of no such list.
        CursorOfAnotherQuery.
    """
    letter, digest, key, product = _unpacked(cursor)
    source = _NAMED.get(letter)
    if source is None:
        raise MalformedCursor
    if digest != asked:
        raise CursorOfAnotherQuery
    (number,) = struct.unpack(">d" if source == "index" else ">q", key)
    if not math.isfinite(number):
        raise MalformedCursor
    return Place(source, number, UUID(bytes=product))


def _unpacked(cursor: str) -> tuple[bytes, bytes, bytes, bytes]:
    try:
        packed = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        letter, digest, key, product = _LAYOUT.unpack(packed)
    except (binascii.Error, struct.error, ValueError) as fault:
        raise MalformedCursor from fault
    return letter, digest, key, product
