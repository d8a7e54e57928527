"""Connections to the engine: one a request, or one kept for the requests of a session."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import orjson

from tradewind.engines.clickhouse.errors import QueryFailed
from tradewind.engines.clickhouse.request import SessionRequest

_PATIENCE = 3.0
"""Seconds a request waits for its session: the one before it may have hung up a moment ago."""


def quoted(text: str) -> str:
    """A string literal of that text."""
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def identifier(text: str) -> str:
    """A quoted identifier of that text."""
    escaped = text.replace("\\", "\\\\").replace("`", "\\`")
    return f"`{escaped}`"


@dataclass
class _Session:
    connection: Any
    lock: threading.Lock = field(default_factory=threading.Lock)
    expires: float = 0.0


class Sessions:
    """Every session there is. Safe to use from any thread."""

    def __init__(self, connect: Callable[[], Any], clock: Callable[[], float] = time.monotonic) -> None:
        self._connect = connect
        self._clock = clock
        self._sessions: dict[str, _Session] = {}
        self._lock = threading.Lock()

    @contextmanager
    def connection(self, wish: SessionRequest | None) -> Iterator[Any]:
        """A connection to use alone: the session's, or a new one that is closed afterwards.

        Raises:
            QueryFailed: when the session is in use, or must exist and doesn't.
        """
        self._close_if(lambda session: session.expires < self._clock())
        if wish is None:
            connection = self._connect()
            try:
                yield connection
            finally:
                connection.close()
            return
        session = self._claim(wish)
        try:
            yield session.connection
        finally:
            session.expires = self._clock() + wish.timeout
            session.lock.release()

    def close(self) -> None:
        """Close every session that is not in use."""
        self._close_if(lambda _: True)

    def _claim(self, wish: SessionRequest) -> _Session:
        while True:
            with self._lock:
                session = self._sessions.get(wish.id)
                if session is None:
                    return self._begin(wish)
            if not session.lock.acquire(timeout=_PATIENCE):
                raise QueryFailed(373, "SESSION_IS_LOCKED", f"Session {wish.id} is locked by a concurrent client")
            if self._sessions.get(wish.id) is session:
                return session
            # It ended while we waited.
            session.lock.release()

    def _begin(self, wish: SessionRequest) -> _Session:
        if wish.must_exist:
            raise QueryFailed(372, "SESSION_NOT_FOUND", f"Session {wish.id} not found")
        session = self._sessions[wish.id] = _Session(self._connect())
        session.lock.acquire()
        return session

    def _close_if(self, is_over: Callable[[_Session], bool]) -> None:
        with self._lock:
            for name, session in list(self._sessions.items()):
                if session.lock.acquire(blocking=False):
                    if is_over(session):
                        del self._sessions[name]
                        session.connection.close()
                    session.lock.release()


def apply(connection: Any, settings: Mapping[str, str], database: str | None) -> None:
    """Set what a request asks for."""
    if settings:
        values = ", ".join(f"{identifier(name)} = {quoted(value)}" for name, value in settings.items())
        connection.query(f"SET {values}")
    if database:
        connection.query(f"USE {identifier(database)}")


@contextmanager
def for_one_request(connection: Any, settings: Mapping[str, str], database: str | None) -> Iterator[None]:
    """Apply a request's settings and database to a session's connection, and put back what was there."""
    before = _values(connection, settings)
    home = _rows(connection, "SELECT currentDatabase()")[0][0] if database else None
    moves = database != home
    try:
        apply(connection, settings, database if moves else None)
        yield
    finally:
        # A database dropped meanwhile must not hide the request's own outcome.
        with suppress(RuntimeError):
            if before:
                values = ", ".join(f"{identifier(name)} = {value}" for name, value in before.items())
                connection.query(f"SET {values}")
        with suppress(RuntimeError):
            if home is not None and moves:
                connection.query(f"USE {identifier(home)}")


def _values(connection: Any, settings: Mapping[str, str]) -> dict[str, str]:
    if not settings:
        return {}
    names = ", ".join(map(quoted, settings))
    rows = _rows(connection, f"SELECT name, value, changed FROM system.settings WHERE name IN ({names})")  # noqa: S608
    return {name: quoted(value) if changed else "DEFAULT" for name, value, changed in rows}


def _rows(connection: Any, query: str) -> list[list[Any]]:
    return [orjson.loads(line) for line in connection.query(query, "JSONCompactEachRow").bytes().splitlines()]
