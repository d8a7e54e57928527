"""The worker's part: yesterday of every provider that reports, once, some hours after it is over."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from uuid import UUID

import structlog

from commerce.payments.providers import Providers, ProviderUnavailable, ReportsSettlements
from commerce.payments.reconciliation.service import is_done, reconcile, yesterday
from foundation import clock
from foundation.database import Database

log = structlog.get_logger(__name__)

AFTER_MIDNIGHT = timedelta(hours=4)
"""PayPal lists a transaction up to three hours after it was made."""
TRY_AGAIN_AFTER = timedelta(minutes=10)


@dataclass(slots=True)
class Nightly:
    """Compares each shop's yesterday when its time has come; what is done, or was just tried, is remembered."""

    database: Database
    providers: Providers
    _not_before: dict[tuple[UUID, str, date], datetime] = field(default_factory=dict)

    async def run(self, tenant_id: UUID) -> int:
        """One round for one shop; says how many days were compared."""
        now, day = clock.now(), yesterday()
        if now < datetime.combine(now.date(), time(), tzinfo=UTC) + AFTER_MIDNIGHT:
            return 0
        done = 0
        for provider in await self.providers.offered_by(tenant_id):
            key = (tenant_id, provider.name, day)
            if not isinstance(provider, ReportsSettlements) or now < self._not_before.get(key, now):
                continue
            self._not_before = {known: when for known, when in self._not_before.items() if known[2] >= day}
            self._not_before[key] = now + TRY_AGAIN_AFTER
            async with self.database.tx(tenant_id, read_only=True) as tx:
                known = await is_done(tx, provider.name, day)
            if known:
                self._not_before[key] = now + timedelta(days=1)
                continue
            try:
                found = await reconcile(self.database, provider, tenant_id, day)
            except ProviderUnavailable:
                log.warning("reconciliation.no_answer", provider=provider.name, day=str(day))
                continue
            log.info("reconciliation.done", provider=provider.name, day=str(day), exceptions=found.exceptions)
            done += 1
        return done
