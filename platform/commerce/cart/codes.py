"""Discount codes in a cart."""

from __future__ import annotations

from uuid import UUID

from commerce.cart import hot
from commerce.cart.service import MAX_CODES, get, lock
from commerce.identity.service import Shopper
from commerce.promotions import service as promotions
from commerce.promotions.service import CodeNotRunning, CodeUsedUp
from foundation import clock
from foundation.database import Tx
from foundation.errors import Unprocessable


class TooManyCodes(Unprocessable):
    """A cart takes at most five codes."""

    code = "promotions.too_many_codes"


async def give(tx: Tx, shopper: Shopper, cart_id: UUID, code: str) -> None:
    """Give a code; one that is in the cart already stays as it is. Below its minimum it is kept, and takes nothing off.

    Raises:
        CartNotFound, CartNotOpen.
        CodeUnknown, CodeNotRunning, CodeUsedUp, TooManyCodes: the cart is as it was.
    """
    currency, now = await lock(tx, shopper, cart_id), clock.now()
    found = await promotions.find(tx, shopper, code, currency=currency)
    standing = found.standing(found.minimum, at=now)
    if standing == "used_up":
        raise CodeUsedUp(discount=code)
    if standing != "good":
        raise CodeNotRunning
    values = {"cart_id": cart_id, "code_id": found.id, "max_codes": MAX_CODES, "now": now}
    if await tx.one(hot.GIVE_CODE, values) is None:
        cart = await get(tx, shopper, cart_id)
        if found.id not in {there.code.id for there in cart.codes}:
            raise TooManyCodes


async def take_out(tx: Tx, shopper: Shopper, cart_id: UUID, code: str) -> None:
    """Take a code out; one that is not there is out already.

    Raises:
        CartNotFound, CartNotOpen.
    """
    await lock(tx, shopper, cart_id)
    await tx.rows(hot.TAKE_CODE_OUT, {"cart_id": cart_id, "code": code, "now": clock.now()})
