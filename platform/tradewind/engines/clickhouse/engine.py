"""chDB over one directory: running a request's statement, its result written to a file descriptor."""

from __future__ import annotations

import fcntl
import os
import shutil
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import SpooledTemporaryFile
from typing import IO, Any

import chdb
import orjson

from tradewind.engines.clickhouse.codecs import native_header
from tradewind.engines.clickhouse.confining import confine
from tradewind.engines.clickhouse.errors import AlreadyServed, QueryFailed, from_engine
from tradewind.engines.clickhouse.request import ExternalTable, Query
from tradewind.engines.clickhouse.sessions import Sessions, apply, for_one_request, identifier, quoted
from tradewind.engines.clickhouse.sql import Kind


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a query did."""

    read_rows: int = 0
    read_bytes: int = 0
    written_rows: int = 0
    written_bytes: int = 0
    result_rows: int = 0
    result_bytes: int = 0
    seconds: float = 0.0

    def summary(self) -> str:
        """The value of `X-ClickHouse-Summary`; numbers are strings in it."""
        values = {
            "read_rows": self.read_rows,
            "read_bytes": self.read_bytes,
            "written_rows": self.written_rows,
            "written_bytes": self.written_bytes,
            "total_rows_to_read": 0,
            "result_rows": self.result_rows,
            "result_bytes": self.result_bytes,
            "elapsed_ns": int(self.seconds * 1e9),
        }
        return orjson.dumps({name: str(value) for name, value in values.items()}).decode()


class Engine:
    """The engine over one directory. Safe to use from any thread."""

    def __init__(self, path: Path, threads: int | None = None) -> None:
        self._path = path.absolute()
        self._threads = threads
        self._held = ExitStack()
        self._sessions = Sessions(self._connect)
        self.spool = self._path / "spool"
        """Where bodies and results that don't fit in memory lie while they are needed."""
        self.version = ""
        self.timezone = ""

    def open(self) -> None:
        """Take the directory, made if absent, and start the engine on it.

        Raises:
            AlreadyServed: when another gateway has it.
        """
        self._path.mkdir(parents=True, exist_ok=True)
        self._held.enter_context(_lock(self._path))
        shutil.rmtree(self.spool, ignore_errors=True)
        self.spool.mkdir()
        # The engine ends with its last connection; this one keeps it up.
        keeper = self._connect()
        self._held.callback(keeper.close)
        row = keeper.query("SELECT version(), timezone()", "JSONCompactEachRow").bytes()
        self.version, self.timezone = orjson.loads(row)

    def end_queries(self) -> None:
        """Tell every query that runs to end."""
        with self._sessions.connection(None) as connection:
            connection.query("KILL QUERY WHERE query NOT LIKE 'KILL QUERY%' ASYNC")

    def end(self, query: Query) -> None:
        """Tell a query whose result nobody reads any more to end; the engine takes no closed pipe for a reason to."""
        condition = f"query NOT LIKE 'KILL QUERY%' AND position(query, {quoted(_marked(query))}) > 0"
        with self._sessions.connection(None) as connection:
            connection.query(f"KILL QUERY WHERE {condition} ASYNC")

    def close(self) -> None:
        """End every session, and let go of the directory."""
        self._sessions.close()
        self._held.close()

    def run(self, query: Query, output: int) -> Outcome:
        """Run a query to its end and write its result to the descriptor `output`, which is closed then.

        Raises:
            QueryFailed: it failed; a part of its result may have been written.
        """
        try:
            with ExitStack() as held:
                connection = held.enter_context(self._sessions.connection(query.session))
                if query.session is None:
                    apply(connection, query.settings, query.database)
                else:
                    held.enter_context(for_one_request(connection, query.settings, query.database))
                for table in query.external:
                    held.callback(_quietly(connection, f"DROP TEMPORARY TABLE IF EXISTS {identifier(table.name)}"))
                    _load(connection, table)
                if query.tenant is not None:
                    confine(connection, query.tenant)
                return _Run(connection, query, output).outcome()
        except (RuntimeError, ValueError, OSError) as error:
            raise from_engine(error) from error
        finally:
            # The last to happen: at the end of the result, the session is free for the client's next query.
            os.close(output)
            if query.data is not None:
                query.data.close()

    def _connect(self) -> Any:
        # A server takes no bare expression for a query, as the engine's command line does.
        options = "implicit_select=0" + ("" if self._threads is None else f"&max_threads={self._threads}")
        # Two packages write this module, `chdb` and `chdb-core`; only one of them gives its types.
        connect: Any = chdb.connect
        return connect(f"{self._path / 'data'}?{options}")


