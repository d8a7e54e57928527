"""The routes: Qdrant's REST paths, its envelope, its key."""

from __future__ import annotations

import hmac
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import orjson
import structlog
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from tradewind.engines.qdrant import search
from tradewind.engines.qdrant.collection import Collection, asking_engine
from tradewind.engines.qdrant.errors import Malformed, Refused, TooLarge
from tradewind.engines.qdrant.fields import Json, an_object
from tradewind.engines.qdrant.points import read_update, read_updates, weight
from tradewind.engines.qdrant.store import Store

API_VERSION = "1.20.0"
"""The release of Qdrant whose REST API is spoken; clients compare it with their own."""

_MAX_BODY = 32 * 1024 * 1024
_OPEN_PATHS = frozenset({"/", "/healthz", "/livez", "/readyz"})

log = structlog.get_logger(__name__)

Answer = Callable[[Store, Request, Json], Awaitable[Any]]


def create_app(store: Store, api_key: str | None) -> ASGIApp:
    """Make the application. Without a key every request is let in."""

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        await store.open()
        yield
        await store.close()

    routes = [
        Route("/", _version),
        *(Route(path, _healthy) for path in ("/healthz", "/livez", "/readyz")),
        *(Route(path, _endpoint(store, answer), methods=[method]) for method, path, answer in _routes()),
    ]
    app = Starlette(routes=routes, lifespan=lifespan, exception_handlers={HTTPException: _http_error})
    return app if api_key is None else KeyRequired(app, api_key)


class KeyRequired:
    """Lets requests through that carry the key, in `api-key` or as a bearer token; 401 to others."""

    def __init__(self, app: ASGIApp, api_key: str) -> None:
        self._app = app
        self._key = api_key.encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http" or scope["path"] in _OPEN_PATHS:
            await self._app(scope, receive, send)
            return
        headers = dict(scope["headers"])
        given = headers.get(b"api-key") or headers.get(b"authorization", b"").removeprefix(b"Bearer ")
        if not given:
            refusal = PlainTextResponse("Must provide an API key or an Authorization bearer token", 401)
        elif not hmac.compare_digest(given, self._key):
            refusal = PlainTextResponse("Invalid API key or JWT", 401)
        else:
            await self._app(scope, receive, send)
            return
        await refusal(scope, receive, send)


def _json(value: Any, status: int = 200) -> Response:
    return Response(orjson.dumps(value), status, media_type="application/json")


async def _version(_: Request) -> Response:
    return _json({"title": "qdrant - vector search engine", "version": API_VERSION})


async def _healthy(_: Request) -> Response:
    return PlainTextResponse("healthz check passed")


