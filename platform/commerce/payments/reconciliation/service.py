"""A provider's report of a day taken into the books: each line once, however often it is read.

The provider is asked outside any transaction. Lines are taken in some hundreds a transaction, one run at a time for
each provider of a shop; what a run that died has taken in stays, and the next one goes on.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import text

from commerce.ledger import service as ledger
from commerce.payments.providers.contract import Provider, ReportsSettlements, Settled
from commerce.payments.reconciliation.matching import SETTLES_WITHIN, Entry, Match, match, overdue
from foundation import clock
from foundation.database import Database, Tx, hot
from foundation.errors import Unprocessable
from foundation.events import PaymentsReconciled, record
from foundation.ids import new_id
from foundation.outbox import announce

BATCH = 500
_LOOK_BACK = timedelta(days=30)
"""What should have been settled longer ago than this was listed by the runs of those days."""


class NoReports(Unprocessable):
    """This provider reports no settlements."""

    code = "payments.no_settlement_reports"

    provider: str


class DayNotOver(Unprocessable):
    """A day is compared when it is over, in UTC."""

    code = "payments.day_not_over"

    day: date


@dataclass(frozen=True, slots=True)
class Summary:
    """What a run found."""

    lines: int
    new: int
    exceptions: int
    """How many it listed that were not listed before."""


# One run at a time for a provider of a shop; the unique indexes of the lines back it.
_ONE_AT_A_TIME = hot(text("SELECT pg_advisory_xact_lock(hashtextextended(CAST(:owner AS text), 0))"))

_CAPTURES = """
    SELECT 'capture' AS kind, p.id, coalesce(p.provider_reference, '') AS reference,
           p.amount - p.spared AS amount, p.currency, p.fee, p.updated_at AS made_at, EXISTS (
               SELECT FROM settlement_line s WHERE s.tenant_id = p.tenant_id AND s.subject_id = p.id) AS settled
    FROM payment p WHERE p.tenant_id = :tenant_id AND p.provider = :provider AND p.status = 'captured'
"""
_REFUNDS = """
    SELECT 'refund' AS kind, r.id, coalesce(r.provider_reference, '') AS reference, -r.amount AS amount, r.currency,
           0::bigint AS fee, r.updated_at AS made_at, EXISTS (
               SELECT FROM settlement_line s WHERE s.tenant_id = r.tenant_id AND s.subject_id = r.id) AS settled
    FROM refund r JOIN payment p ON p.tenant_id = r.tenant_id AND p.id = r.payment_id
    WHERE r.tenant_id = :tenant_id AND p.provider = :provider AND r.status = 'succeeded'
"""

_DISPUTES = """
    SELECT 'dispute' AS kind, d.id, d.reference, -d.amount AS amount, d.currency, d.fee,
           d.opened_at AS made_at, EXISTS (
               SELECT FROM settlement_line s WHERE s.tenant_id = d.tenant_id AND s.subject_id = d.id) AS settled
    FROM dispute d WHERE d.tenant_id = :tenant_id AND d.provider = :provider
