"""The HTTP protocol, by plain requests: what curl and every client build on."""

from __future__ import annotations

import gzip
import time
import uuid
import zlib
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import lz4.frame
import orjson
import pytest
import zstandard


def ask(http: httpx.Client, statement: str | bytes, **parameters: str) -> str:
    answer = http.post("/", params=parameters, content=statement)
    assert answer.status_code == 200, answer.text
    return answer.text


def comes_to(look: Callable[[], str], expected: str) -> bool:
    """Look until it is as expected; False where it never is, so that a test fails instead of waiting for ever."""
    for _ in range(600):
        if look() == expected:
            return True
        time.sleep(0.1)
    return False


@pytest.fixture
def numbers(http: httpx.Client) -> str:
    """A table of numbers and words, empty."""
    ask(http, "CREATE TABLE numbers (n UInt64, word String) ENGINE = MergeTree ORDER BY n")
    return "numbers"


def test_ping_answers_without_a_login(http: httpx.Client) -> None:
    assert httpx.get(http.base_url.join("/ping")).text == "Ok.\n"


def test_an_answer_without_format_is_tab_separated(http: httpx.Client) -> None:
    answer = http.post("/", content="SELECT 1, 'a\tb'")
    assert answer.text == "1\ta\\tb\n"
    assert answer.headers["x-clickhouse-format"] == "TabSeparated"


def test_default_format_yields_to_the_statements_own(http: httpx.Client) -> None:
    assert ask(http, "SELECT 1 AS a", default_format="JSONEachRow") == '{"a":1}\n'
    assert ask(http, "SELECT 1 AS a FORMAT CSV", default_format="JSONEachRow") == "1\n"
    assert http.post("/", content="SELECT 1 AS a", headers={"X-ClickHouse-Format": "CSV"}).text == "1\n"


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT 1;",
        "SELECT 1 -- the end",
        "/* FORMAT JSON */ SELECT 1",
        "SELECT 1 FORMAT TSV SETTINGS max_threads = 1",
        "SELECT 1 SETTINGS max_threads = 1 FORMAT TSV;",
        "(SELECT 1)",
        "WITH 1 AS one SELECT one",
        "FROM system.one SELECT 1",
    ],
)
def test_every_way_to_write_a_query_is_understood(http: httpx.Client, statement: str) -> None:
    assert ask(http, statement) == "1\n"


def test_a_statement_in_the_address_takes_its_rows_from_the_body(http: httpx.Client, numbers: str) -> None:
    for statement, rows in (
        (f"INSERT INTO {numbers} VALUES", "(1, 'a'), (2, 'b')"),
        (f"INSERT INTO {numbers} FORMAT CSV", '3,"c"\n'),
        (f"INSERT INTO {numbers} (word, n) SETTINGS max_insert_block_size = 10 FORMAT JSONEachRow", '{"n":4}'),
    ):
        ask(http, rows, query=statement)
    assert (
        ask(http, f"SELECT groupArray(n), groupArray(word) FROM (SELECT * FROM {numbers} ORDER BY n)")
        == "[1,2,3,4]\t['a','b','c','']\n"
    )


def test_a_statement_and_its_rows_share_a_body(http: httpx.Client, numbers: str) -> None:
    ask(http, f"INSERT INTO {numbers} VALUES (1, 'FORMAT CSV'), (2, ';')")
    ask(http, f"INSERT INTO {numbers} (n) FORMAT TSV\n3\n4\n")
    ask(http, f"INSERT INTO {numbers} SELECT number + 5, 'x' FROM numbers(2)")
    assert ask(http, f"SELECT count(), sum(n) FROM {numbers}") == "6\t21\n"


@pytest.mark.parametrize("rows_format", ["Native", "RowBinary", "ArrowStream", "Parquet", "TSV", "JSONEachRow"])
def test_every_row_of_a_binary_insert_arrives(http: httpx.Client, numbers: str, rows_format: str) -> None:
    # Words of every byte, line breaks and quotes among them.
    query = "SELECT number AS n, concat(char(number % 256, 10, 39), toString(number)) AS word FROM numbers(20000)"
    if rows_format in {"ArrowStream", "Parquet", "JSONEachRow"}:
        query = query.replace("char(number % 256, 10, 39)", "char(number % 128, 10, 39)")
    rows = http.post("/", content=f"{query} FORMAT {rows_format}").content
    ask(http, f"INSERT INTO {numbers} FORMAT {rows_format}\n".encode() + rows)
    same = "SELECT count(), uniqExact(n), sum(cityHash64(n, word)) FROM "
    assert ask(http, same + numbers) == ask(http, f"{same} ({query})")
    ask(http, f"TRUNCATE TABLE {numbers}")
    ask(http, rows, query=f"INSERT INTO {numbers} FORMAT {rows_format}")
    assert ask(http, same + numbers) == ask(http, f"{same} ({query})")


