"""The ledger, as those who audit it see it."""

from __future__ import annotations

from datetime import datetime

from foundation.types import Currency, Id, Model


class AccountBalance(Model):
    """An account's two sides, in minor units."""

    account: str
    debit: int
    credit: int


class CurrencyBalance(Model):
    """The accounts of a currency; `total` is debits less credits and is always zero."""

    currency: Currency
    total: int
    accounts: list[AccountBalance]


class TrialBalance(Model):
    """Every account of a shop."""

    currencies: list[CurrencyBalance]


class PostingOut(Model):
    """One side of a movement of money, in minor units: debits are positive, credits negative."""

    transaction_id: Id
    account: str
    amount: int
    currency: Currency
    reference_id: Id
    """The order, payment or refund it is about."""
    occurred_at: datetime
