"""Data keys are wrapped by the present key-encryption key; what they seal stays as it is.

A batch a transaction: it can be stopped at any time, and goes on with what is left. Once none is wrapped by an old key,
that can be taken out of the settings.
"""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import text

from foundation.database import Database, hot
from foundation.sealing import keyring

BATCH = 500

# ix_subject_key_wrapped_by
_OLD = hot(
    text(
        """
        SELECT id, wrapped, wrapped_by FROM subject_key WHERE tenant_id = :tenant_id AND wrapped_by <> :current
        ORDER BY id LIMIT CAST(:limit AS bigint) FOR UPDATE SKIP LOCKED
        """
    )
)
_WRAP = hot(
    text(
        """
        UPDATE subject_key k SET wrapped = n.wrapped, wrapped_by = :current
        FROM unnest(CAST(:ids AS uuid[]), CAST(:wrapped AS bytea[])) AS n (id, wrapped)
        WHERE k.tenant_id = :tenant_id AND k.id = n.id
        """
    )
)


async def rotate(database: Database, tenant_id: UUID) -> int:
    """Wrap a tenant's data keys anew; how many.

    Raises:
        Unreadable: a key that wrapped one is not in the settings any more.
    """
    ring, count = keyring(), 0
    while True:
        async with database.tx(tenant_id) as tx:
            rows = await tx.rows(_OLD, {"current": ring.current, "limit": BATCH})
            anew = [
                ring.wrap(
                    ring.unwrap(row["wrapped"], row["wrapped_by"], tenant_id=tenant_id, subject_id=row["id"]),
                    tenant_id=tenant_id,
                    subject_id=row["id"],
                )
                for row in rows
            ]
            await tx.rows(_WRAP, {"ids": [row["id"] for row in rows], "wrapped": anew, "current": ring.current})
        count += len(rows)
        if len(rows) < BATCH:
            return count
