"""`tradewind status`: the health of each part, how far the events are behind, and how many rows there are."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import httpx
import psycopg
import redis
from rich.console import Console
from rich.table import Table

from tradewind.engines.valkey import ONCE
from tradewind.processes import is_alive
from tradewind.stack.lock import is_running
from tradewind.stack.site import given_variables, read_variables
from tradewind.stack.state import Phase, ServiceState, StackState

TIMEOUT = 3.0

EVENT_LAG = """
WITH reader AS (
    SELECT consumer, xid, seq FROM outbox_cursor
    UNION ALL
    SELECT 'nobody yet', '0'::xid8, 0 WHERE NOT EXISTS (SELECT FROM outbox_cursor)
)
SELECT r.consumer, count(o.seq), coalesce(extract(epoch FROM now() - min(o.recorded_at)), 0)
FROM reader r LEFT JOIN outbox o ON (o.xid, o.seq) > (r.xid, r.seq)
GROUP BY r.consumer ORDER BY r.consumer
"""
TABLE_ROWS = """
SELECT s.relname, greatest(s.n_live_tup, c.reltuples::bigint) AS live
FROM pg_stat_user_tables s JOIN pg_class c ON c.oid = s.relid
WHERE greatest(s.n_live_tup, c.reltuples) > 0 ORDER BY live DESC, s.relname
"""
CLICKHOUSE_ROWS = """
SELECT name, total_rows FROM system.tables
WHERE database = currentDatabase() AND total_rows > 0 ORDER BY total_rows DESC, name FORMAT JSONCompact
"""


@dataclass(frozen=True, slots=True)
class Part:
    """One part of the platform, as it answered just now."""

    name: str
    healthy: bool
    detail: str
    """Its address and process, or what is wrong with it."""
    crashes: int = 0


@dataclass(frozen=True, slots=True)
class Lag:
    """How far a reader of the event stream is behind."""

    consumer: str
    rows: int
    seconds: float
    """The age of the oldest event it has not delivered."""


@dataclass(slots=True)
class Status:
    """The platform, seen from outside."""

    phase: str
    parts: list[Part] = field(default_factory=list)
    lag: list[Lag] = field(default_factory=list)
    rows: dict[str, dict[str, int]] = field(default_factory=dict)
    """By engine and table; Postgres's are its own running estimates."""
    addresses: dict[str, str] = field(default_factory=dict)

    @property
    def is_healthy(self) -> bool:
        """Whether it runs, or runs elsewhere, and every part answered."""
        return bool(self.parts) and all(part.healthy for part in self.parts)


def look(var: Path) -> Status:
    """Ask every part of the stack in `var`, and every engine named in the environment, how it is."""
    running = is_running(var)
    state = StackState.read(var)
    variables = {**read_variables(var), **given_variables(var)}
    status = Status(phase=state.phase if running else Phase.STOPPED, addresses=state.addresses if running else {})
    engines = {name: ask for name, ask in _engine_checks(variables).items() if running or name in _outside(variables)}
    for name, check in engines.items():
        status.parts.append(_engine(name, check, state.services.get(name)))
    if running:
        status.parts += [_process(name, one) for name, one in state.services.items() if name not in engines]
    healthy = {part.name for part in status.parts if part.healthy}
    if "postgres" in healthy:
        _read_postgres(status, variables)
    for name, roles in _apart(variables).items():
        if f"postgres {name}" in healthy:
            status.lag += [replace(lag, consumer=f"{lag.consumer} ({name})") for lag in _lags(roles["relay_url"])]
    if "clickhouse" in healthy:
        _read_clickhouse(status, variables["TRADEWIND_CLICKHOUSE_URL"])
    if "qdrant" in healthy:
        _read_qdrant(status, variables)
    return status


def print_json(status: Status) -> None:
    """For a program: one JSON object."""
    Console().print_json(json.dumps({**asdict(status), "healthy": status.is_healthy}))


def print_tables(status: Status) -> None:
    """For a person: a table of parts, one of lag, one of rows."""
    console = Console()
    if not status.parts:
        console.print("Nothing runs here. `tradewind up` starts the local stack, `make demo` fills it too.")
        return
    parts = Table("part", "health", "where", "crashes", title=f"Tradewind is {status.phase}")
    for part in status.parts:
        health = "[green]healthy[/]" if part.healthy else "[red]down[/]"
        parts.add_row(part.name, health, part.detail, str(part.crashes or ""))
    console.print(parts)
    if status.lag:
        lag = Table("consumer", "rows behind", "seconds behind", title="Event stream")
        for one in status.lag:
            lag.add_row(one.consumer, f"{one.rows:,}", f"{one.seconds:.1f}")
        console.print(lag)
    if status.rows:
        rows = Table("engine", "table", "rows", title="Rows")
        for engine, tables in status.rows.items():
            for table, count in tables.items():
                rows.add_row(engine, table, f"{count:,}")
        console.print(rows)


def _outside(variables: Mapping[str, str]) -> set[str]:
    """The engines that have an address at all."""
    return set(_engine_checks(variables))


