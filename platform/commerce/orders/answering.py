"""What the routes that change an order share: the change is one transaction, providers are asked after it, and whoever
asked is answered with the order as it stands then.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Annotated
from uuid import UUID

from fastapi import Path, Request, Response, status

from commerce.http import Core, change_once
from commerce.identity.service import Shopper
from commerce.identity.staff import Staff
from commerce.orders import reading
from commerce.orders.held import Actor
from commerce.orders.line_schemas import LineUnitsIn, RefundTo
from commerce.orders.money import Money
from commerce.payments.providers import configured
from foundation.database import Tx
from foundation.http import json_bytes, model_bytes

OrderId = Annotated[UUID, Path()]
Change = Callable[[Tx], Awaitable[object]]


async def change_order(
    request: Request,
    core: Core,
    who: Shopper | Staff,
    key: str,
    order_id: UUID,
    do: Change,
    answer: int = status.HTTP_200_OK,
) -> Response:
    """Do something to an order, once for the key; the order as whoever did it sees it then."""

    async def read() -> Response:
        await money_of(core).settle(who.tenant_id, order_id)
        async with core.database.tx(who.tenant_id, read_only=True) as tx:
            order = (
                await reading.get(tx, who, order_id)
                if isinstance(who, Shopper)
                else await reading.for_staff(tx, order_id, who)
            )
        return json_bytes(model_bytes(order), status=answer)

    return await change_once(request, core, who, key, do, read)


def money_of(core: Core) -> Money:
    """What this worker asks of providers."""
    return Money(core.database, configured(core.database, core.settings))


def by_staff(by: Staff) -> Actor:
    """A member of staff or a program, as the timeline has them."""
    return Actor("staff", f"staff:{by.name}", giver=by.giver)


def other(to: RefundTo) -> str | None:
    """The provider that gives money back in place of the one that took it."""
    return None if to == "original" else to


def units_of(lines: list[LineUnitsIn] | None) -> list[tuple[UUID, int]] | None:
    """Units by line, as they were asked for; `None` when nobody named any."""
    return None if lines is None else [(line.line_id, line.quantity) for line in lines]
