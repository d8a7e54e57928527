"""What a shopper keeps for later: out of the cart and back into it, theirs across carts and across signing in."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import text

from commerce.cart import hot, service, today
from commerce.cart.reading import owner
from commerce.cart.schemas import SavedItemOut, SavedItems
from commerce.cart.service import MAX_QUANTITY, LineNotFound, lock
from commerce.identity.service import Shopper
from commerce.tenancy.service import Shop
from foundation import clock
from foundation.database import Tx
from foundation.database import hot as compiled
from foundation.errors import NotFound, Unprocessable
from foundation.ids import new_id

MAX_SAVED = 200


class SavedItemNotFound(NotFound):
    """You have kept no such thing."""

    code = "cart.saved_item_not_found"


class TooManySaved(Unprocessable):
    """At most 200 things can be kept for later."""

    code = "cart.too_many_saved"


# uq_saved_item_variant. No row comes back when there are too many.
_KEEP = compiled(
    text(
        """
        INSERT INTO saved_item AS s (tenant_id, id, holder_id, variant_id, quantity, decision_id, saved_at)
        SELECT :tenant_id, :id, CAST(:holder_id AS uuid), CAST(:variant_id AS uuid), CAST(:quantity AS bigint),
               CAST(:decision_id AS uuid), CAST(:now AS timestamptz)
        WHERE (SELECT count(*) FROM saved_item o WHERE o.tenant_id = :tenant_id AND o.holder_id = :holder_id
                 AND o.variant_id <> :variant_id) < :max_saved
        ON CONFLICT (tenant_id, holder_id, variant_id) DO UPDATE
            SET quantity = least(s.quantity + excluded.quantity, CAST(:max_quantity AS bigint))
        RETURNING id
        """
    )
)

_TAKE = compiled(
    text(
        """
        DELETE FROM saved_item WHERE tenant_id = :tenant_id AND id = :item_id AND holder_id = :holder_id
        RETURNING variant_id, quantity, decision_id
        """
    )
)

# uq_saved_item_variant
_READ = compiled(
    text(
        f"""
        SELECT l.id, l.quantity, {today.COLUMNS} FROM saved_item l {today.TABLES}
        WHERE l.tenant_id = :tenant_id AND l.holder_id = :holder_id
        ORDER BY l.saved_at DESC, l.id DESC
        """  # noqa: S608  (the fragment is a literal)
    )
)

# What both have stays as many as the one that had more.
_ADOPT = compiled(
    text(
        """
        WITH brought AS (
            DELETE FROM saved_item WHERE tenant_id = :tenant_id AND holder_id = :visitor_id
            RETURNING id, variant_id, quantity, decision_id, saved_at)
        INSERT INTO saved_item AS s (tenant_id, id, holder_id, variant_id, quantity, decision_id, saved_at)
        SELECT :tenant_id, id, CAST(:customer_id AS uuid), variant_id, quantity, decision_id, saved_at FROM brought
        ON CONFLICT (tenant_id, holder_id, variant_id) DO UPDATE SET quantity = greatest(s.quantity, excluded.quantity)
        """
    )
)


async def keep(tx: Tx, shopper: Shopper, cart_id: UUID, line_id: UUID) -> None:
    """Move a line out of the cart, to be kept for later.

    Raises:
        CartNotFound, CartNotOpen, LineNotFound, TooManySaved: the cart is as it was.
    """
    currency = await lock(tx, shopper, cart_id)
    asked = {**owner(shopper), "now": clock.now()}
    line = await tx.one(hot.LINE, {**asked, "cart_id": cart_id, "line_id": line_id, "currency": currency})
    if line is None:
        raise LineNotFound
    values = {
        **_holder(shopper),
        "id": new_id(),
        "variant_id": line["variant_id"],
        "quantity": line["quantity"],
        "decision_id": line["decision_id"],
        "now": asked["now"],
        "max_saved": MAX_SAVED,
        "max_quantity": MAX_QUANTITY,
    }
    if await tx.one(_KEEP, values) is None:
        raise TooManySaved
    await service.change(tx, shopper, cart_id, line_id, 0)


async def take_back(tx: Tx, shopper: Shopper, cart_id: UUID, item_id: UUID) -> None:
    """Move something kept back into the cart, at today's price.

    Raises:
        SavedItemNotFound, CartNotFound, CartNotOpen, VariantNotForSale, CartFull: it stays kept.
    """
    await lock(tx, shopper, cart_id)
    item = await tx.one(_TAKE, {**_holder(shopper), "item_id": item_id})
    if item is None:
        raise SavedItemNotFound
    await service.add(tx, shopper, cart_id, **dict(item))


async def forget(tx: Tx, shopper: Shopper, item_id: UUID) -> None:
    """Keep something no longer.

    Raises:
        SavedItemNotFound.
    """
    if await tx.one(_TAKE, {**_holder(shopper), "item_id": item_id}) is None:
        raise SavedItemNotFound


async def items(tx: Tx, shop: Shop, shopper: Shopper) -> SavedItems:
    """What the shopper has kept, the last first, at today's prices."""
    now = clock.now()
    asked = {**owner(shopper), "channel": shopper.channel, "now": now}
    rows = await tx.rows(_READ, {**asked, **_holder(shopper), "currency": shop.currency})
    return SavedItems(currency=shop.currency, items=[_item(row, now) for row in rows])


async def adopt(tx: Tx, *, visitor: Shopper, shopper: Shopper) -> None:
    """What a visitor has kept is the customer's once they sign in."""
    if shopper.customer_id is None:
        return
    await tx.rows(_ADOPT, {"visitor_id": visitor.visitor_id, "customer_id": shopper.customer_id})


def _item(row: Mapping[str, Any], now: datetime) -> SavedItemOut:
    quantity = row["quantity"]
    price = today.price_today(row, quantity=quantity, at=now)
    return SavedItemOut(id=row["id"], quantity=quantity, **today.sold(row, price))


def _holder(shopper: Shopper) -> dict[str, UUID]:
    return {"holder_id": shopper.customer_id or shopper.visitor_id}
