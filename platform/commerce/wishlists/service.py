"""Wishlists: a customer's are theirs wherever they sign in, a visitor's come along when they do."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import text

from commerce.cart import today
from commerce.channels.service import WEB
from commerce.identity.service import Shopper
from commerce.tenancy.service import Shop
from commerce.wishlists.costing import cost_of
from commerce.wishlists.schemas import (
    SharedWishlistOut,
    SharedWishOut,
    WishlistOut,
    Wishlists,
    WishlistSummary,
    WishOut,
)
from foundation import clock, sealing
from foundation.database import Tx, hot
from foundation.errors import NotFound, Unprocessable
from foundation.events import AddToWishlist, Item, record
from foundation.ids import new_id
from foundation.outbox import announce
from foundation.tokens import token_hash
from foundation.turns import in_turn

_OWN_ALONE = {"added_price", "watched"}
"""What of a wish nobody is shown but its holder."""
MAX_LISTS = 20
MAX_ITEMS = 200
TOKEN_BYTES = 32
_TURNS = 32
"""One at a time for each holder, and each list, so that two requests at once don't pass a limit together."""


class WishlistNotFound(NotFound):
    """You have no such list, or it isn't shared any more."""

    code = "wishlists.not_found"


class WishNotFound(NotFound):
    """That is not on this list."""

    code = "wishlists.item_not_found"


class TooManyWishlists(Unprocessable):
    """You have as many lists as one can have."""

    code = "wishlists.too_many_lists"

    limit: int


class WishlistFull(Unprocessable):
    """There is no more room on this list."""

    code = "wishlists.full"

    limit: int


class UnknownVariant(Unprocessable):
    """This shop has no such variant."""

    code = "wishlists.unknown_variant"


# ix_wishlist_holder. No row comes back when there are too many.
_CREATE = hot(
    text(
        """
        INSERT INTO wishlist (tenant_id, id, holder_id, name, created_at)
        SELECT :tenant_id, :id, CAST(:holder_id AS uuid), :name, CAST(:now AS timestamptz)
        WHERE (SELECT count(*) FROM wishlist w WHERE w.tenant_id = :tenant_id AND w.holder_id = :holder_id) < :most
        RETURNING id
        """
    )
)

# ix_wishlist_holder, uq_wishlist_item_variant
_LISTS = hot(
    text(
        """
        SELECT w.id, w.name, w.token_hash IS NOT NULL AS shared, w.created_at,
               (SELECT count(*) FROM wishlist_item i WHERE i.tenant_id = w.tenant_id AND i.wishlist_id = w.id) AS items
        FROM wishlist w WHERE w.tenant_id = :tenant_id AND w.holder_id = :holder_id ORDER BY w.created_at, w.id
        """
    )
)

_OWN = hot(
    text(
        """
        SELECT id, name, token, created_at FROM wishlist
        WHERE tenant_id = :tenant_id AND id = :id AND holder_id = :holder_id
        """
    )
)

# uq_wishlist_token_hash
_SHARED = hot(text("SELECT id, name FROM wishlist WHERE tenant_id = :tenant_id AND token_hash = :token_hash"))

_RENAME = hot(
    text(
        """
        UPDATE wishlist SET name = :name
        WHERE tenant_id = :tenant_id AND id = :id AND holder_id = :holder_id RETURNING id
        """
    )
)

_SHARE = hot(
    text(
        """
        UPDATE wishlist SET token_hash = CAST(:token_hash AS bytea), token = CAST(:token AS text)
        WHERE tenant_id = :tenant_id AND id = :id AND holder_id = :holder_id RETURNING id
        """
    )
)

_DELETE = hot(
    text("DELETE FROM wishlist WHERE tenant_id = :tenant_id AND id = :id AND holder_id = :holder_id RETURNING id")
)

# What isn't in the shop can't be wished for: a list would tell what it is called. What was in it stays on the list.
_IN_THE_SHOP = """
    FROM variant v JOIN product p ON (p.tenant_id, p.id) = (v.tenant_id, v.product_id)
    WHERE v.tenant_id = :tenant_id AND v.id = CAST(:variant_id AS uuid) AND p.status = 'published'
      AND NOT v.discontinued
"""
_KNOWN = hot(text(f"SELECT v.id {_IN_THE_SHOP}"))

