"""pgbench scripts that do what a request does: the same statements, in the same transactions.

Reads are the hot statements with their values in them. Writes are recorded from one real request; what the request had
made up (ids, keys) is made up anew each time, by pgbench's random numbers.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from foundation.database import TENANT_SETTING, HotStatement

_PLACE = re.compile(r"\$(\d+)")
DIGEST = 32
"""Bytes of a SHA-256, such as a session's token leaves behind."""
_LARGEST = 9_000_000_000_000_000_000


class Sql(str):
    """SQL that stands where a value would, such as one with a variable of pgbench in it."""

    __slots__ = ()


def read_script(tenant_id: UUID, statement: HotStatement, values: dict[str, Any], *, choose: Sequence[str] = ()) -> str:
    """A hot read as `Database.read_json` runs it, after the lines of `choose`."""
    sql = _filled(statement.sql, [literal(value) for value in statement.arguments(values)])
    return "\n".join(
        (
            *choose,
            "BEGIN READ ONLY;",
            f"SELECT set_config('{TENANT_SETTING}', '{tenant_id}', true);",
            f"{_one_line(sql)};",
            "COMMIT;",
            "",
        )
    )


@dataclass(slots=True)
class Recording:
    """The statements of some requests, as SQLAlchemy sent them."""

    steps: list[tuple[str, Sequence[Any]]] = field(default_factory=list)

    def statement(self, sql: str, arguments: Any) -> None:
        """One statement and its positional arguments; a batch is as many statements."""
        for one in arguments if isinstance(arguments, list) else [arguments]:
            self.steps.append((sql, tuple(one or ())))

    def border(self, command: str) -> None:
        """`BEGIN` or `COMMIT`."""
        self.steps.append((command, ()))

    def script(
        self,
        *,
        known: Collection[UUID] = (),
        made_up: Collection[str] = (),
        chosen: Mapping[UUID | bytes, str] | None = None,
        choose: Sequence[str] = (),
    ) -> str:
        """The recording as a script.

        `known` are the ids that were there before; every other id, every digest, and every text in `made_up`, is new
        each time. What is `chosen` stands for one of many alike: each time the SQL given for it is put in its place,
        with the variables that the lines of `choose` set.
        """
        given: dict[UUID | bytes, str] = {**{one: literal(one) for one in known}, **(chosen or {})}
        names: dict[Any, str] = {}
        lines = []
        for sql, arguments in self.steps:
            rendered = [_rendered(value, given, set(made_up), names) for value in arguments]
            lines.append(f"{_one_line(_filled(sql, rendered))};")
        drawn = [f"\\set {name} random(1, {_LARGEST})" for name in names.values()]
        return "\n".join([*choose, *drawn, *lines, ""])


def literal(value: Any) -> str:
    """A value as SQL. Nothing in it looks like a variable of pgbench, which begins with a colon."""
    return _RENDERERS.get(type(value), lambda other: _text(str(other)))(value)


def _text(text: str) -> str:
    if ":" in text or "\\" in text:
        return f"convert_from('\\x{text.encode().hex()}'::bytea, 'UTF8')"
    return "'" + text.replace("'", "''") + "'"


def _array(values: Sequence[Any], render: Callable[[Any], str] | None = None) -> str:
    kind = "uuid[]" if values and isinstance(values[0], UUID) else "text[]"
    return f"ARRAY[{', '.join(map(render or literal, values))}]::{kind}"


_RENDERERS: dict[type, Callable[[Any], str]] = {
    Sql: str,
    type(None): lambda _: "NULL",
    bool: lambda value: str(value).lower(),
    int: str,
    float: str,
    datetime: lambda value: f"to_timestamp({value.timestamp()!r})",
    bytes: lambda value: f"'\\x{value.hex()}'::bytea",
    list: _array,
    tuple: _array,
}


def _rendered(value: Any, given: Mapping[UUID | bytes, str], made_up: set[str], names: dict[Any, str]) -> str:
    if isinstance(value, UUID | bytes) and value in given:
        return given[value]
    if isinstance(value, UUID):
        name = names.setdefault(value, f"id{len(names)}")
        return f"lpad(to_hex(:{name}::bigint), 32, '0')::uuid"
    if isinstance(value, bytes) and len(value) == DIGEST:
        name = names.setdefault(value, f"digest{len(names)}")
        return f"decode(lpad(to_hex(:{name}::bigint), {2 * DIGEST}, '0'), 'hex')"
    if isinstance(value, str) and value in made_up:
        name = names.setdefault(value, f"text{len(names)}")
        return f"to_hex(:{name}::bigint)"
    if isinstance(value, list | tuple):
        return _array(value, lambda one: _rendered(one, given, made_up, names))
    return literal(value)


def _filled(sql: str, rendered: Sequence[str]) -> str:
    return _PLACE.sub(lambda place: f"({rendered[int(place[1]) - 1]})", sql)


def _one_line(sql: str) -> str:
    return " ".join(sql.split())