class _Run:
    """One statement on one connection."""

    def __init__(self, connection: Any, query: Query, output: int) -> None:
        self._connection = connection
        self._query = query
        self._output = output
        self._parameters = dict(query.parameters)
        self._started = time.perf_counter()

    def outcome(self) -> Outcome:
        statement = self._query.statement
        if statement.kind is Kind.INSERT:
            return self._insert()
        if not statement.kind.gives_rows:
            return self._outcome(self._execute(statement.text, "Null"))
        output_format = self._query.output_format
        if statement.kind is Kind.READ:
            return self._select(statement.text, output_format)
        result = self._execute(f"{statement.text}\n{statement.settings}", output_format)
        self._write(result.bytes() or self._header(output_format))
        return self._outcome(result)

    def _execute(self, text: str, output_format: str) -> Any:
        return self._connection.query(text, output_format, params=self._parameters)

    def _select(self, text: str, output_format: str) -> Outcome:
        into = f"INTO OUTFILE '/dev/fd/{self._output}' APPEND COMPRESSION 'none' FORMAT {identifier(output_format)}"
        result = self._execute(f"{text}\n{_marked(self._query)} {into} {self._query.statement.settings}", "Null")
        if result.rows_read() == 0:
            self._write(self._header(output_format))
        return self._outcome(result)

    def _header(self, output_format: str) -> bytes:
        """What a server writes and the engine doesn't: the block of no rows of an empty Native result."""
        if output_format.lower() != "native":
            return b""
        text = f"{self._query.statement.text}\n{self._query.statement.settings}"
        try:
            described = self._execute(f"DESCRIBE TABLE (\n{text}\n)", "JSONCompactEachRow").bytes()
            return native_header([orjson.loads(line)[:2] for line in described.splitlines()])
        except RuntimeError:
            # What isn't a SELECT can't be described; its results are small.
            shown = orjson.loads(self._execute(text, "JSONCompact").bytes())
            return native_header([(column["name"], column["type"]) for column in shown["meta"]])

    def _insert(self) -> Outcome:
        data = self._query.data
        if data is None:
            raise QueryFailed(108, "NO_DATA_TO_INSERT", "No data to insert")
        statement = self._query.statement
        infile = _infile(data, statement.format or "Values", statement.settings)
        return self._outcome(self._execute(f"{statement.text}\n{infile}", "Null"))

    def _write(self, data: bytes) -> None:
        view = memoryview(data)
        while view:
            view = view[os.write(self._output, view) :]

    def _outcome(self, result: Any) -> Outcome:
        return Outcome(
            read_rows=result.storage_rows_read(),
            read_bytes=result.storage_bytes_read(),
            written_rows=result.rows_written(),
            written_bytes=result.bytes_written(),
            result_rows=result.rows_written() or result.rows_read(),
            result_bytes=result.bytes_written() or result.bytes_read(),
            seconds=self._seconds(),
        )

    def _seconds(self) -> float:
        return time.perf_counter() - self._started


def _marked(query: Query) -> str:
    """A comment that tells the query from all others that run; its `id` may be any client's words."""
    return f"/* {query.mark} */"


def _load(connection: Any, table: ExternalTable) -> None:
    connection.query(f"CREATE TEMPORARY TABLE {identifier(table.name)} ({table.structure}) ENGINE = Memory")
    connection.query(f"INSERT INTO {identifier(table.name)} {_infile(table.data, table.format)}")


def _infile(data: SpooledTemporaryFile[bytes], data_format: str, settings: str = "") -> str:
    """The clause that reads an INSERT's rows from a file of ours.

    The engine offers no other way that holds: rows passed with the statement get lost, and a streaming insert among
    concurrent ones may wait forever.
    """
    data.rollover()
    data.flush()
    data.seek(0)
    source = f"FROM INFILE '/dev/fd/{data.fileno()}' COMPRESSION 'none'"
    # A line break ends a comment that the format would otherwise be part of.
    return f"{source} {settings}\nFORMAT {identifier(data_format)}"


def _quietly(connection: Any, text: str) -> Callable[[], None]:
    """A step of tidying up, whose failure must not hide what went before."""

    def step() -> None:
        with suppress(RuntimeError):
            connection.query(text)

    return step


def _lock(path: Path) -> IO[str]:
    """Hold the directory by a lock that the system lets go of, however its holder ends."""
    handle = (path / "gateway.lock").open("a+")
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        handle.seek(0)
        pid = handle.read().strip()
        handle.close()
        raise AlreadyServed(f"{path} is served by another ClickHouse gateway, process {pid}.") from None
    handle.truncate(0)
    handle.write(str(os.getpid()))
    handle.flush()
    return handle
