"""What the commands share: a database, a shop by its name, faults told in a sentence."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TypeVar

import commerce.letters
import commerce.tables  # noqa: F401  (messages that contexts declare; tables that refer to those of others)
from commerce.lifecycle import operating
from commerce.lifecycle.operating import TenantNotFound
from commerce.lifecycle.schemas import TenantOut
from foundation import telemetry
from foundation.database import Database
from foundation.errors import Problem
from foundation.settings import EngineNotConfigured, Settings
from tradewind.errors import StackError

Result = TypeVar("Result")
OPERATOR = operating.ACTOR
"""The principal in the audit log of whoever runs a command."""


class NotDone(StackError):
    """It can't be done."""


@asynccontextmanager
async def connected(settings: Settings) -> AsyncIterator[Database]:
    """The platform's database as the app's role."""
    database = Database.of(settings, pool_size=2)
    try:
        yield database
    finally:
        await database.close()


def with_database(work: Callable[[Database, Settings], Awaitable[Result]]) -> Result:
    """Do some work with a database.

    Raises:
        NotDone: a service refuses, or an engine has no address.
    """

    async def whole() -> Result:
        settings = Settings()
        async with connected(settings) as database:
            return await work(database, settings)

    return told(whole)


def told(work: Callable[[], Awaitable[Result]]) -> Result:
    """Do some work, and tell what is in its way in a sentence.

    Raises:
        NotDone.
    """

    async def whole() -> Result:
        return await work()

    try:
        with telemetry.aside():
            return asyncio.run(whole())
    except Problem as fault:
        members = "".join(f", {name}: {value}" for name, value in fault.members().items())
        raise NotDone(f"{fault.title()} ({fault.code}{members})") from fault
    except (EngineNotConfigured, OSError) as fault:
        raise NotDone(str(fault)) from fault


async def shop(database: Database, slug: str) -> TenantOut:
    """A shop in any state, as its own database has it.

    Raises:
        NotDone: there is none; it says which there are.
    """
    async with database.transaction(None) as session:
        try:
            found = await operating.tenant(session, slug)
        except TenantNotFound as fault:
            there = [one.slug for one in await operating.tenants(session)]
            raise NotDone(f"There is no shop {slug!r}; there are: {', '.join(there) or 'none'}.") from fault
    async with database.transaction(found.id) as session:
        return await operating.tenant(session, slug)
