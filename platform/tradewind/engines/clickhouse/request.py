"""A request of the HTTP protocol, read into what is to be run."""

from __future__ import annotations

import base64
import binascii
import uuid
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import SpooledTemporaryFile

from starlette.datastructures import FormData, UploadFile
from starlette.requests import Request

from tradewind.engines.clickhouse import sql
from tradewind.engines.clickhouse.codecs import Decompressor, choose_encoding
from tradewind.engines.clickhouse.errors import QueryFailed, not_implemented
from tradewind.engines.clickhouse.sql import Kind, Statement

_HEAD = 256 * 1024
"""An insert's own text ends within this many bytes (a server's `max_query_size`)."""
_LONGEST_QUERY = 64 * 1024 * 1024
_IN_MEMORY = 4 * 1024 * 1024
_LONGEST_SESSION = 3600

TENANT_SETTING = "SQL_tradewind_tenant"
"""The setting by which a request says for which tenant it reads, as the row policies of a server know it."""

_OF_THE_REQUEST = {
    "query", "user", "password", "database", "session_id", "session_timeout", "session_check", "query_id",
    "default_format", "compress", "decompress", "quota_key", "role", "stacktrace", "client_protocol_version",
    "buffer_size", "wait_end_of_query", "readonly", TENANT_SETTING,
}  # fmt: skip
_OF_THE_TRANSPORT = {
    "enable_http_compression", "http_zlib_compression_level", "send_progress_in_http_headers",
    "http_headers_progress_interval_ms", "cancel_http_readonly_queries_on_client_close", "add_http_cors_header",
    "http_wait_end_of_query", "http_response_buffer_size", "http_write_exception_in_output_format",
}  # fmt: skip
_OF_A_TABLE = ("_format", "_types", "_structure")

BUFFER_SIZE = 1024 * 1024
"""How much of a result is held back until it is known whether it fails."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """Who asks."""

    user: str
    password: str


@dataclass(frozen=True, slots=True)
class SessionRequest:
    """The session that a query wants to run in."""

    id: str
    timeout: int = 60
    """Seconds that it outlives its last query."""
    must_exist: bool = False


@dataclass(frozen=True, slots=True)
class ExternalTable:
    """A table that came with the query and lives as long."""

    name: str
    structure: str
    format: str
    data: SpooledTemporaryFile[bytes]


@dataclass(frozen=True, slots=True)
class Query:
    """One statement and all that its request says about it."""

    statement: Statement
    id: str
    data: SpooledTemporaryFile[bytes] | None = None
    database: str | None = None
    settings: dict[str, str] = field(default_factory=dict)
    parameters: dict[str, str] = field(default_factory=dict)
    """As they came: in the escaped form of TabSeparated."""
    session: SessionRequest | None = None
    external: list[ExternalTable] = field(default_factory=list)
    default_format: str = "TabSeparated"
    wait_end: bool = False
    buffer_size: int = BUFFER_SIZE
    encoding: str | None = None
    tenant: str | None = None
    """Whose rows it sees, where it says so; nobody's when that is empty."""
    mark: str = field(default_factory=lambda: uuid.uuid4().hex)
    """What the engine knows it by."""

    @property
    def output_format(self) -> str:
        """What its result is written in."""
        return self.statement.format or self.default_format


def credentials(request: Request) -> Credentials | None:
    """Who asks, from the first of: basic authorization, `X-ClickHouse-User` and `-Key`, `user` and `password`.

    None where nobody says who asks.

    Raises:
        QueryFailed: for another scheme, or letters that aren't base64.
    """
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "basic":
        try:
            user, _, password = base64.b64decode(token, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError) as error:
            raise QueryFailed(516, "AUTHENTICATION_FAILED", "Cannot read the basic authorization") from error
        return Credentials(user, password)
    if scheme:
        raise QueryFailed(516, "AUTHENTICATION_FAILED", f"'{scheme}' HTTP Authorization scheme is not supported")
    headers, url = request.headers, request.query_params
    if "x-clickhouse-user" in headers or "x-clickhouse-key" in headers:
        return Credentials(headers.get("x-clickhouse-user", "default"), headers.get("x-clickhouse-key", ""))
    if "user" in url or "password" in url:
        return Credentials(url.get("user", "default"), url.get("password", ""))
    return None


async def read_query(request: Request, spool: Path) -> Query | None:
    """Read a request to the end; None where it holds no query.

    Bodies beyond a few MiB go through files in `spool`, so memory stays flat. The data of an insert are whole before
    the insert begins: a client that hangs up halfway inserts nothing.

    Raises:
        QueryFailed: for what a server refuses before it runs anything.
    """
    values: dict[str, str] = dict(request.query_params)
    if _flag(values.get("compress")) or _flag(values.get("decompress")):
        raise not_implemented("ClickHouse's own block compression (compress=1, decompress=1): use Content-Encoding")
    external: list[ExternalTable] = []
    data = None
    if request.headers.get("content-type", "").startswith("multipart/form-data"):
        external = await _read_form(await request.form(max_part_size=_LONGEST_QUERY), values)
        statement = sql.parse(values.get("query", "").encode()) if values.get("query") else None
    else:
        statement, data = await _read_body(values.get("query", ""), _decoded(request), spool)
    if statement is None:
        return None
    _refuse_change(statement, method=request.method, readonly=values.get("readonly", "0"))
    return _query(request, values, statement, data, external)


