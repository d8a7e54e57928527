"""The way to the decision service: asked over HTTP, within a deadline, and never waited for beyond it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

import aiohttp
import orjson
import structlog
from pydantic import BaseModel, ValidationError

log = structlog.get_logger(__name__)

NETWORK_ALLOWANCE_MS = 50
"""What the way there and back may add to the service's own deadline."""
IDLE_SECONDS = 3.0
"""How long a connection waits for its next question: less than the five after which the service lets go of it."""

Answer = TypeVar("Answer", bound=BaseModel)
Post = Callable[[str, bytes, Mapping[str, str]], Awaitable[bytes]]
"""Sends a body to an address with headers, and gives the body of a good answer.

Raises:
    aiohttp.ClientError, OSError: there was none.
"""


@asynccontextmanager
async def posting() -> AsyncIterator[Post]:
    """The way over HTTP. aiohttp, for a question costs it a sixth of the processor's time that it costs httpx."""
    connector = aiohttp.TCPConnector(limit=0, keepalive_timeout=IDLE_SECONDS)
    async with aiohttp.ClientSession(connector=connector, raise_for_status=True) as session:

        async def post(url: str, body: bytes, headers: Mapping[str, str]) -> bytes:
            async with session.post(url, data=body, headers=headers) as response:
                return await response.read()

        yield post


@dataclass(frozen=True, slots=True)
class DecisionClient:
    """The way to the decision service."""

    post: Post
    url: str | None
    token: str | None
    deadline_ms: int

    async def ask(self, kind: str, body: BaseModel, answer: type[Answer]) -> Answer | None:
        """The service's decision of a kind, such as `search`, or `None` when it gave none in time."""
        if self.url is None:
            return None
        try:
            async with asyncio.timeout((self.deadline_ms + NETWORK_ALLOWANCE_MS) / 1000):
                told = await self.post(
                    f"{self.url}/v1/decisions/{kind}",
                    body.model_dump_json().encode(),
                    {"Content-Type": "application/json", "Authorization": f"Bearer {self.token}"},
                )
                return answer.model_validate_json(told)
        except (aiohttp.ClientError, OSError, ValidationError) as fault:
            log.warning("decision_service.unreachable", error=str(fault) or type(fault).__name__)
            return None


def dressed(decision: Mapping[str, Any], cards: bytes) -> bytes:
    """What is said of a decision, and the products it chose as JSON with `items`, as one JSON object."""
    return orjson.dumps(decision)[:-1] + b"," + cards.lstrip()[1:]
