"""What every HTTP service of the platform does at its edge.

The body is bounded and must be JSON that Postgres can hold; a request id is echoed; every error is a problem document
(RFC 9457) with a stable code.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import unquote_to_bytes

import orjson
import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from foundation.database import unwitnessed
from foundation.errors import BadRequest, NotFound, Problem
from foundation.ids import new_id

log = structlog.get_logger(__name__)

PROBLEM_JSON = "application/problem+json"
REQUEST_ID = "x-request-id"
_REQUEST_ID_FORM = re.compile(r"^[A-Za-z0-9._-]{1,100}$")
_SECURITY_HEADERS = [
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"strict-origin-when-cross-origin"),
    (b"x-frame-options", b"DENY"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), microphone=(self), geolocation=(), usb=(), browsing-topics=()"),
]
_POLICY = b"content-security-policy"
_NOTHING = (_POLICY, b"default-src 'none'; frame-ancestors 'none'")
"""For what is no page: should a browser be made to show it as one, it loads nothing and runs nothing."""
_HTTPS_ONLY = (b"strict-transport-security", b"max-age=63072000")
"""For two years, and not for the names below: those of a tenant's domain are the tenant's."""


class BodyTooLarge(Problem):
    """The request's body is larger than this service accepts."""

    status = 413
    code = "request.body_too_large"

    limit_bytes: int


class MalformedJson(BadRequest):
    """The request's body is not strict JSON in UTF-8: NaN, lone surrogates, NUL bytes, a name twice in one object and
    a thousand levels are not allowed.
    """

    code = "request.malformed_json"


class MalformedAddress(BadRequest):
    """The request's address holds a NUL byte, which nothing here is called by."""

    code = "request.malformed_address"


class MalformedForm(BadRequest):
    """A field of the form holds a NUL byte or is not in UTF-8, which no form field of a browser is."""

    code = "request.malformed_form"


class MethodNotAllowed(Problem):
    """This address does not answer that method."""

    status = 405
    code = "request.method_not_allowed"


class InvalidFields(Problem):
    """Some fields of the request are not valid."""

    status = 422
    code = "request.invalid_fields"

    errors: list[dict[str, str]]


class InternalError(Problem):
    """Something went wrong on our side; the request id finds it in the logs."""

    status = 500
    code = "service.internal"


def problem_response(problem: Problem, request_id: str | None, headers: dict[str, str] | None = None) -> Response:
    """The problem document of `problem`."""
    document = {
        "type": f"/problems/{problem.code}",
        "title": problem.title(),
        "status": problem.status,
        "detail": problem.detail(),
        "code": problem.code,
        "request_id": request_id,
        **problem.members(),
    }
    return Response(
        orjson.dumps(document, default=str), status_code=problem.status, media_type=PROBLEM_JSON, headers=headers
    )


def install(
    app: FastAPI,
    *,
    max_body_bytes: int,
    larger: Mapping[str, int] | None = None,
    streamed: Mapping[str, int] | None = None,
    https_only: bool = False,
) -> None:
    """Give `app` the platform's edge: bounded strict bodies, request ids, security headers and problem documents.

    Paths that end as `larger` says may have larger bodies; those that end as `streamed` says are not waited for, and
    their routes read them as they come.
    """
    app.add_exception_handler(Problem, _on_problem)  # type: ignore[arg-type]
    app.add_exception_handler(RequestValidationError, _on_validation)  # type: ignore[arg-type]
    app.add_exception_handler(HTTPException, _on_http)  # type: ignore[arg-type]
    app.add_exception_handler(Exception, _on_crash)
    app.add_middleware(
        Edge, max_body_bytes=max_body_bytes, larger=larger or {}, streamed=streamed or {}, https_only=https_only
    )
    _document_problems(app)


def _document_problems(app: FastAPI) -> None:
    """Say in the OpenAPI description what a refusal looks like, in place of FastAPI's own."""
    described = app.openapi

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            schema = described()
            schemas = schema.setdefault("components", {}).setdefault("schemas", {})
            schemas["Problem"] = _PROBLEM_SCHEMA
            for unused in ("HTTPValidationError", "ValidationError"):
                schemas.pop(unused, None)
            for path in schema["paths"].values():
                for operation in path.values():
                    operation["responses"].pop("422", None)
                    operation["responses"]["default"] = _PROBLEM_RESPONSE
        return app.openapi_schema or {}

    app.openapi = openapi  # type: ignore[method-assign]


_PROBLEM_SCHEMA: dict[str, Any] = {
    "type": "object",
    "description": "Why the request was refused (RFC 9457); the members beyond these belong to the code.",
    "required": ["type", "title", "status", "code"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "code": {"type": "string", "description": "Stable: branch on it, not on the text."},
        "request_id": {"type": ["string", "null"]},
    },
}
_PROBLEM_RESPONSE: dict[str, Any] = {
    "description": "A problem",
    "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
}


def _request_id(request: Request) -> str | None:
    value: str | None = request.scope.get("state", {}).get("request_id")
    return value


async def _on_problem(request: Request, problem: Problem) -> Response:
    wait = getattr(problem, "retry_after", None)
    headers = None if wait is None else {"Retry-After": str(wait)}
    return problem_response(problem, _request_id(request), headers)


async def _on_validation(request: Request, error: RequestValidationError) -> Response:
    errors = [
        {"param": ".".join(str(part) for part in fault["loc"]), "message": str(fault["msg"])}
        for fault in error.errors()
    ]
    return problem_response(InvalidFields(errors=errors[:50]), _request_id(request))


async def _on_http(request: Request, error: HTTPException) -> Response:
    by_status: dict[int, Callable[[], Problem]] = {404: NotFound, 405: MethodNotAllowed}
    problem = by_status.get(error.status_code, BadRequest)()
    return problem_response(problem, _request_id(request), dict(error.headers) if error.headers else None)


