"""A cart that is changed: its row is locked first and read after, so that requests of one shopper at once all land."""

from __future__ import annotations

from uuid import UUID

import asyncpg

from commerce.cart import hot
from commerce.cart.reading import owner
from commerce.cart.rules import CartNotFound, CartNotOpen
from commerce.identity.service import Shopper
from foundation import clock
from foundation.database import HotStatement, Tx
from foundation.veil import Personal, Shape


def personal(shopper: Shopper, cart_id: UUID, value: str | None, shape: Shape | None = None) -> Personal:
    """What a shopper says of themselves in a cart: sealed by their own key, or by the cart's when nobody knows them."""
    return Personal(shopper.customer_id or cart_id, value, shape)


async def lock(tx: Tx, shopper: Shopper, cart_id: UUID) -> str:
    """Hold an open cart of the shopper's until the transaction ends, and say its currency.

    Raises:
        CartNotFound: there is none, or it is somebody else's.
        CartNotOpen: it is being paid or has become an order.
    """
    row = await tx.one(hot.LOCK, {**owner(shopper), "cart_id": cart_id})
    if row is None:
        raise CartNotFound
    if row["status"] != "open":
        raise CartNotOpen
    currency: str = row["currency"]
    return currency


async def begin_change(tx: Tx, shopper: Shopper, cart_id: UUID) -> str:
    """`lock`, of a cart that is about to change: it is another version then, and not abandoned.

    Raises:
        CartNotFound, CartNotOpen.
    """
    currency: str = (await _begin(tx, hot.CHANGE, shopper, cart_id))["currency"]
    return currency


async def begin_completing(tx: Tx, shopper: Shopper, cart_id: UUID) -> None:
    """`lock`, of a cart that is closed while it is paid.

    Raises:
        CartNotFound, CartNotOpen.
    """
    await _begin(tx, hot.CLOSE, shopper, cart_id)


async def _begin(tx: Tx, statement: HotStatement, shopper: Shopper, cart_id: UUID) -> asyncpg.Record:
    """A change of an open cart, which locks it as well."""
    values = {**owner(shopper), "cart_id": cart_id, "now": clock.now()}
    row = await tx.one(statement, values)
    if row is None:
        await lock(tx, shopper, cart_id)  # says why not, unless it was opened this moment
        row = await tx.one(statement, values)
    if row is None:
        raise CartNotFound
    return row


async def touch(tx: Tx, cart_id: UUID) -> None:
    """The cart was changed."""
    await tx.rows(hot.TOUCH, {"cart_id": cart_id, "now": clock.now()})
