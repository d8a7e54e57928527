"""What a mart's file says of it: the header of `sql/<name>.sql`, and the SELECT below.

The header is YAML in the file's first comment. It names every column that the SELECT gives besides `tenant_id`, in
order.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import cache, cached_property
from graphlib import TopologicalSorter
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from foundation.events import CONTRACTS

SQL = Path(__file__).parent / "sql"
PREFIX = "mart_"

Reach = Literal["day", "orders", "tenant"]
"""What of a mart changes with a day's events: that day; also the days of the orders that they are about, and of the
order that is not its customer's first any more; everything."""
REACHES: Sequence[Reach] = ("day", "orders", "tenant")
_FILE = re.compile(r"\A/\*\n(?P<header>.*?)\*/\n(?P<select>.*)\Z", re.DOTALL)
Words = Annotated[str, StringConstraints(min_length=1, strip_whitespace=True)]


class MalformedMart(ValueError):
    """A mart's file does not say what it must."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Column(_Strict):
    """A column of a mart."""

    type: str
    """ClickHouse's."""
    about: Words
    unit: Literal["minor"] | None = None
    """Minor units of the row's `currency`."""
    person: bool = False
    """It names somebody by their id, and is emptied when they are forgotten; a row that lies by it goes."""


class Mart(_Strict):
    """A table that is made of the events."""

    name: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z_]*$")]
    about: Words
    grain: Words
    """What a row is."""
    key: Annotated[list[str], Field(min_length=1)]
    """The columns that tell rows of a tenant apart, in the order by which they lie."""
    unique: list[str] = []
    """The columns that tell rows of a tenant apart by themselves, when the key has more than it needs for that."""
    owner: Words
    """Which people answer for its figures."""
    reach: Reach
    events: list[str]
    """The events whose payload or presence it is made of, besides those of its marts."""
    decisions: bool = False
    """It is made of the log of decisions, too."""
    marts: list[str] = []
    """The other marts that it reads."""
    time: str
    """The column by which it is asked for a time."""
    columns: Mapping[str, Column]
    select: str

    @property
    def table(self) -> str:
        """Its table in ClickHouse."""
        return PREFIX + self.name

    @property
    def people(self) -> Sequence[str]:
        """The columns that name somebody."""
        return [name for name, column in self.columns.items() if column.person]

    @property
    def is_by_day(self) -> bool:
        """Whether its rows are of a day, and not of all the time there was."""
        return "day" in self.columns

    @cached_property
    def version(self) -> str:
        """Another one when its definition is, or that of a mart that it is made of."""
        said = self.model_dump_json() + "".join(all_marts()[name].version for name in self.marts)
        return sha256(said.encode()).hexdigest()[:16]

    @cached_property
    def sources(self) -> frozenset[str]:
        """Every event that it is made of, those of its marts included."""
        return frozenset(self.events).union(*(all_marts()[name].sources for name in self.marts))


def parse(name: str, text: str) -> Mart:
    """The mart that a file's text defines.

    Raises:
        MalformedMart: it has no header, or one that says too little, too much, or what cannot be.
    """
    found = _FILE.match(text)
    if found is None:
        raise MalformedMart(f"{name}: begin with a header, /* and YAML and */ on lines of their own")
    try:
        mart = Mart(name=name, select=found["select"].strip(), **yaml.safe_load(found["header"]))
    except (TypeError, ValueError, yaml.YAMLError) as fault:
        raise MalformedMart(f"{name}: {fault}") from fault
    faults = list(_faults(mart))
    if faults:
        raise MalformedMart(f"{name}: {'; '.join(faults)}")
    return mart


def _faults(mart: Mart) -> Sequence[str]:
    known = {name for name, _ in CONTRACTS}
    money = [name for name, column in mart.columns.items() if column.unit == "minor"]
    found = [f"there is no event {name}" for name in mart.events if name not in known]
    found += [f"the key {name} is no column" for name in [*mart.key, *mart.unique] if name not in mart.columns]
    found += [f"{name} is money and no Int64" for name in money if mart.columns[name].type != "Int64"]
    found += [
        f"{name} names somebody, and can neither be emptied nor its row go"
        for name in mart.people
        if name not in mart.key and not mart.columns[name].type.startswith("Nullable(")
    ]
    if mart.time not in mart.columns:
        found.append(f"the time {mart.time} is no column")
    if money and "currency" not in mart.columns:
        found.append("money needs a currency beside it")
    if mart.key[0] != "day" if mart.is_by_day else mart.reach != "tenant":
        found.append("a mart has days, and a key that begins with them, unless it reaches all of a tenant")
    return found


@cache
def all_marts() -> Mapping[str, Mart]:
    """Every mart by name, each after those that it is made of.

    Raises:
        MalformedMart.
    """
    read = {file.stem: parse(file.stem, file.read_text(encoding="utf-8")) for file in sorted(SQL.glob("*.sql"))}
    for mart in read.values():
        for name in mart.marts:
            if name not in read:
                raise MalformedMart(f"{mart.name}: there is no mart {name}")
            if REACHES.index(read[name].reach) > REACHES.index(mart.reach):
                raise MalformedMart(f"{mart.name}: reaches less far than {name}, of which it is made")
    order = TopologicalSorter({name: mart.marts for name, mart in read.items()}).static_order()
    return {name: read[name] for name in order}
