"""What was searched for and what came of it, as ClickHouse knows it, of those who agreed to statistics.

A query is told only when `FEWEST` people asked it, whoever asks here: what one person types may name somebody. A
product chosen from the list of a search within `CHOSEN_WITHIN` was found by the session's latest search before it; what
the session then orders of that was bought by it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal

from foundation.analytics import ShopRows

FEWEST = 3
"""How many people must have asked a query."""
CHOSEN_WITHIN = 3600
"""Seconds after a search in which a choice from its list is what it led to."""
List = Literal["top", "unanswered", "unchosen"]
"""What is asked most; what finds nothing; what finds something that nobody chooses."""

_SEARCHES = f"""
    WITH searches AS (
        SELECT session_id, coalesce(shopper_id, visitor_id) AS person, occurred_at AS searched_at, event_id,
               trimBoth(replaceRegexpAll(lowerUTF8(JSONExtractString(payload, 'search_term')), '\\\\s+', ' ')) AS query,
               JSONExtract(payload, 'results', 'Nullable(UInt32)') AS results
        FROM events FINAL
        WHERE tenant_id = {{tenant_id:UUID}} AND name = 'search' AND has(consent, 'analytics')
          AND occurred_at >= {{since:DateTime64(3, 'UTC')}} AND occurred_at < {{until:DateTime64(3, 'UTC')}}
          AND session_id IS NOT NULL AND coalesce(shopper_id, visitor_id) IS NOT NULL),
    choices AS (
        SELECT assumeNotNull(session_id) AS session_id, occurred_at AS chosen_at,
               JSONExtractString(payload, 'items', 1, 'item_id') AS product_id
        FROM events FINAL
        WHERE tenant_id = {{tenant_id:UUID}} AND name = 'select_item' AND session_id IS NOT NULL
          AND occurred_at >= {{since:DateTime64(3, 'UTC')}}
          AND JSONExtractString(payload, 'item_list_id') = 'search'),
    orders AS (
        SELECT assumeNotNull(session_id) AS session_id, occurred_at AS ordered_at,
               arrayJoin(JSONExtract(payload, 'lines', 'Array(Tuple(product_id String))')).1 AS product_id
        FROM events FINAL
        WHERE tenant_id = {{tenant_id:UUID}} AND name = 'order.placed' AND session_id IS NOT NULL
          AND occurred_at >= {{since:DateTime64(3, 'UTC')}}),
    led AS (
        SELECT s.event_id AS event_id, max(o.product_id != '' AND o.ordered_at >= c.chosen_at) AS bought
        FROM choices c
        ASOF JOIN (SELECT assumeNotNull(session_id) AS session_id, searched_at, event_id FROM searches) s
            ON c.session_id = s.session_id AND c.chosen_at >= s.searched_at
        LEFT JOIN orders o ON o.session_id = c.session_id AND o.product_id = c.product_id
        WHERE c.chosen_at <= s.searched_at + {CHOSEN_WITHIN}
        GROUP BY event_id),
    asked AS (
        SELECT s.query AS query, toDate(s.searched_at, 'UTC') AS day, s.searched_at AS searched_at,
               s.person AS person, s.results AS results, l.event_id = s.event_id AS chosen, l.bought AS bought
        FROM searches s LEFT JOIN led l ON l.event_id = s.event_id
        WHERE s.query != '')
"""  # noqa: S608 - a constant

_POPULAR = f"""{_SEARCHES}
    SELECT query FROM asked GROUP BY query
    HAVING uniqExact(person) >= {FEWEST} AND argMax(results, searched_at) > 0
    ORDER BY uniqExactIf(person, bought) DESC, uniqExactIf(person, chosen) DESC, uniqExact(person) DESC, query
    LIMIT {{limit:UInt32}}
"""  # noqa: S608 - a constant

_QUERIES = f"""{_SEARCHES}
    SELECT query, count() AS searches, uniqExact(person) AS people, countIf(results = 0) AS unanswered,
           countIf(chosen) AS chosen, countIf(bought) AS bought, max(day) AS last_on
    FROM asked GROUP BY query HAVING people >= {FEWEST}
"""  # noqa: S608 - a constant

_ORDERS: Mapping[str, str] = {
    "top": "ORDER BY searches DESC, query",
    "unanswered": "AND unanswered > 0 ORDER BY unanswered DESC, query",
    "unchosen": "AND unanswered < searches AND chosen = 0 ORDER BY searches DESC, query",
}

_DAYS = f"""{_SEARCHES}
    SELECT day, count() AS searches, countIf(results = 0) AS unanswered, countIf(chosen) AS chosen,
           countIf(bought) AS bought
    FROM asked GROUP BY day ORDER BY day
"""  # noqa: S608 - a constant


@dataclass(frozen=True, slots=True)
class Counts:
    """How many searches there were, and how many led to what."""

    searches: int
    unanswered: int
    """Nothing was found."""
    chosen: int
    """A product was chosen from the list."""
    bought: int
    """And ordered, in the same session."""


@dataclass(frozen=True, slots=True)
class QueryCounts:
    """A query, and what came of it."""

    query: str
    people: int
    counts: Counts
    last_on: date


@dataclass(frozen=True, slots=True)
class DayCounts:
    """A day's searches, and what came of them."""

    day: date
    counts: Counts


def popular(shop: ShopRows, *, since: datetime, until: datetime, limit: int) -> list[str]:
    """The queries that find something, those first that most people bought something after, or else chose something.

    Raises:
        ClickHouseError: it can't be reached.
    """
    return [str(query) for (query,) in shop.rows(_POPULAR, {"since": since, "until": until, "limit": limit})]


def queries(shop: ShopRows, which: List, *, since: datetime, until: datetime, limit: int) -> list[QueryCounts]:
    """The queries of a list, those first that it is most about.

    Raises:
        ClickHouseError: it can't be reached.
    """
    statement = f"{_QUERIES} {_ORDERS[which]} LIMIT {{limit:UInt32}}"
    rows = shop.rows(statement, {"since": since, "until": until, "limit": limit})
    return [
        QueryCounts(query, people, Counts(searches, unanswered, chosen, bought), last_on)
        for query, searches, people, unanswered, chosen, bought, last_on in rows
    ]


def days(shop: ShopRows, *, since: datetime, until: datetime) -> list[DayCounts]:
    """Every day on which somebody searched, the oldest first.

    Raises:
        ClickHouseError: it can't be reached.
    """
    return [DayCounts(day, Counts(*counts)) for day, *counts in shop.rows(_DAYS, {"since": since, "until": until})]
