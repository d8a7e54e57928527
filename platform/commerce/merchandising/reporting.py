"""What shoppers search for and what comes of it, out of the events of those who agreed to statistics."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import structlog

from commerce.merchandising.schemas import QueryReport, ReportedDay, ReportedQuery, ReportQuery
from commerce.tenancy.service import Shop
from foundation import clock, searches
from foundation.analytics import of_shop
from foundation.errors import Unavailable
from foundation.searches import DayCounts, QueryCounts
from foundation.settings import Settings

log = structlog.get_logger(__name__)


class StatisticsUnavailable(Unavailable):
    """The event store can't be asked now."""

    code = "search.statistics_unavailable"


async def report(settings: Settings, shop: Shop, asked: ReportQuery) -> QueryReport:
    """The days up to now, and the queries of one list; nothing where there is no event store.

    Raises:
        StatisticsUnavailable.
    """
    if settings.clickhouse_url is None:
        return QueryReport(days=[], items=[])
    days, queries = await asyncio.to_thread(_read, settings, shop, asked)
    return QueryReport(days=[_day(one) for one in days], items=[_query(one) for one in queries])


def _read(settings: Settings, shop: Shop, asked: ReportQuery) -> tuple[list[DayCounts], list[QueryCounts]]:
    from clickhouse_connect.driver.exceptions import ClickHouseError  # noqa: PLC0415 - most workers never need it

    until = clock.now()
    since = until - timedelta(days=asked.days)
    try:
        with of_shop(settings, shop.id) as rows:
            return (
                searches.days(rows, since=since, until=until),
                searches.queries(rows, asked.list, since=since, until=until, limit=asked.limit),
            )
    except (ClickHouseError, OSError) as fault:
        log.warning("search.statistics_unavailable", error=str(fault).splitlines()[:1])
        raise StatisticsUnavailable from fault


def _day(one: DayCounts) -> ReportedDay:
    counts = one.counts
    return ReportedDay(
        day=one.day,
        searches=counts.searches,
        unanswered=counts.unanswered,
        chosen=counts.chosen,
        bought=counts.bought,
    )


def _query(one: QueryCounts) -> ReportedQuery:
    counts = one.counts
    return ReportedQuery(
        query=one.query,
        people=one.people,
        searches=counts.searches,
        unanswered=counts.unanswered,
        chosen=counts.chosen,
        bought=counts.bought,
        last_on=one.last_on,
    )
