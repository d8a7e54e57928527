"""Postings: in pairs or more, never changed, zero in sum."""

from __future__ import annotations

from collections.abc import Mapping
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from commerce.ledger.models import Posting
from foundation import clock
from foundation.ids import new_id


class Unbalanced(ValueError):
    """The sides of a movement do not sum to zero."""


async def post(
    session: AsyncSession, tenant_id: UUID, *, currency: str, reference_id: UUID, amounts: Mapping[str, int]
) -> None:
    """Record a movement: minor units by account, debits positive, credits negative.

    Raises:
        Unbalanced: the amounts do not sum to zero.
    """
    if sum(amounts.values()) != 0:
        raise Unbalanced(f"{dict(amounts)} sums to {sum(amounts.values())}")
    transaction_id, now = new_id(), clock.now()
    session.add_all(
        Posting(
            tenant_id=tenant_id,
            id=new_id(),
            transaction_id=transaction_id,
            account=account,
            amount=amount,
            currency=currency,
            reference_id=reference_id,
            occurred_at=now,
        )
        for account, amount in amounts.items()
        if amount
    )
    await session.flush()


async def balances(session: AsyncSession) -> dict[tuple[str, str], int]:
    """The balance of every (account, currency)."""
    rows = await session.execute(
        select(Posting.account, Posting.currency, func.sum(Posting.amount)).group_by(Posting.account, Posting.currency)
    )
    return {(account, currency): int(total) for account, currency, total in rows}
