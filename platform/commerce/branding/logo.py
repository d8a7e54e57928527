"""Changing a shop's logo: a change of its configuration like any other, so its history has it and can go back."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from uuid import UUID

from commerce.branding.schemas import LogoOut
from commerce.configuration import service as configuration
from commerce.configuration.schemas import Configuration
from commerce.logos import service as logos
from commerce.throttling.service import Limit, take
from foundation.database import Database, Tx
from foundation.settings import Settings

UPLOADS = Limit("logo", burst=20, every=timedelta(minutes=3))
"""Logos of one shop: each is kept for its history."""


async def put(database: Database, settings: Settings, tenant_id: UUID, upload: bytes, *, by: str) -> LogoOut:
    """Have a picture for the shop's logo. It is read and kept outside any transaction; one that no configuration
    takes then is never shown.

    Raises:
        NotALogo, LogosUnavailable, TooMany, SettingsChanged: the logo is what it was.
    """
    await take(database, tenant_id, UPLOADS, "all")
    logo = await asyncio.to_thread(logos.read, upload)
    await logos.keep(settings, tenant_id, logo)
    async with database.tx(tenant_id) as tx:
        return await _set(tx, logo.address, by=by, note="New logo")


async def remove(tx: Tx, *, by: str) -> LogoOut:
    """Have the shop's name in place of its logo.

    Raises:
        SettingsChanged.
    """
    return await _set(tx, None, by=by, note="No logo")


async def _set(tx: Tx, address: str | None, *, by: str, note: str) -> LogoOut:
    def part(present: Configuration) -> Configuration:
        return present.model_copy(update={"theme": present.theme.model_copy(update={"logo": address})})

    changed = await configuration.amend(tx, part, by=by, note=note)
    return LogoOut(version=changed.version, logo=address)
