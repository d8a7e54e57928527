"""Values that no client means well with, for every place of a request that takes one.

A place is a parameter of the path, the query or the headers, or a field of the body however deep; which values are
hostile there follows from what its schema accepts: `true` is hostile where a number is wanted, and not where a boolean is.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from tests.security.operations import Json, filled, least

Key = str | int

LONG = 10_000
BACKWARDS = "gpj.\u202etxt.exe"
"""A name that is shown from right to left from its middle on: U+202E, "right-to-left override"."""
TWIN = "\uff4d\uff49\uff4e\uff45"
"""`mine` in full-width letters, which NFKC makes the same."""
DEEP = 10_000
BIG_BYTES = 50_000_000


@dataclass(frozen=True)
class Raw:
    """Characters that stand in the JSON as they are, since no writer of JSON would write them."""

    text: str


@dataclass(frozen=True)
class Hostile:
    """A value, and what it is called."""

    name: str
    value: Any


NUL = Hostile("a NUL", Raw('"a\\u0000b"'))
SURROGATE = Hostile("a lone surrogate", Raw('"\\ud800"'))
NOT_A_NUMBER = Hostile("NaN", Raw("NaN"))
ENORMOUS = Hostile("1E+999999", Raw("1E+999999"))
ANYWHERE = (NUL, SURROGATE, NOT_A_NUMBER, Hostile("Infinity", Raw("-Infinity")))
"""What is not JSON, or not text, whatever the place takes."""


@dataclass(frozen=True)
class Place:
    """Where a value goes in a body, and what is accepted there."""

    path: tuple[Key, ...]
    accepts: tuple[Json, ...]
    """The schemas of which one has to hold, without references."""
    template: Any
    """The body, with names in place of ids, in which the place is there."""

    @property
    def name(self) -> str:
        """Of the field."""
        return ".".join(map(str, self.path))

    @property
    def field(self) -> str:
        """The field by itself; of an item of a list, the list."""
        return next(key for key in reversed(self.path) if isinstance(key, str))

    def holding(self, value: object, things: Mapping[str, str]) -> Any:
        """The body with a value there."""
        return _with(filled(self.template, things), self.path, value)

    def body(self, value: object, things: Mapping[str, str]) -> str:
        """The JSON of the body with a value there."""
        return written(self.holding(value, things))

    def is_in(self, body: object) -> bool:
        """Whether a body has something there."""
        return _there(body, self.path)


def places(template: object, schema: Json, schemas: Json) -> Iterator[Place]:
    """Every field of a body, also those that the least body leaves out."""
    yield from _places(template, (), schema, schemas)


def _places(template: object, path: tuple[Key, ...], schema: Json, schemas: Json) -> Iterator[Place]:
    accepts = tuple(alternatives(schema, schemas))
    if path:
        yield Place(path, accepts, template)
    for one in accepts:
        here = template if len(accepts) == 1 and _there(template, path) else _with(template, path, least(one, schemas))
        if one.get("type") == "object":
            for name, of in one.get("properties", {}).items():
                yield from _places(here, (*path, name), of, schemas)
        elif one.get("type") == "array" and "items" in one:
            item = least(one["items"], schemas, str(path[-1]) if path else "")
            with_one = here if _there(here, (*path, 0)) else _with(here, path, [item])
            yield from _places(with_one, (*path, 0), one["items"], schemas)


def alternatives(schema: Json, schemas: Json) -> Iterator[Json]:
    """The schemas of which one has to hold, with references looked up."""
    if "$ref" in schema:
        yield from alternatives(schemas[schema["$ref"].rsplit("/", 1)[1]], schemas)
        return
    chosen = schema.get("anyOf") or schema.get("oneOf") or schema.get("allOf")
    if chosen is None:
        yield schema
        return
    for one in chosen:
        yield from alternatives(one, schemas)


def _there(template: Any, path: tuple[Key, ...]) -> bool:
    for key in path:
        if (isinstance(template, dict) and key in template) or (
            isinstance(template, list) and isinstance(key, int) and key < len(template)
        ):
            template = template[key]
        else:
            return False
    return True


def _with(template: Any, path: tuple[Key, ...], value: object) -> Any:
    if not path:
        return value
    copied = deepcopy(template)
    inner = copied
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = value
    return copied


def written(body: object) -> str:
    """JSON, with what stands raw in it."""
    raw: dict[str, str] = {}

    def standing_for(value: object) -> str:
        assert isinstance(value, Raw), value
        raw[mark := f"<raw {len(raw)}>"] = value.text
        return mark

    text = json.dumps(body, default=standing_for)
    for mark, characters in raw.items():
        text = text.replace(json.dumps(mark), characters)
    return text


def of_a_field(accepts: tuple[Json, ...]) -> Iterator[Hostile]:
    """What must be refused where these schemas are accepted."""
    types = {kind for schema in accepts for kind in _types(schema)}
    yield from ANYWHERE
    if not types & {"integer", "number"}:
        yield Hostile("a number", 3)
    if "boolean" not in types:
        yield Hostile("true", True)
    if "object" not in types:
        yield Hostile("an object", {"a": 1})
    if "array" not in types:
        yield Hostile("a list", [1])
    if "null" not in types:
        yield Hostile("null", None)
    if "string" not in types:
        yield Hostile('"3"', "3")
    for schema in accepts:
        yield from _of_one(schema)


def _types(schema: Json) -> set[str]:
    if "type" in schema:
        kind = schema["type"]
        return set(kind) if isinstance(kind, list) else {kind}
    values = [schema["const"]] if "const" in schema else schema.get("enum", [])
    return {"string" for value in values if isinstance(value, str)} or {"null", "object", "array", "string", "number"}


def _of_one(schema: Json) -> Iterator[Hostile]:
    kind = _types(schema)
    if "string" in kind:
        yield Hostile("10,001 characters or more", "x" * (max(LONG, schema.get("maxLength", 0)) + 1))
        yield Hostile("text from right to left", BACKWARDS)
        if is_identifier(schema):
            yield Hostile("a twin by NFKC", TWIN)
    if kind & {"integer", "number"}:
        yield ENORMOUS
        if schema.get("minimum", schema.get("exclusiveMinimum", -2)) >= 0:
            yield Hostile("-1", -1)
        if max(schema.get("maximum", 0), schema.get("exclusiveMaximum", 0)) < 2**31:
            yield Hostile("2^31", 2**31)
        yield Hostile("2^63", 2**63)
    if kind == {"integer"}:
        yield Hostile("1.5", 1.5)
    if kind == {"array"}:
        yield Hostile("10,001 items", [None] * (LONG + 1))
    if "properties" in schema and schema.get("additionalProperties") is False:
        yield Hostile("a field that there is not", {"no_such_field": 1})


def is_identifier(schema: Json) -> bool:
    """Whether it is a name by which something is found, and not a text for people."""
    return "pattern" in schema or "enum" in schema or "const" in schema or "format" in schema


def of_a_parameter(schema: Json, schemas: Json, *, where: str) -> Iterator[Hostile]:
    """What must be refused as a parameter of the path, the query or a header, where everything is text."""
    accepts = tuple(alternatives(schema, schemas))
    items = [one for of in accepts if "items" in of for one in alternatives(of["items"], schemas)]
    types = {kind for one in (*accepts, *items) for kind in _types(one)} - {"null", "array"}
    if where != "header":  # no server hands on a header that has one
        yield Hostile("a NUL", "a\x00b")
        yield Hostile("text from right to left", BACKWARDS)
    yield Hostile("10,001 characters", "x" * (LONG + 1))
    if types <= {"integer", "number"}:
        for text in ("NaN", "1E+999999", str(2**63), "true", "-1", "x", ""):
            yield Hostile(text or "nothing", text)
    if types == {"boolean"}:
        yield Hostile("x", "x")
    if "string" in types and all(is_identifier(one) for one in (*accepts, *items) if "string" in _types(one)):
        yield Hostile("a twin by NFKC", TWIN)


_BIG = b'{"a":"' + b"x" * BIG_BYTES + b'"}'


def whole_bodies(valid: str) -> Iterator[tuple[str, bytes]]:
    """Bodies that are refused as they come, whatever the operation wants."""
    yield "nothing at all", b""
    yield "half of it", valid.encode()[: len(valid) // 2] or b"{"
    yield "not UTF-8", b'{"a": "\xff"}'
    yield "UTF-16", valid.encode("utf-16")
    yield "a list", b"[]"
    yield "text", b'"x"'
    yield "a number", b"3"
    yield "NaN", b"NaN"
    yield "a depth bomb of lists", b"[" * DEEP + b"]" * DEEP
    yield "a depth bomb of objects", b'{"a":' * DEEP + b"1" + b"}" * DEEP
    yield "a name twice", _with_a_name_twice(valid)
    yield "a field that there is not", _with_a_field_more(valid)
    yield "50 MB", _BIG


def _with_a_name_twice(valid: str) -> bytes:
    fields = valid.strip()[1:-1]
    first = fields or '"a": 1'
    return f"{{{first}, {first}}}".encode()


def _with_a_field_more(valid: str) -> bytes:
    fields = valid.strip()[1:-1]
    return f'{{{fields}{", " if fields else ""}"no_such_field": 1}}'.encode()
