"""Are the marts sound? What can be asked of each by itself; whether they agree with the books is `reconciling`'s."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from foundation import clock
from foundation.analytics import of_shop
from foundation.settings import Settings
from pipelines.marts.definition import Mart, all_marts

STALE = timedelta(hours=26)
"""After a night in which nothing was brought up to its events."""
WEEKS = 8
ENOUGH = 20
"""Orders on a usual day below which nothing is said of a day."""
FEW, MANY = 1 / 3, 3.0
"""Of what is usual, what is not."""

_SEEN = "SELECT mart, toUnixTimestamp64Milli(seen_at) FROM mart_seen FINAL WHERE tenant_id = {tenant_id:UUID}"
_VOLUME = """
    WITH (SELECT toDate(max(seen_at), {zone:String}) FROM mart_seen WHERE tenant_id = {tenant_id:UUID}) AS today,
    days AS (
        SELECT day, sum(d.orders) AS orders FROM mart_daily_sales AS d FINAL
        WHERE tenant_id = {tenant_id:UUID} AND day < today AND day >= today - 7 * {weeks:UInt8} - 1
        GROUP BY day)
    SELECT today - 1 AS yesterday, sumIf(d.orders, day = yesterday) AS orders,
           quantileExactIf(0.5)(d.orders, day != yesterday AND toDayOfWeek(day) = toDayOfWeek(yesterday)) AS usual
    FROM days AS d
"""


@dataclass(frozen=True, slots=True)
class Volume:
    """How many orders a day had, beside the same weekday of the weeks before it."""

    orders: int
    usual: int

    @property
    def is_usual(self) -> bool:
        """Whether it is neither far fewer nor far more; of a shop that sells little, always."""
        return self.usual < ENOUGH or FEW * self.usual <= self.orders <= MANY * self.usual


def repeated(settings: Settings, tenant_id: UUID) -> Mapping[str, int]:
    """How many rows too many each mart has of what should be there once; nothing of those that are right.

    Raises:
        EngineNotConfigured: ClickHouse has no address.
    """
    marts = [mart for mart in all_marts().values() if mart.unique]
    with of_shop(settings, tenant_id) as shop:
        found = {mart.name: int(shop.rows(_repeated(mart))[0][0]) for mart in marts}
    return {name: rows for name, rows in found.items() if rows}


def _repeated(mart: Mart) -> str:
    return f"""
        SELECT count() - uniqExact({", ".join(mart.unique)}) FROM {mart.table} FINAL
        WHERE tenant_id = {{tenant_id:UUID}}
    """  # noqa: S608 - the definitions are ours


def stale(settings: Settings, tenant_id: UUID) -> Mapping[str, datetime | None]:
    """The marts that were not brought up to their events lately, and when they were.

    Raises:
        EngineNotConfigured: ClickHouse has no address.
    """
    with of_shop(settings, tenant_id) as shop:
        seen = {name: datetime.fromtimestamp(at / 1000, UTC) for name, at in shop.rows(_SEEN)}
    horizon = clock.now() - STALE
    return {name: seen.get(name) for name in all_marts() if name not in seen or seen[name] < horizon}


def volume(settings: Settings, tenant_id: UUID, zone: str) -> Volume:
    """The orders of the day before the marts were last brought up to their events.

    Raises:
        EngineNotConfigured: ClickHouse has no address.
    """
    with of_shop(settings, tenant_id) as shop:
        rows = shop.rows(_VOLUME, {"zone": zone, "weeks": WEEKS})
    return Volume(int(rows[0][1]), int(rows[0][2])) if rows else Volume(0, 0)
