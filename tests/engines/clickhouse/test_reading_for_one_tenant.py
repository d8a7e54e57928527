"""The embedded engine does what a server's row policies do: a tenant's reader sees that tenant's rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from urllib.parse import urlsplit
from uuid import UUID

import clickhouse_connect
import httpx
import pytest
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import DatabaseError

from foundation.analytics import TENANT_SETTING, ShopRows
from pipelines.policies import statements
from tests.engines.clickhouse_server import READER, READER_PASSWORD

pytestmark = pytest.mark.embedded
OURS, THEIRS = UUID(int=1), UUID(int=2)


@pytest.fixture
def orders(connect: Callable[..., Client]) -> Client:
    """Two tenants' orders of the same numbers, and a view of them."""
    client = connect(autogenerate_session_id=False)
    client.command(
        "CREATE TABLE orders (tenant_id UUID, id UInt32, total Int64) ENGINE = ReplacingMergeTree ORDER BY id"
    )
    client.command("CREATE VIEW seen AS SELECT * FROM orders")
    client.command("CREATE TABLE facts (n UInt32) ENGINE = MergeTree ORDER BY n")
    client.insert("facts", [[7]])
    client.command("ALTER TABLE orders MODIFY SETTING max_parts_to_merge_at_once = 1")
    for tenant, total in ((OURS, 10), (THEIRS, 990)):
        client.insert("orders", [[tenant, number + (0 if tenant == OURS else 100), total] for number in (1, 2)])
    return client


@pytest.fixture
def reader(orders: Client, clickhouse_database: str) -> Iterator[Client]:
    address = urlsplit(clickhouse_database)
    client = clickhouse_connect.get_client(
        host=address.hostname,
        port=address.port,
        database=address.path.lstrip("/"),
        username=READER,
        password=READER_PASSWORD,
        autogenerate_session_id=False,
    )
    yield client
    client.close()


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT sum(total) FROM orders",
        "SELECT sum(total) FROM orders FINAL",
        "SELECT sum(total) FROM seen",
        "SELECT sum(a.total) FROM orders a JOIN orders b USING id",
        "WITH all AS (SELECT * FROM orders) SELECT sum(total) FROM all",
        "SELECT sum(total) FROM view(SELECT * FROM orders)",
        "SELECT 20 - 1000 * countIf(id IN (SELECT id FROM orders WHERE total > 100)) FROM (SELECT 101 AS id)",
        "SELECT sum(total) FROM (SELECT total FROM orders UNION ALL SELECT 0)",
    ],
)
def test_a_forgotten_condition_finds_only_the_own_rows(reader: Client, statement: str) -> None:
    assert ShopRows(reader, OURS).rows(statement) == [(20,)]


def test_a_reader_who_does_not_say_for_whom_sees_nothing(reader: Client, orders: Client) -> None:
    assert reader.query("SELECT count() FROM orders").result_rows == [(0,)]
    assert reader.query("SELECT count() FROM orders", settings={TENANT_SETTING: ""}).result_rows == [(0,)]
    assert orders.query("SELECT count() FROM orders").result_rows == [(4,)]


def test_the_platforms_own_login_is_held_too_once_it_says_for_whom(orders: Client) -> None:
    assert ShopRows(orders, THEIRS).rows("SELECT DISTINCT tenant_id, total FROM orders") == [(THEIRS, 990)]
    assert orders.query("SELECT count() FROM orders").result_rows == [(4,)]


def test_what_belongs_to_no_tenant_is_seen(reader: Client) -> None:
    assert ShopRows(reader, OURS).rows("SELECT n FROM facts") == [(7,)]


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT * FROM orders SETTINGS additional_table_filters = {}",
        "SELECT * FROM orders SETTINGS readonly = 0",
        "SELECT * FROM merge(currentDatabase(), 'orders')",
        "SELECT * FROM MERGE (currentDatabase(), 'orders')",
        "SELECT * FROM mergeTreeIndex(currentDatabase(), 'orders')",
        "SELECT * FROM remote('127.0.0.1', currentDatabase(), 'orders')",
        "SELECT * FROM file('/etc/hostname', 'LineAsString')",
        "INSERT INTO orders VALUES ('00000000-0000-0000-0000-000000000001', 3, 1)",
        "ALTER TABLE orders DELETE WHERE 1",
        "DROP TABLE orders",
        "SET readonly = 0",
    ],
)
def test_nobody_reads_around_the_filter_or_writes(reader: Client, orders: Client, statement: str) -> None:
    with pytest.raises(DatabaseError):
        ShopRows(reader, OURS).rows(statement)
    assert orders.query("SELECT count(), sum(total) FROM orders").result_rows == [(4, 2000)]


@pytest.mark.parametrize("tenant", ["x' OR 1 = 1 --", "') OR (1", "1"])
def test_a_tenant_that_is_no_id_is_refused(reader: Client, tenant: str) -> None:
    with pytest.raises(DatabaseError, match="CANNOT_PARSE_UUID"):
        reader.query("SELECT * FROM orders", settings={TENANT_SETTING: tenant})


def test_settings_of_a_request_do_not_take_the_filter_off(reader: Client, clickhouse_database: str) -> None:
    address = urlsplit(clickhouse_database)
    answer = httpx.post(
        f"http://{address.hostname}:{address.port}/",
        params={
            "database": address.path.lstrip("/"),
            TENANT_SETTING: str(OURS),
            "additional_table_filters": "{}",
            "readonly": "0",
            "query": "SELECT count() FROM orders",
        },
        auth=(READER, READER_PASSWORD),
    )
    assert answer.text == "2\n"


def test_a_session_can_not_be_confined_and_is_refused(orders: Client, connect: Callable[..., Client]) -> None:
    kept = connect(session_id="kept")
    with pytest.raises(DatabaseError, match="sessions of a tenant's reader"):
        ShopRows(kept, OURS).rows("SELECT count() FROM orders")


def test_the_policies_of_a_server_are_sentences_that_the_engine_understands(orders: Client) -> None:
    for statement in statements("trade`wind"):
        assert orders.query(f"EXPLAIN AST {statement}").result_rows


def test_the_policies_conditions_are_what_a_query_says(orders: Client) -> None:
    """The engine keeps no policies, but it does evaluate what stands in them."""
    shop, platform = (statement.split(" USING ")[1].rsplit(" TO ", 1)[0] for statement in statements("any")[2:])
    platform = platform.removesuffix(" TO ALL")
    count = "SELECT count() FROM orders WHERE"
    assert orders.query(f"{count} {shop}").result_rows == [(0,)]
    assert orders.query(f"{count} {platform}").result_rows == [(4,)]
    named = [one.replace(f"getSettingOrDefault('{TENANT_SETTING}', '')", f"'{OURS}'") for one in (shop, platform)]
    for condition in named:
        assert orders.query(f"{count} {condition}").result_rows == [(2,)]