def _engine_checks(variables: Mapping[str, str]) -> dict[str, Callable[[], None]]:
    """How to ask each engine that has an address; the question raises when the answer is bad."""
    questions: dict[str, tuple[str, Callable[[str], None]]] = {
        "postgres": ("TRADEWIND_DATABASE_URL", _ask_postgres),
        "valkey": ("TRADEWIND_REDIS_URL", _ask_redis),
        "clickhouse": ("TRADEWIND_CLICKHOUSE_URL", _ask_clickhouse),
        "qdrant": ("TRADEWIND_QDRANT_URL", lambda url: _ask_qdrant(url, variables)),
    }
    engines: dict[str, Callable[[], None]] = {
        name: (lambda ask=ask, url=variables[variable]: ask(url))  # type: ignore[misc]
        for name, (variable, ask) in questions.items()
        if variable in variables
    }
    return engines | {
        f"postgres {name}": partial(_ask_postgres, roles["url"]) for name, roles in _apart(variables).items()
    }


def _apart(variables: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """The databases that tenants have of their own, by name and role."""
    found: dict[str, dict[str, str]] = json.loads(variables.get("TRADEWIND_DATABASES") or "{}")
    return found


def _ask_postgres(url: str) -> None:
    with psycopg.connect(url, connect_timeout=int(TIMEOUT)) as connection:
        connection.execute("SELECT 1")


def _ask_redis(url: str) -> None:
    with redis.Redis.from_url(url, socket_timeout=TIMEOUT, socket_connect_timeout=TIMEOUT, retry=ONCE) as client:
        client.ping()


def _ask_clickhouse(url: str) -> None:
    _query_clickhouse(url, "SELECT 1")


def _ask_qdrant(url: str, variables: Mapping[str, str]) -> None:
    _get_qdrant(url, "/collections", variables)


def _engine(name: str, check: Callable[[], None], state: ServiceState | None) -> Part:
    crashes = state.crashes if state else 0
    try:
        check()
    except (psycopg.Error, redis.RedisError, httpx.HTTPError) as error:
        return Part(name, healthy=False, detail=str(error).splitlines()[0], crashes=crashes)
    where = f"{state.address} (process {state.pid})" if state else "a server elsewhere"
    return Part(name, healthy=True, detail=where, crashes=crashes)


def _process(name: str, state: ServiceState) -> Part:
    """A process without a protocol we speak: its supervisor's word, and an answer on its port."""
    if state.pid is None:
        return Part(name, healthy=state.state == "ready", detail=state.state, crashes=state.crashes)
    detail = f"{state.address or 'a worker'} (process {state.pid})"
    healthy = state.state == "ready" and is_alive(state.pid)
    if healthy and state.address:
        try:
            _knock(state.address)
        except (httpx.HTTPError, OSError) as error:
            return Part(name, healthy=False, detail=f"{detail}: {error}", crashes=state.crashes)
    return Part(name, healthy, detail if healthy else f"{detail}: {state.state}", state.crashes)


def _knock(address: str) -> None:
    """See that somebody answers; what doesn't speak HTTP need only take the connection."""
    parts = urlsplit(address)
    if parts.scheme == "http":
        httpx.get(address, timeout=TIMEOUT)
    else:
        socket.create_connection((parts.hostname or "", parts.port or 0), timeout=TIMEOUT).close()


def _read_postgres(status: Status, variables: Mapping[str, str]) -> None:
    url = variables.get("TRADEWIND_DATABASE_RELAY_URL")
    if url is None:
        return
    with psycopg.connect(url, connect_timeout=int(TIMEOUT)) as connection:
        status.rows["postgres"] = dict(connection.execute(TABLE_ROWS).fetchall())
    status.lag = _lags(url)


def _lags(url: str) -> list[Lag]:
    """How far the consumers of a database's outbox are behind; nothing where nothing was migrated yet."""
    with psycopg.connect(url, connect_timeout=int(TIMEOUT)) as connection:
        try:
            found = connection.execute(EVENT_LAG).fetchall()
        except psycopg.errors.UndefinedTable:
            return []
    return [Lag(consumer, rows, float(seconds)) for consumer, rows, seconds in found]


def _read_clickhouse(status: Status, url: str) -> None:
    rows = _query_clickhouse(url, CLICKHOUSE_ROWS).json()["data"]
    status.rows["clickhouse"] = {name: int(count) for name, count in rows}


def _read_qdrant(status: Status, variables: Mapping[str, str]) -> None:
    url = variables["TRADEWIND_QDRANT_URL"]
    names = [one["name"] for one in _get_qdrant(url, "/collections", variables).json()["result"]["collections"]]
    details = {name: _get_qdrant(url, f"/collections/{name}", variables).json()["result"] for name in names}
    status.rows["qdrant"] = {name: int(one["points_count"] or 0) for name, one in details.items()}


def _query_clickhouse(url: str, query: str) -> httpx.Response:
    parts = urlsplit(url)
    server = urlunsplit((parts.scheme, parts.netloc, "/", "", ""))
    database = {"database": parts.path.strip("/") or "default"}
    return httpx.post(server, params=database, content=query, timeout=TIMEOUT).raise_for_status()


def _get_qdrant(url: str, path: str, variables: Mapping[str, str]) -> httpx.Response:
    key = variables.get("TRADEWIND_QDRANT_API_KEY")
    headers = {"api-key": key} if key else {}
    return httpx.get(f"{url.rstrip('/')}{path}", headers=headers, timeout=TIMEOUT).raise_for_status()
