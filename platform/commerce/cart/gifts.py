"""Giving it away: wrapped and with a message, the whole cart or a line by itself."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import text

from commerce.cart.holding import personal
from commerce.cart.schemas import GiftIn, GiftWrapIn, GiftWrapOut
from commerce.cart.service import LineNotFound, begin_change
from commerce.identity.service import Shopper
from foundation.database import Tx
from foundation.database import hot as compiled
from foundation.errors import Unprocessable
from foundation.ids import new_id
from foundation.veil import GIFT


class NoGiftWrap(Unprocessable):
    """This shop wraps nothing."""

    code = "cart.no_gift_wrap"


# uq_gift_wrap
_WRAP = compiled(text("SELECT price, tax_class, active FROM gift_wrap WHERE tenant_id = :tenant_id"))

_SET_WRAP = compiled(
    text(
        """
        INSERT INTO gift_wrap (tenant_id, id, price, tax_class, active)
        VALUES (:tenant_id, :id, :price, :tax_class, :active)
        ON CONFLICT (tenant_id) DO UPDATE
            SET price = excluded.price, tax_class = excluded.tax_class, active = excluded.active
        """
    )
)

_GIVE = compiled(
    text(
        """
        UPDATE cart SET gift = CAST(CAST(:gift AS text) AS jsonb) WHERE tenant_id = :tenant_id AND id = :cart_id
        RETURNING id
        """
    )
)

_GIVE_LINE = compiled(
    text(
        """
        UPDATE cart_line SET gift = CAST(CAST(:gift AS text) AS jsonb)
        WHERE tenant_id = :tenant_id AND cart_id = :cart_id AND id = :line_id RETURNING id
        """
    )
)

# What has no message either is no gift any more.
_UNWRAP = """
    UPDATE {table} SET gift = CASE WHEN gift->>'message' IS NOT NULL THEN jsonb_set(gift, '{{wrap}}', 'false') END
    WHERE tenant_id = :tenant_id AND {key} = :cart_id AND gift IS NOT NULL
"""
_UNWRAP_CART = compiled(text(_UNWRAP.format(table="cart", key="id")))
_UNWRAP_LINES = compiled(text(_UNWRAP.format(table="cart_line", key="cart_id")))


async def give(tx: Tx, shopper: Shopper, cart_id: UUID, gift: GiftIn, line_id: UUID | None = None) -> None:
    """Have the cart, or a line by itself, wrapped or sent with a message; neither takes it back.

    Raises:
        CartNotFound, CartNotOpen, LineNotFound.
        NoGiftWrap: it can't be wrapped here; nothing is changed.
    """
    await begin_change(tx, shopper, cart_id)
    if gift.wrap:
        wrap = await wrapping(tx)
        if wrap is None or not wrap.active:
            raise NoGiftWrap
    kept = gift.model_dump_json() if gift.wrap or gift.message else None
    statement = _GIVE if line_id is None else _GIVE_LINE
    if (
        await tx.one(
            statement, {"cart_id": cart_id, "line_id": line_id, "gift": personal(shopper, cart_id, kept, GIFT)}
        )
        is None
    ):
        raise LineNotFound


async def unwrap(tx: Tx, cart_id: UUID) -> None:
    """Nothing of a cart is wrapped any more; messages stay."""
    await tx.rows(_UNWRAP_CART, {"cart_id": cart_id})
    await tx.rows(_UNWRAP_LINES, {"cart_id": cart_id})


async def wrapping(tx: Tx) -> GiftWrapOut | None:
    """What the shop asks for wrapping; `None` when it never said."""
    row = await tx.one(_WRAP)
    return GiftWrapOut.model_validate(dict(row)) if row else None


async def set_wrapping(tx: Tx, body: GiftWrapIn) -> GiftWrapOut:
    """Say what wrapping costs, or that nothing is wrapped any more."""
    await tx.rows(_SET_WRAP, {**body.model_dump(), "id": new_id()})
    return GiftWrapOut(**body.model_dump())
