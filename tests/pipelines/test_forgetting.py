"""Of somebody who was forgotten the event store keeps what the shop did, and nothing that they did or were."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

import orjson
import psycopg
import pytest

from foundation import clients, clock
from foundation.events import CONTRACTS
from foundation.ids import new_id
from foundation.settings import Settings
from pipelines import forgetting, tombstones
from pipelines.forgetting import FACTS, SETTLED, due
from pipelines.relay import CONSUMER, Relay
from pipelines.schema import TABLES
from tests.pipelines.conftest import NOW, OTHER_TENANT, TENANT, Writer

if TYPE_CHECKING:
    from tests.conftest import DatabaseUrls

Rows = Callable[[str], list[tuple[Any, ...]]]
APPLE = str(new_id())
STORED = [table for table in TABLES if table not in {"interactions_of_events", "forgettings"}]


@dataclass(frozen=True)
class Life:
    """What two people did, who once used the same browser, and their ids."""

    ada: UUID
    visitor: UUID
    session: UUID
    cart: UUID
    order: UUID
    bob: UUID
    bobs_session: UUID

    @property
    def subjects(self) -> list[UUID]:
        """What there are tombstones of, once Ada is forgotten."""
        return [self.ada, self.visitor, self.cart, self.order]

    @property
    def gone(self) -> list[UUID]:
        """The ids that may be found nowhere then. An order stays: it is the shop's."""
        return [self.ada, self.visitor, self.session, self.cart]


@pytest.fixture
def client(settings: Settings) -> Iterator[Any]:
    client = clients.clickhouse(settings)
    yield client
    client.close()


def _live(writer: Writer) -> Life:
    life = Life(*(new_id() for _ in range(7)))
    ada: dict[str, Any] = {"visitor_id": life.visitor, "session_id": life.session}
    line = {"product_id": APPLE, "quantity": 2, "unit_price": 100}
    writer.write("view_item", aggregate_id=life.session, **ada, payload={"items": [{"item_id": APPLE}]})
    writer.write("customer.registered", aggregate_id=life.ada, payload={"customer_id": str(life.ada)})
    ada["shopper_id"] = life.ada
    writer.write("add_to_cart", aggregate_id=life.session, **ada, payload={"items": [{"item_id": APPLE}]})
    writer.write("cart.abandoned", aggregate_id=life.cart, payload={"cart_id": str(life.cart)})
    writer.write("something.new", aggregate_id=life.ada, payload={"who": str(life.ada)})
    writer.write("order.placed", aggregate_id=life.order, **ada, payload={"lines": [line]})
    writer.write("payment.captured", aggregate_id=life.order, payload={"amount": 200})
    bob: dict[str, Any] = {"shopper_id": life.bob, "visitor_id": life.visitor, "session_id": life.bobs_session}
    writer.write("view_item", aggregate_id=life.bobs_session, **bob, payload={"items": [{"item_id": APPLE}]})
    writer.write("view_item", tenant_id=OTHER_TENANT, shopper_id=life.ada, payload={"items": [{"item_id": APPLE}]})
    writer.connection.commit()
    return life


def _bury(database_urls: DatabaseUrls, life: Life) -> None:
    with psycopg.connect(database_urls.app) as app:
        app.execute("SELECT set_config('tradewind.tenant_id', %s, true)", (str(TENANT),))
        for subject in life.subjects:
            app.execute(
                "INSERT INTO tombstone (tenant_id, id, subject_id, person_id, erased_at) VALUES (%s, %s, %s, %s, %s)",
                (TENANT, new_id(), subject, life.ada, NOW),
            )


def _decide(client: Any, life: Life) -> None:
    rows = [
        {"tenant_id": TENANT, "kind": "recommendations", "decided_at": NOW.isoformat(), "decision_id": new_id()}
        | {"chosen": [APPLE], "features": '{"orders": 1}', "shopper_id": shopper, "visitor_id": life.visitor}
        for shopper in (life.ada, life.bob)
    ]
    settings = {"date_time_input_format": "best_effort"}
    client.raw_insert(
        "decisions", insert_block=b"\n".join(map(orjson.dumps, rows)), fmt="JSONEachRow", settings=settings
    )


def _forget(settings: Settings, client: Any) -> dict[str, int]:
    (state,) = tombstones.states(settings)
    counts = forgetting.forget(client, TENANT, tombstones.subjects(settings, TENANT))
    forgetting.remember(client, state, at=clock.now())
    return counts


def _naming(client: Any, ids: list[UUID], tenant_id: UUID = TENANT) -> set[tuple[str, UUID]]:
    """Where any of the ids stands, in whatever column."""
    return {
        (table, one)
        for table in STORED
        for one in ids
        if client.query(
            f"SELECT count() FROM {table} WHERE tenant_id = %(tenant)s AND position(toString(tuple(*)), %(id)s) > 0",
            {"tenant": str(tenant_id), "id": str(one)},
        ).result_rows[0][0]
    }


