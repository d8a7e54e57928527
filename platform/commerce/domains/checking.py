"""Looking for the records of domains: at once when staff ask, and now and then by the worker."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from uuid import UUID

import structlog

from commerce.domains import service
from commerce.domains.records import TextRecords, look
from commerce.domains.service import Claim, DomainTaken
from commerce.tenancy import publishing
from commerce.tenancy.rounds import keep_going_round
from commerce.tenancy.service import Shop
from commerce.throttling.service import Limit, take
from foundation.database import SHARED, Database
from foundation.settings import Settings

log = structlog.get_logger(__name__)
PERIOD_SECONDS = 60.0
_AT_ONCE = 10
"""Domains of one shop that are checked in one round."""
NOW = Limit("domain check", burst=5, every=timedelta(seconds=10))
"""Checks that staff ask for, of one domain."""


async def verify(
    database: Database, records: TextRecords, tenant_id: UUID, domain_id: UUID, *, lapse_days: int
) -> None:
    """Look for the record now, with no transaction open meanwhile.

    Raises:
        DomainNotFound, TooMany.
        DomainTaken: the record is there, but another shop was quicker.
    """
    async with database.tx(tenant_id) as tx:
        claimed = await service.to_check(tx, domain_id)
    await take(database, tenant_id, NOW, str(domain_id))
    finding, has = await _check(database, records, tenant_id, claimed, lapse_days)
    if finding == "found" and not has:
        raise DomainTaken(host=claimed.host)


async def check_due(database: Database, records: TextRecords, tenant_id: UUID, *, lapse_days: int) -> int:
    """Check what is due of one shop; how many that were is given."""
    async with database.tx(tenant_id) as tx:
        claims = await service.due(tx, most=_AT_ONCE)
    await asyncio.gather(*(_check(database, records, tenant_id, one, lapse_days) for one in claims))
    return len(claims)


async def run(database: Database, settings: Settings, records: TextRecords) -> None:
    """Go round all shops until it is cancelled. Servers that are slow hold nothing else of the worker up."""

    async def check(shop: Shop) -> None:
        await check_due(database, records, shop.id, lapse_days=settings.domain_lapse_days)

    await keep_going_round("domains", database, check, every=PERIOD_SECONDS)


async def _check(
    database: Database, records: TextRecords, tenant_id: UUID, claimed: Claim, lapse_days: int
) -> tuple[str, bool]:
    finding = await look(records, claimed.name, claimed.value)
    taken = finding == "found" and not await _entered(database, tenant_id, claimed.host)
    async with database.tx(tenant_id) as tx:
        has = await service.found(tx, claimed, finding, lapses_after=timedelta(days=lapse_days), taken=taken)
    return finding, has


async def _entered(database: Database, tenant_id: UUID, host: str) -> bool:
    """Whether the name is the shop's in the directory that all share, which a database of its own knows nothing of."""
    return database.home_of(tenant_id) == SHARED or await publishing.enter(database, tenant_id, host)
