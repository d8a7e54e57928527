"""Which providers a shop takes payments with, and which of their accounts its money goes to.

Asked at every payment, so remembered for a moment.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol
from uuid import UUID

from sqlalchemy import text

from foundation.database import Database, Tx, hot

CACHED_SECONDS = 10.0


class Accounts(Protocol):
    """Finds the account that a shop has at a provider."""

    async def __call__(self, tenant_id: UUID, provider: str) -> str | None:
        """The provider's name for it; `None` when the money goes to the installation's own."""


async def own_account(tenant_id: UUID, provider: str) -> str | None:  # noqa: ARG001  (one account for all)
    """Every shop's money goes to the installation's own account."""
    return None


@dataclass(frozen=True, slots=True)
class PaymentAccount:
    """A provider as a shop has set it."""

    provider: str
    enabled: bool
    account: str | None
    position: int
    updated_at: datetime


# uq_payment_account_provider
_LIST = hot(
    text(
        """
        SELECT provider, enabled, account, position, updated_at FROM payment_account
        WHERE tenant_id = :tenant_id ORDER BY position, provider
        """
    )
)


async def of_shop(tx: Tx) -> list[PaymentAccount]:
    """What a shop has said of each provider, in the order in which they are shown."""
    return [PaymentAccount(**dict(row)) for row in await tx.rows(_LIST)]


@dataclass(slots=True)
class ShopAccounts:
    """Every shop's accounts with a short memory: a change is seen within `CACHED_SECONDS`, here at once."""

    database: Database
    _known: dict[UUID, tuple[float, Sequence[PaymentAccount]]] = field(default_factory=dict)

    async def of(self, tenant_id: UUID) -> Sequence[PaymentAccount]:
        """What a shop has said of each provider."""
        known = self._known.get(tenant_id)
        if known is None or known[0] < time.monotonic():
            async with self.database.tx(tenant_id, read_only=True) as tx:
                known = time.monotonic() + CACHED_SECONDS, await of_shop(tx)
            self._known[tenant_id] = known
        return known[1]

    async def __call__(self, tenant_id: UUID, provider: str) -> str | None:
        """The shop's account at a provider; `None` when its money goes to the installation's own."""
        return next((one.account for one in await self.of(tenant_id) if one.provider == provider), None)

    def forget(self, tenant_id: UUID) -> None:
        """Ask again next time."""
        self._known.pop(tenant_id, None)
