"""A shop opened by the operator for somebody, in the steps of a sign-up."""

from __future__ import annotations

import secrets
from collections.abc import Callable

from commerce.identity.passwords import Passwords
from commerce.lifecycle import operating
from commerce.onboarding import finishing, service
from commerce.onboarding.schemas import Answers, BeginIn, Opened, Paying, Selling, Stock, TenantIn
from commerce.payments.providers import configured
from foundation import audit
from foundation.database import Database
from foundation.settings import Settings


async def create(
    database: Database, settings: Settings, passwords: Passwords, wanted: TenantIn, at: Callable[[str], str]
) -> Opened:
    """Open a shop. Its owner is sent a mail to prove the address, and chooses a password by the link that the page to
    sign in sends. `at` says the whole address of a host.

    Raises:
        NameTaken, UnknownProvider, TooBusy.
    """
    configured(database, settings).named(wanted.provider)
    begun = BeginIn(name=wanted.name, slug=wanted.slug, email=wanted.owner, password=secrets.token_urlsafe(32))
    answers = Answers(
        selling=Selling(currency=wanted.currency, home=wanted.country, countries=[wanted.country]),
        stock=Stock(),
        paying=Paying(provider=wanted.provider),
    )
    host = f"{wanted.slug}.{settings.platform_host}"
    password_hash = await passwords.hash(begun.password)
    verified_first = settings.environment == "production"
    async with database.tx(service.new_tenant()) as tx:
        _, token = await service.begin(tx, begun, host=host, password_hash=password_hash)
        await service.answer(tx, token, answers, host=host)
        found = await finishing.finish(
            tx, token, host=host, address=at(host), home=at(settings.platform_host), verified_first=verified_first
        )
        key = await finishing.key_of(tx, found)
        details = {"country": wanted.country, "currency": wanted.currency, "provider": wanted.provider}
        await audit.record(
            tx, actor=operating.ACTOR, action="tenants.create", object=f"tenant:{wanted.slug}", details=details
        )
    return Opened(address=at(host), slug=wanted.slug, status="unverified" if verified_first else "active", api_key=key)
