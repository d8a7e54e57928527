"""Postings: in pairs or more, never changed, zero in sum."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from uuid import UUID

from sqlalchemy import text

from commerce.ledger.schemas import AccountBalance, CurrencyBalance, PostingOut, TrialBalance
from foundation import clock
from foundation.database import Tx, hot
from foundation.ids import new_id


class Unbalanced(ValueError):
    """The sides of a movement do not sum to zero."""


_POST = hot(
    text(
        """
        INSERT INTO ledger_posting
            (tenant_id, id, transaction_id, account, amount, currency, reference_id, occurred_at)
        SELECT :tenant_id, id, :transaction_id, account, amount, :currency, :reference_id,
               CAST(:occurred_at AS timestamptz)
        FROM unnest(CAST(:ids AS uuid[]), CAST(:accounts AS text[]), CAST(:amounts AS bigint[]))
             AS side (id, account, amount)
        """
    )
)


async def post(tx: Tx, *, currency: str, reference_id: UUID, amounts: Mapping[str, int]) -> None:
    """Record a movement: minor units by account, debits positive, credits negative. A side of nothing is left out.

    Raises:
        Unbalanced: the amounts do not sum to zero.
    """
    if sum(amounts.values()) != 0:
        raise Unbalanced(f"{dict(amounts)} sums to {sum(amounts.values())}")
    sides = {account: amount for account, amount in amounts.items() if amount}
    values = {
        "ids": [new_id() for _ in sides],
        "accounts": list(sides),
        "amounts": list(sides.values()),
        "transaction_id": new_id(),
        "currency": currency,
        "reference_id": reference_id,
        "occurred_at": clock.now(),
    }
    await tx.rows(_POST, values)


# ix_ledger_posting_account holds the account; every posting of the tenant is read.
_TRIAL_BALANCE = hot(
    text(
        """
        SELECT currency, account, coalesce(sum(amount) FILTER (WHERE amount > 0), 0)::bigint AS debit,
               coalesce(-sum(amount) FILTER (WHERE amount < 0), 0)::bigint AS credit
        FROM ledger_posting WHERE tenant_id = :tenant_id GROUP BY currency, account ORDER BY currency, account
        """
    )
)

_STORY = hot(
    text(
        """
        SELECT transaction_id, account, amount, currency, reference_id, occurred_at
        FROM ledger_posting WHERE tenant_id = :tenant_id AND reference_id = ANY(CAST(:references AS uuid[]))
        ORDER BY occurred_at, transaction_id, amount DESC
        """
    )
)


async def trial_balance(tx: Tx) -> TrialBalance:
    """What stands on either side of every account, and the sum of all, which is zero in every currency."""
    by_currency: dict[str, list[AccountBalance]] = {}
    for row in await tx.rows(_TRIAL_BALANCE):
        account = AccountBalance(account=row["account"], debit=row["debit"], credit=row["credit"])
        by_currency.setdefault(row["currency"], []).append(account)
    return TrialBalance(
        currencies=[
            CurrencyBalance(
                currency=currency,
                total=sum(account.debit - account.credit for account in accounts),
                accounts=accounts,
            )
            for currency, accounts in by_currency.items()
        ]
    )


async def story(tx: Tx, references: Sequence[UUID]) -> list[PostingOut]:
    """The postings about some orders, payments or refunds, in the order they happened, debits first."""
    rows = await tx.rows(_STORY, {"references": list(references)})
    return [PostingOut.model_validate(dict(row)) for row in rows]
