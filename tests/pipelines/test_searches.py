"""What was searched for and what came of it, out of the events of those who agreed to statistics."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import orjson
import pytest
from pydantic import SecretStr

from foundation import clients, searches
from foundation.analytics import ShopRows, of_shop
from foundation.searches import Counts, QueryCounts
from foundation.settings import Settings
from pipelines.schema import ensure_schema
from tests.pipelines.conftest import OTHER_TENANT, TENANT

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
AROUND = {"since": NOON - timedelta(days=1), "until": NOON + timedelta(days=2)}
COLUMNS = ("tenant_id", "name", "occurred_at", "event_id", "visitor_id", "session_id", "consent", "payload")


@dataclass
class Visit:
    """What one visitor did, minute by minute."""

    tenant_id: UUID = TENANT
    consent: tuple[str, ...] = ("analytics",)
    begun: datetime = NOON
    visitor: UUID = field(default_factory=uuid4)
    session: UUID = field(default_factory=uuid4)
    rows: list[tuple[Any, ...]] = field(default_factory=list)

    def did(self, name: str, **payload: Any) -> Visit:
        at = self.begun + timedelta(minutes=len(self.rows))
        told = orjson.dumps(payload).decode()
        self.rows.append((self.tenant_id, name, at, uuid4(), self.visitor, self.session, list(self.consent), told))
        return self

    def searched(self, query: str, results: int = 7) -> Visit:
        return self.did("search", search_term=query, results=results)

    def chose(self, product: UUID, item_list_id: str = "search") -> Visit:
        return self.did("select_item", item_list_id=item_list_id, items=[{"item_id": str(product)}])

    def ordered(self, *products: UUID) -> Visit:
        return self.did("order.placed", lines=[{"product_id": str(one)} for one in products])


@pytest.fixture
def shop(clickhouse_database: str) -> Iterator[ShopRows]:
    settings = Settings(_env_file=None, clickhouse_url=SecretStr(clickhouse_database))
    client = clients.clickhouse(settings)
    ensure_schema(client)
    client.close()
    with of_shop(settings, TENANT) as rows:
        yield rows


def happened(shop: ShopRows, *visits: Visit) -> None:
    rows = [row for visit in visits for row in visit.rows]
    shop.client.insert("events", rows, column_names=COLUMNS)


def popular(shop: ShopRows) -> list[str]:
    return searches.popular(shop, **AROUND, limit=10)


def test_what_was_bought_after_comes_before_what_was_only_chosen_and_that_before_what_many_asked(
    shop: ShopRows,
) -> None:
    soup, shoes = uuid4(), uuid4()
    happened(
        shop,
        *(Visit().searched("lamp") for _ in range(5)),
        *(Visit().searched("shoes").chose(shoes) for _ in range(4)),
        *(Visit().searched(" Tomato\tSOUP ").chose(soup).ordered(soup) for _ in range(3)),
    )
    assert popular(shop) == ["tomato soup", "shoes", "lamp"]


def test_what_too_few_asked_or_nobody_agreed_to_is_told_nobody(shop: ShopRows) -> None:
    twice = Visit().searched("jane doe 12 elm street").searched("jane doe 12 elm street")
    happened(
        shop,
        twice,
        Visit().searched("jane doe 12 elm street"),
        *(Visit(consent=("personalisation",)).searched("ring") for _ in range(5)),
        *(Visit(consent=()).searched("ring") for _ in range(5)),
        *(Visit(tenant_id=OTHER_TENANT).searched("theirs") for _ in range(5)),
        *(Visit().searched("unicorn", results=0) for _ in range(5)),
    )
    assert popular(shop) == []
    assert [one.query for one in searches.queries(shop, "top", **AROUND, limit=10)] == ["unicorn"]


def test_a_choice_is_of_the_latest_search_before_it_and_of_no_other_list(shop: ShopRows) -> None:
    soup = uuid4()
    happened(
        shop,
        *(Visit().searched("tomato").searched("soup").chose(soup).ordered(soup, uuid4()) for _ in range(2)),
        Visit().searched("tomato").chose(soup, "home").searched("soup").ordered(soup),
    )
    told = {one.query: one for one in searches.queries(shop, "top", **AROUND, limit=10)}
    assert told["tomato"] == QueryCounts("tomato", 3, Counts(3, 0, 0, 0), date(2026, 3, 2))
    assert told["soup"].counts == Counts(searches=3, unanswered=0, chosen=2, bought=2)


def test_what_finds_nothing_and_what_nobody_chooses_from_are_lists_and_days_are_counted(shop: ShopRows) -> None:
    tomorrow = NOON + timedelta(days=1)
    happened(
        shop,
        *(Visit().searched("unicorn", results=0) for _ in range(3)),
        *(Visit().searched("cable") for _ in range(3)),
        *(Visit(begun=tomorrow).searched("soup").chose(uuid4()) for _ in range(3)),
    )
    for which, expected in (("unanswered", ["unicorn"]), ("unchosen", ["cable"])):
        assert [one.query for one in searches.queries(shop, which, **AROUND, limit=10)] == expected
    assert [(one.day, one.counts) for one in searches.days(shop, **AROUND)] == [
        (date(2026, 3, 2), Counts(6, 3, 0, 0)),
        (date(2026, 3, 3), Counts(3, 0, 3, 0)),
    ]