async def _http_error(_: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    return _json({"status": {"error": str(getattr(error, "detail", error))}, "time": 0.0, "result": None}, status)


def _endpoint(store: Store, answer: Answer) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        started = time.perf_counter()
        status, result, code = "ok", None, 200
        try:
            result = await answer(store, request, await _body(request))
            return _json({"result": result, "status": status, "time": time.perf_counter() - started})
        except Refused as refused:
            code, message = refused.status, str(refused)
        except Exception as error:
            log.exception("qdrant.request_failed", path=request.url.path)
            code, message = 500, f"Service internal error: {type(error).__name__}"
        elapsed = time.perf_counter() - started
        return _json({"result": None, "status": {"error": message}, "time": elapsed}, code)

    return endpoint


async def _body(request: Request) -> Json:
    received = bytearray()
    async for chunk in request.stream():
        received += chunk
        if len(received) > _MAX_BODY:
            raise TooLarge(f"JSON payload is larger than allowed (limit: {_MAX_BODY} bytes).")
    if not received:
        return {}
    try:
        return an_object(orjson.loads(received), "body")
    except orjson.JSONDecodeError as error:
        raise Malformed("body", f"JSON ({error})") from error


def _collection(store: Store, request: Request) -> Collection:
    return store.get(request.path_params["name"])


def _update_result(number: int, request: Request) -> Json:
    waited = request.query_params.get("wait") == "true"
    return {"operation_id": number, "status": "completed" if waited else "acknowledged"}


def _change(kind: str) -> Answer:
    async def answer(store: Store, request: Request, body: Json) -> Json:
        collection = _collection(store, request)
        with asking_engine():
            operation = read_update(kind, body, collection.schema)
        return _update_result(await collection.apply([operation], points=weight(body)), request)

    return answer


async def _change_many(store: Store, request: Request, body: Json) -> list[Json]:
    collection = _collection(store, request)
    with asking_engine():
        operations = read_updates(body, collection.schema)
    numbers = [
        await collection.apply([operation], points=weight({"operations": [change]}))
        for operation, change in zip(operations, body["operations"], strict=True)
    ]
    return [_update_result(number, request) for number in numbers]


def _read(read: Callable[[Collection, Json], Any]) -> Answer:
    async def answer(store: Store, request: Request, body: Json) -> Any:
        return read(_collection(store, request), body)

    return answer


def _query(read: Callable[[Store, Collection, Json], Any]) -> Answer:
    async def answer(store: Store, request: Request, body: Json) -> Any:
        return read(store, _collection(store, request), body)

    return answer


async def _get_point(store: Store, request: Request, _: Json) -> Json:
    return search.get_point(_collection(store, request), request.path_params["id"])


async def _list(store: Store, _: Request, __: Json) -> Json:
    return {"collections": [{"name": name} for name in store.names()]}


async def _exists(store: Store, request: Request, _: Json) -> Json:
    return {"exists": store.exists(request.path_params["name"])}


async def _info(store: Store, request: Request, _: Json) -> Json:
    return _collection(store, request).info()


async def _create(store: Store, request: Request, body: Json) -> bool:
    store.create(request.path_params["name"], body)
    return True


async def _update_settings(store: Store, request: Request, body: Json) -> bool:
    await _collection(store, request).update_settings(body)
    return True


async def _drop(store: Store, request: Request, _: Json) -> bool:
    return await store.drop(request.path_params["name"])


async def _create_index(store: Store, request: Request, body: Json) -> Json:
    return _update_result(await _collection(store, request).create_index(body), request)


async def _delete_index(store: Store, request: Request, _: Json) -> Json:
    return _update_result(await _collection(store, request).delete_index(request.path_params["field"]), request)


async def _aliases(store: Store, _: Request, __: Json) -> Json:
    return {"aliases": store.aliases()}


async def _aliases_of(store: Store, request: Request, _: Json) -> Json:
    return {"aliases": store.aliases(_collection(store, request).name)}


async def _change_aliases(store: Store, _: Request, body: Json) -> bool:
    store.change_aliases(body)
    return True


async def _telemetry(store: Store, _: Request, __: Json) -> Json:
    return {
        "id": "embedded",
        "app": {"name": "qdrant", "version": API_VERSION, "startup": _STARTED.isoformat()},
        "collections": {"number_of_collections": len(store.names())},
    }


_STARTED = datetime.now(UTC)


def _routes() -> list[tuple[str, str, Answer]]:
    one, points = "/collections/{name}", "/collections/{name}/points"
    return [
        ("GET", "/telemetry", _telemetry),
        ("GET", "/aliases", _aliases),
        ("GET", "/collections", _list),
        ("POST", "/collections/aliases", _change_aliases),
        ("GET", one, _info),
        ("PUT", one, _create),
        ("PATCH", one, _update_settings),
        ("DELETE", one, _drop),
        ("GET", f"{one}/exists", _exists),
        ("GET", f"{one}/aliases", _aliases_of),
        ("PUT", f"{one}/index", _create_index),
        ("DELETE", f"{one}/index/{{field:path}}", _delete_index),
        ("POST", f"{one}/facet", _read(search.facet)),
        ("PUT", points, _change("upsert")),
        ("POST", points, _read(search.retrieve)),
        ("POST", f"{points}/delete", _change("delete")),
        ("POST", f"{points}/payload", _change("set_payload")),
        ("PUT", f"{points}/payload", _change("overwrite_payload")),
        ("POST", f"{points}/payload/delete", _change("delete_payload")),
        ("POST", f"{points}/payload/clear", _change("clear_payload")),
        ("PUT", f"{points}/vectors", _change("update_vectors")),
        ("POST", f"{points}/vectors/delete", _change("delete_vectors")),
        ("POST", f"{points}/batch", _change_many),
        ("POST", f"{points}/query", _query(search.query)),
        ("POST", f"{points}/query/batch", _query(search.query_batch)),
        ("POST", f"{points}/query/groups", _query(search.query_groups)),
        ("POST", f"{points}/scroll", _read(search.scroll)),
        ("POST", f"{points}/count", _read(search.count)),
        ("GET", f"{points}/{{id}}", _get_point),
    ]