@pytest.mark.parametrize("rows_format", ["Native", "RowBinary"])
def test_no_row_of_half_a_million_is_lost(http: httpx.Client, numbers: str, rows_format: str) -> None:
    query = "SELECT number AS n, toString(number) AS word FROM numbers(500000)"
    rows = http.post("/", content=f"{query} FORMAT {rows_format}").content
    ask(http, rows, query=f"INSERT INTO {numbers} FORMAT {rows_format}")
    same = "SELECT count(), uniqExact(n), sum(cityHash64(n, word)) FROM "
    assert ask(http, same + numbers) == ask(http, f"{same} ({query})")


def test_an_insert_without_rows_inserts_none(http: httpx.Client, numbers: str) -> None:
    ask(http, b"", query=f"INSERT INTO {numbers} FORMAT JSONEachRow")
    assert ask(http, f"SELECT count() FROM {numbers}") == "0\n"


def test_rows_that_cannot_be_read_are_refused_with_the_code(http: httpx.Client, numbers: str) -> None:
    answer = http.post("/", content=f"INSERT INTO {numbers} FORMAT CSV\n1,a\nx,b\n")
    assert (answer.status_code, answer.headers["x-clickhouse-exception-code"]) == (400, "27")
    assert ask(http, f"SELECT count() FROM {numbers}") == "0\n"


@pytest.mark.parametrize(
    ("statement", "code", "status"),
    [
        ("SELEC 1", 62, 400),
        ("bare_word", 62, 400),
        ("SELECT 1; SELECT 2", 62, 400),
        ("SELECT nope", 47, 404),
        ("SELECT * FROM nope", 60, 404),
        ("SELECT nope()", 46, 404),
        ("SELECT 1 FORMAT Nope", 73, 404),
        ("USE nope", 81, 404),
        ("SELECT throwIf(1)", 395, 500),
        ("SELECT sleep(3) SETTINGS max_execution_time = 0.2", 159, 408),
        ("SELECT 1 INTO OUTFILE '/tmp/out'", 358, 500),
        ("SELECT {x:UInt8}", 456, 500),
    ],
)
def test_a_failure_has_the_code_and_the_status_of_a_server(
    http: httpx.Client, statement: str, code: int, status: int
) -> None:
    answer = http.post("/", content=statement)
    assert (answer.headers["x-clickhouse-exception-code"], answer.status_code) == (str(code), status)
    assert answer.text.startswith(f"Code: {code}. DB::Exception: ")


def test_the_end_of_a_broken_stream_carries_the_failure(http: httpx.Client) -> None:
    answer = http.post("/", content="SELECT number, throwIf(number = 3000000) FROM numbers(4000000)")
    assert answer.status_code == 200
    tag = answer.headers["x-clickhouse-exception-tag"]
    assert f"__exception__\r\n{tag}\r\nCode: 395. " in answer.text
    assert answer.text.endswith(f" {tag}\r\n__exception__\r\n")


def test_waiting_for_the_end_turns_it_into_a_plain_failure(http: httpx.Client) -> None:
    statement = "SELECT number, throwIf(number = 3000000) FROM numbers(4000000)"
    answer = http.post("/", params={"wait_end_of_query": "1"}, content=statement)
    assert (answer.status_code, answer.headers["x-clickhouse-exception-code"]) == (500, "395")


def test_get_reads_and_does_not_write(http: httpx.Client, numbers: str) -> None:
    assert http.get("/", params={"query": "SELECT 1"}).text == "1\n"
    for statement in (
        f"INSERT INTO {numbers} VALUES (1, '')",
        f"DROP TABLE {numbers}",
        f"ALTER TABLE {numbers} DELETE WHERE 1",
    ):
        answer = http.get("/", params={"query": statement})
        assert answer.headers["x-clickhouse-exception-code"] == "164", answer.text
    assert ask(http, f"EXISTS TABLE {numbers}") == "1\n"


