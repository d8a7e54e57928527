"""The providers of this installation, by name."""

from __future__ import annotations

from collections.abc import Iterator
from weakref import WeakKeyDictionary

from commerce.payments.providers.contract import Provider
from commerce.payments.providers.stored_value import GiftCards, StoreCredit
from commerce.payments.providers.test import TestProvider
from foundation.database import Database
from foundation.errors import Unprocessable
from foundation.settings import Settings


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


_built: WeakKeyDictionary[Database, Providers] = WeakKeyDictionary()


def configured(database: Database, settings: Settings) -> Providers:
    """The providers this installation takes payments with, made once for a worker's database.

    One that has books of its own in our database takes `database`; one with secrets takes them from `settings`, and is
    left out when they are not there.
    """
    if database not in _built:
        _built[database] = Providers(*_made(database, settings))
    return _built[database]


def _made(database: Database, _settings: Settings) -> Iterator[Provider]:
    yield TestProvider()
    yield GiftCards(database)
    yield StoreCredit(database)
