"""What must survive: kill -9, restarts, a second gateway on the same directory."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import clickhouse_connect
import httpx
import pytest
from clickhouse_connect.driver.exceptions import Error

from tests.engines.clickhouse_server import PASSWORD, USER, ClickHouseGateway, query

pytestmark = pytest.mark.embedded

_WRITERS = 3


@pytest.fixture
def gateway(tmp_path: Path) -> Iterator[ClickHouseGateway]:
    """An embedded ClickHouse of the test's own, to kill."""
    own = ClickHouseGateway(tmp_path)
    own.start()
    yield own
    if own.process is not None:
        own.stop()


def _write(gateway: ClickHouseGateway, writer: int, acknowledged: set[int], enough: threading.Event) -> None:
    client = clickhouse_connect.get_client(host="127.0.0.1", port=gateway.port, username=USER, password=PASSWORD)
    for batch in range(100_000):
        keys = [(writer * 100_000 + batch) * 10 + offset for offset in range(10)]
        try:
            client.insert("facts", [[key, 1] for key in keys], column_names=["key", "version"])
        except Error:
            return
        acknowledged.update(keys)
        if batch == 20:
            enough.set()


def test_rows_acknowledged_before_a_kill_are_there_afterwards(gateway: ClickHouseGateway) -> None:
    query(
        gateway.url, "CREATE TABLE facts (key UInt64, version UInt8) ENGINE = ReplacingMergeTree(version) ORDER BY key"
    )
    acknowledged, enough = [set[int]() for _ in range(_WRITERS)], threading.Event()
    writers = [threading.Thread(target=_write, args=(gateway, n, acknowledged[n], enough)) for n in range(_WRITERS)]
    for writer in writers:
        writer.start()
    assert enough.wait(60)
    gateway.stop(signal.SIGKILL)
    for writer in writers:
        writer.join()

    gateway.start()
    there = {int(line) for line in query(gateway.url, "SELECT key FROM facts FINAL").split()}
    sent = set[int]().union(*acknowledged)
    assert len(sent) >= 210
    assert sent <= there
    # At most the one batch that each writer had under way was kept without being acknowledged.
    assert len(there - sent) in {10 * batches for batches in range(_WRITERS + 1)}


@pytest.mark.proof
def test_a_killed_insert_that_is_sent_again_counts_once_under_final(gateway: ClickHouseGateway) -> None:
    query(gateway.url, "CREATE TABLE facts (key UInt64, v UInt8) ENGINE = ReplacingMergeTree(v) ORDER BY key")
    insert = "INSERT INTO facts SELECT number, 1 FROM numbers(1000)"
    query(gateway.url, insert)
    gateway.stop(signal.SIGKILL)
    gateway.start()
    query(gateway.url, insert)
    assert query(gateway.url, "SELECT count(), sum(v) FROM facts FINAL") == "1000\t1000\n"


@pytest.mark.parametrize("how", [signal.SIGTERM, pytest.param(signal.SIGINT, marks=pytest.mark.proof)])
def test_a_signal_ends_it_cleanly_and_the_data_stay(gateway: ClickHouseGateway, how: signal.Signals) -> None:
    query(gateway.url, "CREATE TABLE kept (a UInt8) ENGINE = MergeTree ORDER BY a")
    query(gateway.url, "INSERT INTO kept VALUES (1), (2)")
    assert gateway.stop(how) == 0
    gateway.start()
    assert query(gateway.url, "SELECT sum(a) FROM kept") == "3\n"


@pytest.mark.proof
def test_a_query_under_way_does_not_hold_up_the_end(gateway: ClickHouseGateway) -> None:
    def wait_long() -> None:
        with suppress(httpx.HTTPError, RuntimeError):
            query(gateway.url, "SELECT sleepEachRow(1) FROM numbers(600) SETTINGS max_block_size = 1 FORMAT Null")

    reader = threading.Thread(target=wait_long)
    reader.start()
    while query(gateway.url, "SELECT count() FROM system.processes WHERE query LIKE 'SELECT sleepEachRow%'") == "0\n":
        pass
    assert gateway.stop() == 0
    reader.join()


def test_a_second_gateway_on_the_directory_refuses_with_a_sentence(gateway: ClickHouseGateway) -> None:
    assert gateway.process is not None
    second = ClickHouseGateway(gateway.directory).spawn()
    assert second.wait(timeout=60) == 1
    assert gateway.log.read_text().strip() == (
        f"{gateway.directory / 'data'} is served by another ClickHouse gateway, process {gateway.process.pid}."
    )
    assert query(gateway.url, "SELECT 1") == "1\n"


def test_files_that_a_killed_gateway_left_over_are_cleared(gateway: ClickHouseGateway) -> None:
    spool = gateway.directory / "data" / "spool"
    gateway.stop(signal.SIGKILL)
    (spool / "left-over").write_bytes(b"rows")
    gateway.start()
    assert list(spool.iterdir()) == []
