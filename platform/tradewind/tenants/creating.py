"""`tradewind tenant create`: a shop is opened as by its pages, by the operator for somebody."""

from __future__ import annotations

import secrets
from dataclasses import dataclass

from pydantic import ValidationError

from commerce.identity.passwords import Passwords
from commerce.onboarding import finishing, service
from commerce.onboarding.schemas import Answers, BeginIn, Paying, Selling, Stock
from foundation.database import Database
from foundation.settings import Settings
from tradewind.tenants import working
from tradewind.tenants.working import NotDone

STORE_PORT = 8000


@dataclass(frozen=True, slots=True)
class Wanted:
    """A shop that shall be."""

    slug: str
    name: str
    owner: str
    """Their e-mail address: they choose a password by the link that the page to sign in sends."""
    currency: str
    country: str
    provider: str


@dataclass(frozen=True, slots=True)
class Created:
    """A shop that is there."""

    slug: str
    address: str
    status: str
    api_key: str | None
    """May do everything, and is shown here alone."""


def create(wanted: Wanted) -> Created:
    """Open a shop. Its owner is sent a mail to prove the address.

    Raises:
        NotDone: the name is taken or unfit, or anything else that is said is.
    """
    try:
        begun = BeginIn(name=wanted.name, slug=wanted.slug, email=wanted.owner, password=secrets.token_urlsafe(32))
        answers = Answers(
            selling=Selling(currency=wanted.currency, home=wanted.country, countries=[wanted.country]),
            stock=Stock(),
            paying=Paying(provider=wanted.provider),
        )
    except ValidationError as fault:
        said = "; ".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in fault.errors())
        raise NotDone(said) from fault

    async def work(database: Database, settings: Settings) -> Created:
        host = f"{begun.slug}.{settings.platform_host}"
        address, home = _at(settings, host), _at(settings, settings.platform_host)
        password_hash = await Passwords(settings).hash(begun.password)
        verified_first = settings.environment == "production"
        async with database.tx(service.new_tenant()) as tx:
            _, token = await service.begin(tx, begun, host=host, password_hash=password_hash)
            await service.answer(tx, token, answers, host=host)
            found = await finishing.finish(
                tx, token, host=host, address=address, home=home, verified_first=verified_first
            )
            key = await finishing.key_of(tx, found)
        return Created(begun.slug, address, "unverified" if verified_first else "active", key)

    return working.with_database(work)


def _at(settings: Settings, host: str) -> str:
    return f"https://{host}" if settings.environment == "production" else f"http://{host}:{STORE_PORT}"
