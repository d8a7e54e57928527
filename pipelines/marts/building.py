"""Marts are brought up to their events: what of them has changed is made anew, and nothing else.

What a day of a mart was made of is known by the number and the mark of its events. A day whose events have another one,
because some came late or were forgotten, is made again, and so is what the mart's reach says. Made from scratch, a mart
is the same.

The embedded engine and a server do the same: one INSERT holds the new rows of some days and hides the old ones, and a
day's rows lie in one partition.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import groupby
from typing import TYPE_CHECKING, Any
from uuid import UUID
from zoneinfo import ZoneInfo

import psycopg

from foundation import clients, clock
from foundation.events import CONTRACTS
from foundation.progress import Progress, silent
from foundation.settings import EngineNotConfigured, Settings, get_settings
from pipelines.marts import tables
from pipelines.marts.definition import Mart, all_marts
from pipelines.schema import ensure_schema
from pipelines.tenants import NoSuchShop, called, zone_of

if TYPE_CHECKING:
    from clickhouse_connect.driver.client import Client

ABOUT_ORDERS = sorted(
    name for name, _ in CONTRACTS if name.split(".")[0] in {"order", "payment", "return", "claim", "exchange"}
)
"""Events whose aggregate is an order."""
AHEAD = timedelta(hours=1)
"""More than a browser's clock may be ahead of ours: what happens later counts as when it was received."""
ALWAYS = date(1970, 1, 1)
"""The day of what has no days."""
LOCK_SPACE = 7_261_412
"""Postgres's advisory locks of those who build a mart of a tenant."""


def _whole(column: str) -> str:
    """A hash of nothing known is nothing known, whatever else is hashed."""
    return f"ifNull({column}, toUUID('00000000-0000-0000-0000-000000000000'))"


_DAY = "toDate(least(occurred_at, recorded_at), {zone:String})"
_MARKS = f"""
    SELECT {_DAY} AS day, count(),
           groupBitXor(sipHash64(event_id, occurred_at, {_whole("shopper_id")}, {_whole("visitor_id")},
                                 {_whole("session_id")})) AS mark
    FROM events FINAL
    WHERE tenant_id = {{tenant_id:UUID}} AND name IN {{names:Array(String)}}
    GROUP BY day
"""  # noqa: S608 - constants
_MARKS_OF_DECISIONS = """
    SELECT toDate(decided_at, {zone:String}) AS day, count(), groupBitXor(sipHash64(decision_id)) AS mark
    FROM decisions FINAL WHERE tenant_id = {tenant_id:UUID} GROUP BY day
"""
_BUILT = """
    SELECT day, if(zone = {zone:String}, events, 0), mark FROM mart_builds FINAL
    WHERE tenant_id = {tenant_id:UUID} AND mart = {mart:String} AND definition = {definition:String} AND events > 0
"""
_LATEST = "SELECT max(version) FROM mart_builds WHERE tenant_id = {tenant_id:UUID} AND mart = {mart:String}"
_TOUCHED = f"""
    SELECT DISTINCT {_DAY} AS day FROM events FINAL
    WHERE tenant_id = {{tenant_id:UUID}} AND name IN {{about_orders:Array(String)}}
      AND aggregate_id IN (
          SELECT aggregate_id FROM events
          WHERE tenant_id = {{tenant_id:UUID}} AND name IN {{about_orders:Array(String)}}
            AND has({{days:Array(Date)}}, {_DAY}))
"""  # noqa: S608 - constants
# Who has bought for the first time on one of the days, has not on the next day of theirs.
_NO_LONGER_FIRST = f"""
    SELECT DISTINCT minIf(day, NOT has({{days:Array(Date)}}, day)) FROM (
        SELECT coalesce(shopper_id, visitor_id) AS customer_id, {_DAY} AS day FROM events FINAL
        WHERE tenant_id = {{tenant_id:UUID}} AND name = 'order.placed')
    WHERE customer_id IS NOT NULL
    GROUP BY customer_id
    HAVING has({{days:Array(Date)}}, min(day)) AND max(NOT has({{days:Array(Date)}}, day))
"""  # noqa: S608 - constants

Mark = tuple[int, int]
"""How many events a day has, and what they come to."""


@dataclass(frozen=True, slots=True)
class Built:
    """What was done to a mart of a tenant."""

    days: int
    """How many days were made anew; 1 for a mart without days that was."""
    rows: int
    seconds: float


