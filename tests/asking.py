"""Asking the database as a shop, time and again."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

import psycopg

Row = tuple[Any, ...]
Ask = Callable[..., list[Row]]
Read = Callable[[psycopg.Connection[Any], list[Row]], list[Row]]


def _as_it_is(_: psycopg.Connection[Any], rows: list[Row]) -> list[Row]:
    return rows


@contextmanager
def asking(url: str, tenant_id: UUID, read: Read = _as_it_is) -> Iterator[Ask]:
    """Statements as a shop, each committed by itself: over one connection, since a new one costs more than most of them."""
    with psycopg.connect(url, autocommit=True) as connection:

        def ask(statement: str, *values: object) -> list[Row]:
            with connection.transaction():
                connection.execute("SELECT set_config('tradewind.tenant_id', %s, true)", (str(tenant_id),))
                cursor = connection.execute(statement, values)
                return read(connection, cursor.fetchall()) if cursor.description else []

        yield ask
