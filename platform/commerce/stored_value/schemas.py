"""Gift cards and store credit, in and out."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Literal

from pydantic import Field

from foundation.types import Currency, Day, Id, Input, MinorUnits, Model, MoneyOut, Text

Kind = Literal["gift_card", "store_credit"]
Status = Literal["active", "disabled"]
Funding = Literal["bank", "goodwill"]
Amount = Annotated[MinorUnits, Field(ge=1)]
Expiry = Annotated[Day, Field(ge=date(2000, 1, 1), le=date(2999, 12, 31))]


class GiftCardIn(Input):
    """A gift card to issue; the amount in minor units."""

    amount: Amount
    currency: Currency | None = None
    """The shop's own, unless said otherwise."""
    last_day: Expiry | None = None
    """The last day on which it is good, in the shop's time zone; for ever, when nothing is said."""
    funded_by: Funding = "bank"
    """`bank` when it was paid for, `goodwill` when it is a present."""
    reason: Text = "sold"


class GrantIn(Input):
    """Store credit for a customer; the amount in minor units."""

    amount: Amount
    currency: Currency | None = None
    last_day: Expiry | None = None
    """The last day on which it is good, in the shop's time zone."""
    reason: Text


class WithdrawIn(Input):
    """An amount to take back, and why; at most what is available."""

    amount: Amount
    reason: Text


class ClawBackIn(WithdrawIn):
    """Store credit to take back; in the shop's own currency, unless said otherwise."""

    currency: Currency | None = None


class ReasonIn(Input):
    """Why."""

    reason: Text


class CodeIn(Input):
    """A gift card's code, as it was typed."""

    code: Text


class BalanceOut(Model):
    """A balance in minor units: issued = available + held + spent + expired + withdrawn."""

    issued: int
    available: int
    held: int
    spent: int
    expired: int
    withdrawn: int


class EntryOut(Model):
    """One movement, in minor units."""

    id: Id
    value_id: Id
    kind: str
    amount: int
    reference_id: Id | None
    """The payment or refund it was for."""
    actor: str
    reason: str
    at: datetime


class ValueOut(Model):
    """A gift card, or one grant of store credit."""

    id: Id
    kind: Kind
    code_ending: str | None
    customer_id: Id | None
    currency: Currency
    balance: BalanceOut
    status: Status
    funded_by: str
    reason: str
    expires_at: datetime | None
    """The first moment at which it is no longer good."""
    created_at: datetime


class GiftCardIssued(ValueOut):
    """A gift card and its code, which is shown this once."""

    code: str | None
    """Nothing in the answer to a repeated request: it was shown in the first."""


class ValueWithHistory(ValueOut):
    """A gift card and what happened to it, in that order."""

    history: list[EntryOut]


class ValueList(Model):
    """A page of gift cards, newest first."""

    items: list[ValueOut]
    has_more: bool
    next_cursor: str | None


class SpendableOut(Model):
    """What a gift card is good for."""

    ending: str
    available: MoneyOut
    expires_at: datetime | None


class StoreCreditOut(Model):
    """What a customer can spend, by currency, and the grants it is made of, soonest to expire first."""

    available: list[MoneyOut]
    grants: list[ValueOut]


class StoreCreditHistory(StoreCreditOut):
    """A customer's store credit and what happened to it, in that order."""

    history: list[EntryOut]
