"""A decision service that the shop asks in tests: it answers what it is told to."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import httpx
import orjson

from commerce.deciding import DecisionClient, Post
from tests.factories import SeededShop
from tests.waiting import started


class Service:
    """Answers decisions of one kind, and remembers what it was asked."""

    def __init__(self, kind: str) -> None:
        self.path = f"/v1/decisions/{kind}"
        self.answer = httpx.Response(500)
        self.asked: list[dict[str, Any]] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        assert request.url.path == self.path
        self.asked.append(orjson.loads(request.content))
        return self.answer


def answering(answer: Callable[[httpx.Request], httpx.Response]) -> Post:
    """What is asked of the service is answered by this."""

    async def post(url: str, body: bytes, headers: Mapping[str, str]) -> bytes:
        given = answer(httpx.Request("POST", url, content=body, headers=dict(headers)))
        if given.is_error:
            raise aiohttp.ServerConnectionError(str(given.status_code))
        return given.content

    return post


@asynccontextmanager
async def deciding(app: Any, answer: Callable[[httpx.Request], httpx.Response]) -> AsyncIterator[None]:
    """Have the app ask this for decisions."""
    app.state.decisions = DecisionClient(answering(answer), "http://serving", "token", 150)
    yield


@asynccontextmanager
async def shop_asking(
    app: Any, shop: SeededShop, answer: Callable[[httpx.Request], httpx.Response]
) -> AsyncIterator[httpx.AsyncClient]:
    """The shop, asking this for decisions."""
    async with (
        started(app),
        deciding(app, answer),
        httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url=f"http://{shop.host}") as http,
    ):
        yield http
