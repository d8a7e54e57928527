"""The providers of this installation, by name."""

from __future__ import annotations

from functools import cache

from commerce.payments.providers.contract import Provider
from commerce.payments.providers.test import TestProvider
from foundation.errors import Unprocessable


class UnknownProvider(Unprocessable):
    """This shop does not take payments that way."""

    code = "payments.unknown_provider"

    provider: str


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


@cache
def configured() -> Providers:
    """The providers this installation takes payments with."""
    return Providers(TestProvider())
