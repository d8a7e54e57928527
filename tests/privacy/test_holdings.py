"""No column is forgotten: each is somebody's, or declared to be nobody's."""

from __future__ import annotations

import pytest
from sqlalchemy import Column, MetaData, Table, Text

import commerce.tables  # noqa: F401
from commerce.privacy.declared import BY_THEIR_SERVICE, NOT_PERSONAL
from commerce.privacy.holdings import DOCUMENT, HOLDINGS
from foundation.database import Base

WORDS = ("text", "json", "blob", "binary", "array")


def _undeclared(table: Table) -> set[str]:
    said = {column.name for one in (*HOLDINGS, DOCUMENT) if one.table == table.name for column in one.columns}
    said |= set(f"{NOT_PERSONAL.get(table.name, '')} {BY_THEIR_SERVICE.get(table.name, '')}".split())
    wordy = {column.name for column in table.columns if any(kind in str(column.type).lower() for kind in WORDS)}
    return wordy - said


@pytest.mark.parametrize("table", Base.metadata.tables.values(), ids=lambda table: table.name)
def test_every_column_is_declared(table: Table) -> None:
    assert _undeclared(table) == set(), "say in commerce/privacy what these hold"


def test_nothing_is_declared_that_is_not_there() -> None:
    tables = {name: {column.name for column in table.columns} for name, table in Base.metadata.tables.items()}
    said = [(one.table, column.name) for one in (*HOLDINGS, DOCUMENT) for column in one.columns]
    for declared in (NOT_PERSONAL, BY_THEIR_SERVICE):
        said += [(table, column) for table, columns in declared.items() for column in columns.split()]
    assert [place for place in said if place[1] not in tables.get(place[0], set())] == []


def test_a_column_that_nobody_declared_is_found() -> None:
    table = Table("customer", MetaData(), Column("nickname", Text), Column("display_name", Text))
    assert _undeclared(table) == {"nickname"}
