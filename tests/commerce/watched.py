"""A database that a test looks into: something happens before or after each hot statement."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any
from uuid import UUID

from foundation.database import Database, Tx


class _Connection:
    def __init__(self, connection: Any, watched: Watched) -> None:
        self._connection, self._watched = connection, watched

    async def fetch(self, *asked: Any) -> Any:
        await self._watched.before()
        rows = await self._connection.fetch(*asked)
        await self._watched.after()
        return rows


class Watched(Database):
    """Override `before` and `after`."""

    def __init__(self, url: str) -> None:
        super().__init__(url, pool_size=2)

    async def before(self) -> None:
        """A hot statement is about to be sent."""

    async def after(self) -> None:
        """A hot statement was answered."""

    @asynccontextmanager
    async def tx(self, tenant_id: UUID, *, read_only: bool = False) -> AsyncIterator[Tx]:
        async with super().tx(tenant_id, read_only=read_only) as tx:
            yield replace(tx, connection=_Connection(tx.connection, self))  # type: ignore[arg-type]
