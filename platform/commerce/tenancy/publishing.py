"""The shared directory hears of what a shop with a database of its own says about itself.

There the shop's own rows of `tenant` and `tenant_domain` are what counts; the shared ones say where it is, and are what
a host name is found by and what the operator lists. They are copied after every change and in every round of the
worker, so they are some seconds old at most. A host name is entered in the shared directory first (`enter`): it alone
knows whether another shop has it.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sqlalchemy import text

from foundation.database import SHARED, Database, hot

_OWN = hot(
    text(
        """
        SELECT t.slug, t.name, t.currency, t.locale, t.status, t.settings::text AS settings, t.settings_version,
               t.closes_at, d.hosts, d.main
        FROM tenant t CROSS JOIN LATERAL (
            SELECT coalesce(array_agg(host ORDER BY host), '{}') AS hosts, max(host) FILTER (WHERE is_primary) AS main
            FROM tenant_domain WHERE tenant_id = t.id) d
        WHERE t.id = :tenant_id
        """
    )
)
# Whoever removes the shop has said so here, and the name it had is anybody's.
_STANDS = hot(text("SELECT FROM tenant WHERE id = :tenant_id AND status <> 'removing' FOR UPDATE"))
_SHOP = hot(
    text(
        """
        UPDATE tenant SET name = :name, locale = :locale, status = :status, settings_version = :settings_version,
               settings = CAST(CAST(:settings AS text) AS jsonb), closes_at = CAST(:closes_at AS timestamptz)
        WHERE id = :tenant_id
          AND (name, locale, status, settings_version, settings, closes_at) IS DISTINCT FROM
              (:name, :locale, :status, CAST(:settings_version AS bigint), CAST(CAST(:settings AS text) AS jsonb),
               CAST(:closes_at AS timestamptz))
        """
    )
)
_GONE = hot(text("DELETE FROM tenant_domain WHERE tenant_id = :tenant_id AND host <> ALL (CAST(:hosts AS text[]))"))
# uq_tenant_domain_primary is not deferred: the old one goes first.
_NOT_MAIN = hot(
    text(
        """
        UPDATE tenant_domain SET is_primary = false
        WHERE tenant_id = :tenant_id AND is_primary AND host IS DISTINCT FROM CAST(:main AS text)
        """
    )
)
_MAIN = hot(
    text(
        """
        UPDATE tenant_domain SET is_primary = true
        WHERE tenant_id = :tenant_id AND host = CAST(:main AS text) AND NOT is_primary
        """
    )
)
_ENTER = hot(
    text(
        """
        INSERT INTO tenant_domain (host, tenant_id) VALUES (:host, :tenant_id)
        ON CONFLICT (host) DO UPDATE SET tenant_id = tenant_domain.tenant_id
        WHERE tenant_domain.tenant_id = :tenant_id RETURNING host
        """
    )
)


async def publish(database: Database, tenant_id: UUID) -> None:
    """Bring the shared directory up to what a shop with a database of its own says of itself."""
    async with database.tx(tenant_id, read_only=True) as tx:
        own = await tx.one(_OWN)
    if own is None or database.home_of(tenant_id) == SHARED:
        return
    said: dict[str, Any] = dict(own)
    async with database.directory(tenant_id) as tx:
        if await tx.one(_STANDS) is None:
            return
        for statement in (_SHOP, _GONE, _NOT_MAIN):
            await tx.rows(statement, said)
        for host in said["hosts"]:
            await tx.rows(_ENTER, {"host": host})
        await tx.rows(_MAIN, said)


async def enter(database: Database, tenant_id: UUID, host: str) -> bool:
    """Enter a host name for a shop in the shared directory; whether the shop has it now."""
    async with database.directory(tenant_id) as tx:
        return await tx.one(_ENTER, {"host": host}) is not None
