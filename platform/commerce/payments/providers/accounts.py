"""Which of a provider's accounts a shop's money goes to."""

from __future__ import annotations

from typing import Protocol
from uuid import UUID


class Accounts(Protocol):
    """Finds the account that a shop has at a provider."""

    async def __call__(self, tenant_id: UUID, provider: str) -> str | None:
        """The provider's name for it; `None` when the money goes to the installation's own."""


async def own_account(tenant_id: UUID, provider: str) -> str | None:  # noqa: ARG001  (one account for all)
    """Every shop's money goes to the installation's own account."""
    return None
