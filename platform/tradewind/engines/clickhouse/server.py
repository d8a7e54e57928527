"""The HTTP server: login, one query a request, its answer streamed, its failure with code and status."""

from __future__ import annotations

import asyncio
import hmac
import platform
import secrets
from collections.abc import AsyncGenerator, AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import replace
from tempfile import SpooledTemporaryFile

import structlog
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tradewind.engines.clickhouse.codecs import CONTENT_TYPES, compressor, exception_block
from tradewind.engines.clickhouse.confining import require_confinable
from tradewind.engines.clickhouse.engine import Engine, Outcome
from tradewind.engines.clickhouse.errors import QueryFailed
from tradewind.engines.clickhouse.output import PIECE, Running
from tradewind.engines.clickhouse.request import Credentials, Query, credentials, read_query

_MAX_CONCURRENT_QUERIES = 64
"""Others wait for a place."""

log = structlog.get_logger(__name__)


def create_app(engine: Engine, login: Credentials, reader: Credentials | None = None) -> ASGIApp:
    """Make the application over an engine that is open; the engine is closed when it ends.

    `reader` is whoever reads for one tenant at a time, and sees nothing without saying for which.
    """
    gateway = _Gateway(engine, login, reader)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        yield
        await gateway.close()

    routes = [
        Route("/ping", _ok),
        Route("/replicas_status", _ok),
        Route("/", gateway.answer, methods=["GET", "POST"]),
    ]
    return Starlette(routes=routes, lifespan=lifespan)


async def _ok(_: Request) -> Response:
    return PlainTextResponse("Ok.\n", media_type="text/html")


class _Gateway:
    def __init__(self, engine: Engine, login: Credentials, reader: Credentials | None) -> None:
        self._engine = engine
        self._login = login
        self._reader = reader
        self._workers = ThreadPoolExecutor(_MAX_CONCURRENT_QUERIES, "query")
        self._places = asyncio.Semaphore(_MAX_CONCURRENT_QUERIES)

    async def close(self) -> None:
        await asyncio.to_thread(self._engine.end_queries)
        await asyncio.to_thread(self._workers.shutdown)
        await asyncio.to_thread(self._engine.close)

    async def answer(self, request: Request) -> Response:
        headers = {
            "X-ClickHouse-Server-Display-Name": platform.node() or "localhost",
            "X-ClickHouse-Timezone": self._engine.timezone,
        }
        try:
            is_reader = self._let_in(request)
            query = await read_query(request, self._engine.spool)
            if query is None:
                return await _ok(request)
            if is_reader and query.tenant is None:
                query = replace(query, tenant="")
            if query.tenant is not None:
                require_confinable(query)
            headers["X-ClickHouse-Query-Id"] = query.id
            return await self._run(query, headers)
        except QueryFailed as failure:
            return self._failure(failure, headers)
        except ClientDisconnect:
            return Response(status_code=499)
        except Exception as error:
            log.exception("clickhouse.request_failed")
            name = type(error).__name__
            return self._failure(QueryFailed(1001, "STD_EXCEPTION", f"std::exception in the gateway: {name}"), headers)

    def _let_in(self, request: Request) -> bool:
        """Refuse whoever is unknown; says whether it is the reader."""
        given = credentials(request) or Credentials("default", "")
        if _same(given, self._login):
            return False
        if self._reader is not None and _same(given, self._reader):
            return True
        raise QueryFailed(
            516,
            "AUTHENTICATION_FAILED",
            f"{given.user}: Authentication failed: password is incorrect, or there is no user with such name",
        )

    async def _run(self, query: Query, headers: dict[str, str]) -> Response:
        running = await Running.start(self._engine, query, self._workers, self._places)
        try:
            if not query.statement.kind.gives_rows:
                return Response(headers=headers | _summary(await running.outcome()))
            described = headers | _describe(query)
            if query.wait_end:
                held, outcome = await running.whole(self._engine.spool)
                return _Stream(_pieces(held), query.encoding, described | _summary(outcome), self._engine.version)
            head, ended = await running.head(max(query.buffer_size, 1))
        except BaseException:
            await running.leave()
            raise
        described |= _summary(ended or Outcome())
        if ended is not None:
            coder = compressor(query.encoding)
            return Response(coder.compress(head) + coder.flush(), headers=described)
        return _Stream(_all(head, running), query.encoding, described, self._engine.version)

    def _failure(self, failure: QueryFailed, headers: dict[str, str]) -> Response:
        headers |= {"X-ClickHouse-Exception-Code": str(failure.code)}
        return PlainTextResponse(failure.text(self._engine.version) + "\n", failure.status, headers=headers)


def _same(given: Credentials, login: Credentials) -> bool:
    user = hmac.compare_digest(given.user.encode(), login.user.encode())
    password = hmac.compare_digest(given.password.encode(), login.password.encode())
    return user and password


def _describe(query: Query) -> dict[str, str]:
    headers = {
        "X-ClickHouse-Format": query.output_format,
        "Content-Type": CONTENT_TYPES.get(query.output_format, "text/plain; charset=UTF-8"),
    }
    return headers if query.encoding is None else headers | {"Content-Encoding": query.encoding}


def _summary(outcome: Outcome) -> dict[str, str]:
    return {"X-ClickHouse-Summary": outcome.summary()}


async def _all(head: bytes, running: Running) -> AsyncGenerator[bytes, None]:
    try:
        yield head
        async for piece in running.rest():
            yield piece
    finally:
        await running.leave()


async def _pieces(held: SpooledTemporaryFile[bytes]) -> AsyncGenerator[bytes, None]:
    with held:
        while piece := await asyncio.to_thread(held.read, PIECE):
            yield piece


class _Stream(Response):
    """An answer sent as it is read. A failure on the way ends the body with the marked exception of a server."""

    def __init__(
        self, pieces: AsyncGenerator[bytes, None], encoding: str | None, headers: dict[str, str], version: str
    ) -> None:
        self._tag = secrets.token_hex(8)
        super().__init__(headers={**headers, "X-ClickHouse-Exception-Tag": self._tag})
        del self.headers["content-length"]
        self._pieces = pieces
        self._coder = compressor(encoding)
        self._version = version

    async def __call__(self, _: Scope, receive: Receive, send: Send) -> None:
        """Send it, until the end or until the client hangs up."""
        sending = asyncio.ensure_future(self._send(send))
        leaving = asyncio.ensure_future(_disconnected(receive))
        try:
            await asyncio.wait((sending, leaving), return_when=asyncio.FIRST_COMPLETED)
            if sending.done():
                sending.result()
        finally:
            for task in (sending, leaving):
                task.cancel()
            await asyncio.gather(sending, leaving, return_exceptions=True)
            await self._pieces.aclose()

    async def _send(self, send: Send) -> None:
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        end = b""
        try:
            async for piece in self._pieces:
                if data := self._coder.compress(piece):
                    await send(_part(data))
        except QueryFailed as failure:
            end = self._coder.compress(exception_block(failure.text(self._version), self._tag))
        await send(_part(end + self._coder.flush(), is_last=True))


def _part(data: bytes, *, is_last: bool = False) -> Message:
    return {"type": "http.response.body", "body": data, "more_body": not is_last}


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
