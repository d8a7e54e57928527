"""Somebody of each role at the grocer's, with a password that everybody knows: for the demo, and nowhere else."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit
from uuid import UUID

import commerce.tables  # noqa: F401  (a table of one context refers to those of others)
from commerce.identity import accounts
from commerce.identity.passwords import Passwords
from commerce.policies.limits import Said
from commerce.policies.roles import ADMIN, ANALYST, MERCHANDISER, SUPPORT_AGENT, VENDOR, WAREHOUSE_MANAGER
from commerce.staffing import hiring, service
from commerce.staffing.granting import Grant, grant_of
from commerce.tenancy import service as tenancy
from commerce.vendors import service as vendors
from commerce.vendors.schemas import VendorIn
from foundation.database import Database, Tx
from foundation.progress import Progress, silent
from foundation.settings import Settings
from tradewind.errors import StackError

PASSWORD = "a fair wind and following seas"  # noqa: S105 - it is no secret
DAIRY = ("dairy", "The Dairy")
BY = "system:demo"
_LOOPBACK = {"127.0.0.1", "::1", "localhost"}


class NotADemo(StackError):
    """Accounts with a known password are made on this machine alone, and never in production."""


@dataclass(frozen=True, slots=True)
class Demonstrator:
    """Somebody to sign in as."""

    email: str
    name: str
    role: str


PEOPLE: Sequence[Demonstrator] = (
    Demonstrator("admin@grocer.example", "Ada (admin)", ADMIN.name),
    Demonstrator("merchandiser@grocer.example", "Mae (merchandiser)", MERCHANDISER.name),
    Demonstrator("support@grocer.example", "Sam (support)", SUPPORT_AGENT.name),
    Demonstrator("warehouse@grocer.example", "Wes (warehouse)", WAREHOUSE_MANAGER.name),
    Demonstrator("analyst@grocer.example", "Ana (analyst)", ANALYST.name),
    Demonstrator("vendor@grocer.example", "Vic (vendor)", VENDOR.name),
)


def employ(settings: Settings, slug: str, progress: Progress = silent) -> None:
    """Hire whoever is not there yet.

    Raises:
        NotADemo: this is production, or its database is on another machine.
    """
    url = settings.require("database_url", "Postgres")
    if settings.environment == "production" or urlsplit(url).hostname not in _LOOPBACK:
        raise NotADemo(NotADemo.__doc__)
    asyncio.run(_employ(settings, slug, progress))


async def _employ(settings: Settings, slug: str, progress: Progress) -> None:
    passwords = Passwords(settings)
    database = Database.of(settings, pool_size=1)
    try:
        async with database.transaction(None) as session:
            shop = next(shop for shop in await tenancy.all_shops(session) if shop.slug == slug)
        for done, person in enumerate(PEOPLE):
            progress(done, len(PEOPLE), person.role)
            hashed = await passwords.hash(PASSWORD)
            async with database.tx(shop.id) as tx:
                if await accounts.by_email(tx, person.email) is None:
                    await _hire(tx, person, hashed)
    finally:
        passwords.close()
        await database.close()


async def _hire(tx: Tx, person: Demonstrator, password_hash: str) -> None:
    account = await accounts.create(
        tx,
        display_name=person.name,
        email=person.email,
        verified=True,
        password_hash=password_hash,
        buys=False,
    )
    vendor_id = await _vendor(tx) if person.role == VENDOR.name else None
    await hiring.hire(tx, account.id, await _grant(tx, person), vendor_id=vendor_id, by=BY)


async def _grant(tx: Tx, person: Demonstrator) -> Grant:
    """A warehouse manager sees nothing until they are bound to something: here to all there are."""
    warehouses = None
    if person.role == WAREHOUSE_MANAGER.name:
        warehouses = frozenset(warehouse_id for warehouse_id, _ in await service.warehouses(tx))
    return grant_of([person.role], [], Said(warehouses=warehouses))


async def _vendor(tx: Tx) -> UUID:
    code, name = DAIRY
    return (await vendors.put(tx, code, VendorIn(name=name))).id
