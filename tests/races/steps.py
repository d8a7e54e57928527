"""What one step of a hand does to the database, and when two steps can't be told apart by their order.

Under READ COMMITTED two transactions act on each other in two ways only: a statement waits for what the other has
locked, and a statement that begins after the other's commit sees what it changed. So:

- two statements depend on each other only when one was seen to wait for the other (rows, as Postgres itself knows
  them) or when they skip what is locked, and then by table;
- a statement and the other's commit depend on each other when it reads, locks or changes a table that was changed
  there, or could have waited for it. A table into which it only inserts counts when a unique index other than that of
  its id may meet the other's row; ids are new by construction;
- two commits never do, and a commit of what was only read never does.

The tables of a statement are those that Postgres locks when it parses it, policies of row-level security included,
and those that foreign keys tie to what it changes. No function that a statement calls and no trigger that it fires
reads another table (`ledger_balanced` reads the postings of its own transaction), and rows that others refer to are not
deleted.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

import asyncpg

_LOCKS = """
SELECT c.relname AS name, l.mode FROM pg_locks l JOIN pg_class c ON c.oid = l.relation
WHERE l.pid = pg_backend_pid() AND l.locktype = 'relation' AND c.relkind IN ('r', 'p')
  AND c.relnamespace = 'public'::regnamespace
"""
_UNIQUE = """
SELECT DISTINCT c.relname AS name FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid
WHERE i.indisunique AND c.relnamespace = 'public'::regnamespace AND NOT EXISTS (
    SELECT FROM pg_attribute a WHERE a.attrelid = i.indrelid AND a.attnum = ANY(i.indkey) AND a.attname = 'id')
"""
_REFERENCES = """
SELECT c.relname AS name, r.relname AS referred FROM pg_constraint f
JOIN pg_class c ON c.oid = f.conrelid JOIN pg_class r ON r.oid = f.confrelid WHERE f.contype = 'f'
"""
_INTO = re.compile(r"\bINSERT INTO (\w+)", re.IGNORECASE)
_UPDATE = re.compile(r"\b(?:UPDATE|DELETE FROM) (\w+)", re.IGNORECASE)
_ADVISORY = "pg_advisory_xact_lock"
Names = frozenset[str]


@dataclass(frozen=True, slots=True)
class Step:
    """One step: a statement, the end of a transaction, or a call of the provider."""

    what: str
    sees: Names = frozenset()
    """What it depends on that another's commit may have changed."""
    changes: Names = frozenset()
    """What it changes; at the end of a transaction, all that was changed in it."""
    locks: Names = frozenset()
    """Where it may wait for others, and makes them wait; at the end of a transaction, all that it held."""
    shares: Names = frozenset()
    """What foreign keys keep from going away meanwhile: those who do that do not wait for each other."""
    skips: bool = False
    """It passes over what is locked."""
    ends: bool = False
    outside: bool = False
    """A provider call: what it changes is there at once."""

    def depends_on(self, other: Step) -> bool:
        """Whether the order of these two, of different hands, can matter; waiting apart, which has to be seen."""
        if self.outside or other.outside:
            return self.outside and other.outside and bool(self.changes & other.changes)
        if self.ends and other.ends:
            return False
        if self.ends:
            return other.depends_on(self)
        if other.ends:
            return bool(other.changes & self.sees) or self.may_wait_for(other)
        return (self.skips or other.skips) and self.may_wait_for(other)

    def may_wait_for(self, other: Step) -> bool:
        """Whether this can meet a lock of that one."""
        return bool(self.locks & (other.locks | other.shares) or self.shares & other.locks)


class Statements:
    """What each statement of the code touches, asked of Postgres once."""

    def __init__(self, observer: asyncpg.Pool) -> None:
        self._observer = observer
        self._known: dict[str, Step] = {}
        self._unique: Names = frozenset()
        self._tied: dict[str, set[str]] = {}
        """Table -> the tables whose rows Postgres locks, or waits for, when it checks foreign keys."""

    async def step(self, sql: str) -> Step:
        """The step that sends this statement."""
        if sql not in self._known:
            self._known[sql] = await self._read(sql)
        return self._known[sql]

    async def _read(self, sql: str) -> Step:
        async with self._observer.acquire() as connection:
            if not self._tied:
                self._unique = frozenset(row["name"] for row in await connection.fetch(_UNIQUE))
                for row in await connection.fetch(_REFERENCES):
                    self._tied.setdefault(row["name"], set()).add(row["referred"])
            transaction = connection.transaction()
            await transaction.start()
            try:
                await connection.prepare(sql)
                modes = [(row["name"], row["mode"]) for row in await connection.fetch(_LOCKS)]
            finally:
                await transaction.rollback()
        changed = frozenset(name for name, mode in modes if mode == "RowExclusiveLock")
        locked = frozenset(name for name, mode in modes if mode == "RowShareLock")
        read = frozenset(name for name, mode in modes if mode == "AccessShareLock")
        inserted = frozenset() if "ON CONFLICT" in sql else frozenset(_INTO.findall(sql))
        updated = frozenset(_UPDATE.findall(sql))
        ids_are_new = inserted - updated - read - locked - self._unique
        step = Step(
            " ".join(sql.split()),
            sees=(read | locked | changed) - ids_are_new,
            changes=changed,
            locks=(changed | locked) - ids_are_new,
            shares=frozenset(other for name in changed for other in self._tied.get(name, ())),
            skips="SKIP LOCKED" in sql,
        )
        return replace(step, locks=step.locks | {_ADVISORY}) if _ADVISORY in sql else step