# uq_wishlist_item_variant. No row comes back when there is no room, or no such variant in the shop.
_WISH = hot(
    text(
        f"""
        INSERT INTO wishlist_item (tenant_id, id, wishlist_id, variant_id, quantity, added_at)
        SELECT :tenant_id, :id, CAST(:wishlist_id AS uuid), v.id, CAST(:quantity AS bigint),
               CAST(:now AS timestamptz)
        {_IN_THE_SHOP}
          AND (SELECT count(*) FROM wishlist_item i WHERE i.tenant_id = :tenant_id AND i.wishlist_id = :wishlist_id
                 AND i.variant_id <> :variant_id) < :most
        ON CONFLICT (tenant_id, wishlist_id, variant_id) DO UPDATE SET quantity = excluded.quantity
        RETURNING added_at = CAST(:now AS timestamptz) AS new
        """  # noqa: S608  (the fragment is a literal)
    )
)

_UNWISH = hot(
    text(
        """
        DELETE FROM wishlist_item
        WHERE tenant_id = :tenant_id AND wishlist_id = :wishlist_id AND variant_id = :variant_id
        RETURNING quantity, added_price, watched_price, looked_at, watched_locale, watched_home
        """
    )
)
_COST = hot(
    text(
        """
        UPDATE wishlist_item SET added_price = CAST(:added_price AS bigint)
        WHERE tenant_id = :tenant_id AND wishlist_id = :wishlist_id AND variant_id = :variant_id
        """
    )
)
# What is watched on the list that it comes from is watched on; what is watched already stays as it is.
_CARRY = hot(
    text(
        """
        UPDATE wishlist_item
        SET added_price = coalesce(added_price, CAST(:added_price AS bigint)),
            watched_locale = CASE WHEN watched_price IS NULL THEN CAST(:watched_locale AS text) ELSE watched_locale END,
            watched_home = CASE WHEN watched_price IS NULL THEN CAST(:watched_home AS text) ELSE watched_home END,
            looked_at = coalesce(looked_at, CAST(:looked_at AS timestamptz)),
            watched_price = coalesce(watched_price, CAST(:watched_price AS bigint))
        WHERE tenant_id = :tenant_id AND wishlist_id = :wishlist_id AND variant_id = :variant_id
        """
    )
)

# uq_wishlist_item_variant
_ITEMS = hot(
    text(
        f"""
        SELECT l.quantity, l.added_at, l.added_price, l.watched_price IS NOT NULL AS watched, {today.COLUMNS}
        FROM wishlist_item l {today.TABLES}
        WHERE l.tenant_id = :tenant_id AND l.wishlist_id = :wishlist_id
          AND (CAST(:variant_id AS uuid) IS NULL OR l.variant_id = :variant_id)
        ORDER BY l.added_at DESC, l.id DESC
        """  # noqa: S608  (the fragments are literals)
    )
)

# ix_wishlist_holder
_BROUGHT = hot(
    text("SELECT id, name, token FROM wishlist WHERE tenant_id = :tenant_id AND holder_id = :holder_id FOR UPDATE")
)
_HAND_OVER = hot(
    text(
        """
        UPDATE wishlist SET holder_id = CAST(:holder_id AS uuid), name = :name, token = CAST(:token AS text)
        WHERE tenant_id = :tenant_id AND id = :id
        """
    )
)


async def create(tx: Tx, shopper: Shopper, name: str) -> UUID:
    """A new, empty list; its id.

    Raises:
        TooManyWishlists.
    """
    holder = _holder(shopper)
    await in_turn(tx, str(holder), seed=_TURNS)
    (sealed,) = await sealing.seal(tx, holder, [name])
    values = {"id": new_id(), "holder_id": holder, "name": sealed, "now": clock.now(), "most": MAX_LISTS}
    row = await tx.one(_CREATE, values)
    if row is None:
        raise TooManyWishlists(limit=MAX_LISTS)
    created: UUID = row["id"]
    return created


async def lists(tx: Tx, shopper: Shopper) -> Wishlists:
    """The shopper's lists, the oldest first."""
    rows = await tx.rows(_LISTS, {"holder_id": _holder(shopper)})
    names = await sealing.unseal(tx, [row["name"] for row in rows])
    return Wishlists(
        items=[WishlistSummary(**{**row, "name": name or ""}) for row, name in zip(rows, names, strict=True)]
    )


