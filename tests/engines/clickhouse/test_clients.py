"""The stock clients against the running server: clickhouse-connect sync and async, its SQLAlchemy dialect, Feast."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from urllib.parse import urlsplit
from uuid import UUID, uuid4

import clickhouse_connect
import pandas as pd
import psutil
import pyarrow as pa
import pytest
import sqlalchemy as sa
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import DatabaseError
from clickhouse_connect.driver.external import ExternalData

from tests.engines.clickhouse_server import PASSWORD, USER, ClickHouseGateway

_NOON = datetime(2026, 1, 2, 12, 0, 0, 123000, tzinfo=UTC)
_ROW = [
    7, -7, 1.5, "naïve \t\n'\\", b"\x00\xff".ljust(4, b"\x00"), date(2026, 1, 2), _NOON, Decimal("12.3400"), True,
    UUID(int=5), None, "low", [1, 2], {"a": 1}, (1, "x"),
]  # fmt: skip
_COLUMNS = (
    "a UInt64, b Int32, c Float64, d String, e FixedString(4), f Date, g DateTime64(3, 'UTC'), h Decimal(18, 4), "
    "i Bool, j UUID, k Nullable(Int32), l LowCardinality(String), m Array(UInt8), n Map(String, UInt8), o Tuple(UInt8, String)"
)


@pytest.mark.parametrize("compress", [False, "lz4", "zstd", "gzip"])
def test_values_of_every_type_come_back_as_they_went(connect: Callable[..., Client], compress: object) -> None:
    client = connect(compress=compress, tz_mode="aware")
    client.command(f"CREATE TABLE typed ({_COLUMNS}) ENGINE = MergeTree ORDER BY a")
    assert client.insert("typed", [_ROW]).written_rows == 1
    assert list(client.query("SELECT * FROM typed").result_rows[0]) == _ROW


def test_times_keep_their_instant_and_those_with_milliseconds_their_zone(connect: Callable[..., Client]) -> None:
    client = connect(tz_mode="aware")
    query = "SELECT toDateTime64({at:String}, 3, 'UTC')::DateTime64(3, 'Asia/Kolkata'), toDateTime({at:String}, 'UTC')"
    zoned, plain = client.query(query, parameters={"at": "2026-01-02 12:00:00"}).result_rows[0]
    assert (zoned, zoned.utcoffset()) == (datetime(2026, 1, 2, 12, tzinfo=UTC), timedelta(hours=5, minutes=30))
    assert plain == datetime(2026, 1, 2, 12, tzinfo=UTC)


def test_an_empty_result_has_its_columns_and_types(client: Client) -> None:
    client.command(f"CREATE TABLE typed ({_COLUMNS}) ENGINE = MergeTree ORDER BY a")
    result = client.query("SELECT a, g, n FROM typed WHERE a > {least:UInt8}", parameters={"least": 3})
    assert result.column_names == ("a", "g", "n")
    names = [kind.name for kind in result.column_types]
    assert names == ["UInt64", "DateTime64(3, 'UTC')", "Map(String, UInt8)"]
    assert client.query("SELECT * FROM typed LIMIT 0").column_names[0] == "a"


def test_parameters_of_every_kind_arrive(client: Client) -> None:
    given = {"s": "it's\t\\ \n {x}", "l": ["a'b", "c"], "d": date(2026, 1, 2), "t": _NOON, "n": None}
    kinds = "{s:String}, {l:Array(String)}, {d:Date}, {t:DateTime64(3, 'UTC')}, {n:Nullable(String)}"
    row = client.query(f"SELECT {kinds}", parameters=given, query_tz="UTC").result_rows[0]
    assert row[:3] == (given["s"], given["l"], given["d"])
    assert row[4] is None


def test_all_rows_of_many_blocks_arrive(client: Client) -> None:
    client.command("CREATE TABLE many (n UInt64, s String) ENGINE = MergeTree ORDER BY n")
    rows = [[n, f"s{n}"] for n in range(200_000)]
    assert client.insert("many", rows, column_names=["n", "s"]).written_rows == len(rows)
    with client.query_row_block_stream("SELECT n, s FROM many ORDER BY n") as blocks:
        assert [list(row) for block in blocks for row in block] == rows


def test_arrow_and_pandas_go_in_and_come_out(client: Client) -> None:
    client.command("CREATE TABLE frames (n Int64, s String) ENGINE = MergeTree ORDER BY n")
    table = pa.table({"n": range(50_000), "s": [f"s{n}" for n in range(50_000)]})
    client.insert_arrow("frames", table)
    got = client.query_arrow("SELECT n, s FROM frames ORDER BY n", use_strings=True)
    assert got.to_pydict() == table.to_pydict()
    with client.query_arrow_stream("SELECT n FROM frames") as batches:
        assert sum(batch.num_rows for batch in batches) == 50_000
    client.command("TRUNCATE TABLE frames")
    client.insert_df("frames", table.to_pandas())
    pd.testing.assert_frame_equal(
        client.query_df("SELECT * FROM frames ORDER BY n"), table.to_pandas(), check_dtype=False
    )


def test_a_failure_tells_the_code_and_the_client_works_on(client: Client) -> None:
    with pytest.raises(DatabaseError, match="UNKNOWN_TABLE") as failure:
        client.query("SELECT * FROM nowhere")
    assert failure.value.code == 60
    assert client.command("SELECT 1") == 1


def test_a_failure_on_the_way_reaches_the_reader(client: Client) -> None:
    with (
        pytest.raises(DatabaseError, match="throwIf"),
        client.query_row_block_stream("SELECT number, throwIf(number = 3000000) FROM numbers(4000000)") as blocks,
    ):
        for _ in blocks:
            pass


def test_a_reader_that_leaves_early_frees_its_session(client: Client) -> None:
    with client.query_row_block_stream("SELECT number FROM numbers(100000000)") as blocks:
        next(iter(blocks))
    assert client.command("SELECT 1") == 1


def test_a_sessions_temporary_table_takes_inserts(connect: Callable[..., Client]) -> None:
    client = connect(session_id=str(uuid4()))
    client.command("CREATE TEMPORARY TABLE chosen (n UInt8)")
    client.insert("chosen", [[1], [2]], column_names=["n"])
    assert client.query("SELECT sum(n) FROM chosen").result_rows == [(3,)]


def test_external_data_joins(client: Client) -> None:
    data = ExternalData(file_name="chosen", data=b"1,a\n2,b\n", fmt="CSV", structure=["n UInt8", "w String"])
    query = "SELECT number, w FROM numbers(5) AS t JOIN chosen ON t.number = chosen.n ORDER BY number"
    assert client.query(query, external_data=data).result_rows == [(1, "a"), (2, "b")]


def test_readers_and_writers_at_once_miss_nothing(client: Client, connect: Callable[..., Client]) -> None:
    client.command("CREATE TABLE busy (writer UInt8, n UInt32) ENGINE = MergeTree ORDER BY (writer, n)")
    failures: list[BaseException] = []

    def write(writer: int) -> None:
        own = connect()
        for batch in range(10):
            own.insert("busy", [[writer, batch * 100 + n] for n in range(100)], column_names=["writer", "n"])

    def read() -> None:
        own, seen = connect(), 0
        for _ in range(10):
            count, distinct = own.query("SELECT count(), uniqExact(writer, n) FROM busy").result_rows[0]
            # Batches appear whole, once, and stay.
            assert count == distinct
            assert count % 100 == 0
            assert count >= seen
            seen = count

    def guarded(task: Callable[[], None]) -> None:
        try:
            task()
        except BaseException as failure:  # noqa: BLE001  (handed to the test)
            failures.append(failure)

    tasks = [lambda writer=writer: write(writer) for writer in range(8)] + [read] * 4
    threads = [threading.Thread(target=guarded, args=(task,)) for task in tasks]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert client.query("SELECT count(), uniqExact(writer, n) FROM busy").result_rows == [(8000, 8000)]


def test_final_is_exact_after_rows_were_sent_twice(client: Client) -> None:
    client.command("CREATE TABLE facts (k UInt32, v UInt32, at UInt8) ENGINE = ReplacingMergeTree(at) ORDER BY k")
    for at in range(3):
        client.insert("facts", [[k, k * at, at] for k in range(1000)], column_names=["k", "v", "at"])
    assert client.query("SELECT count(), sum(v) FROM facts FINAL").result_rows == [(1000, 999_000)]


async def test_the_async_client_reads_and_writes_at_once(clickhouse_database: str) -> None:
    client = await clickhouse_connect.get_async_client(dsn=clickhouse_database)
    async with client:
        await client.command("CREATE TABLE async (n UInt32) ENGINE = MergeTree ORDER BY n")
        await asyncio.gather(*(client.insert("async", [[n]], column_names=["n"]) for n in range(20)))
        sums = await asyncio.gather(*(client.query("SELECT sum(n) FROM async") for _ in range(20)))
        assert {result.result_rows[0][0] for result in sums} == {190}
        rows = 0
        async with await client.query_row_block_stream("SELECT number FROM numbers(300000)") as blocks:
            async for block in blocks:
                rows += len(block)
        assert rows == 300_000
        with pytest.raises(DatabaseError, match="UNKNOWN_IDENTIFIER"):
            await client.query("SELECT nope")


def test_sqlalchemy_reflects_what_it_made(clickhouse_database: str, client: Client) -> None:
    client.command("CREATE TABLE orders (id UInt64, note Nullable(String)) ENGINE = MergeTree ORDER BY id")
    client.command("CREATE VIEW seen AS SELECT id FROM orders")
    engine = sa.create_engine(clickhouse_database.replace("http://", "clickhousedb://", 1))
    database = urlsplit(clickhouse_database).path.lstrip("/")
    with engine.connect() as connection:
        inspector = sa.inspect(connection)
        assert database in inspector.get_schema_names()
        assert "orders" in inspector.get_table_names(schema=database)
        columns = {column["name"]: column for column in inspector.get_columns("orders", schema=database)}
        assert (list(columns), columns["note"]["nullable"]) == (["id", "note"], True)
        orders = sa.Table("orders", sa.MetaData(), autoload_with=connection)
        connection.execute(sa.insert(orders), [{"id": 1, "note": "it's"}, {"id": 2, "note": None}])
        statement = sa.select(orders.c.id, orders.c.note).where(orders.c.id >= 1).order_by(orders.c.id)
        assert connection.execute(statement).all() == [(1, "it's"), (2, None)]
    engine.dispose()


def test_feast_joins_features_as_of_their_time(clickhouse_database: str, client: Client, tmp_path: Path) -> None:
    from feast import Entity, FeatureStore, FeatureView, Field, RepoConfig
    from feast.infra.offline_stores.contrib.clickhouse_offline_store.clickhouse_source import ClickhouseSource
    from feast.types import Int64
    from feast.value_type import ValueType

    client.command(
        "CREATE TABLE spend (shopper Int64, total Int64, at DateTime64(3, 'UTC')) ENGINE = MergeTree ORDER BY shopper"
    )
    start = datetime(2026, 1, 1, tzinfo=UTC)
    rows = [[1, 10, start], [1, 30, start + timedelta(days=2)], [2, 5, start]]
    client.insert("spend", rows, column_names=["shopper", "total", "at"])
    address = urlsplit(clickhouse_database)
    store = FeatureStore(
        config=RepoConfig(
            project="shop",
            provider="local",
            registry=str(tmp_path / "registry.db"),
            entity_key_serialization_version=3,
            online_store={"type": "sqlite", "path": str(tmp_path / "online.db")},
            offline_store={
                "type": "clickhouse",
                "host": address.hostname,
                "port": address.port,
                "database": address.path.lstrip("/"),
                "user": address.username,
                "password": address.password,
            },
        )
    )
    shopper = Entity(name="shopper", join_keys=["shopper"], value_type=ValueType.INT64)
    spend = FeatureView(
        name="spend",
        entities=[shopper],
        ttl=timedelta(days=30),
        schema=[Field(name="total", dtype=Int64)],
        source=ClickhouseSource(name="spend", table="spend", timestamp_field="at"),
    )
    store.apply([shopper, spend])
    asked = pd.DataFrame(
        {"shopper": [1, 1, 2], "event_timestamp": [start + timedelta(days=days) for days in (1, 3, 1)]}
    )
    got = store.get_historical_features(entity_df=asked, features=["spend:total"]).to_df()
    totals = got.sort_values(["shopper", "event_timestamp"])["total"].tolist()
    assert totals == [10, 30, 5]


@pytest.mark.embedded
@pytest.mark.parametrize("comment", ["", "/* of a tool that signs its queries */ "])
def test_a_long_result_streams_in_constant_memory(tmp_path: Path, comment: str) -> None:
    gateway = ClickHouseGateway(tmp_path)
    gateway.start()
    assert gateway.process is not None
    process = psutil.Process(gateway.process.pid)
    client = clickhouse_connect.get_client(
        host="127.0.0.1", port=gateway.port, username=USER, password=PASSWORD, compress=False
    )
    before, sizes, length = process.memory_info().rss, [], 0
    query = f"{comment}SELECT number, repeat('x', 200) AS filler FROM numbers(2000000)"
    # RowBinary, for Arrow would compress it to nearly nothing.
    with client.raw_stream(query, fmt="RowBinary") as result:
        while piece := result.read(4 * 1024 * 1024):
            length += len(piece)
            sizes.append(process.memory_info().rss)
    client.close()
    gateway.stop()
    assert length == 420_000_000
    assert max(sizes) - before < length
