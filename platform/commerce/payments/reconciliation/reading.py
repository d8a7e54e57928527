"""Days that were compared and exceptions, as staff look at them and explain them."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import text

from commerce.payments.reconciliation.schemas import ExceptionOut, RunOut
from foundation import clock
from foundation.database import Tx, hot
from foundation.errors import NotFound

SHOWN_RUNS = 30


class ExceptionNotFound(NotFound):
    """There is no such exception, or it is explained already."""

    code = "payments.exception_not_found"

    exception_id: UUID


# uq_reconciliation_day
_RUNS = hot(
    text(
        """
        SELECT r.provider, r.day, r.lines, r.last_run_at, count(e.id) AS exceptions,
               count(e.id) FILTER (WHERE e.resolved_at IS NULL) AS open
        FROM reconciliation r
        LEFT JOIN reconciliation_exception e
               ON e.tenant_id = r.tenant_id AND e.provider = r.provider AND e.day = r.day
        WHERE r.tenant_id = :tenant_id GROUP BY r.tenant_id, r.id ORDER BY r.day DESC, r.provider LIMIT :limit
        """
    )
)

_COLUMNS = """
    id, provider, day, kind, about, reference, subject_id, expected_amount, expected_currency, amount, currency,
    expected_fee, fee, created_at, resolved_at, resolution
"""

# ix_reconciliation_exception_open, or the key
_EXCEPTIONS = hot(
    text(
        f"""
        SELECT {_COLUMNS} FROM reconciliation_exception
        WHERE tenant_id = :tenant_id AND (resolved_at IS NOT NULL) = :resolved
          AND (CAST(:after AS uuid) IS NULL OR id > CAST(:after AS uuid))
        ORDER BY id LIMIT :limit
        """  # noqa: S608  (columns of this module)
    )
)

_RESOLVE = hot(
    text(
        f"""
        UPDATE reconciliation_exception SET resolved_at = CAST(:now AS timestamptz), resolution = :resolution
        WHERE tenant_id = :tenant_id AND id = :exception_id AND resolved_at IS NULL RETURNING {_COLUMNS}
        """  # noqa: S608  (columns of this module)
    )
)


async def runs(tx: Tx) -> list[RunOut]:
    """The last days that were compared, the newest first."""
    return [RunOut.model_validate(dict(row)) for row in await tx.rows(_RUNS, {"limit": SHOWN_RUNS})]


async def exceptions(tx: Tx, *, resolved: bool, after: UUID | None, limit: int) -> list[ExceptionOut]:
    """Exceptions that are explained, or that are not, the oldest first."""
    rows = await tx.rows(_EXCEPTIONS, {"resolved": resolved, "after": after, "limit": limit})
    return [ExceptionOut.model_validate(dict(row)) for row in rows]


async def resolve(tx: Tx, exception_id: UUID, resolution: str) -> ExceptionOut:
    """Write down how an exception is explained, once.

    Raises:
        ExceptionNotFound: there is none that is open.
    """
    values = {"exception_id": exception_id, "resolution": resolution, "now": clock.now()}
    row = await tx.one(_RESOLVE, values)
    if row is None:
        raise ExceptionNotFound(exception_id=exception_id)
    return ExceptionOut.model_validate(dict(row))