async def get(tx: Tx, shop: Shop, shopper: Shopper, wishlist_id: UUID) -> WishlistOut:
    """A list of the shopper's own, at today's prices.

    Raises:
        WishlistNotFound.
    """
    row = await require_own(tx, shopper, wishlist_id)
    name, token = await sealing.unseal(tx, [row["name"], row["token"]])
    return WishlistOut(
        id=row["id"],
        name=name or "",
        currency=shop.currency,
        items=await _items(tx, shopper, row["id"], shop.currency),
        share_token=token,
        created_at=row["created_at"],
    )


async def require_own(tx: Tx, shopper: Shopper, wishlist_id: UUID) -> Mapping[str, Any]:
    """A list of the shopper's own.

    Raises:
        WishlistNotFound.
    """
    row: Mapping[str, Any] | None = await tx.one(_OWN, {"id": wishlist_id, "holder_id": _holder(shopper)})
    if row is None:
        raise WishlistNotFound
    return row


async def rename(tx: Tx, shopper: Shopper, wishlist_id: UUID, name: str) -> None:
    """Call it something else.

    Raises:
        WishlistNotFound.
    """
    (sealed,) = await sealing.seal(tx, _holder(shopper), [name])
    await _changed(tx, shopper, wishlist_id, _RENAME, {"name": sealed})


async def delete(tx: Tx, shopper: Shopper, wishlist_id: UUID) -> None:
    """Keep it no longer, nor what is on it.

    Raises:
        WishlistNotFound.
    """
    await _changed(tx, shopper, wishlist_id, _DELETE, {})


async def wish(tx: Tx, shop: Shop, shopper: Shopper, wishlist_id: UUID, variant_id: UUID, quantity: int) -> None:
    """Put so many of a variant on the list; what is there already is wished for in that number from now on.

    Raises:
        WishlistNotFound, UnknownVariant, WishlistFull.
    """
    await require_own(tx, shopper, wishlist_id)
    await in_turn(tx, str(wishlist_id), seed=_TURNS)
    values = {"id": new_id(), "wishlist_id": wishlist_id, "variant_id": variant_id, "quantity": quantity}
    row = await tx.one(_WISH, {**values, "now": clock.now(), "most": MAX_ITEMS})
    if row is None:
        if await tx.one(_KNOWN, {"variant_id": variant_id}) is None:
            raise UnknownVariant
        raise WishlistFull(limit=MAX_ITEMS)
    if row["new"]:
        await _added(tx, shop, shopper, wishlist_id, variant_id)


async def unwish(tx: Tx, shopper: Shopper, wishlist_id: UUID, variant_id: UUID) -> None:
    """Take something off the list.

    Raises:
        WishlistNotFound, WishNotFound.
    """
    await require_own(tx, shopper, wishlist_id)
    if await tx.one(_UNWISH, {"wishlist_id": wishlist_id, "variant_id": variant_id}) is None:
        raise WishNotFound


async def move(tx: Tx, shopper: Shopper, wishlist_id: UUID, variant_id: UUID, to: UUID) -> None:
    """Put something on another of the shopper's lists instead; of what is there already, as many as were on this one.

    Raises:
        WishlistNotFound, WishNotFound, WishlistFull.
    """
    await require_own(tx, shopper, wishlist_id)
    await require_own(tx, shopper, to)
    await in_turn(tx, str(to), seed=_TURNS)
    taken = await tx.one(_UNWISH, {"wishlist_id": wishlist_id, "variant_id": variant_id})
    if taken is None:
        raise WishNotFound
    values = {"id": new_id(), "wishlist_id": to, "variant_id": variant_id, "quantity": taken["quantity"]}
    if await tx.one(_WISH, {**values, "now": clock.now(), "most": MAX_ITEMS}) is None:
        raise WishlistFull(limit=MAX_ITEMS)
    await tx.rows(_CARRY, {**taken, "wishlist_id": to, "variant_id": variant_id})


async def share(tx: Tx, shopper: Shopper, wishlist_id: UUID) -> str:
    """A link's token; who had an earlier one sees the list no more.

    Raises:
        WishlistNotFound.
    """
    token = secrets.token_urlsafe(TOKEN_BYTES)
    (sealed,) = await sealing.seal(tx, _holder(shopper), [token])
    await _changed(tx, shopper, wishlist_id, _SHARE, {"token_hash": token_hash(token), "token": sealed})
    return token


