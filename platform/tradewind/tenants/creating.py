"""`tradewind tenant create`: a shop is opened as by its pages, by the operator for somebody."""

from __future__ import annotations

from pydantic import ValidationError

from commerce.identity.passwords import Passwords
from commerce.onboarding import creating
from commerce.onboarding.schemas import Opened, TenantIn
from foundation.database import Database
from foundation.settings import Settings
from tradewind.tenants import working
from tradewind.tenants.working import NotDone

STORE_PORT = 8000


def wanted(*, slug: str, name: str, owner: str, country: str, currency: str, provider: str) -> TenantIn:
    """A shop that shall be.

    Raises:
        NotDone: something that is said of it is unfit.
    """
    try:
        return TenantIn(slug=slug, name=name, owner=owner, country=country, currency=currency, provider=provider)
    except ValidationError as fault:
        said = "; ".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in fault.errors())
        raise NotDone(said) from fault


def create(tenant: TenantIn) -> Opened:
    """Open a shop. Its owner is sent a mail to prove the address.

    Raises:
        NotDone: the name is taken, or nobody of that name takes payments here.
    """

    async def work(database: Database, settings: Settings) -> Opened:
        def at(host: str) -> str:
            return f"https://{host}" if settings.environment == "production" else f"http://{host}:{STORE_PORT}"

        return await creating.create(database, settings, Passwords(settings), tenant, at)

    return working.with_database(work)