"""

# pk_payment and pk_refund
_BY_ID = hot(
    text(
        f"""
        {_CAPTURES} AND p.id = ANY(CAST(:payment_ids AS uuid[]))
        UNION ALL {_REFUNDS} AND r.id = ANY(CAST(:refund_ids AS uuid[]))
        """
    )
)

# No index: asked only for lines that do not carry our id.
_BY_REFERENCE = hot(
    text(
        f"""
        {_CAPTURES} AND p.provider_reference = ANY(CAST(:captures AS text[]))
        UNION ALL {_REFUNDS} AND r.provider_reference = ANY(CAST(:refunds AS text[]))
        UNION ALL {_DISPUTES} AND d.reference = ANY(CAST(:disputes AS text[]))
        """
    )
)

# uq_settlement_line_line
_TAKE_IN = hot(
    text(
        """
        INSERT INTO settlement_line
            (tenant_id, id, provider, line, kind, reference, subject_id, amount, fee, currency, settled_on, created_at)
        SELECT :tenant_id, id, :provider, line, kind, reference, subject_id, amount, fee, currency, settled_on,
               CAST(:now AS timestamptz)
        FROM unnest(CAST(:ids AS uuid[]), CAST(:lines AS text[]), CAST(:kinds AS text[]), CAST(:references AS text[]),
                    CAST(:subjects AS uuid[]), CAST(:amounts AS bigint[]), CAST(:fees AS bigint[]),
                    CAST(:currencies AS text[]), CAST(:days AS date[]))
             AS said (id, line, kind, reference, subject_id, amount, fee, currency, settled_on)
        ON CONFLICT (tenant_id, provider, line) DO NOTHING
        """
    )
)

_KNOWN = hot(
    text(
        """
        SELECT line FROM settlement_line
        WHERE tenant_id = :tenant_id AND provider = :provider AND line = ANY(CAST(:lines AS text[]))
        """
    )
)

# ix_ledger_posting_account and uq_settlement_line_subject
_OWED = hot(
    text(
        """
        SELECT CASE WHEN p.id IS NOT NULL THEN 'capture' WHEN r.id IS NOT NULL THEN 'refund' ELSE 'dispute' END AS kind,
               o.reference_id AS id, coalesce(p.provider_reference, r.provider_reference, d.reference, '') AS reference,
               o.amount, o.currency, coalesce(p.fee, d.fee, 0)::bigint AS fee, o.made_at, false AS settled
        FROM (SELECT reference_id, currency, sum(amount)::bigint AS amount, min(occurred_at) AS made_at
              FROM ledger_posting
              WHERE tenant_id = :tenant_id AND account = :account AND occurred_at >= CAST(:since AS timestamptz)
                AND occurred_at < CAST(:until AS timestamptz)
              GROUP BY reference_id, currency HAVING sum(amount) <> 0) o
        LEFT JOIN payment p ON p.tenant_id = :tenant_id AND p.id = o.reference_id
        LEFT JOIN refund r ON r.tenant_id = :tenant_id AND r.id = o.reference_id
        LEFT JOIN dispute d ON d.tenant_id = :tenant_id AND d.id = o.reference_id
        WHERE NOT EXISTS (SELECT FROM settlement_line s
                          WHERE s.tenant_id = :tenant_id AND s.subject_id = o.reference_id)
        """
    )
)

# uq_reconciliation_exception_about
_EXCEPT = hot(
    text(
        """
        INSERT INTO reconciliation_exception
            (tenant_id, id, provider, day, kind, about, reference, subject_id, expected_amount, expected_currency,
             amount, currency, created_at)
        VALUES (:tenant_id, :id, :provider, CAST(:day AS date), :kind, :about, :reference, CAST(:subject_id AS uuid),
                CAST(:expected_amount AS bigint), CAST(:expected_currency AS text), CAST(:amount AS bigint),
                CAST(:currency AS text), CAST(:now AS timestamptz))
        ON CONFLICT (tenant_id, provider, kind, about) DO NOTHING RETURNING id
        """
    )
)

_FOUND_AFTER_ALL = hot(
    text(
        """
        UPDATE reconciliation_exception SET resolved_at = CAST(:now AS timestamptz), resolution = 'settled later'
        WHERE tenant_id = :tenant_id AND provider = :provider AND kind = 'missing_at_provider'
          AND about = ANY(CAST(:subjects AS text[])) AND resolved_at IS NULL
        """
    )
)

# uq_reconciliation_day
_RAN = hot(
    text(
        """
        INSERT INTO reconciliation (tenant_id, id, provider, day, lines, first_run_at, last_run_at)
        VALUES (:tenant_id, :id, :provider, CAST(:day AS date), :lines, CAST(:now AS timestamptz),
                CAST(:now AS timestamptz))
        ON CONFLICT (tenant_id, provider, day) DO UPDATE SET lines = excluded.lines, last_run_at = excluded.last_run_at
        RETURNING id, xmax = 0 AS is_first
        """
    )
)

# uq_reconciliation_day
_DONE = hot(
    text(
        """
        SELECT id FROM reconciliation WHERE tenant_id = :tenant_id AND provider = :provider AND day = CAST(:day AS date)
        """
    )
)


async def reconcile(database: Database, provider: Provider, tenant_id: UUID, day: date) -> Summary:
    """Compare what a provider settled on a day with the books, post it, and list what does not agree.

    A second run changes nothing, unless the provider says something new.

    Raises:
        NoReports: the provider has none.
        DayNotOver: there is more to come.
        ProviderUnavailable: it does not answer; what was read before is kept.
    """
    if not isinstance(provider, ReportsSettlements):
        raise NoReports(provider=provider.name)
    if day >= clock.now().date():
        raise DayNotOver(day=day)
    lines = [line async for line in provider.settlements(tenant_id, day)]
    new = exceptions = 0
    for batch in _batches(lines):
        async with database.tx(tenant_id) as tx:
            await _hold(tx, provider.name)
            matches = await _taken_in(tx, provider.name, batch)
            new += len(matches)
            exceptions += await _differences(tx, provider.name, day, matches)
    async with database.tx(tenant_id) as tx:
        await _hold(tx, provider.name)
        exceptions += await _missing(tx, provider.name, day)
        await _write_run(tx, provider.name, day, lines=len(lines), exceptions=exceptions)
    return Summary(len(lines), new, exceptions)


def yesterday() -> date:
    """The last day that is over."""
    return clock.now().date() - timedelta(days=1)


async def is_done(tx: Tx, provider: str, day: date) -> bool:
    """Whether a provider's day was compared."""
    return await tx.one(_DONE, {"provider": provider, "day": day}) is not None


