"""A shop's providers, as its staff set them."""

from __future__ import annotations

from collections.abc import Sequence

import asyncpg
from sqlalchemy import text

from commerce.payments.accounts.schemas import AccountIn, AccountOut
from commerce.payments.providers.accounts import PaymentAccount
from foundation import clock
from foundation.database import Tx, hot
from foundation.errors import Conflict
from foundation.ids import new_id


class AccountTaken(Conflict):
    """Another shop is paid to this account."""

    code = "payments.account_taken"

    provider: str
    account: str


_PUT = hot(
    text(
        """
        INSERT INTO payment_account (tenant_id, id, provider, enabled, account, position, updated_at)
        VALUES (:tenant_id, :id, :provider, :enabled, CAST(:account AS text), :position, CAST(:now AS timestamptz))
        ON CONFLICT (tenant_id, provider) DO UPDATE SET enabled = excluded.enabled, account = excluded.account,
            position = excluded.position, updated_at = excluded.updated_at
        """
    )
)


async def put(tx: Tx, provider: str, account: AccountIn) -> None:
    """Say whether a provider is offered, and how.

    Raises:
        AccountTaken: the account is another shop's.
    """
    try:
        await tx.rows(_PUT, {**account.model_dump(), "id": new_id(), "provider": provider, "now": clock.now()})
    except asyncpg.UniqueViolationError as fault:
        if fault.constraint_name != "uq_payment_account_account":
            raise
        raise AccountTaken(provider=provider, account=account.account or "") from fault


def out(accounts: Sequence[PaymentAccount]) -> list[AccountOut]:
    """Accounts as staff see them."""
    return [
        AccountOut(
            provider=account.provider,
            enabled=account.enabled,
            account=account.account,
            position=account.position,
            updated_at=account.updated_at,
        )
        for account in accounts
    ]
