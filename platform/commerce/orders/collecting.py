"""Money that comes after the goods: whoever brought the parcel has it, or it is on the shop's account."""

from __future__ import annotations

from uuid import UUID

from commerce.orders.held import Actor, enter, hold, save_states
from commerce.payments import settlement
from foundation.database import Tx


async def collect(tx: Tx, order_id: UUID, payment_id: UUID, actor: Actor, *, amount: int | None = None) -> None:
    """The money of a payment has come, or an amount of it. It is booked afterwards, by `Money.settle`.

    Raises:
        OrderNotFound, IllegalTransition.
        NothingDue: the payment is none of the order's, or nothing of it is to come.
        MoreThanDue: so much is not to come; nothing is collected.
    """
    held = await hold(tx, order_id)
    held.require("collect", actor)
    came, how_much = await settlement.begin_collect(tx, order_id, payment_id, amount)
    await save_states(held)
    await enter(held, "collected", actor, payment_id=came, amount=how_much)
