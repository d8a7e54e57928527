"""What staff write down about an order, for each other or for its shopper to see."""

from __future__ import annotations

from uuid import UUID

from commerce.orders.held import Actor, enter, hold
from foundation.database import Tx


async def write(tx: Tx, order_id: UUID, actor: Actor, note: str, *, visible: bool = False) -> None:
    """Put a note into the order's timeline; its shopper sees it when it is `visible`.

    Raises:
        OrderNotFound.
    """
    held = await hold(tx, order_id)
    held.require("note", actor)
    await enter(held, "note", actor, note=note, visible=visible)
