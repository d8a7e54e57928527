"""The providers of this installation, by name."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from uuid import UUID
from weakref import WeakKeyDictionary

from commerce.payments.providers.accounts import ShopAccounts
from commerce.payments.providers.contract import KeepsConnections, Provider
from commerce.payments.providers.deferred import CashOnDelivery, Invoices
from commerce.payments.providers.paypal import PayPalProvider
from commerce.payments.providers.razorpay import RazorpayProvider
from commerce.payments.providers.stored_value import GiftCards, StoreCredit
from commerce.payments.providers.stripe import StripeProvider
from commerce.payments.providers.test import TestProvider
from foundation.database import Database
from foundation.errors import Unprocessable
from foundation.settings import Settings


class UnknownProvider(Unprocessable):
    """This shop does not take payments that way."""

    code = "payments.unknown_provider"

    provider: str


OF_THE_SHOP = ("gift_card", "store_credit")
"""Balances that a shop keeps itself: taken in every shop."""
BY_OTHERS = ("stripe", "razorpay", "paypal")
"""Taken where a shop has said so, never by themselves."""


class Providers:
    """The providers a worker can speak to, by name, and which of them a shop offers.

    Without `accounts` every shop offers all of them.
    """

    def __init__(self, *providers: Provider, accounts: ShopAccounts | None = None, in_production: bool = False) -> None:
        self._by_name = {provider.name: provider for provider in providers}
        self._accounts, self._in_production = accounts, in_production

    @property
    def all(self) -> Sequence[Provider]:
        """Every provider of this installation."""
        return tuple(self._by_name.values())

    def named(self, name: str) -> Provider:
        """The provider of that name.

        Raises:
            UnknownProvider: there is none.
        """
        provider = self._by_name.get(name)
        if provider is None:
            raise UnknownProvider(provider=name)
        return provider

    async def offered(self, tenant_id: UUID, name: str) -> Provider:
        """The provider of that name, in a shop that takes payments with it.

        Raises:
            UnknownProvider: there is none, or the shop does not offer it.
        """
        provider = self.named(name)
        if provider not in await self.offered_by(tenant_id):
            raise UnknownProvider(provider=name)
        return provider

    async def offered_by(self, tenant_id: UUID) -> Sequence[Provider]:
        """What a shop takes payments with, in its order.

        A shop that has said nothing takes what needs no agreement with anybody, and in production nothing.
        """
        if self._accounts is None:
            return self.all
        said = await self._accounts.of(tenant_id)
        own = [provider for provider in self.all if provider.name in OF_THE_SHOP]
        if said:
            chosen = [self._by_name[one.provider] for one in said if one.enabled and one.provider in self._by_name]
        elif self._in_production:
            chosen = []
        else:
            chosen = [provider for provider in self.all if provider.name not in BY_OTHERS]
        return [*(provider for provider in chosen if provider not in own), *own]

    async def close(self) -> None:
        """Close the connections that providers keep open."""
        for provider in self.all:
            if isinstance(provider, KeepsConnections):
                await provider.close()

    def forget(self, tenant_id: UUID) -> None:
        """A shop has said something new of its providers."""
        if self._accounts is not None:
            self._accounts.forget(tenant_id)


_built: WeakKeyDictionary[Database, Providers] = WeakKeyDictionary()


def configured(database: Database, settings: Settings) -> Providers:
    """The providers this installation takes payments with, made once for a worker's database.

    One that has books of its own in our database takes `database`; one with secrets takes them from `settings`, and is
    left out when they are not there.
    """
    if database not in _built:
        accounts, in_production = ShopAccounts(database), settings.environment == "production"
        made = (*_made(database, settings), *_by_others(settings, accounts))
        _built[database] = Providers(*made, accounts=accounts, in_production=in_production)
    return _built[database]


async def close(database: Database) -> None:
    """Close what was made for a worker's database, if anything was: the worker stops."""
    providers = _built.pop(database, None)
    if providers is not None:
        await providers.close()


def _made(database: Database, settings: Settings) -> Iterator[Provider]:
    if settings.environment != "production":
        yield TestProvider(database, settings.test_bank_secret.get_secret_value())
    yield CashOnDelivery(database)
    yield Invoices(database)
    yield GiftCards(database)
    yield StoreCredit(database)


def _by_others(settings: Settings, accounts: ShopAccounts) -> Iterator[Provider]:
    def secret(field: str) -> str:
        value = getattr(settings, field)
        return value.get_secret_value() if value is not None else ""

    if settings.stripe_secret_key is not None:
        yield StripeProvider(
            secret("stripe_secret_key"),
            secret("stripe_webhook_secret"),
            api_base=settings.stripe_api_base,
            accounts=accounts,
        )
    if settings.razorpay_key_id is not None:
        yield RazorpayProvider(
            settings.razorpay_key_id,
            secret("razorpay_key_secret"),
            secret("razorpay_webhook_secret"),
            api_base=settings.razorpay_api_base,
            accounts=accounts,
        )
    if settings.paypal_client_id is not None:
        yield PayPalProvider(
            settings.paypal_client_id,
            secret("paypal_client_secret"),
            settings.paypal_webhook_id or "",
            environment=settings.paypal_environment,
            api_base=settings.paypal_api_base,
            accounts=accounts,
        )
