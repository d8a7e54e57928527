"""Do the marts say what the books say? The same sums from Postgres and from the marts, to the minor unit.

What the marts can't have yet is left out on both sides: what happened after they were last brought up to their events,
and the orders that have changed since.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, LiteralString
from uuid import UUID
from zoneinfo import ZoneInfo

import psycopg

from foundation.analytics import ShopRows, of_shop
from foundation.settings import Settings
from pipelines.tenants import database_of, zone_of

IN_FLIGHT = timedelta(seconds=30)
"""Events younger than this may still have been on their way."""

END_OF_TIME = datetime(2100, 1, 1, tzinfo=UTC)

Key = tuple[str, ...]
Sums = Mapping[Key, tuple[int, ...]]
"""Counts and minor units, by currency and whatever else they are told by."""

_SEEN = """
    SELECT toUnixTimestamp64Milli(min(seen_at)) FROM mart_seen FINAL
    WHERE tenant_id = {tenant_id:UUID} AND mart IN {marts:Array(String)}
    HAVING count() = length({marts:Array(String)})
"""


@dataclass(frozen=True, slots=True)
class Agreement:
    """The same thing, summed on both sides."""

    about: str
    names: Sequence[str]
    """What the sums are of."""
    in_postgres: Sums
    in_marts: Sums

    @property
    def agrees(self) -> bool:
        """Whether the two are the same, to the minor unit."""
        return not self.differences

    @property
    def differences(self) -> Mapping[Key, tuple[int, ...]]:
        """What the marts have more than the books, where they differ."""
        nothing = (0,) * len(self.names)
        found = {
            key: tuple(
                there - here
                for here, there in zip(self.in_postgres.get(key, nothing), self.in_marts.get(key, nothing), strict=True)
            )
            for key in {**self.in_postgres, **self.in_marts}
        }
        return {key: more for key, more in found.items() if any(more)}


@dataclass(frozen=True, slots=True)
class _Comparison:
    about: str
    marts: Sequence[str]
    by: int
    """How many of the columns are what the sums are told by; they come first."""
    names: Sequence[str]
    books: LiteralString
    mart: str


_ORDERS = _Comparison(
    "orders",
    ("orders",),
    1,
    ("orders", "total", "credited"),
    """
    SELECT currency, count(*), sum(total)::bigint, sum(credited)::bigint FROM orders o
    WHERE placed_at < %(before)s AND o.id <> ALL(%(restless)s) GROUP BY currency
    """,
    """
    SELECT currency, count(), sum(total + edited), sum(credited) FROM mart_orders FINAL
    WHERE tenant_id = {tenant_id:UUID} AND placed_at < {before:DateTime64(6, 'UTC')}
      AND NOT has({restless:Array(UUID)}, order_id)
    GROUP BY currency
    """,
)
_LINES = _Comparison(
    "lines",
    ("order_lines",),
    1,
    ("lines", "units", "total"),
    """
    SELECT o.currency, count(*), sum(l.quantity)::bigint, sum(l.total)::bigint
    FROM orders o JOIN order_line l ON l.tenant_id = o.tenant_id AND l.order_id = o.id
    WHERE o.placed_at < %(before)s AND o.id <> ALL(%(restless)s) GROUP BY o.currency
    """,
    """
    SELECT currency, count(), sum(units), sum(l.total) FROM mart_order_lines AS l FINAL
    WHERE tenant_id = {tenant_id:UUID} AND NOT has({restless:Array(UUID)}, order_id)
      AND order_id IN (SELECT order_id FROM mart_orders FINAL WHERE tenant_id = {tenant_id:UUID}
                       AND placed_at < {before:DateTime64(6, 'UTC')})
    GROUP BY currency
    """,
)
# Imported history was paid for elsewhere: its sales refer to no payment.
_MONEY = _Comparison(
    "money",
    ("daily_sales",),
    1,
    ("captured", "refunded"),
    """
    SELECT x.currency,
           (-coalesce(sum(x.amount) FILTER (WHERE x.account = 'sales' AND p.id IS NOT NULL), 0))::bigint,
           coalesce(sum(x.amount) FILTER (WHERE x.account = 'refunds'), 0)::bigint
    FROM ledger_posting x LEFT JOIN payment p ON p.tenant_id = x.tenant_id AND p.id = x.reference_id
    WHERE x.account IN ('sales', 'refunds') AND x.occurred_at < %(today)s GROUP BY x.currency
    """,
    """
    SELECT currency, sum(captured), sum(refunded) FROM mart_daily_sales FINAL
    WHERE tenant_id = {tenant_id:UUID} AND day < toDate({today:DateTime64(6, 'UTC')}, {zone:String})
    GROUP BY currency
    """,
)
_TAX = _Comparison(
    "tax",
    ("tax",),
    5,
    ("taxable", "tax"),
    """
    SELECT currency, country, scheme, name, rate, sum(taxable)::bigint, sum(tax)::bigint FROM tax_entry
    WHERE occurred_at < %(today)s GROUP BY currency, country, scheme, name, rate
    """,
    """
    SELECT currency, country, scheme, tax_name, rate, sum(taxable), sum(t.tax) FROM mart_tax AS t FINAL
    WHERE tenant_id = {tenant_id:UUID} AND day < toDate({today:DateTime64(6, 'UTC')}, {zone:String})
    GROUP BY currency, country, scheme, tax_name, rate
    """,
)
# What vendors earn is accounted with the order, so it is compared as it stands.
_VENDORS = _Comparison(
    "vendors",
    ("vendor_sales",),
    2,
    ("earned", "commission"),
    """
    SELECT o.currency, v.vendor_id, sum(v.earned)::bigint, sum(v.commission)::bigint
    FROM vendor_order v JOIN orders o ON o.tenant_id = v.tenant_id AND o.id = v.order_id
    GROUP BY o.currency, v.vendor_id
    """,
    """
    SELECT currency, vendor_id, sum(earned), sum(v.commission) FROM mart_vendor_sales AS v FINAL
    WHERE tenant_id = {tenant_id:UUID} GROUP BY currency, vendor_id
    """,
)
COMPARISONS = {one.about: one for one in (_ORDERS, _LINES, _MONEY, _TAX, _VENDORS)}
"""What is compared, by name; of what."""

_RESTLESS = """
    SELECT DISTINCT order_id FROM order_entry WHERE at >= %(before)s
