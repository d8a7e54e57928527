"""What customers asked for, or staff for them: archives of their data, and to be forgotten."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import text

from commerce.privacy.schemas import PrivacyRequestOut
from foundation import clock
from foundation.database import Tx, hot

# pk_person_export, pk_erasure_request: ids are ordered by time. uq_account_customer
_LATEST = hot(
    text(
        """
        SELECT r.id, r.kind, r.customer_id, c.display_name AS customer, r.requested_by, r.requested_at, r.status,
               r.until,
               r.requested_by = 'customer:' || c.id
                   OR r.requested_by IN (SELECT 'account:' || a.id FROM account a
                                         WHERE a.tenant_id = :tenant_id AND a.customer_id = c.id) AS by_themselves
        FROM ((SELECT e.id, 'archive' AS kind, e.customer_id, e.requested_by, e.requested_at, e.status,
                      e.expires_at AS until
               FROM person_export e
               WHERE e.tenant_id = :tenant_id AND (CAST(:before AS uuid) IS NULL OR e.id < CAST(:before AS uuid))
               ORDER BY e.id DESC LIMIT CAST(:limit AS bigint))
              UNION ALL
              (SELECT f.id, 'erasure', f.customer_id, f.requested_by, f.requested_at,
                      coalesce(f.outcome, CASE WHEN f.told_at IS NOT NULL THEN 'begun'
                                               WHEN f.due_at > CAST(:now AS timestamptz) THEN 'asked'
                                               ELSE 'held' END),
                      coalesce(f.ended_at, f.due_at)
               FROM erasure_request f
               WHERE f.tenant_id = :tenant_id AND (CAST(:before AS uuid) IS NULL OR f.id < CAST(:before AS uuid))
               ORDER BY f.id DESC LIMIT CAST(:limit AS bigint))) r
        JOIN customer c ON c.tenant_id = :tenant_id AND c.id = r.customer_id
        ORDER BY r.id DESC LIMIT CAST(:limit AS bigint)
        """
    )
)


async def latest(tx: Tx, *, limit: int, before: UUID | None) -> tuple[list[PrivacyRequestOut], bool]:
    """What was asked for, the newest first, and whether there is more."""
    rows = await tx.rows(_LATEST, {"before": before, "limit": limit + 1, "now": clock.now()})
    return [PrivacyRequestOut(**row) for row in rows[:limit]], len(rows) > limit
