"""A visitor's cart, when they sign in."""

from __future__ import annotations

from commerce.cart import hot
from commerce.cart.holding import personal, touch
from commerce.cart.reading import owner
from commerce.cart.rules import MAX_CODES, MAX_LINES, MAX_NOTE, MAX_QUANTITY
from commerce.identity.service import Shopper
from foundation import clock
from foundation.database import Tx
from foundation.events import CartMerged, record
from foundation.outbox import announce


async def adopt(tx: Tx, *, visitor: Shopper, shopper: Shopper) -> None:
    """Bring a visitor's cart along when they sign in: lines join the customer's own cart, none lost, none doubled.

    Both carts are locked first. A line that both have adds up, within what can be had.
    """
    if shopper.customer_id is None:
        return
    owners = {"customer_id": shopper.customer_id, "visitor_id": visitor.visitor_id, "channel": shopper.channel}
    carts = await tx.rows(hot.LOCK_PAIR, owners)
    brought = [row["id"] for row in carts if row["customer_id"] is None]
    own = [row["id"] for row in carts if row["customer_id"] is not None]
    if not brought:
        return
    if not own:
        await tx.rows(hot.HAND_OVER, {**owner(shopper), "cart_id": brought[-1]})
        return
    merging = {"into": own[-1], "brought": brought[-1]}
    await tx.rows(hot.MERGE_SHARED, {**merging, "max_quantity": MAX_QUANTITY})
    await tx.rows(hot.MERGE_OTHERS, {**merging, "max_lines": MAX_LINES})
    await tx.rows(hot.KEEP_REST, {**merging, "customer_id": shopper.customer_id, "now": clock.now()})
    kept = await tx.one(hot.MERGE_KEPT, {**merging, "max_codes": MAX_CODES})
    if kept is not None and kept["brought"] not in (None, kept["note"]):
        both = f"{kept['note']}\n{kept['brought']}"[:MAX_NOTE]
        await tx.rows(hot.SET_NOTE, {"cart_id": own[-1], "note": personal(shopper, own[-1], both)})
    await tx.rows(hot.DISCARD, {"cart_id": brought[-1]})
    await touch(tx, own[-1])
    counted = await tx.one(hot.UNITS, {"cart_id": own[-1]})
    said = CartMerged(cart_id=own[-1], merged_id=brought[-1], units=counted["units"] if counted else 0)
    await announce(tx, [record(said, tenant_id=tx.tenant_id, aggregate_id=own[-1], context=shopper.context())])