@pytest.mark.parametrize("how", ["basic", "headers", "address"])
def test_each_way_to_log_in_lets_the_user_in_and_nobody_else(http: httpx.Client, clickhouse_url: str, how: str) -> None:
    def request(user: str, password: str) -> httpx.Response:
        given: dict[str, dict[str, Any]] = {
            "basic": {"auth": (user, password)},
            "headers": {"headers": {"X-ClickHouse-User": user, "X-ClickHouse-Key": password}},
            "address": {"params": {"user": user, "password": password}},
        }
        return httpx.post(http.base_url, content="SELECT 1", **given[how])

    address = httpx.URL(clickhouse_url)
    assert request(address.username, address.password).text == "1\n"
    for user, password in ((address.username, address.password + "x"), ("nobody", address.password)):
        refused = request(user, password)
        assert (refused.status_code, refused.headers["x-clickhouse-exception-code"]) == (403, "516")


@pytest.mark.embedded
def test_no_login_is_refused(http: httpx.Client) -> None:
    assert httpx.post(http.base_url, content="SELECT 1").status_code == 403


def test_parameters_are_bound_by_their_type(http: httpx.Client) -> None:
    values = {"param_a": "it's \\t\\\\", "param_b": "[1,2]", "param_c": "\\N", "param_d": "2026-01-02"}
    statement = "SELECT {a:String}, {b:Array(UInt8)}, {c:Nullable(Int8)}, {d:Date}"
    assert ask(http, statement, **values) == "it\\'s \\t\\\\\t[1,2]\t\\N\t2026-01-02\n"


def test_parameters_name_a_table_and_filter_an_insert(http: httpx.Client, numbers: str) -> None:
    ask(
        http, "INSERT INTO {into:Identifier} SELECT number, '' FROM numbers({n:UInt8})", param_into=numbers, param_n="3"
    )
    ask(http, "9,z", query="INSERT INTO {into:Identifier} FORMAT CSV", param_into=numbers)
    assert ask(http, f"SELECT count() FROM {numbers}") == "4\n"


def test_settings_in_the_address_hold_for_the_request(http: httpx.Client) -> None:
    assert ask(http, "SELECT getSetting('max_block_size')", max_block_size="123") == "123\n"
    assert ask(http, "SELECT getSetting('max_block_size')") != "123\n"
    answer = http.post("/", params={"no_such_setting": "1"}, content="SELECT 1")
    assert (answer.status_code, answer.headers["x-clickhouse-exception-code"]) == (404, "115")


def test_a_session_keeps_tables_and_settings_and_others_see_neither(http: httpx.Client) -> None:
    mine, other = str(uuid.uuid4()), str(uuid.uuid4())
    ask(http, "CREATE TEMPORARY TABLE mine (a UInt8)", session_id=mine)
    ask(http, "INSERT INTO mine VALUES (1), (2)", session_id=mine)
    ask(http, "SET max_block_size = 321", session_id=mine)
    assert ask(http, "SELECT sum(a), getSetting('max_block_size') FROM mine", session_id=mine) == "3\t321\n"
    for elsewhere in ({"session_id": other}, {}):
        assert (
            http.post("/", params=elsewhere, content="SELECT * FROM mine").headers["x-clickhouse-exception-code"]
            == "60"
        )


def test_a_sessions_own_settings_outlive_those_of_one_request(http: httpx.Client) -> None:
    session = str(uuid.uuid4())
    ask(http, "SET max_block_size = 321", session_id=session)
    assert ask(http, "SELECT getSetting('max_block_size')", session_id=session, max_block_size="5") == "5\n"
    assert ask(http, "SELECT getSetting('max_block_size')", session_id=session) == "321\n"


def test_a_session_that_must_exist_and_does_not_is_refused(http: httpx.Client) -> None:
    answer = http.post("/", params={"session_id": str(uuid.uuid4()), "session_check": "1"}, content="SELECT 1")
    assert answer.headers["x-clickhouse-exception-code"] == "372"


def test_the_headers_say_what_a_client_reads(http: httpx.Client, numbers: str) -> None:
    answer = http.post("/", params={"query_id": "my-query"}, content=f"INSERT INTO {numbers} VALUES (1, 'a'), (2, 'b')")
    assert answer.headers["x-clickhouse-query-id"] == "my-query"
    assert orjson.loads(answer.headers["x-clickhouse-summary"])["written_rows"] == "2"
    read = http.post("/", content=f"SELECT * FROM {numbers} FORMAT JSON", params={"wait_end_of_query": "1"})
    assert uuid.UUID(read.headers["x-clickhouse-query-id"])
    assert orjson.loads(read.headers["x-clickhouse-summary"])["read_rows"] == "2"
    assert read.headers["x-clickhouse-server-display-name"]
    assert read.headers["x-clickhouse-timezone"]
    assert read.headers["content-type"] == "application/json; charset=UTF-8"
    assert read.json()["rows"] == 2


