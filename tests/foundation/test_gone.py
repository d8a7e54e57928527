"""Whoever leaves before their request is whole takes nobody's place."""

from __future__ import annotations

from starlette.types import Message, Receive, Scope, Send

from foundation.http import Edge

HALF: list[Message] = [
    {"type": "http.request", "body": b'{"a":', "more_body": True},
    {"type": "http.disconnect"},
]


async def test_a_request_whose_client_left_in_the_middle_is_not_begun() -> None:
    begun: list[Scope] = []
    sent: list[Message] = []
    messages = iter(HALF)

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        begun.append(scope)

    async def receive() -> Message:
        return next(messages)

    async def send(message: Message) -> None:
        sent.append(message)

    headers = [(b"content-length", b"100"), (b"content-type", b"application/json")]
    scope = {"type": "http", "method": "POST", "path": "/v1/store/carts", "headers": headers}
    await Edge(app, max_body_bytes=1000)(scope, receive, send)

    assert (begun, sent) == ([], [])