def build(
    settings: Settings,
    tenant_id: UUID,
    names: Iterable[str] | None = None,
    *,
    from_scratch: bool = False,
    progress: Progress = silent,
) -> dict[str, Built]:
    """Bring a tenant's marts up to its events: those named, or all, each after those that it is made of.

    Days are the tenant's own, by the setting `zone`. Whoever builds the same waits for its turn.

    Raises:
        EngineNotConfigured: Postgres or ClickHouse has no address.
        KeyError: there is no such mart.
    """
    asked = set(all_marts() if names is None else (all_marts()[name].name for name in names))
    wanted = [mart for mart in all_marts().values() if mart.name in asked]
    built: dict[str, Built] = {}
    client = clients.clickhouse(settings)
    try:
        ensure_schema(client)
        zone = zone_of(settings, tenant_id)
        with _turn(settings, tenant_id):
            tables.ensure(client, wanted)
            seen_at = clock.now()
            for done, mart in enumerate(wanted):
                progress(done, len(wanted), mart.name)
                built[mart.name] = _Build(client, tenant_id, zone, mart).run(from_scratch=from_scratch)
            client.insert("mart_seen", [[tenant_id, mart.name, seen_at] for mart in wanted], column_names=_SEEN)
    finally:
        client.close()
    return built


@contextmanager
def _turn(settings: Settings, tenant_id: UUID) -> Iterator[None]:
    """Be the one who builds a tenant's marts."""
    url = settings.require("database_relay_url", "Postgres for the relay")
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("SELECT pg_advisory_lock(%s, hashtext(%s))", (LOCK_SPACE, str(tenant_id)))
        yield


@dataclass(frozen=True, slots=True)
class _Build:
    client: Client
    tenant_id: UUID
    zone: str
    mart: Mart

    def run(self, *, from_scratch: bool) -> Built:
        begun = time.perf_counter()
        marks = self._marks()
        built = {} if from_scratch else self._built()
        changed = sorted(day for day in {*marks, *built} if marks.get(day) != built.get(day))
        if from_scratch:
            changed = sorted({*changed, *self._days_held()})
        days = self._reached(changed, marks)
        version = self._next_version()
        rows = 0
        for some in _quarters(days):
            self._replace(some, version)
            rows += self._note(some, marks, version)
        return Built(len(days), rows, time.perf_counter() - begun)

    def _marks(self) -> dict[date, Mark]:
        """What each day's events come to; of a mart without days, all of them."""
        rows = list(self._ask(_MARKS, names=sorted(self.mart.sources)))
        if self.mart.decisions:
            rows += self._ask(_MARKS_OF_DECISIONS)
        if not self.mart.is_by_day:
            rows = [(ALWAYS, events, of_day(day, mark)) for day, events, mark in rows]
        found: dict[date, Mark] = {}
        for day, events, mark in rows:
            before = found.get(day, (0, 0))
            found[day] = before[0] + events, before[1] ^ mark
        return found

    def _built(self) -> dict[date, Mark]:
        found = self._ask(_BUILT, mart=self.mart.name, definition=self.mart.version)
        return {day: (events, mark) for day, events, mark in found}

    def _days_held(self) -> list[date]:
        if not self.mart.is_by_day:
            return [ALWAYS]
        query = f"SELECT DISTINCT day FROM {self.mart.table} FINAL WHERE tenant_id = {{tenant_id:UUID}}"  # noqa: S608
        return [day for (day,) in self._ask(query)]

    def _reached(self, changed: Sequence[date], marks: Iterable[date]) -> list[date]:
        """The days that are to be made anew when these have changed."""
        if not changed or self.mart.reach == "day" or not self.mart.is_by_day:
            return list(changed)
        if self.mart.reach == "tenant":
            return _all_between({*changed, *marks, *self._days_held()})
        also = {day for (day,) in self._ask(_TOUCHED, days=changed, about_orders=ABOUT_ORDERS)}
        reached = sorted({*changed, *also})
        no_longer = {day for (day,) in self._ask(_NO_LONGER_FIRST, days=reached)}
        return sorted({*reached, *no_longer})

    def _next_version(self) -> int:
        latest: int = self._ask(_LATEST, mart=self.mart.name)[0][0]
        return max(int(time.time() * 1_000_000), latest + 2)

    def _replace(self, days: Sequence[date], version: int) -> None:
        """Put the days' rows in the place of what is there, which is hidden by the same statement."""
        mart, names = self.mart, ", ".join(self.mart.columns)
        of_days = "AND has({days:Array(Date)}, day)" if mart.is_by_day else ""
        statement = f"""
            INSERT INTO {mart.table} (tenant_id, {names}, version, gone)
            SELECT {{tenant_id:UUID}}, {names}, {{version:UInt64}} + 1, 0 FROM ({mart.select})
            UNION ALL
            SELECT tenant_id, {names}, {{version:UInt64}}, 1 FROM {mart.table} FINAL
            WHERE tenant_id = {{tenant_id:UUID}} {of_days}
        """  # noqa: S608 - the definitions are ours
        self.client.command(
            statement, self._values(days=days, version=version, **self._window(days)), settings=_AT_ONCE
        )

    def _window(self, days: Sequence[date]) -> dict[str, datetime]:
        """Between which instants the events of some days happened: what partitions and keys are chosen by."""
        zone = ZoneInfo(self.zone)
        begins = datetime(days[0].year, days[0].month, days[0].day, tzinfo=zone)
        after = days[-1] + timedelta(days=1)
        ends = datetime(after.year, after.month, after.day, tzinfo=zone)
        return {"since": begins.astimezone(UTC), "until": ends.astimezone(UTC) + AHEAD}

    def _note(self, days: Sequence[date], marks: Mapping[date, Mark], version: int) -> int:
        """Remember of what the days were made; gives how many rows that was."""
        held = self._rows_by_day(days)
        rows = [
            [self.tenant_id, self.mart.name, day, *marks.get(day, (0, 0)), self.mart.version, self.zone, version, count]
            for day in days
            for count in [held.get(day, 0)]
        ]
        self.client.insert("mart_builds", rows, column_names=_NOTED)
        return sum(held.values())

    def _rows_by_day(self, days: Sequence[date]) -> dict[date, int]:
        if self.mart.is_by_day:
            query = f"""
                SELECT day, count() FROM {self.mart.table} FINAL
                WHERE tenant_id = {{tenant_id:UUID}} AND has({{days:Array(Date)}}, day) GROUP BY day
            """  # noqa: S608
        else:
            query = f"SELECT toDate(0), count() FROM {self.mart.table} FINAL WHERE tenant_id = {{tenant_id:UUID}}"  # noqa: S608
        return dict(self._ask(query, days=days))

    def _ask(self, query: str, **values: Any) -> Any:
        return self.client.query(query, self._values(**values)).result_rows

    def _values(self, **values: Any) -> dict[str, Any]:
        return {"tenant_id": str(self.tenant_id), "zone": self.zone, **values}


