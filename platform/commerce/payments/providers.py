"""Payment providers: what the core asks of one, and the test provider.

A provider is called outside any transaction. Every call carries the id of the payment or refund as its idempotency key,
so a call that is repeated after a crash does nothing twice.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Protocol
from uuid import UUID

from foundation.errors import Unavailable, Unprocessable


class UnknownProvider(Unprocessable):
    """This shop does not take payments that way."""

    code = "payments.unknown_provider"

    provider: str


class ProviderUnavailable(Unavailable):
    """The payment provider can't be reached; nothing was charged."""

    code = "payments.provider_unavailable"


@dataclass(frozen=True, slots=True)
class Authorised:
    """The provider holds the money."""

    reference: str


@dataclass(frozen=True, slots=True)
class Refunded:
    """The provider sends the money back."""

    reference: str


@dataclass(frozen=True, slots=True)
class Refused:
    """The provider won't."""

    reason: str


class Provider(Protocol):
    """What the core asks of a payment provider; each call is idempotent by its first argument.

    Every call may raise ProviderUnavailable: there was no answer, and it is not known what happened.
    """

    name: str

    async def authorise(self, payment_id: UUID, *, amount: int, currency: str, token: str) -> Authorised | Refused:
        """Hold the amount (minor units) on the instrument behind `token`."""

    async def capture(self, payment_id: UUID, *, reference: str, amount: int) -> None:
        """Take what was held."""

    async def void(self, payment_id: UUID) -> None:
        """Let go of what may be held; nothing happens when nothing is."""

    async def refund(self, refund_id: UUID, *, reference: str, amount: int, currency: str) -> Refunded | Refused:
        """Send back an amount (minor units) of what was captured under `reference`."""


class TestProvider:
    """The token says the answer: `tok_ok`, `tok_declined`, `tok_insufficient_funds`, `tok_unavailable`.

    `tok_refund_fails` is captured, and its refunds are refused.
    """

    __test__ = False
    name = "test"
    _no_refunds = "test_no_refunds_"
    _refusals = {"tok_declined": "card_declined", "tok_insufficient_funds": "insufficient_funds"}  # noqa: RUF012

    async def authorise(self, payment_id: UUID, *, amount: int, currency: str, token: str) -> Authorised | Refused:  # noqa: ARG002
        """Decide by the token."""
        if token == "tok_unavailable":  # noqa: S105
            raise ProviderUnavailable
        if token == "tok_refund_fails":  # noqa: S105
            return Authorised(f"{self._no_refunds}{payment_id.hex}")
        if token != "tok_ok":  # noqa: S105
            return Refused(self._refusals.get(token, "invalid_token"))
        return Authorised(f"test_{payment_id.hex}")

    async def capture(self, payment_id: UUID, *, reference: str, amount: int) -> None:
        """Nothing moves at a test."""

    async def void(self, payment_id: UUID) -> None:
        """Nothing was held."""

    async def refund(self, refund_id: UUID, *, reference: str, amount: int, currency: str) -> Refunded | Refused:  # noqa: ARG002
        """Decide by the token that the payment was made with."""
        if reference.startswith(self._no_refunds):
            return Refused("card_closed")
        return Refunded(f"test_refund_{refund_id.hex}")


@cache
def configured() -> Providers:
    """The providers this installation takes payments with."""
    return Providers(TestProvider())


class Providers:
    """The providers a worker can speak to, by name."""

    def __init__(self, *providers: Provider) -> None:
        self._by_name = {provider.name: provider for provider in providers}

    def named(self, name: str) -> Provider:
        """The provider of that name.

        Raises:
            UnknownProvider: there is none.
        """
        provider = self._by_name.get(name)
        if provider is None:
            raise UnknownProvider(provider=name)
        return provider
