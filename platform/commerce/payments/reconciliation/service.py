"""A provider's report of a day taken into the books: each line once, however often it is read.

The provider is asked outside any transaction. Lines are taken in some hundreds a transaction, one run at a time for
each provider of a shop; what a run that died has taken in stays, and the next one goes on.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from uuid import UUID

from sqlalchemy import text

from commerce.ledger import service as ledger
from commerce.payments.providers.contract import Provider, ReportsSettlements, Settled
from commerce.payments.reconciliation import books
from commerce.payments.reconciliation.matching import Entry, Match, match, overdue
from foundation import clock
from foundation.database import Database, Tx, hot
from foundation.errors import Unprocessable
from foundation.events import PaymentsReconciled, record
from foundation.ids import new_id
from foundation.outbox import announce
from foundation.turns import in_turn

BATCH = 500


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

# uq_reconciliation_exception_about
_EXCEPT = hot(
    text(
        """
        INSERT INTO reconciliation_exception
            (tenant_id, id, provider, day, kind, about, reference, subject_id, expected_amount, expected_currency,
             amount, currency, expected_fee, fee, created_at)
        VALUES (:tenant_id, :id, :provider, CAST(:day AS date), :kind, :about, :reference, CAST(:subject_id AS uuid),
                CAST(:expected_amount AS bigint), CAST(:expected_currency AS text), CAST(:amount AS bigint),
                CAST(:currency AS text), CAST(:expected_fee AS bigint), CAST(:fee AS bigint), CAST(:now AS timestamptz))
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
    # One run at a time for a provider of a shop; the unique indexes of the lines back it.
    await in_turn(tx, f"reconciliation:{tx.tenant_id}:{provider}")


async def _taken_in(tx: Tx, provider: str, lines: Sequence[Settled]) -> list[Match]:
    """The lines that were not known, matched, kept and posted."""
    names = [line.id for line in lines]
    known = {row["line"] for row in await tx.rows(_KNOWN, {"provider": provider, "lines": names})}
    unknown = list({line.id: line for line in lines if line.id not in known}.values())
    matches = list(match(unknown, await books.named(tx, provider, unknown)))
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


async def _differences(tx: Tx, provider: str, day: date, matches: Sequence[Match]) -> int:
    listed = 0
    for one in matches:
        if one.difference is not None:
            listed += await _except(tx, provider, day, one.difference, one.entry, one.line)
    settled = [one.entry.name for one in matches if one.entry and one.subject_id]
    if settled:
        await tx.rows(_FOUND_AFTER_ALL, {"provider": provider, "subjects": settled, "now": clock.now()})
    return listed


async def _missing(tx: Tx, provider: str, day: date) -> int:
    listed = 0
    for entry in overdue(await books.unsettled(tx, provider, day), day):
        listed += await _except(tx, provider, day, "missing_at_provider", entry, None)
    return listed


async def _except(tx: Tx, provider: str, day: date, kind: str, entry: Entry | None, line: Settled | None) -> int:
    values = {
        "id": new_id(),
        "provider": provider,
        "day": day,
        "kind": kind,
        "about": line.id if line else entry.name if entry else "",
        "reference": line.reference if line else entry.reference if entry else "",
        "subject_id": entry.id if entry else None,
        "expected_amount": entry.amount if entry else None,
        "expected_currency": entry.currency if entry else None,
        "amount": line.amount if line else None,
        "currency": line.currency if line else None,
        "expected_fee": (entry.fee or None) if entry else None,
        "fee": line.fee if line else None,
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
