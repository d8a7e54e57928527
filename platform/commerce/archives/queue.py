"""What was asked for and is made by workers: archives of any kind, pictures; a table each, with the same columns.

A worker holds what it makes by a lease that it prolongs while it writes. When it dies another begins anew, in a file of
its own: of two that write, because one was only thought dead, the one with the latest attempt has the word.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar
from uuid import UUID

import structlog
from sqlalchemy import text

from foundation import clock
from foundation.database import Database, DatabaseUnavailable, HotStatement, Tx, hot

log = structlog.get_logger(__name__)
KEPT = timedelta(days=7)
LEASE = timedelta(minutes=2)
ATTEMPTS = 3
PROLONGED_EVERY = 2.0
"""Seconds between two words of a worker that it still writes."""
T = TypeVar("T")


class TakenOver(Exception):
    """Another worker makes this now, or nobody may any more."""


@dataclass(frozen=True, slots=True)
class Turn:
    """One try at a row."""

    id: UUID
    attempt: int


class Leases:
    """What workers make of the rows of a table, each in its turn; those made too often in vain have failed.

    The table has `status` (`waiting`, `running`, `failed`, and what it is when it is made), `attempt`, `leased_until`.
    """

    def __init__(
        self,
        table: str,
        *,
        also: Sequence[str] = (),
        again: timedelta = timedelta(0),
        failing: str = "",
        holdable: str = "true",
        attempts: int = ATTEMPTS,
    ) -> None:
        """`also`: columns that whoever claims is given; `again`: after how long what could not be made is tried again;
        `failing`: what else is set of what has failed, by `:now` and `:expires_at`; `holdable`: which rows may be held
        longer; `attempts`: how often one is tried.
        """
        self.mine = (
            "tenant_id = :tenant_id AND id = :id AND attempt = CAST(:attempt AS bigint) AND status = 'running'"
            f" AND {holdable}"
        )
        found = ", ".join(f"e.{name}" for name in ("id", "attempt", *also))
        self._again, self._attempts = again, attempts
        self._claim = _of(
            f"""
            WITH due AS MATERIALIZED (
                SELECT id FROM {table}
                WHERE tenant_id = :tenant_id AND attempt < CAST(:attempts AS bigint)
                  AND (status = 'waiting' OR (status = 'running' AND leased_until <= CAST(:now AS timestamptz)))
                ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED)
            UPDATE {table} e
            SET status = 'running', attempt = attempt + 1, leased_until = CAST(:until AS timestamptz)
            FROM due WHERE e.tenant_id = :tenant_id AND e.id = due.id RETURNING {found}
            """  # noqa: S608  (literals of the contexts that have such tables)
        )
        self._give_up = _of(
            f"""
            UPDATE {table} SET status = 'failed'{failing}
            WHERE tenant_id = :tenant_id AND status = 'running' AND attempt >= CAST(:attempts AS bigint)
              AND leased_until <= CAST(:now AS timestamptz)
            """  # noqa: S608
        )
        self._prolong = _of(
            f"UPDATE {table} SET leased_until = CAST(:until AS timestamptz) WHERE {self.mine} RETURNING id"  # noqa: S608
        )
        self._free = _of(f"UPDATE {table} SET leased_until = CAST(:until AS timestamptz) WHERE {self.mine}")  # noqa: S608

    async def claim(self, tx: Tx) -> Any:
        """The row of what is to be made, now held by whoever asks; one that has failed too often is given up."""
        now = clock.now()
        await tx.rows(self._give_up, {"attempts": self._attempts, "now": now, "expires_at": now + KEPT})
        return await tx.one(self._claim, {"attempts": self._attempts, "now": now, "until": now + LEASE})

    async def prolong(self, tx: Tx, turn: Turn) -> None:
        """Hold it longer.

        Raises:
            TakenOver.
        """
        values = {"id": turn.id, "attempt": turn.attempt, "until": clock.now() + LEASE}
        if await tx.one(self._prolong, values) is None:
            raise TakenOver

    async def let_go(self, tx: Tx, turn: Turn) -> None:
        """It could not be made this time."""
        await tx.rows(self._free, {"id": turn.id, "attempt": turn.attempt, "until": clock.now() + self._again})


class Queue(Leases):
    """The archives in a table, each kept for some days when it is made."""

    def __init__(self, table: str, *, also: Sequence[str] = (), again: timedelta = timedelta(0)) -> None:
        super().__init__(
            table,
            also=also,
            again=again,
            failing=", finished_at = CAST(:now AS timestamptz), expires_at = CAST(:expires_at AS timestamptz)",
            holdable="expires_at IS NULL",
        )
        self._ready = _of(
            f"""
            UPDATE {table} SET status = 'ready', size = CAST(:size AS bigint), sha256 = :sha256,
                   finished_at = CAST(:now AS timestamptz), expires_at = CAST(:expires_at AS timestamptz)
            WHERE {self.mine} RETURNING id
            """  # noqa: S608
        )
        self._expire = _of(
            f"DELETE FROM {table} WHERE tenant_id = :tenant_id AND expires_at <= CAST(:now AS timestamptz)"  # noqa: S608
            " RETURNING id, attempt"
        )

    async def ready(self, tx: Tx, turn: Turn, *, size: int, sha256: str) -> bool:
        """It is made; `False`: another has taken it meanwhile, or nobody may have it any more."""
        now = clock.now()
        values = {"id": turn.id, "attempt": turn.attempt, "size": size, "sha256": sha256}
        return await tx.one(self._ready, {**values, "now": now, "expires_at": now + KEPT}) is not None

    async def expire(self, tx: Tx) -> list[Turn]:
        """Forget those whose time is over; gives the last try at each, whose files are to be deleted."""
        return [Turn(row["id"], row["attempt"]) for row in await tx.rows(self._expire, {"now": clock.now()})]


async def as_holder(tx: Tx, statement: HotStatement, turn: Turn, **values: object) -> None:
    """Write to a row whose turn is this: `statement` names the row, and gives it back if nobody else has it by now.

    Raises:
        TakenOver.
    """
    if await tx.one(statement, {"id": turn.id, "attempt": turn.attempt, **values}) is None:
        raise TakenOver


async def next_turn(
    queue: Leases,
    database: Database,
    tenant_id: UUID,
    interrupted: str,
    work: Callable[[Turn, Any], Coroutine[Any, Any, None]],
) -> bool:
    """Have the next row of a tenant worked at, held meanwhile; whether there was one.

    Where storage or Postgres fails it is let go of for another try; `interrupted` is what the log has of that.
    """
    async with database.tx(tenant_id) as tx:
        claimed = await queue.claim(tx)
    if claimed is None:
        return False
    turn = Turn(claimed["id"], claimed["attempt"])

    async def prolong() -> None:
        async with database.tx(tenant_id) as tx:
            await queue.prolong(tx, turn)

    try:
        await while_held(work(turn, claimed), prolong)
    except TakenOver:
        pass
    except (OSError, DatabaseUnavailable) as fault:
        log.warning(interrupted, tenant_id=str(tenant_id), attempt=turn.attempt, error=str(fault))
        async with database.tx(tenant_id) as tx:
            await queue.let_go(tx, turn)
    return True


async def while_held(writing: Coroutine[Any, Any, T], prolong: Callable[[], Awaitable[None]]) -> T:
    """What `writing` gives; meanwhile the archive is held, again and again. It is stopped where it can't be.

    Raises:
        TakenOver: by `prolong`.
    """
    task = asyncio.create_task(writing)
    try:
        while not (await asyncio.wait({task}, timeout=PROLONGED_EVERY))[0]:
            await prolong()
        return await task
    finally:
        task.cancel()
        await asyncio.wait({task})


def _of(statement: str) -> HotStatement:
    return hot(text(statement))
