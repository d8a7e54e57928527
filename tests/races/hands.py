"""Two hands that step only when they are told to, and whom Postgres may make wait for one another."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from contextvars import ContextVar
from dataclasses import replace
from typing import Any
from uuid import UUID

import asyncpg

from commerce.payments.providers import ActionRequired, Authorised, Captured, Charge, Refunded, Refused, Reimbursement
from foundation.database import Database, Tx
from tests.commerce.desk import Bank
from tests.races.steps import Statements, Step

GLANCE = 0.003
"""Seconds after which Postgres is asked whether a statement waits; what is waited for is seen, never guessed."""
PATIENCE = 20.0
_hand: ContextVar[Hand | None] = ContextVar("hand", default=None)


class Stuck(RuntimeError):
    """A hand neither steps, waits for the other nor ends."""


class Hand:
    """A task that stops before each of its steps until it is told to take it."""

    def __init__(self, number: int, statements: Statements) -> None:
        self.number = number
        self.statements = statements
        self.next: Step | None = None
        """The step it is about to take; none while it waits for the other, and when it has ended."""
        self.moved = asyncio.Event()
        self.pid: int | None = None
        self._told: asyncio.Future[None] | None = None
        self._task: asyncio.Task[str] | None = None
        self._leaving = False

    def start(self, do: Callable[[], Awaitable[str]]) -> None:
        """Begin, up to the first step."""

        async def work() -> str:
            _hand.set(self)
            return await do()

        self._task = asyncio.create_task(work())
        self._task.add_done_callback(lambda _: self.moved.set())

    @property
    def ended(self) -> bool:
        """Whether there is nothing left to do."""
        return self._task is not None and self._task.done()

    @property
    def answer(self) -> str:
        """What became of it."""
        assert self._task is not None
        return self._task.result()

    def go(self) -> None:
        """Take the next step."""
        assert self._told is not None
        self.next = None
        self.moved.clear()
        self._told.set_result(None)

    async def before(self, step: Step) -> None:
        """Wait to be told."""
        if self._leaving:
            raise asyncio.CancelledError
        self.next, self._told = step, asyncio.get_running_loop().create_future()
        self.moved.set()
        await self._told

    async def leave(self) -> None:
        """Give up, wherever it is; what it has begun is rolled back."""
        self._leaving = True
        if self._told is not None:
            self._told.cancel()
        if self._task is not None and not self._task.done():
            self._task.cancel()
            await asyncio.wait({self._task})


class _Connection:
    """A connection whose statements are steps."""

    def __init__(self, connection: Any, hand: Hand) -> None:
        self._connection, self._hand = connection, hand
        self._steps: set[Step] = set()

    async def fetch(self, sql: str, *values: Any) -> Any:
        step = await self._hand.statements.step(sql)
        await self._hand.before(step)
        self._steps.add(step)
        return await self._connection.fetch(sql, *values)

    def end(self, what: str) -> Step:
        """The step that ends the transaction."""
        changes, locks, shares = (
            frozenset[str]().union(*(getattr(step, field) for step in self._steps))
            for field in ("changes", "locks", "shares")
        )
        return Step(what, changes=changes, locks=locks, shares=shares, ends=True)


class Stepped(Database):
    """A database on which a hand steps statement by statement; whoever is no hand goes through."""

    @asynccontextmanager
    async def tx(self, tenant_id: UUID, *, read_only: bool = False) -> AsyncIterator[Tx]:
        hand = _hand.get()
        async with super().tx(tenant_id, read_only=read_only) as tx:
            if hand is None:
                yield tx
                return
            hand.pid = tx.connection.get_server_pid()
            connection = _Connection(tx.connection, hand)
            try:
                yield replace(tx, connection=connection)  # type: ignore[arg-type]
            except BaseException:
                await hand.before(replace(connection.end("ROLLBACK"), changes=frozenset()))
                raise
            await hand.before(connection.end("COMMIT"))


class SteppedBank(Bank):
    """A bank each of whose calls is a step."""

    async def authorise(self, charge: Charge) -> Authorised | ActionRequired | Refused:
        await _call("authorise", charge.payment_id)
        return await super().authorise(charge)

    async def resume(self, charge: Charge) -> Authorised | ActionRequired | Refused:
        await _call("resume", charge.payment_id)
        return await super().resume(charge)

    async def capture(self, charge: Charge) -> Captured | Refused:
        await _call("capture", charge.payment_id)
        return await super().capture(charge)

    async def void(self, charge: Charge) -> None:
        await _call("void", charge.payment_id)
        return await super().void(charge)

    async def refund(self, refund: Reimbursement) -> Refunded | Refused:
        await _call("refund", refund.refund_id)
        return await super().refund(refund)


async def _call(what: str, about: UUID) -> None:
    hand = _hand.get()
    if hand is not None:
        hand.pid = None
        await hand.before(Step(what, changes=frozenset({str(about)}), outside=True))


class Watch:
    """Sees who waits for whom."""

    def __init__(self, observer: asyncpg.Pool) -> None:
        self._observer = observer

    async def settled(self, hand: Hand, other: Hand) -> bool:
        """Whether a hand that was told to go has come to its next step or its end; otherwise it waits for the other.

        Raises:
            Stuck: it does none of these.
        """
        deadline = asyncio.get_running_loop().time() + PATIENCE
        while asyncio.get_running_loop().time() < deadline:
            try:
                async with asyncio.timeout(GLANCE):
                    await hand.moved.wait()
            except TimeoutError:
                if hand.pid is not None and await self._waits(hand.pid, other):
                    return False
            else:
                return True
        raise Stuck

    async def _waits(self, pid: int, other: Hand) -> bool:
        blocking: list[int] = await self._observer.fetchval("SELECT pg_blocking_pids($1)", pid)
        return other.pid in blocking
