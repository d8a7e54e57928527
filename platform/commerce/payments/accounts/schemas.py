"""Accounts at providers, in and out, and what a checkout offers."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import Field, StringConstraints

from commerce.payments.methods.schemas import MethodOut
from foundation.types import Input, Model

ProviderName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,49}$")]
Account = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,100}$")]
"""A provider's name for an account, such as Stripe's `acct_...`."""


class AccountIn(Input):
    """Whether a provider is offered, where its money goes, and its place in the checkout."""

    enabled: bool
    account: Account | None = None
    """The shop's own account at the provider; without one the money goes to the installation's."""
    position: Annotated[int, Field(ge=0, le=1_000)] = 0


class AccountOut(Model):
    """A provider as a shop has set it."""

    provider: str
    enabled: bool
    account: str | None
    position: int
    updated_at: datetime


class AccountList(Model):
    """A shop's providers, in the order in which they are shown."""

    items: list[AccountOut]
    available: list[str]
    """Every provider that this installation can take payments with."""


class OptionOut(Model):
    """A way to pay."""

    provider: str
    deferred: bool
    """The goods go before the money, as with cash on delivery."""
    saves_methods: bool
    """It can keep an instrument for next time."""
    lets_go_within_hours: int
    """How long it may take until what was held and is not wanted is the shopper's again: 0, where it can be voided."""


class PaymentOptions(Model):
    """The ways to pay here, and what the signed-in customer has kept."""

    items: list[OptionOut]
    methods: list[MethodOut]
