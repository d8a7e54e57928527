"""What our books say that a provider owes us or we owe it: by the ids and references that lines name, or still open."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from sqlalchemy import text

from commerce.payments.providers.contract import Settled
from commerce.payments.reconciliation.matching import SETTLES_WITHIN, Entry
from foundation.database import Tx, hot

_LOOK_BACK = timedelta(days=30)
"""What should have been settled longer ago than this was listed by the runs of those days."""


# uq_settlement_line_subject
def _settled(kind: str, subject: str) -> str:
    return f"""EXISTS (SELECT FROM settlement_line s
                       WHERE s.tenant_id = :tenant_id AND s.subject_id = {subject} AND s.kind = '{kind}') AS settled"""


_CAPTURES = f"""
    SELECT 'capture' AS kind, p.id, coalesce(p.provider_reference, '') AS reference,
           p.amount - p.spared AS amount, p.currency, p.fee, p.updated_at AS made_at, {_settled("capture", "p.id")}
    FROM payment p WHERE p.tenant_id = :tenant_id AND p.provider = :provider AND p.status = 'captured'
"""  # noqa: S608  (words of this module)

# A refund that failed and has a name at the provider was made, and came back.
_REFUNDS = f"""
    SELECT 'refund' AS kind, r.id, coalesce(r.provider_reference, '') AS reference, -r.amount AS amount, r.currency,
           0::bigint AS fee, r.updated_at AS made_at, {_settled("refund", "r.id")}
    FROM refund r JOIN payment p ON p.tenant_id = r.tenant_id AND p.id = r.payment_id
    WHERE r.tenant_id = :tenant_id AND coalesce(r.provider, p.provider) = :provider
      AND (r.status = 'succeeded' OR r.status = 'failed' AND r.provider_reference IS NOT NULL)
"""  # noqa: S608  (words of this module)
_FAILED_REFUNDS = f"""
    SELECT 'reversal' AS kind, r.id, coalesce(r.provider_reference, '') AS reference, r.amount, r.currency,
           0::bigint AS fee, r.updated_at AS made_at, {_settled("reversal", "r.id")}
    FROM refund r JOIN payment p ON p.tenant_id = r.tenant_id AND p.id = r.payment_id
    WHERE r.tenant_id = :tenant_id AND coalesce(r.provider, p.provider) = :provider
      AND r.status = 'failed' AND r.provider_reference IS NOT NULL
"""  # noqa: S608  (words of this module)

_DISPUTES = f"""
    SELECT 'dispute' AS kind, d.id, d.reference, -d.amount AS amount, d.currency, d.fee, d.opened_at AS made_at,
           {_settled("dispute", "d.id")}
    FROM dispute d WHERE d.tenant_id = :tenant_id AND d.provider = :provider
"""  # noqa: S608  (words of this module)
_WON_DISPUTES = f"""
    SELECT 'reversal' AS kind, d.id, d.reference, d.amount, d.currency, 0::bigint AS fee, d.closed_at AS made_at,
           {_settled("reversal", "d.id")}
    FROM dispute d WHERE d.tenant_id = :tenant_id AND d.provider = :provider AND d.status = 'won'
