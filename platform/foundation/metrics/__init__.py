"""What a figure means: the catalogue of metrics, and how they are asked of the marts.

A question names metrics and dimensions, and never SQL. What is asked together but lies in different marts is asked
mart by mart.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, StringConstraints

FILE = Path(__file__).parent / "catalogue.yaml"
TABLE = "mart_{mart}"
TIMES: Mapping[str, str] = {"day": "day", "week": "toStartOfWeek(day, 1)", "month": "toStartOfMonth(day)"}
"""The dimensions that every metric has: days are the shop's own, weeks begin on Mondays."""
CURRENCY = "currency"

Format = Literal["count", "money", "share"]
"""A number; minor units of a currency; a part of 1."""
Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z_]*$")]
Words = Annotated[str, StringConstraints(min_length=1, strip_whitespace=True)]


class Metric(BaseModel):
    """A figure that has one meaning."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Name
    label: Words
    about: Words
    """Its definition, in words."""
    mart: Name
    """The mart it is told by, which has days."""
    sql: Words
    """An aggregate over the mart's rows."""
    format: Format
    owner: Words
    """Which people answer for it."""
    dimensions: tuple[Name, ...]
    """The columns of the mart by which it may be told, besides those of time."""


class UnknownMetric(LookupError):
    """There is no metric of this name."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name


class NotADimension(LookupError):
    """A metric can't be told by this."""

    def __init__(self, metric: str, dimension: str) -> None:
        super().__init__(f"{metric} by {dimension}")
        self.metric, self.dimension = metric, dimension


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked, of days `since` to `until`, both of them included."""

    metrics: Sequence[str]
    since: date
    until: date
    dimensions: Sequence[str] = ()
    filters: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """Which values of a dimension count."""


@dataclass(frozen=True, slots=True)
class Statement:
    """A question to one mart: a SELECT that gives the dimensions and then the metrics, and its values."""

    sql: str
    values: Mapping[str, Any]
    columns: Sequence[str]


@cache
def catalogue() -> Mapping[str, Metric]:
    """Every metric, by name, in the catalogue's order."""
    said: Mapping[str, Mapping[str, Any]] = yaml.safe_load(FILE.read_text(encoding="utf-8"))
    return {name: Metric(name=name, **fields) for name, fields in said.items()}


def metric(name: str) -> Metric:
    """The metric of a name.

    Raises:
        UnknownMetric.
    """
    if name not in catalogue():
        raise UnknownMetric(name)
    return catalogue()[name]


def statements(question: Question, *, limit: int) -> list[Statement]:
    """A question as SELECTs, one a mart. Money is told by currency, whether that was asked for or not.

    Raises:
        UnknownMetric, NotADimension.
    """
    asked = [metric(name) for name in dict.fromkeys(question.metrics)]
    by_mart: dict[str, list[Metric]] = {}
    for one in asked:
        by_mart.setdefault(one.mart, []).append(one)
    return [_statement(mart, metrics, question, limit) for mart, metrics in by_mart.items()]


def _statement(mart: str, metrics: Sequence[Metric], question: Question, limit: int) -> Statement:
    dimensions = list(dict.fromkeys(question.dimensions))
    if CURRENCY not in dimensions and any(one.format == "money" for one in metrics):
        dimensions.append(CURRENCY)
    for one in metrics:
        for name in [*(name for name in dimensions if name not in TIMES), *question.filters]:
            if name not in one.dimensions:
                raise NotADimension(one.name, name)
    columns = [*(f"{TIMES.get(name, name)} AS by_{name}" for name in dimensions)]
    columns += [f"{one.sql} AS metric_{one.name}" for one in metrics]
    wanted = [f"AND has({{of_{name}:Array(String)}}, toString({name}))" for name in question.filters]
    groups = ", ".join(f"by_{name}" for name in dimensions)
    sql = "\n".join(
        [
            f"SELECT {', '.join(columns)}",
            f"FROM {TABLE.format(mart=mart)} FINAL",
            "WHERE tenant_id = {tenant_id:UUID} AND day >= {since:Date} AND day <= {until:Date}",
            *wanted,
            f"GROUP BY {groups} ORDER BY {groups}" if groups else "",
            "LIMIT {limit:UInt32}",
        ]
    )
    values = {f"of_{name}": list(chosen) for name, chosen in question.filters.items()}
    return Statement(
        sql,
        {**values, "since": question.since, "until": question.until, "limit": limit},
        [*dimensions, *(one.name for one in metrics)],
    )
