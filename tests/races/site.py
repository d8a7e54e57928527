"""Where one run of a race is, and what its hands are told."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from commerce.payments.service import PaymentWasRefused
from foundation.errors import Conflict
from tests.commerce.desk import Desk

STOCK = 12


@dataclass(frozen=True, slots=True)
class Site:
    """A shop of its own for one run: its service interface, and the API over the same database."""

    desk: Desk
    app: Any


async def told_of(do: Callable[..., Awaitable[object]], *about: object) -> str:
    """`told`, of what is begun only then."""
    return await told(do(*about))


async def told(do: Awaitable[object]) -> str:
    """What a hand was told: `done`, or the code of its refusal."""
    try:
        await do
    except (Conflict, PaymentWasRefused) as refused:
        return refused.code
    return "done"