def _query(
    request: Request,
    values: Mapping[str, str],
    statement: Statement,
    data: SpooledTemporaryFile[bytes] | None,
    external: list[ExternalTable],
) -> Query:
    described = {f"{table.name}{suffix}" for table in external for suffix in _OF_A_TABLE}
    not_settings = _OF_THE_REQUEST | _OF_THE_TRANSPORT | described
    headers = request.headers
    compressed = _flag(values.get("enable_http_compression", "1"))
    return Query(
        statement=statement,
        id=values.get("query_id") or str(uuid.uuid4()),
        data=data,
        database=values.get("database") or headers.get("x-clickhouse-database"),
        settings={
            name: value for name, value in values.items() if name not in not_settings and not name.startswith("param_")
        },
        parameters={name[6:]: value for name, value in values.items() if name.startswith("param_")},
        session=_session(values),
        external=external,
        default_format=values.get("default_format") or headers.get("x-clickhouse-format") or "TabSeparated",
        wait_end=_flag(values.get("wait_end_of_query")) or _flag(values.get("http_wait_end_of_query")),
        buffer_size=_whole(values, "buffer_size", BUFFER_SIZE),
        encoding=choose_encoding(headers.get("accept-encoding", "")) if compressed else None,
        tenant=values.get(TENANT_SETTING),
    )


async def _decoded(request: Request) -> AsyncIterator[bytes]:
    decompressor = Decompressor(request.headers.get("content-encoding", "").strip().lower())
    async for chunk in request.stream():
        if chunk:
            yield decompressor.decompress(chunk)
    decompressor.finish()


async def _read_body(
    in_url: str, body: AsyncIterator[bytes], spool: Path
) -> tuple[Statement | None, SpooledTemporaryFile[bytes] | None]:
    """Read `query` of the URL and the body as the one text that they are, a line feed between them."""
    text = bytearray(in_url.encode())
    ends_in_url = len(text)
    async for chunk in body:
        if len(text) == ends_in_url and ends_in_url and chunk:
            text += b"\n"
        text += chunk
        if len(text) >= _HEAD:
            break
    cut = sql.split_insert(bytes(text))
    if cut is not None:
        statement, start = cut
        return statement, await _spool(bytes(memoryview(text)[start:]), body, spool)
    async for chunk in body:
        text += chunk
        if len(text) > _LONGEST_QUERY:
            raise QueryFailed(229, "QUERY_IS_TOO_LARGE", f"Query is longer than {_LONGEST_QUERY} bytes")
    return (sql.parse(bytes(text)), None) if text.strip() else (None, None)


async def _spool(head: bytes, rest: AsyncIterator[bytes], spool: Path) -> SpooledTemporaryFile[bytes]:
    data = SpooledTemporaryFile[bytes](_IN_MEMORY, dir=str(spool))
    try:
        data.write(head)
        async for chunk in rest:
            data.write(chunk)
    except BaseException:
        data.close()
        raise
    data.seek(0)
    return data


async def _read_form(form: FormData, values: dict[str, str]) -> list[ExternalTable]:
    """Add the form's fields to the request's values; its files are tables."""
    for name, value in form.multi_items():
        if isinstance(value, str):
            values[name] = f"{values[name]}\n{value}" if name == "query" and name in values else value
    return [_external(name, part, values) for name, part in form.multi_items() if isinstance(part, UploadFile)]


def _external(name: str, part: UploadFile, values: Mapping[str, str]) -> ExternalTable:
    structure = values.get(f"{name}_structure")
    if structure is None:
        types = values.get(f"{name}_types")
        if types is None:
            raise QueryFailed(36, "BAD_ARGUMENTS", f"Neither {name}_structure nor {name}_types is given")
        structure = ", ".join(f"_{at} {kind}" for at, kind in enumerate(_split_types(types), start=1))
    data: SpooledTemporaryFile[bytes] = part.file  # type: ignore[assignment] # Starlette's own is a SpooledTemporaryFile
    return ExternalTable(name, structure, values.get(f"{name}_format", "TabSeparated"), data)


def _split_types(types: str) -> list[str]:
    """Cut at the commas outside brackets: `Array(Tuple(UInt8, String)), Date` are two."""
    parts, depth, start = [], 0, 0
    for at, letter in enumerate(types):
        depth += (letter == "(") - (letter == ")")
        if letter == "," and depth == 0:
            parts.append(types[start:at])
            start = at + 1
    return [*parts, types[start:]]


def _session(values: Mapping[str, str]) -> SessionRequest | None:
    if not values.get("session_id"):
        return None
    timeout = _whole(values, "session_timeout", 60)
    if timeout > _LONGEST_SESSION:
        raise QueryFailed(
            374,
            "INVALID_SESSION_TIMEOUT",
            f"Session timeout '{timeout}' is larger than max_session_timeout: {_LONGEST_SESSION}",
        )
    return SessionRequest(values["session_id"], timeout, _flag(values.get("session_check")))


def _refuse_change(statement: Statement, *, method: str, readonly: str) -> None:
    if statement.kind.gives_rows or (statement.kind is Kind.SESSION and readonly != "1"):
        return
    if method in ("GET", "HEAD") or _flag(readonly):
        raise QueryFailed(
            164,
            "READONLY",
            "Cannot execute query in readonly mode. For queries over HTTP, method GET implies readonly. "
            "You should use method POST for modifying queries",
        )


def _flag(value: str | None) -> bool:
    return value is not None and value.lower() not in ("", "0", "false")


def _whole(values: Mapping[str, str], name: str, default: int) -> int:
    try:
        number = int(values.get(name) or default)
    except ValueError:
        number = -1
    if number < 0:
        raise QueryFailed(36, "BAD_ARGUMENTS", f"{name} is not a whole number: {values[name]!r}")
    return number