_SEEN = ("tenant_id", "mart", "seen_at")
_NOTED = ("tenant_id", "mart", "day", "events", "mark", "definition", "zone", "version", "rows")
# One block goes into one part, and a part is seen or not.
_AT_ONCE = {
    "max_insert_threads": 1,
    "min_insert_block_size_rows": 2**30,
    "min_insert_block_size_bytes": 2**36,
    "max_partitions_per_insert_block": 0,
}


def of_day(day: date, mark: int) -> int:
    """A day's mark as part of one for all days: two days that change places are not the same."""
    return (mark * 0x9E3779B97F4A7C15 + day.toordinal() * 0xC2B2AE3D27D4EB4F) % 2**64


def _all_between(days: Collection[date]) -> list[date]:
    """Every day from the first to the last, of which something may hold that happened on none of them."""
    first, last = min(days), max(days)
    return [first + timedelta(number) for number in range((last - first).days + 1)]


def _quarters(days: Iterable[date]) -> Iterator[list[date]]:
    """Days in order, so many at once as fit into memory."""
    for _, quarter in groupby(sorted(days), key=lambda day: (day.year, (day.month - 1) // 3)):
        yield list(quarter)


def main() -> None:
    """Make a shop's marts from scratch, all or those named: `python -m pipelines.marts.building SHOP [MART ...]`."""
    shop, *names = sys.argv[1:] or [""]
    settings = get_settings()
    try:
        built = build(settings, called(settings, shop).id, names or None, from_scratch=True)
    except (NoSuchShop, EngineNotConfigured) as fault:
        sys.exit(str(fault))
    except KeyError as fault:
        sys.exit(f"There is no mart {fault}; there are: {', '.join(all_marts())}.")
    for name, done in built.items():
        sys.stdout.write(f"{name}: {done.days} days, {done.rows:,} rows, {done.seconds:.1f} s\n")


if __name__ == "__main__":
    main()