@pytest.mark.parametrize("late", [False, True], ids=["forgotten afterwards", "delivered afterwards"])
def test_what_the_shop_did_stays_without_the_person_whatever_came_first(
    relay: Relay,
    writer: Writer,
    database_urls: DatabaseUrls,
    settings: Settings,
    client: Any,
    rows: Rows,
    *,
    late: bool,
) -> None:
    life = _live(writer)
    if not late:
        relay.deliver()
        assert _naming(client, life.gone) >= {("events", one) for one in life.gone}
    _bury(database_urls, life)
    if late:
        relay.deliver()
    else:
        _forget(settings, client)

    assert _naming(client, life.gone) == set()
    here = (
        f"SELECT name, shopper_id, visitor_id, session_id FROM events FINAL WHERE tenant_id = '{TENANT}' ORDER BY name"
    )
    assert rows(here) == [
        ("order.placed", None, None, None),
        ("payment.captured", None, None, None),
        ("view_item", life.bob, None, life.bobs_session),
    ]
    assert rows(f"SELECT shopper_id FROM interactions FINAL WHERE tenant_id = '{TENANT}'") == [(life.bob,)]
    assert _naming(client, [life.ada], OTHER_TENANT) == {("events", life.ada), ("interactions", life.ada)}


def test_a_decision_stays_without_whom_it_was_for(
    relay: Relay, writer: Writer, database_urls: DatabaseUrls, settings: Settings, client: Any, rows: Rows
) -> None:
    life = _live(writer)
    _decide(client, life)
    _bury(database_urls, life)

    assert _forget(settings, client)["decisions"] == 2

    assert rows("SELECT shopper_id, visitor_id, features, chosen FROM decisions FINAL ORDER BY features") == [
        (life.bob, None, '{"orders": 1}', [APPLE]),
        (None, None, "{}", [APPLE]),
    ]


def test_forgetting_again_changes_nothing(
    relay: Relay, writer: Writer, database_urls: DatabaseUrls, settings: Settings, client: Any, rows: Rows
) -> None:
    life = _live(writer)
    relay.deliver()
    _bury(database_urls, life)
    assert _forget(settings, client)
    before = rows("SELECT * FROM events FINAL ORDER BY event_id")

    assert _forget(settings, client) == {}
    assert rows("SELECT * FROM events FINAL ORDER BY event_id") == before


def test_a_backup_of_the_event_store_brings_nobody_back(
    relay: Relay, writer: Writer, database_urls: DatabaseUrls, settings: Settings, client: Any
) -> None:
    life = _live(writer)
    relay.deliver()
    kept = [table for table in TABLES if table != "interactions_of_events"]
    for table in kept:
        client.command(f"CREATE TABLE {table}_backup AS {table}")
        client.command(f"INSERT INTO {table}_backup SELECT * FROM {table}")
    _bury(database_urls, life)
    assert set(due(settings)) == {TENANT}
    _forget(settings, client)
    assert due(settings) == {}

    for table in kept:
        client.command(f"EXCHANGE TABLES {table} AND {table}_backup")
        client.command(f"DROP TABLE {table}_backup SYNC")
    assert _naming(client, life.gone) != set()

    assert set(due(settings)) == {TENANT}
    _forget(settings, client)
    assert _naming(client, life.gone) == set()


def test_a_rebuild_from_the_outbox_brings_nobody_back(
    relay: Relay, writer: Writer, database_urls: DatabaseUrls, client: Any, rows: Rows
) -> None:
    with psycopg.connect(database_urls.relay, autocommit=True) as connection:
        connection.execute("INSERT INTO outbox_cursor (consumer) VALUES ('slow')")  # so that the outbox is kept
        life = _live(writer)
        relay.deliver()
        _bury(database_urls, life)
        for table in STORED:
            client.command(f"TRUNCATE TABLE {table}")
        connection.execute("UPDATE outbox_cursor SET xid = '0', seq = 0 WHERE consumer = %s", (CONSUMER,))

    relay.deliver()

    assert _naming(client, life.gone) == set()
    assert {row[0] for row in rows(f"SELECT name FROM events WHERE tenant_id = '{TENANT}'")} == {
        "order.placed",
        "payment.captured",
        "view_item",
    }


def test_what_was_on_its_way_is_looked_for_once_more(
    writer: Writer, database_urls: DatabaseUrls, settings: Settings, client: Any
) -> None:
    _bury(database_urls, _live(writer))
    with clock.use(lambda: NOW):
        _forget(settings, client)
        assert due(settings) == {}

    with clock.use(lambda: NOW + SETTLED + timedelta(minutes=1)):
        assert set(due(settings)) == {TENANT}
        _forget(settings, client)
        assert due(settings) == {}


@pytest.mark.parametrize("name", FACTS)
def test_no_fact_that_stays_names_a_person_in_its_payload(name: str) -> None:
    fields = {
        field
        for (one, _), contract in CONTRACTS.items()
        if one == name
        for field in _fields(contract.model_json_schema())
    }
    assert fields & {"customer_id", "shopper_id", "visitor_id", "visitor_ids", "session_id", "account_id"} == set()


def _fields(schema: Any) -> Iterator[str]:
    if isinstance(schema, dict):
        yield from schema.get("properties", {})
        for part in schema.values():
            yield from _fields(part)