"""


def reconcile(settings: Settings, tenant_id: UUID, about: str, *, whole: bool = False) -> Agreement | None:
    """Compare one of `COMPARISONS` of a tenant; nothing, if its mart was never built.

    Money and tax are compared up to the beginning of the day on which the mart was last brought up to its events, by
    the shop's clocks; `whole` takes all there is, for who knows that nothing is on its way.

    Raises:
        EngineNotConfigured: Postgres or ClickHouse has no address.
        KeyError: nothing of that name is compared.
    """
    comparison = COMPARISONS[about]
    with of_shop(settings, tenant_id) as shop, _books(settings, tenant_id) as books:
        seen = shop.rows(_SEEN, {"marts": list(comparison.marts)})
        if not seen:
            return None
        zone = zone_of(settings, tenant_id)
        at = datetime.fromtimestamp(seen[0][0] / 1000, UTC)
        return _compared(shop, books, comparison, zone, at, whole=whole)


def _compared(
    shop: ShopRows, books: psycopg.Connection[Any], comparison: _Comparison, zone: str, seen: datetime, *, whole: bool
) -> Agreement:
    before = END_OF_TIME if whole else seen - IN_FLIGHT
    midnight = before.astimezone(ZoneInfo(zone)).replace(hour=0, minute=0, second=0, microsecond=0)
    restless = [row[0] for row in books.execute(_RESTLESS, {"before": before}).fetchall()]
    values = {"before": before, "today": midnight, "restless": restless}
    here = books.execute(comparison.books, values).fetchall()
    there = shop.rows(comparison.mart, {**values, "restless": [str(one) for one in restless], "zone": zone})
    return Agreement(comparison.about, comparison.names, _sums(here, comparison.by), _sums(there, comparison.by))


@contextmanager
def _books(settings: Settings, tenant_id: UUID) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(database_of(settings, tenant_id)) as connection:
        connection.execute("SELECT set_config('tradewind.tenant_id', %s, true)", (str(tenant_id),))
        yield connection


def _sums(rows: Sequence[Sequence[Any]], by: int) -> Sums:
    sums = {tuple(map(str, row[:by])): tuple(map(int, row[by:])) for row in rows}
    return {key: values for key, values in sums.items() if any(values)}