def test_answers_are_compressed_as_the_client_accepts(http: httpx.Client) -> None:
    decoders = {
        "deflate": zlib.decompress,
        "lz4": lz4.frame.decompress,
        "zstd": lambda data: zstandard.ZstdDecompressor().decompressobj().decompress(data),
        "gzip": gzip.decompress,
    }
    for rows in (10, 500_000):
        for encoding, decode in decoders.items():
            with http.stream(
                "POST",
                "/",
                params={"enable_http_compression": "1"},
                headers={"Accept-Encoding": encoding},
                content=f"SELECT number FROM numbers({rows})",
            ) as answer:
                assert answer.headers["content-encoding"] == encoding
                lines = decode(b"".join(answer.iter_raw())).split()
            assert (len(lines), lines[-1]) == (rows, str(rows - 1).encode())


def test_bodies_are_read_in_every_encoding(http: httpx.Client, numbers: str) -> None:
    rows = "".join(f"{n},w{n}\n" for n in range(100_000)).encode()
    encoders = {
        "deflate": zlib.compress,
        "lz4": lz4.frame.compress,
        "zstd": zstandard.ZstdCompressor().compress,
        "gzip": gzip.compress,
    }
    for encoding, encode in encoders.items():
        ask(http, f"TRUNCATE TABLE {numbers}")
        halves = encode(rows[: len(rows) // 2]) + encode(rows[len(rows) // 2 :])
        params = {"query": f"INSERT INTO {numbers} FORMAT CSV"}
        answer = http.post("/", params=params, content=halves, headers={"Content-Encoding": encoding})
        assert answer.status_code == 200, answer.text
        assert ask(http, f"SELECT count(), sum(n) FROM {numbers}") == "100000\t4999950000\n"


def test_a_compressed_body_that_is_cut_inserts_nothing(http: httpx.Client, numbers: str) -> None:
    body = gzip.compress("".join(f"{n},w\n" for n in range(100_000)).encode())
    params = {"query": f"INSERT INTO {numbers} FORMAT CSV"}
    answer = http.post("/", params=params, content=body[: len(body) // 2], headers={"Content-Encoding": "gzip"})
    assert answer.status_code >= 400
    assert ask(http, f"SELECT count() FROM {numbers}") == "0\n"


def test_a_query_ends_when_its_reader_hangs_up(http: httpx.Client) -> None:
    running = "SELECT count() FROM system.processes WHERE query LIKE 'SELECT number, {0}%'"
    word = uuid.uuid4().hex
    with http.stream("POST", "/", content=f"SELECT number, '{word}' FROM system.numbers") as answer:
        next(answer.iter_raw())
        assert comes_to(lambda: ask(http, running.format(f"\\'{word}")), "1\n")
    assert comes_to(lambda: ask(http, running.format(f"\\'{word}")), "0\n")


def test_a_client_that_hangs_up_within_its_rows_inserts_none(http: httpx.Client, numbers: str) -> None:
    def rows() -> Iterator[bytes]:
        yield b"1,a\n2,b\n"
        raise InterruptedError

    with pytest.raises(InterruptedError):
        http.post("/", params={"query": f"INSERT INTO {numbers} FORMAT CSV"}, content=rows())
    ask(http, f"INSERT INTO {numbers} VALUES (3, 'c')")
    assert ask(http, f"SELECT groupArray(n) FROM {numbers}") == "[3]\n"


def test_tables_can_come_with_the_query(http: httpx.Client) -> None:
    answer = http.post(
        "/",
        params={
            "query": "SELECT sum(n), max(w) FROM extra",
            "extra_structure": "n UInt8, w String",
            "extra_format": "CSV",
        },
        files={"extra": ("extra.csv", b"1,a\n2,b\n")},
    )
    assert answer.text == "3\tb\n"


def test_an_empty_native_result_names_its_columns(http: httpx.Client) -> None:
    def header(statement: str) -> bytes:
        return http.post("/", content=f"{statement} FORMAT Native").content

    assert header("SELECT 1 AS a, 'x' AS b WHERE 0") == b"\x02\x00\x01a\x05UInt8\x01b\x06String"
    assert header("SHOW TABLES") == b"\x01\x00\x04name\x06String"