async def _hold(tx: Tx, provider: str) -> None:
    await tx.rows(_ONE_AT_A_TIME, {"owner": f"reconciliation:{tx.tenant_id}:{provider}"})


async def _taken_in(tx: Tx, provider: str, lines: Sequence[Settled]) -> list[Match]:
    """The lines that were not known, matched, kept and posted."""
    names = [line.id for line in lines]
    known = {row["line"] for row in await tx.rows(_KNOWN, {"provider": provider, "lines": names})}
    unknown = list({line.id: line for line in lines if line.id not in known}.values())
    matches = list(match(unknown, await _entries(tx, provider, unknown)))
    ids = {one.line.id: new_id() for one in matches}
    values = {
        "ids": list(ids.values()),
        "lines": [one.line.id for one in matches],
        "kinds": [one.line.kind for one in matches],
        "references": [one.line.reference for one in matches],
        "subjects": [one.subject_id for one in matches],
        "amounts": [one.line.amount for one in matches],
        "fees": [one.line.fee for one in matches],
        "currencies": [one.line.currency for one in matches],
        "days": [one.line.settled_on for one in matches],
    }
    await tx.rows(_TAKE_IN, {**values, "provider": provider, "now": clock.now()})
    for one in matches:
        for currency, amounts in one.amounts(provider).items():
            reference_id = one.subject_id or ids[one.line.id]
            await ledger.post(tx, currency=currency, reference_id=reference_id, amounts=amounts)
    return matches


async def _entries(tx: Tx, provider: str, lines: Sequence[Settled]) -> list[Entry]:
    asked = {
        "provider": provider,
        "payment_ids": [line.payment_id for line in lines if line.kind == "capture" and line.payment_id],
        "refund_ids": [line.refund_id for line in lines if line.kind == "refund" and line.refund_id],
    }
    found = {entry.id: entry for entry in map(_entry, await tx.rows(_BY_ID, asked))}
    nameless = [line for line in lines if line.payment_id not in found and line.refund_id not in found]
    references = {
        "captures": [line.reference for line in nameless if line.kind == "capture"],
        "refunds": [line.reference for line in nameless if line.kind == "refund"],
        "disputes": [line.reference for line in lines if line.kind == "dispute"],
    }
    if any(references.values()):
        rows = await tx.rows(_BY_REFERENCE, {"provider": provider, **references})
        found |= {entry.id: entry for entry in map(_entry, rows)}
    return list(found.values())


async def _differences(tx: Tx, provider: str, day: date, matches: Sequence[Match]) -> int:
    listed = 0
    for one in matches:
        if one.difference is not None:
            listed += await _except(tx, provider, day, one.difference, one.entry, one.line)
    settled = [str(one.subject_id) for one in matches if one.subject_id]
    if settled:
        await tx.rows(_FOUND_AFTER_ALL, {"provider": provider, "subjects": settled, "now": clock.now()})
    return listed


async def _missing(tx: Tx, provider: str, day: date) -> int:
    until = datetime.combine(day - SETTLES_WITHIN, time(), tzinfo=UTC)
    asked = {"account": f"provider:{provider}", "since": until - _LOOK_BACK, "until": until}
    owed = map(_entry, await tx.rows(_OWED, asked))
    listed = 0
    for entry in overdue(owed, day):
        listed += await _except(tx, provider, day, "missing_at_provider", entry, None)
    return listed


async def _except(tx: Tx, provider: str, day: date, kind: str, entry: Entry | None, line: Settled | None) -> int:
    values = {
        "id": new_id(),
        "provider": provider,
        "day": day,
        "kind": kind,
        "about": line.id if line else str(entry.id if entry else ""),
        "reference": line.reference if line else entry.reference if entry else "",
        "subject_id": entry.id if entry else None,
        "expected_amount": entry.amount if entry else None,
        "expected_currency": entry.currency if entry else None,
        "amount": line.amount if line else None,
        "currency": line.currency if line else None,
        "now": clock.now(),
    }
    return len(await tx.rows(_EXCEPT, values))


async def _write_run(tx: Tx, provider: str, day: date, *, lines: int, exceptions: int) -> None:
    values = {"id": new_id(), "provider": provider, "day": day, "lines": lines, "now": clock.now()}
    row = await tx.one(_RAN, values)
    if row is not None and row["is_first"]:
        said = PaymentsReconciled(provider=provider, day=day, lines=lines, exceptions=exceptions)
        await announce(tx, [record(said, tenant_id=tx.tenant_id, aggregate_id=row["id"])])


def _batches(lines: Sequence[Settled]) -> Iterator[Sequence[Settled]]:
    return (lines[start : start + BATCH] for start in range(0, len(lines), BATCH))


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
