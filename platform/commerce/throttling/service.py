"""Token buckets in Postgres: one conditional upsert takes a token, for every worker alike."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import text

from foundation import clock
from foundation.database import Database, hot, unwitnessed
from foundation.errors import TooMany
from foundation.ids import new_id

FORGOTTEN_AFTER = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Limit:
    """So many at once, and one more every so often."""

    name: str
    burst: int
    every: timedelta
    refusal: type[TooMany] = TooMany


# uq_throttle_bucket_subject. No row comes back when the bucket is empty.
_TAKE = hot(
    text(
        """
        INSERT INTO throttle_bucket AS b (tenant_id, id, subject, tokens, updated_at)
        VALUES (:tenant_id, :id, :subject, CAST(:burst AS float8) - 1, CAST(:now AS timestamptz))
        ON CONFLICT (tenant_id, subject) DO UPDATE
            SET tokens = least(CAST(:burst AS float8), b.tokens + greatest(
                    extract(epoch FROM CAST(:now AS timestamptz) - b.updated_at), 0) / CAST(:every AS float8)) - 1,
                updated_at = greatest(b.updated_at, CAST(:now AS timestamptz))
            WHERE least(CAST(:burst AS float8), b.tokens + greatest(
                    extract(epoch FROM CAST(:now AS timestamptz) - b.updated_at), 0) / CAST(:every AS float8)) >= 1
        RETURNING tokens
        """
    )
)

_GIVE_BACK = hot(
    text(
        """
        UPDATE throttle_bucket SET tokens = least(CAST(:burst AS float8), tokens + 1)
        WHERE tenant_id = :tenant_id AND subject = :subject
        """
    )
)


async def take(database: Database, tenant_id: UUID, limit: Limit, subject: str) -> None:
    """Count one, in a transaction of its own: it is counted whatever becomes of the request.

    Raises:
        TooMany: it has been too often; as the limit's own kind of it.
    """
    every = limit.every.total_seconds()
    values = {**_bucket(limit, subject), "id": new_id(), "every": every, "now": clock.now()}
    with unwitnessed():
        async with database.tx(tenant_id) as tx:
            taken = await tx.one(_TAKE, values)
    if taken is None:
        raise limit.refusal(retry_after=math.ceil(every))


async def give_back(database: Database, tenant_id: UUID, limit: Limit, subject: str) -> None:
    """What was counted does not count after all."""
    with unwitnessed():
        async with database.tx(tenant_id) as tx:
            await tx.rows(_GIVE_BACK, _bucket(limit, subject))


def _bucket(limit: Limit, subject: str) -> dict[str, Any]:
    digest = hashlib.blake2b(f"{limit.name}:{subject}".encode(), digest_size=16).hexdigest()
    return {"subject": digest, "burst": limit.burst}