async def _on_crash(request: Request, error: Exception) -> Response:
    log.error("request.crashed", path=request.url.path, request_id=_request_id(request), exc_info=error)
    return problem_response(InternalError(), _request_id(request))


def require_clean(scope: Scope) -> None:
    """Let a request pass unless its address, or the form it sends, holds what Postgres can't keep. For whatever
    answers with pages too: a refusal by the edge itself is always a problem document.

    Raises:
        MalformedAddress, MalformedForm.
    """
    if "\x00" in scope["path"] or b"%00" in scope["query_string"]:
        raise MalformedAddress
    body = scope["state"].get("body", b"")
    if body and b"urlencoded" in dict(scope["headers"]).get(b"content-type", b"") and not _is_text(body):
        raise MalformedForm


def _is_text(encoded: bytes) -> bool:
    try:
        return "\x00" not in unquote_to_bytes(encoded).decode()
    except UnicodeDecodeError:
        return False


class Edge:
    """The outermost middleware."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        max_body_bytes: int,
        larger: Mapping[str, int] | None = None,
        streamed: Mapping[str, int] | None = None,
        https_only: bool = False,
    ) -> None:
        self._app = app
        self._max_body_bytes = max_body_bytes
        self._streamed = streamed or {}
        self._larger = {**(larger or {}), **self._streamed}
        self._headers = [*_SECURITY_HEADERS, *([_HTTPS_ONLY] if https_only else [])]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers: Sequence[tuple[bytes, bytes]] = scope["headers"]
        request_id = _given_request_id(headers) or str(new_id())
        scope.setdefault("state", {})["request_id"] = request_id
        stamped = _stamp(send, [(REQUEST_ID.encode(), request_id.encode()), *self._headers])
        try:
            received = await self._checked_body(scope, headers, receive)
        except Problem as problem:
            await problem_response(problem, request_id)(scope, receive, stamped)
            return
        if received is None:  # whoever asked is gone: hundreds of them would take the places of those who are there
            return
        with unwitnessed():  # what one request has witnessed is not the next one's, whichever task carries both
            await self._app(scope, received, stamped)

    async def _checked_body(
        self, scope: Scope, headers: Sequence[tuple[bytes, bytes]], receive: Receive
    ) -> Receive | None:
        """The way to the request's body, once all of it is there; `None` when the client left before."""
        if scope["method"] in {"GET", "HEAD", "OPTIONS"}:
            return receive
        given = dict(headers)
        declared = given.get(b"content-length", b"0")
        limit = self._limit(scope["path"])
        if not declared.isdigit() or int(declared) > limit:
            raise BodyTooLarge(limit_bytes=limit)
        if scope["path"].endswith(tuple(self._streamed)):
            return _bounded(receive, limit)
        body = await self._read(receive, limit)
        if body is None:
            return None
        if b"json" in given.get(b"content-type", b"") and body:
            _require_strict_json(body)
        scope["state"]["body"] = body
        return _replay(body, receive)

    def _limit(self, path: str) -> int:
        return next((limit for end, limit in self._larger.items() if path.endswith(end)), self._max_body_bytes)

    async def _read(self, receive: Receive, limit: int) -> bytes | None:
        parts: list[bytes] = []
        size = 0
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                return None
            parts.append(message.get("body", b""))
            size += len(parts[-1])
            if size > limit:
                raise BodyTooLarge(limit_bytes=limit)
            if not message.get("more_body", False):
                return b"".join(parts)


def _bounded(receive: Receive, limit: int) -> Receive:
    """A body as it comes, until it is longer than it may be."""
    size = 0

    async def bounded() -> Message:
        nonlocal size
        message = await receive()
        size += len(message.get("body", b""))
        if size > limit:
            raise BodyTooLarge(limit_bytes=limit)
        return message

    return bounded


def _given_request_id(headers: Sequence[tuple[bytes, bytes]]) -> str | None:
    for name, value in headers:
        if name == REQUEST_ID.encode():
            text = value.decode("latin-1")
            return text if _REQUEST_ID_FORM.match(text) else None
    return None


def _require_strict_json(body: bytes) -> None:
    """Two readers, since neither refuses all: orjson knows no NaN and no lone surrogate, and the standard library's
    shows each name of an object. The second costs a microsecond for a small body.
    """
    try:
        orjson.loads(body)
        _NAMED_ONCE.decode(body.decode())
    except (orjson.JSONDecodeError, UnicodeDecodeError, _NamedTwice, RecursionError) as error:
        raise MalformedJson from error
    if b"\\u0000" in body:
        raise MalformedJson


class _NamedTwice(Exception):
    """An object has two values of one name: who checks could see the first, and who acts the second."""


def _named_once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise _NamedTwice
    return found


_NAMED_ONCE = json.JSONDecoder(object_pairs_hook=_named_once)


def _replay(body: bytes, receive: Receive) -> Receive:
    sent = False

    async def replayed() -> Message:
        nonlocal sent
        if sent:
            return await receive()
        sent = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replayed


def _stamp(send: Send, headers: Sequence[tuple[bytes, bytes]]) -> Send:
    async def stamped(message: Message) -> None:
        if message["type"] == "http.response.start":
            given = message.get("headers", [])
            policy = () if any(name == _POLICY for name, _ in given) else (_NOTHING,)
            message["headers"] = [*given, *headers, *policy]
        await send(message)

    return stamped


def json_bytes(body: bytes, *, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """An answer whose JSON is already bytes."""
    return Response(body, status_code=status, media_type="application/json", headers=headers)


def model_bytes(value: Any) -> bytes:
    """A Pydantic model as JSON."""
    body: str = value.model_dump_json()
    return body.encode()
