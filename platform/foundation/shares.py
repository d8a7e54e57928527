"""Fair shares of a worker: how many requests it works on at once, and whose turn is next.

A worker has few connections to the database, and one tenant's slow requests could hold all of them. Here a request is
worked on when one of the worker's places is free. A tenant never has all of them, so another's request seldom waits;
when requests wait, tenants take turns however many of theirs there are (round robin, as in Nagle's fair queueing,
RFC 970). A tenant's queue is bounded in length and in time.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict, deque
from dataclasses import dataclass, field
from uuid import UUID

from foundation.errors import TooMany


class TooManyAtOnce(TooMany):
    """This shop is asked more at once than it may be; wait a moment."""

    code = "limits.too_many_at_once"


@dataclass(slots=True)
class _Tenant:
    busy: int = 0
    waiting: deque[asyncio.Future[None]] = field(default_factory=deque)


@dataclass(slots=True)
class Shares:
    """The places of a worker.

    Raises:
        ValueError: a tenant would have no place.
    """

    places: int
    """Requests that are worked on at once."""
    each: int
    """Of one tenant at most."""
    queue: int
    """Requests of a tenant that may wait."""
    patience: float
    """Seconds that one waits at most."""
    _busy: int = 0
    _tenants: OrderedDict[UUID, _Tenant] = field(default_factory=OrderedDict)
    """Those with something to do, the one whose turn is next first."""

    def __post_init__(self) -> None:
        if not 0 < self.each <= self.places:
            raise ValueError("A tenant has a place at least, and no more than there are.")

    async def enter(self, tenant_id: UUID) -> None:
        """Have a place, now or as soon as it is the tenant's turn; `leave` gives it back.

        Raises:
            TooManyAtOnce: too many of the tenant wait already, or this one has waited too long.
        """
        tenant = self._tenants.setdefault(tenant_id, _Tenant())
        if self._busy < self.places and tenant.busy < self.each and not tenant.waiting:
            tenant.busy += 1
            self._busy += 1
            return
        if len(tenant.waiting) >= self.queue:
            raise TooManyAtOnce(retry_after=1)
        turn = asyncio.get_running_loop().create_future()
        tenant.waiting.append(turn)
        try:
            async with asyncio.timeout(self.patience):
                await turn
        except BaseException as stopped:
            self._give_up(tenant_id, tenant, turn)
            if isinstance(stopped, TimeoutError):
                raise TooManyAtOnce(retry_after=1) from stopped
            raise

    def _give_up(self, tenant_id: UUID, tenant: _Tenant, turn: asyncio.Future[None]) -> None:
        if turn.done() and not turn.cancelled():  # the place came in the same moment
            self.leave(tenant_id)
            return
        if turn in tenant.waiting:
            tenant.waiting.remove(turn)
        self._drop(tenant_id, tenant)

    def leave(self, tenant_id: UUID) -> None:
        """Give the place back: whoever's turn it is has it now."""
        tenant = self._tenants[tenant_id]
        tenant.busy -= 1
        self._busy -= 1
        self._drop(tenant_id, tenant)
        self._call_next()

    def _call_next(self) -> None:
        for tenant_id, tenant in self._tenants.items():
            while tenant.waiting and tenant.waiting[0].cancelled():  # gone, and hasn't said so yet
                tenant.waiting.popleft()
            if tenant.waiting and tenant.busy < self.each:
                turn = tenant.waiting.popleft()
                tenant.busy += 1
                self._busy += 1
                self._tenants.move_to_end(tenant_id)
                turn.set_result(None)
                return

    def _drop(self, tenant_id: UUID, tenant: _Tenant) -> None:
        if not tenant.busy and not tenant.waiting and self._tenants.get(tenant_id) is tenant:
            del self._tenants[tenant_id]
