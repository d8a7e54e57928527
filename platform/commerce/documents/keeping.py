"""Until when it can be read whom a paper is to: its own key is thrown away then."""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import text

from foundation.database import Tx, hot
from foundation.settings import get_settings

# Those from before their keys had an end, and those that were sealed later.
_YEARS = hot(
    text(
        """
        SELECT DISTINCT d.year FROM document d JOIN subject_key k ON k.tenant_id = d.tenant_id AND k.id = d.id
        WHERE d.tenant_id = :tenant_id AND k.kept_until IS NULL
        """
    )
)
_DATE = hot(
    text(
        """
        UPDATE subject_key k SET kept_until = CAST(:until AS timestamptz) FROM document d
        WHERE k.tenant_id = :tenant_id AND d.tenant_id = :tenant_id AND d.id = k.id
          AND d.year = CAST(:year AS bigint) AND k.kept_until IS NULL
        """
    )
)


def until(year: int) -> datetime:
    """When the key of a paper of a year is thrown away: the law counts from the end of it."""
    return datetime(year + 1 + get_settings().papers_kept_years, 1, 1, tzinfo=UTC)


async def date_keys(tx: Tx) -> None:
    """Give an end to the keys of papers that have none."""
    for row in await tx.rows(_YEARS):
        await tx.rows(_DATE, {"year": row["year"], "until": until(row["year"])})
