"""The way to the decision service: asked over HTTP, within a deadline, and never waited for beyond it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import httpx
import orjson
import structlog
from pydantic import BaseModel, ValidationError

log = structlog.get_logger(__name__)

NETWORK_ALLOWANCE_MS = 50
"""What the way there and back may add to the service's own deadline."""

Answer = TypeVar("Answer", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class DecisionClient:
    """The way to the decision service."""

    http: httpx.AsyncClient
    url: str | None
    token: str | None
    deadline_ms: int

    async def ask(self, kind: str, body: BaseModel, answer: type[Answer]) -> Answer | None:
        """The service's decision of a kind, such as `search`, or `None` when it gave none in time."""
        if self.url is None:
            return None
        try:
            async with asyncio.timeout((self.deadline_ms + NETWORK_ALLOWANCE_MS) / 1000):
                response = await self.http.post(
                    f"{self.url}/v1/decisions/{kind}",
                    content=body.model_dump_json(),
                    headers={"Content-Type": "application/json", "Authorization": f"Bearer {self.token}"},
                )
                response.raise_for_status()
                return answer.model_validate_json(response.content)
        except (httpx.HTTPError, TimeoutError, ValidationError) as fault:
            log.warning("decision_service.unreachable", error=str(fault) or type(fault).__name__)
            return None


def dressed(decision: Mapping[str, Any], cards: bytes) -> bytes:
    """What is said of a decision, and the products it chose as JSON with `items`, as one JSON object."""
    return orjson.dumps(decision)[:-1] + b"," + cards.lstrip()[1:]