async def unshare(tx: Tx, shopper: Shopper, wishlist_id: UUID) -> None:
    """Show it to nobody else any more.

    Raises:
        WishlistNotFound.
    """
    await _changed(tx, shopper, wishlist_id, _SHARE, {"token_hash": None, "token": None})


async def look(tx: Tx, shop: Shop, shopper: Shopper | None, token: str) -> SharedWishlistOut:
    """What a link shows, at today's prices for whoever looks; of its holder nothing.

    Raises:
        WishlistNotFound.
    """
    row = await tx.one(_SHARED, {"token_hash": token_hash(token)})
    if row is None:
        raise WishlistNotFound
    (name,) = await sealing.unseal(tx, [row["name"]])
    items = await _items(tx, shopper, row["id"], shop.currency)
    shown = [SharedWishOut(**one.model_dump(exclude=_OWN_ALONE)) for one in items]
    return SharedWishlistOut(name=name or "", currency=shop.currency, items=shown)


async def adopt(tx: Tx, *, visitor: Shopper, shopper: Shopper) -> None:
    """A visitor's lists are the customer's once they sign in, sealed by the customer's key."""
    if shopper.customer_id is None:
        return
    rows = await tx.rows(_BROUGHT, {"holder_id": visitor.visitor_id})
    for row in rows:
        name, token = await sealing.unseal(tx, [row["name"], row["token"]])
        sealed = await sealing.seal(tx, shopper.customer_id, [name or "", *([token] if token else [])])
        values = {"name": sealed[0], "token": sealed[1] if token else None}
        await tx.rows(_HAND_OVER, {"id": row["id"], "holder_id": shopper.customer_id, **values})


async def _changed(tx: Tx, shopper: Shopper, wishlist_id: UUID, statement: Any, values: Mapping[str, Any]) -> None:
    if await tx.one(statement, {"id": wishlist_id, "holder_id": _holder(shopper), **values}) is None:
        raise WishlistNotFound


async def _items(
    tx: Tx, shopper: Shopper | None, wishlist_id: UUID, currency: str, variant_id: UUID | None = None
) -> list[WishOut]:
    now = clock.now()
    who = {
        "customer_id": shopper.customer_id if shopper else None,
        "visitor_id": shopper.visitor_id if shopper else None,
        "channel": shopper.channel if shopper else WEB,
    }
    rows: Sequence[Mapping[str, Any]] = await tx.rows(
        _ITEMS, {**who, "wishlist_id": wishlist_id, "variant_id": variant_id, "currency": currency, "now": now}
    )
    return [_item(row, now) for row in rows]


def _item(row: Mapping[str, Any], now: datetime) -> WishOut:
    price = today.price_today(row, quantity=row["quantity"], at=now)
    return WishOut(
        quantity=row["quantity"],
        added_at=row["added_at"],
        added_price=row["added_price"],
        watched=row["watched"],
        **today.sold(row, price),
    )


async def _added(tx: Tx, shop: Shop, shopper: Shopper, wishlist_id: UUID, variant_id: UUID) -> None:
    """Keep what something costs as it is put on a list, and say that it was."""
    (wished,) = await _items(tx, shopper, wishlist_id, shop.currency, variant_id)
    amount = wished.price.amount if wished.price else None
    cost = await cost_of(
        tx,
        variant_id,
        currency=shop.currency,
        customer_id=shopper.customer_id,
        visitor_id=shopper.visitor_id,
        channel=shopper.channel,
    )
    await tx.rows(_COST, {"wishlist_id": wishlist_id, "variant_id": variant_id, "added_price": cost.price})
    item = Item(item_id=wished.product_id, variant_id=variant_id, quantity=wished.quantity, price=amount)
    said = AddToWishlist(
        items=[item], currency=shop.currency, value=amount * wished.quantity if amount is not None else None
    )
    await announce(tx, [record(said, tenant_id=tx.tenant_id, aggregate_id=wishlist_id, context=shopper.context())])


def _holder(shopper: Shopper) -> UUID:
    return shopper.customer_id or shopper.visitor_id
