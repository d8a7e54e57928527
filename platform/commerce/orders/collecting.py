"""Money that comes after the goods: whoever brought the parcel has it, or it is on the shop's account."""

from __future__ import annotations

from uuid import UUID

from commerce.orders.held import Actor, enter, hold, save_states
from commerce.payments import settlement
from foundation.database import Tx
from foundation.errors import Conflict


class NothingDue(Conflict):
    """No money is to come of this payment."""

    code = "payments.nothing_due"


async def collect(tx: Tx, order_id: UUID, payment_id: UUID, actor: Actor) -> None:
    """The money of a payment has come. It is booked afterwards, by `Money.settle`.

    Raises:
        OrderNotFound, IllegalTransition.
        NothingDue: the payment is none of the order's, or nothing of it is to come.
    """
    held = await hold(tx, order_id)
    held.require("collect", actor)
    if not await settlement.begin_collect(tx, order_id, payment_id):
        raise NothingDue
    await save_states(held)
    await enter(held, "collected", actor, payment_id=payment_id)