"""  # noqa: S608  (words of this module)

# pk_payment and pk_refund
_BY_ID = hot(
    text(
        f"""
        {_CAPTURES} AND p.id = ANY(CAST(:payment_ids AS uuid[]))
        UNION ALL {_REFUNDS} AND r.id = ANY(CAST(:refund_ids AS uuid[]))
        UNION ALL {_FAILED_REFUNDS} AND r.id = ANY(CAST(:refund_ids AS uuid[]))
        """
    )
)

# No index: asked only for lines that do not carry our id.
_BY_REFERENCE = hot(
    text(
        f"""
        {_CAPTURES} AND p.provider_reference = ANY(CAST(:captures AS text[]))
        UNION ALL {_REFUNDS} AND r.provider_reference = ANY(CAST(:refunds AS text[]))
        UNION ALL {_FAILED_REFUNDS} AND r.provider_reference = ANY(CAST(:reversals AS text[]))
        UNION ALL {_DISPUTES} AND d.reference = ANY(CAST(:disputes AS text[]))
        UNION ALL {_WON_DISPUTES} AND d.reference = ANY(CAST(:reversals AS text[]))
        """
    )
)

# ix_ledger_posting_account and uq_settlement_line_subject. What left and came back again in the books is owed by
# neither side, until a report has only one of the two.
_OWED = hot(
    text(
        """
        SELECT kind, id, reference, CASE kind WHEN 'reversal' THEN reversed ELSE amount END AS amount, currency,
               CASE kind WHEN 'reversal' THEN 0 ELSE fee END AS fee, made_at, false AS settled
        FROM (
            SELECT CASE WHEN p.id IS NOT NULL THEN 'capture'
                        WHEN o.amount > 0 AND (r.status = 'failed' OR d.status = 'won') THEN 'reversal'
                        WHEN r.id IS NOT NULL THEN 'refund' ELSE 'dispute' END AS kind,
                   o.reference_id AS id, o.amount, coalesce(r.amount, d.amount) AS reversed, o.currency, o.made_at,
                   coalesce(p.provider_reference, r.provider_reference, d.reference, '') AS reference,
                   coalesce(p.fee, d.fee, 0)::bigint AS fee
            FROM (SELECT reference_id, currency, sum(amount)::bigint AS amount, min(occurred_at) AS made_at
                  FROM ledger_posting
                  WHERE tenant_id = :tenant_id AND account = :account AND occurred_at >= CAST(:since AS timestamptz)
                    AND occurred_at < CAST(:until AS timestamptz)
                  GROUP BY reference_id, currency HAVING sum(amount) <> 0) o
            LEFT JOIN payment p ON p.tenant_id = :tenant_id AND p.id = o.reference_id
            LEFT JOIN refund r ON r.tenant_id = :tenant_id AND r.id = o.reference_id
            LEFT JOIN dispute d ON d.tenant_id = :tenant_id AND d.id = o.reference_id) owed
        WHERE NOT EXISTS (SELECT FROM settlement_line s
                          WHERE s.tenant_id = :tenant_id AND s.subject_id = owed.id AND s.kind = owed.kind)
        """
    )
)


async def named(tx: Tx, provider: str, lines: Sequence[Settled]) -> list[Entry]:
    """What our books have of what some lines name, settled before or not."""
    asked = {
        "provider": provider,
        "payment_ids": [line.payment_id for line in lines if line.kind == "capture" and line.payment_id],
        "refund_ids": [line.refund_id for line in lines if line.kind in ("refund", "reversal") and line.refund_id],
    }
    found = [_entry(row) for row in await tx.rows(_BY_ID, asked)]
    known = {entry.id for entry in found}
    nameless = [line for line in lines if line.payment_id not in known and line.refund_id not in known]
    references = {
        f"{kind}s": [line.reference for line in nameless if line.kind == kind]
        for kind in ("capture", "refund", "dispute", "reversal")
    }
    if any(references.values()):
        rows = await tx.rows(_BY_REFERENCE, {"provider": provider, **references})
        found += [entry for entry in map(_entry, rows) if entry.id not in known]
    return found


async def unsettled(tx: Tx, provider: str, day: date) -> list[Entry]:
    """What was made so long before a day that it should have been settled by then, and was not."""
    until = datetime.combine(day - SETTLES_WITHIN, time(), tzinfo=UTC)
    asked = {"account": f"provider:{provider}", "since": until - _LOOK_BACK, "until": until}
    return [_entry(row) for row in await tx.rows(_OWED, asked)]


def _entry(row: Mapping[str, Any]) -> Entry:
    return Entry(
        kind=row["kind"],
        id=row["id"],
        reference=row["reference"],
        amount=row["amount"],
        currency=row["currency"],
        made_on=row["made_at"].astimezone(UTC).date(),
        settled=row["settled"],
        fee=row["fee"],
    )
