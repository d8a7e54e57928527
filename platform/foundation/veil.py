"""Personal data in a statement: sealed on its way in, opened on its way out, in one place.

A statement is given `Personal` for a value that is somebody's own; `Tx` seals it before it goes to Postgres. What was
sealed so is recognised in whatever comes back, a column or a string within a document that Postgres has built, and
opened before anybody sees it: one query for all the keys of an answer, none for those that are still at hand. What
the core computes with (a country, a region) stays in clear, so that statements can.

What can't be opened because its key was thrown away is empty. Rows from before are plain; they are read as they are.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast
from uuid import UUID

import asyncpg

from foundation import sealing
from foundation.database import Tx

MARK = "p1:"
_SEALED = re.compile(r"p1:[A-Za-z0-9_-]{58,}={0,2}")
"""A subject, a nonce and a tag are 44 bytes at least."""
_SEALED_BY_ANYBODY = re.compile(r"(?<![A-Za-z0-9_-])[ps]1:[A-Za-z0-9_-]{58,}={0,2}")


@dataclass(frozen=True, slots=True)
class Shape:
    """Which strings of a document are personal: those of these fields, in the object (or objects) called `within`."""

    fields: frozenset[str] | None
    """All, when none are named."""
    within: str | None = None
    """The whole document, unless one is named; it is found at any depth."""
    also: frozenset[str] = frozenset()
    """Fields that are personal wherever they are."""


_ADDRESS = frozenset({"name", "company", "line1", "line2", "postal_code", "city", "phone"})
ADDRESS = Shape(_ADDRESS)
"""Country and region stay in clear: where goods may go, what is taxed and from where they are sent is asked of them."""
ADDRESSES = Shape(_ADDRESS, within="address")
GIFT = Shape(frozenset({"message"}))
EVERYTHING = Shape(None)
BUSINESS = Shape(frozenset({"number", "name", "address"}))
"""A VAT number may be a person's."""
BUYER = Shape(frozenset({"email", *_ADDRESS, "number", "vat_id"}), within="buyer")
CHANGE = Shape(_ADDRESS, within="address", also=frozenset({"text"}))
"""What is to change of an order: where something goes, what to tell whoever brings it."""


@dataclass(frozen=True, slots=True)
class Personal:
    """A value of a statement that is somebody's own."""

    subject_id: UUID
    """By whose key it is sealed."""
    value: str | Sequence[str | None] | None
    """A text, the text of a JSON document, or several."""
    shape: Shape | None = None
    """Which strings of a document are meant; without one all of it is a text."""


async def covered(tx: Tx, values: Mapping[str, Any]) -> dict[str, Any]:
    """The values as Postgres may have them."""
    personal = [value for value in values.values() if isinstance(value, Personal)]
    sealed: dict[tuple[UUID, str], str] = {}
    for subject_id in {one.subject_id for one in personal}:
        plain = sorted({text for one in personal if one.subject_id == subject_id for text in _plain(one)})
        for text, made in zip(plain, await sealing.seal(tx, subject_id, plain), strict=True):
            sealed[subject_id, text] = MARK + made.removeprefix(sealing.PREFIX)
    return {name: _replaced(one, sealed) if isinstance(one, Personal) else one for name, one in values.items()}


def sealed_by(key: bytes, tenant_id: UUID, subject_id: UUID, text: str) -> str:
    """A text as statements store it, by a key that is at hand; for those who write many rows without `Tx`."""
    return MARK + sealing.sealed_by(key, tenant_id, subject_id, text).removeprefix(sealing.PREFIX)


def _plain(personal: Personal) -> Iterator[str]:
    for value in [personal.value] if personal.value is None or isinstance(personal.value, str) else personal.value:
        if not value:
            continue
        if personal.shape is None:
            yield value
        else:
            yield from strings(json.loads(value), personal.shape)


def strings(document: Any, shape: Shape) -> Iterator[str]:
    """The strings of a document that are personal and not sealed."""
    found: list[str] = []

    def note(text: str) -> str:
        found.append(text)
        return text

    mapped(document, shape, note)
    yield from (text for text in found if text and not is_sealed(text))


def _replaced(personal: Personal, sealed: Mapping[tuple[UUID, str], str]) -> Any:
    def one(value: str | None) -> str | None:
        if not value:
            return value
        if personal.shape is None:
            return sealed[personal.subject_id, value]
        document = mapped(json.loads(value), personal.shape, lambda text: sealed.get((personal.subject_id, text), text))
        return json.dumps(document, ensure_ascii=False)

    if personal.value is None or isinstance(personal.value, str):
        return one(personal.value)
    return [one(value) for value in personal.value]


