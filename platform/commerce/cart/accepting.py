"""Accepting what changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from uuid import UUID

from sqlalchemy import text

from commerce.cart import gifts, hot
from commerce.cart.changes import changes_of, seen_as
from commerce.cart.contents import Cart
from commerce.cart.schemas import Change
from commerce.cart.service import get, lock
from commerce.identity.service import Shopper
from foundation import clock
from foundation.database import Tx
from foundation.database import hot as compiled
from foundation.errors import Conflict
from foundation.events import Item, RemoveFromCart, record
from foundation.outbox import announce


class CartMovedOn(Conflict):
    """The cart is not what was shown; look again."""

    code = "cart.moved_on"

    version: int


_CUT = compiled(
    text(
        """
        UPDATE cart_line l SET quantity = c.quantity
        FROM unnest(CAST(:line_ids AS uuid[]), CAST(:quantities AS bigint[])) AS c (id, quantity)
        WHERE l.tenant_id = :tenant_id AND l.id = c.id
        """
    )
)

_REMOVE = compiled(text("DELETE FROM cart_line WHERE tenant_id = :tenant_id AND id = ANY(CAST(:line_ids AS uuid[]))"))

_LET_GO = compiled(
    text(
        """
        UPDATE cart SET
            delivery_code = CASE WHEN delivery_code <> ALL(CAST(:gone AS text[])) THEN delivery_code END,
            consignments = (
                SELECT jsonb_agg(CASE WHEN c.sent->>'delivery_code' = ANY(CAST(:gone AS text[]))
                                      THEN jsonb_set(c.sent, '{delivery_code}', 'null') ELSE c.sent END
                                 ORDER BY c.place)
                FROM jsonb_array_elements(consignments) WITH ORDINALITY AS c (sent, place)),
            code_ids = ARRAY(SELECT c.id FROM unnest(code_ids) WITH ORDINALITY AS c (id, place)
                             WHERE c.id <> ALL(CAST(:code_ids AS uuid[])) ORDER BY c.place)
        WHERE tenant_id = :tenant_id AND id = :cart_id
        """
    )
)


async def accept(tx: Tx, shopper: Shopper, cart_id: UUID, *, version: int, seen: str | None) -> None:
    """Take all changes as they are: today's prices, what can still be had, no delivery and no code that is over.

    `seen` names the changes that were shown; without it those of the moment are taken, if the cart itself is as it was.
    What follows from accepting, such as a price that depended on a quantity, is a change of its own.

    Raises:
        CartNotFound, CartNotOpen.
        CartMovedOn: the cart has another version, or other changes than the ones seen; nothing is accepted.
    """
    await lock(tx, shopper, cart_id)
    cart = await get(tx, shopper, cart_id)
    changes = changes_of(cart)
    if cart.version != version or (seen is not None and seen != seen_as(changes)):
        raise CartMovedOn(version=cart.version)
    if changes:
        await _take(tx, shopper, cart, changes)


async def _take(tx: Tx, shopper: Shopper, cart: Cart, changes: Sequence[Change]) -> None:
    left = {change.line_id: change.after or 0 for change in changes if change.kind in {"less_stock", "not_sold"}}
    await tx.rows(_REMOVE, {"line_ids": [line_id for line_id, units in left.items() if not units]})
    kept = {line_id: units for line_id, units in left.items() if units}
    await tx.rows(_CUT, {"line_ids": list(kept), "quantities": list(kept.values())})
    repriced = [(line.id, line.today) for line in cart.lines if line.today is not None]
    await tx.rows(
        hot.ACCEPT_PRICES,
        {
            "line_ids": [line_id for line_id, _ in repriced],
            "unit_prices": [price.amount for _, price in repriced],
            "explanations": [price.kept() for _, price in repriced],
        },
    )
    await tx.rows(
        _LET_GO,
        {
            "cart_id": cart.id,
            "gone": [change.title for change in changes if change.kind == "delivery_gone"],
            "code_ids": [code.code.id for code in cart.codes if code.is_over],
        },
    )
    if any(change.kind == "gift_wrap_gone" for change in changes):
        await gifts.unwrap(tx, cart.id)
    await _announce(tx, shopper, cart, left)
    await tx.rows(hot.TOUCH, {"cart_id": cart.id, "now": clock.now()})


async def _announce(tx: Tx, shopper: Shopper, cart: Cart, left: Mapping[UUID | None, int]) -> None:
    """What was taken out of the lines that now hold less."""
    items = [
        Item(
            item_id=line.variant.product_id,
            variant_id=line.variant_id,
            quantity=line.quantity - left[line.id],
            price=line.unit_price,
        )
        for line in cart.lines
        if line.id in left
    ]
    if items:
        value = sum((item.price or 0) * (item.quantity or 0) for item in items)
        said = RemoveFromCart(items=items, currency=cart.currency, value=value)
        await announce(tx, [record(said, tenant_id=tx.tenant_id, aggregate_id=cart.id, context=shopper.context())])
