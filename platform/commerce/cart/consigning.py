"""Splitting a cart: which units go to which address, and how each consignment gets there."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from uuid import UUID

import orjson
from sqlalchemy import text

from commerce.cart.holding import personal
from commerce.cart.schemas import ConsignmentIn
from commerce.cart.service import DeliveryUnavailable, LineNotFound, begin_change, get
from commerce.delivery import addresses
from commerce.delivery.schemas import AddressOut
from commerce.identity.service import Shopper
from foundation.database import Tx, hot
from foundation.errors import Unprocessable
from foundation.veil import ADDRESSES


class TooManyConsigned(Unprocessable):
    """More units of a line are to be sent than the cart holds."""

    code = "cart.too_many_consigned"

    line_id: UUID
    quantity: int
    possible: int


_SET = hot(
    text(
        """
        UPDATE cart SET consignments = CAST(CAST(:consignments AS text) AS jsonb)
        WHERE tenant_id = :tenant_id AND id = :cart_id
        """
    )
)


async def consign(tx: Tx, shopper: Shopper, cart_id: UUID, consignments: Sequence[ConsignmentIn]) -> None:
    """Split a cart, in place of how it was split; nothing puts it together again.

    Raises:
        CartNotFound, CartNotOpen, AddressInvalid.
        LineNotFound, TooManyConsigned: units that the cart does not hold are to be sent; nothing is changed.
        DeliveryUnavailable: a way to deliver does not go where its consignment does; nothing is changed.
    """
    for consignment in consignments:
        if consignment.address is not None:
            addresses.check(consignment.address)
    await begin_change(tx, shopper, cart_id)
    held = {line.id: line.quantity for line in (await get(tx, shopper, cart_id)).lines}
    wanted = Counter[UUID]()
    for line in (line for consignment in consignments for line in consignment.lines):
        wanted[line.line_id] += line.quantity
    for line_id, quantity in wanted.items():
        if line_id not in held:
            raise LineNotFound
        if quantity > held[line_id]:
            raise TooManyConsigned(line_id=line_id, quantity=quantity, possible=held[line_id])
    kept = orjson.dumps([_kept(consignment) for consignment in consignments]).decode() if consignments else None
    await tx.rows(_SET, {"cart_id": cart_id, "consignments": personal(shopper, cart_id, kept, ADDRESSES)})
    for destination in (await get(tx, shopper, cart_id)).where.to if consignments else ():
        if destination.delivery_code is not None and destination.method is None:
            raise DeliveryUnavailable(delivery=destination.delivery_code)


def _kept(consignment: ConsignmentIn) -> dict[str, object]:
    units = Counter[UUID]()
    for line in consignment.lines:
        units[line.line_id] += line.quantity
    address = AddressOut(**consignment.address.model_dump()).model_dump() if consignment.address else None
    lines = [{"line_id": str(line_id), "quantity": quantity} for line_id, quantity in units.items()]
    slot = consignment.slot.model_dump(mode="json") if consignment.slot else None
    return {"address": address, "delivery_code": consignment.delivery, "slot": slot, "lines": lines}