def mapped(document: Any, shape: Shape, change: Callable[[str], str], *, inside: bool | None = None) -> Any:
    """A document with each of its personal strings changed."""
    here = shape.within is None if inside is None else inside
    if isinstance(document, dict):
        return {
            name: change(value)
            if isinstance(value, str) and _is_meant(shape, name, here=here)
            else mapped(value, shape, change, inside=here or name == shape.within)
            for name, value in document.items()
        }
    if isinstance(document, list):
        return [mapped(value, shape, change, inside=here) for value in document]
    return change(document) if isinstance(document, str) and here and shape.fields is None else document


def _is_meant(shape: Shape, name: str, *, here: bool) -> bool:
    return name in shape.also or (here and (shape.fields is None or name in shape.fields))


def is_sealed(text: str) -> bool:
    """Whether a text is sealed in the way that statements open by themselves."""
    return _SEALED.fullmatch(text) is not None


def subjects_in(text: str) -> set[UUID]:
    """By whose keys the sealed parts of a text are sealed."""
    return {subject for token in _SEALED.findall(text) if (subject := _subject_of(token)) is not None}


def _subject_of(token: str) -> UUID | None:
    try:
        return sealing.subject_of(_other(token))
    except ValueError:  # somebody's own words that only look like it
        return None


def _other(token: str) -> str:
    return sealing.PREFIX + token[len(MARK) :]


class Row:
    """A row of an answer, opened: by name or by place, as asyncpg has them."""

    __slots__ = ("_names", "_values")

    def __init__(self, names: Sequence[str], values: Sequence[Any]) -> None:
        self._names, self._values = {name: place for place, name in enumerate(names)}, list(values)

    def __getitem__(self, key: str | int | slice) -> Any:
        return self._values[self._names[key]] if isinstance(key, str) else self._values[key]

    def __iter__(self) -> Iterator[Any]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __contains__(self, name: object) -> bool:
        return name in self._names

    def get(self, name: str, default: Any = None) -> Any:
        """The value of a column, if there is one."""
        return self[name] if name in self._names else default

    def keys(self) -> Iterable[str]:
        """The names of the columns."""
        return self._names.keys()

    def values(self) -> Iterable[Any]:
        """The values of the columns."""
        return iter(self._values)

    def items(self) -> Iterable[tuple[str, Any]]:
        """Names and values."""
        return zip(self._names, self._values, strict=True)


def is_covered(rows: Sequence[asyncpg.Record]) -> bool:
    """Whether anything in an answer is sealed."""
    return any(isinstance(value, str) and MARK in value for row in rows for value in row.values())


async def opened(tx: Tx, rows: Sequence[asyncpg.Record]) -> Sequence[asyncpg.Record]:
    """An answer in which everything is readable that can be."""
    texts = [value for row in rows for value in row.values() if isinstance(value, str) and MARK in value]
    keys = await sealing.keys_of(tx, list({subject for text in texts for subject in subjects_in(text)}))

    def read(value: Any) -> Any:
        return _read(tx.tenant_id, keys, value) if isinstance(value, str) and MARK in value else value

    made = [Row(list(row.keys()), [read(value) for value in row.values()]) for row in rows]
    return cast("Sequence[asyncpg.Record]", made)


async def documents_opened(tx: Tx, documents: Sequence[str]) -> list[str]:
    """The texts of JSON documents, such as whole rows, in which everything is readable that can be: what statements
    have sealed, and what services have sealed by themselves.
    """
    subjects = {
        subject
        for document in documents
        for token in _SEALED_BY_ANYBODY.findall(document)
        if (subject := _subject_of(token)) is not None
    }
    keys = await sealing.keys_of(tx, list(subjects))

    def read(found: re.Match[str]) -> str:
        try:
            value = sealing.opened_by(keys, tx.tenant_id, _other(found[0]))
        except (sealing.Unreadable, ValueError):  # somebody's own words that only look like it
            return found[0]
        return json.dumps(value or "", ensure_ascii=False)[1:-1]

    return [_SEALED_BY_ANYBODY.sub(read, document) for document in documents]


def _read(tenant_id: UUID, keys: Mapping[UUID, bytes], value: str) -> str | None:
    if is_sealed(value):
        return _one(tenant_id, keys, value)
    if value[:1] in "{[":
        return _SEALED.sub(lambda found: json.dumps(_one(tenant_id, keys, found[0]) or "")[1:-1], value)
    return _SEALED.sub(lambda found: _one(tenant_id, keys, found[0]) or "", value)


def _one(tenant_id: UUID, keys: Mapping[UUID, bytes], token: str) -> str | None:
    try:
        return sealing.opened_by(keys, tenant_id, _other(token))
    except (sealing.Unreadable, ValueError):  # somebody's own words that only look like it
        return token
