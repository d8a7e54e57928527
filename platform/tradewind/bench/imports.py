"""How fast a catalogue comes in by a file, beside COPY of the very rows that it makes.

The shop, its Postgres and the file are made for it. The file is read, checked and written as any import is, by the
app's role under row-level security; COPY is done by a superuser, into tables with the same indexes and without foreign
keys or triggers.
"""

from __future__ import annotations

import asyncio
import csv
import resource
import shutil
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, LiteralString

import psycopg
from psycopg import sql
from pydantic import SecretStr

from foundation.progress import Progress
from foundation.settings import Settings
from tradewind import exchanging, migrations
from tradewind.data.tenants import GROCER, create
from tradewind.engines.postgres import APP, DATABASE, OWNER, SUPERUSER, PostgresServer

VARIANTS = 3
CATEGORIES, BRANDS = 300, 500
TABLES: tuple[LiteralString, ...] = (
    "product",
    "variant",
    "price",
    "price_change",
    "price_period",
    "product_version",
    "search_document",
    "outbox",
)
"""Whose rows an import of new products makes."""


@dataclass(frozen=True, slots=True)
class Measured:
    """An import of new products, the same file once more, and COPY of the rows of the first."""

    products: int
    file_rows: int
    rows: int
    """Of all tables."""
    seconds: float
    again_seconds: float
    """The same file once more, which changes nothing."""
    copy_seconds: float
    peak_mib: float
    """The most memory that the importing process had, Postgres not counted."""
    peak_growth_mib: float
    """How much of that the import itself took."""

    def to_json(self) -> dict[str, Any]:
        """For `var/bench/import.json`."""
        return {
            "name": "import",
            **asdict(self),
            "products_per_second": self.products / self.seconds,
            "rows_per_second": self.rows / self.seconds,
            "copy_products_per_second": self.products / self.copy_seconds,
            "copy_rows_per_second": self.rows / self.copy_seconds,
            "share_of_copy": self.copy_seconds / self.seconds,
        }


def measure(folder: Path, *, products: int, progress: Progress) -> Measured:
    """Make all of it in `folder`, measure, and take it away again.

    Raises:
        ServerFailed: Postgres did not come up.
    """
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    try:
        with PostgresServer(folder / "data") as server:
            migrations.upgrade(server.url(OWNER, DATABASE))
            create(server.url(OWNER, DATABASE), GROCER)
            return _measure(server, folder, products, progress)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _measure(server: PostgresServer, folder: Path, products: int, progress: Progress) -> Measured:
    settings = Settings(
        _env_file=None,
        database_url=SecretStr(server.url(APP, DATABASE)),
        database_owner_url=SecretStr(server.url(OWNER, DATABASE)),
        objects_url=f"file://{folder}/objects",
    )
    file = folder / "products.csv"
    write_file(file, products)
    before = _peak_mib()
    seconds = _timed(settings, file, progress)
    peak = _peak_mib()
    again = _timed(settings, file, progress)
    rows, copied = _copy(server.url(SUPERUSER, DATABASE), folder)
    return Measured(products, products * VARIANTS, rows, seconds, again, copied, peak, peak - before)


def write_file(path: Path, products: int) -> None:
    """A file of products of three variants each: the same for the same number."""
    names = ["handle", "title", "description", "category", "brand", "tags", "status"]
    names += ["sku", "gtin", "option1_name", "option1_value", "price", "compare_at"]
    with path.open("w", encoding="utf-8", newline="") as out:
        written = csv.writer(out)
        written.writerow(names)
        for number in range(products):
            category = number % CATEGORIES
            said = [
                f"product-{number}",
                f"Article {number} of the house in fine wool",
                f"<p>What there is to say of article {number}: warm, light, made to last.</p>",
                f"Department {category % 10} > Aisle {category // 10 % 10} > Shelf {category}",
                f"Brand {number % BRANDS}",
                "autumn, wool",
                "published",
            ]
            for place, size in enumerate(("S", "M", "L")):
                cost = 1_000 + number % 5_000
                own = [f"A{number}-{size}", _gtin(number * VARIANTS + place), "Size", size, f"{cost / 100:.2f}", ""]
                written.writerow((said if place == 0 else [said[0], *[""] * 6]) + own)


def _gtin(number: int) -> str:
    digits = f"{200_000_000_000 + number}"
    odd, even = sum(map(int, digits[::2])), sum(map(int, digits[1::2]))
    return f"{digits}{-(odd + 3 * even) % 10}"


def _timed(settings: Settings, file: Path, progress: Progress) -> float:
    began = time.perf_counter()
    done = asyncio.run(exchanging.bring(settings, GROCER.slug, file, progress=progress))
    if done.status != "done" or done.bad:
        raise RuntimeError(f"the import ended {done.status} with {done.bad} bad rows: {done.problem}")
    return time.perf_counter() - began


def _copy(url: str, folder: Path) -> tuple[int, float]:
    """How many rows the tables have, and how long COPY takes for them."""
    seconds, rows = 0.0, 0
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CREATE SCHEMA raw")
        for table in TABLES:
            named = {"table": sql.Identifier(table), "columns": _columns(connection, table)}
            file = folder / f"{table}.copy"
            _read(connection, sql.SQL("COPY public.{table} ({columns}) TO STDOUT").format(**named), file)
            connection.execute(sql.SQL("CREATE TABLE raw.{table} (LIKE public.{table} INCLUDING ALL)").format(**named))
            began = time.perf_counter()
            rows += _write(connection, sql.SQL("COPY raw.{table} ({columns}) FROM STDIN").format(**named), file)
            seconds += time.perf_counter() - began
    return rows, seconds


def _read(connection: psycopg.Connection, statement: sql.Composed, file: Path) -> None:
    with file.open("wb") as out, connection.cursor() as cursor, cursor.copy(statement) as copy:
        for piece in copy:
            out.write(piece)


def _write(connection: psycopg.Connection, statement: sql.Composed, file: Path) -> int:
    with file.open("rb") as source, connection.cursor() as cursor:
        with cursor.copy(statement) as copy:
            while piece := source.read(2**20):
                copy.write(piece)
        return cursor.rowcount


def _columns(connection: psycopg.Connection, table: str) -> sql.Composed:
    found = connection.execute(
        "SELECT attname FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped"
        " AND attgenerated = '' ORDER BY attnum",
        (f"public.{table}",),
    )
    return sql.SQL(", ").join(sql.Identifier(row[0]) for row in found)


def _peak_mib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
