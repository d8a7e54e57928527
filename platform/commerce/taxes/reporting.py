"""What a shop has to declare for a month or a quarter: by scheme, destination country and rate."""

from __future__ import annotations

import re
from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy import text

from commerce.taxes.schemas import TaxReport, TaxReportRow
from commerce.taxes.schemes import Scheme
from foundation.database import Tx, hot
from foundation.errors import Unprocessable
from foundation.spreadsheets import csv_of

COLUMNS = ("scheme", "country", "name", "rate", "currency", "taxable", "tax")
_PERIOD = re.compile(r"(?P<year>\d{4})-(?:Q(?P<quarter>[1-4])|(?P<month>0[1-9]|1[0-2]))")


class BadPeriod(Unprocessable):
    """A period is a quarter, such as `2026-Q4`, or a month, such as `2026-11`."""

    code = "taxes.bad_period"


# ix_tax_entry_occurred
_REPORT = hot(
    text(
        """
        SELECT scheme, country, name, rate, currency, sum(taxable)::bigint AS taxable, sum(tax)::bigint AS tax
        FROM tax_entry
        WHERE tenant_id = :tenant_id AND occurred_at >= CAST(:begins AS timestamptz)
          AND occurred_at < CAST(:ends AS timestamptz)
          AND (CAST(:scheme AS text) IS NULL OR scheme = CAST(:scheme AS text))
        GROUP BY scheme, country, name, rate, currency
        HAVING sum(taxable) <> 0 OR sum(tax) <> 0
        ORDER BY scheme, country, name, rate, currency
        """
    )
)


def window(period: str, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """When a quarter or a month begins and ends, by the shop's clocks; the end is not included.

    Raises:
        BadPeriod.
    """
    said = _PERIOD.fullmatch(period)
    if said is None or not 2000 <= int(said["year"]) <= 9998:
        raise BadPeriod
    first = 3 * int(said["quarter"]) - 2 if said["quarter"] else int(said["month"])
    after = first + (3 if said["quarter"] else 1)
    year = int(said["year"])
    ends = datetime(year + (after > 12), after - 12 * (after > 12), 1, tzinfo=zone)
    return datetime(year, first, 1, tzinfo=zone), ends


async def report(tx: Tx, period: str, zone: ZoneInfo, *, scheme: Scheme | None = None) -> TaxReport:
    """What came in less what was given back in a period, and the tax of it.

    Raises:
        BadPeriod.
    """
    begins, ends = window(period, zone)
    rows = await tx.rows(_REPORT, {"begins": begins, "ends": ends, "scheme": scheme})
    return TaxReport(
        period=period, begins=begins, ends=ends, rows=[TaxReportRow.model_validate(dict(row)) for row in rows]
    )


def as_csv(found: TaxReport) -> str:
    """The same as CSV."""
    rows = ([getattr(row, column) for column in COLUMNS] for row in found.rows)
    return csv_of([COLUMNS, *rows])
