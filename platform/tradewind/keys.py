"""`tradewind key`: a key for a shop's staff or programs."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import commerce.tables  # noqa: F401  (a table of one context refers to those of others)
from commerce.identity.staff import create_key
from commerce.policies.registry import SCOPES
from commerce.tenancy import service as tenancy
from commerce.vendors import service as vendors
from commerce.vendors.service import VendorNotFound
from foundation.database import Database, tx_of
from foundation.settings import EngineNotConfigured, Settings
from tradewind.errors import StackError


class NoKey(StackError):
    """The key can't be made."""


def create(slug: str, *, name: str, scopes: Sequence[str] | None, vendor: str | None = None) -> str:
    """The new key's token, which is stored nowhere.

    Raises:
        NoKey: there is no such shop, scope or vendor, or Postgres has no address.
    """
    try:
        return asyncio.run(_create(Settings(), slug, name, scopes or SCOPES, vendor))
    except (EngineNotConfigured, ValueError, VendorNotFound) as fault:
        raise NoKey(str(fault)) from fault


async def _create(settings: Settings, slug: str, name: str, scopes: Sequence[str], vendor: str | None) -> str:
    database = Database.of(settings, pool_size=1)
    try:
        async with database.transaction(None) as session:
            shops = {shop.slug: shop for shop in await tenancy.all_shops(session)}
        if slug not in shops:
            raise NoKey(f"There is no shop {slug!r}; there are: {', '.join(shops) or 'none'}.")
        async with database.transaction(shops[slug].id) as session:
            vendor_id = (await vendors.by_code(await tx_of(session), vendor)).id if vendor else None
            _, token = await create_key(session, shops[slug].id, name=name, scopes=scopes, vendor_id=vendor_id)
        return token
    finally:
        await database.close()
