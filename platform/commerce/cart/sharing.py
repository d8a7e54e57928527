"""A cart shared by link: a copy that anyone with its token can look at, and take into their own cart.

The copy says what and how many, and nothing of who shared it; prices are today's for whoever looks.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import text

from commerce.cart import hot, today
from commerce.cart.schemas import SharedCartOut, SharedLineOut, ShareLinkOut
from commerce.cart.service import MAX_LINES, MAX_QUANTITY, lock
from commerce.channels.service import WEB
from commerce.identity.service import Shopper
from commerce.pricing.schemas import ItemPrice
from foundation import clock
from foundation.database import Tx
from foundation.database import hot as compiled
from foundation.errors import NotFound, Unprocessable
from foundation.events import AddToCart, Item, record
from foundation.ids import new_id
from foundation.outbox import announce
from foundation.tokens import token_hash

TOKEN_BYTES = 32
SHARED_FOR = timedelta(days=30)


class SharedCartNotFound(NotFound):
    """No cart is shared by this link, or not any more."""

    code = "cart.shared_not_found"


class NothingToShare(Unprocessable):
    """An empty cart can't be shared."""

    code = "cart.nothing_to_share"


@dataclass(frozen=True, slots=True)
class _Line:
    """A shared line as it is today: for whoever looks, and for their cart."""

    row: Mapping[str, Any]
    price: ItemPrice | None

    @property
    def can_be_had(self) -> bool:
        return self.price is not None and self.row["available"] > 0


_SHARE = compiled(
    text(
        """
        INSERT INTO shared_cart (tenant_id, id, token_hash, lines, created_at, expires_at)
        SELECT :tenant_id, :id, CAST(:token_hash AS bytea),
               jsonb_agg(jsonb_build_object('variant_id', l.variant_id, 'quantity', l.quantity) ORDER BY l.id),
               CAST(:now AS timestamptz), CAST(:expires_at AS timestamptz)
        FROM cart_line l WHERE l.tenant_id = :tenant_id AND l.cart_id = :cart_id
        HAVING count(*) > 0
        RETURNING id
        """
    )
)

# uq_shared_cart_token_hash. `there` is what the cart it may be taken into has of it already.
_READ = compiled(
    text(
        f"""
        SELECT s.expires_at, shared.quantity, shared.place, {today.COLUMNS},
               coalesce((SELECT own.quantity FROM cart_line own WHERE own.tenant_id = v.tenant_id
                           AND own.cart_id = CAST(:cart_id AS uuid) AND own.variant_id = v.id), 0) AS there
        FROM shared_cart s
        CROSS JOIN LATERAL ROWS FROM (jsonb_to_recordset(s.lines) AS (variant_id uuid, quantity bigint))
            WITH ORDINALITY AS shared (variant_id, quantity, place)
        CROSS JOIN LATERAL (SELECT s.tenant_id, shared.variant_id) l
        {today.TABLES}
        WHERE s.tenant_id = :tenant_id AND s.token_hash = :token_hash AND s.expires_at > CAST(:now AS timestamptz)
        ORDER BY shared.place
        """  # noqa: S608  (the fragment is a literal)
    )
)

# As when one thing is added: lines of the same variant add up, within what can be had and what a line may hold.
_TAKE = compiled(
    text(
        """
        INSERT INTO cart_line AS l (tenant_id, id, cart_id, variant_id, quantity, unit_price, explanation)
        SELECT :tenant_id, t.id, CAST(:cart_id AS uuid), t.variant_id, t.quantity, t.unit_price,
               CAST(t.explanation AS jsonb)
        FROM unnest(CAST(:line_ids AS uuid[]), CAST(:variant_ids AS uuid[]), CAST(:quantities AS bigint[]),
                    CAST(:unit_prices AS bigint[]), CAST(:explanations AS text[]))
             AS t (id, variant_id, quantity, unit_price, explanation)
        ON CONFLICT (tenant_id, cart_id, variant_id) DO UPDATE SET
            quantity = l.quantity + excluded.quantity, unit_price = least(l.unit_price, excluded.unit_price),
            explanation = CASE WHEN excluded.unit_price <= l.unit_price THEN excluded.explanation
                               ELSE l.explanation END
        """
    )
)

_COUNT = compiled(
    text("SELECT count(*) AS lines FROM cart_line WHERE tenant_id = :tenant_id AND cart_id = CAST(:cart_id AS uuid)")
)


async def share(tx: Tx, shopper: Shopper, cart_id: UUID) -> ShareLinkOut:
    """Copy a cart behind a link; the token is shown once, and only its hash is kept.

    Raises:
        CartNotFound, CartNotOpen, NothingToShare.
    """
    await lock(tx, shopper, cart_id)
    token, now = secrets.token_urlsafe(TOKEN_BYTES), clock.now()
    values = {"id": new_id(), "cart_id": cart_id, "token_hash": token_hash(token), "now": now}
    if await tx.one(_SHARE, {**values, "expires_at": now + SHARED_FOR}) is None:
        raise NothingToShare
    return ShareLinkOut(token=token, expires_at=now + SHARED_FOR)


async def look(tx: Tx, shopper: Shopper | None, token: str, *, currency: str) -> SharedCartOut:
    """What a link shares, at today's prices for whoever looks.

    Raises:
        SharedCartNotFound.
    """
    lines = await _read(tx, shopper, token, currency=currency, cart_id=None)
    return SharedCartOut(
        currency=currency, expires_at=lines[0].row["expires_at"], lines=[_line_out(line) for line in lines]
    )


async def take(tx: Tx, shopper: Shopper, cart_id: UUID, token: str) -> list[UUID]:
    """Put what a link shares into the shopper's own cart, at today's prices and as far as it can be had.

    Gives the variants that could not be taken, or not all of them: sold out, no longer sold, or no room in the cart.

    Raises:
        CartNotFound, CartNotOpen, SharedCartNotFound.
    """
    currency = await lock(tx, shopper, cart_id)
    lines = await _read(tx, shopper, token, currency=currency, cart_id=cart_id)
    counted = await tx.one(_COUNT, {"cart_id": cart_id})
    room = MAX_LINES - (counted["lines"] if counted else 0)
    taken: list[tuple[_Line, int]] = []
    for line in lines:
        quantity = min(line.row["quantity"], min(line.row["available"], MAX_QUANTITY) - line.row["there"])
        if not line.can_be_had or quantity <= 0 or (not line.row["there"] and room <= 0):
            continue
        room -= not line.row["there"]
        taken.append((line, quantity))
    if taken:
        await _put(tx, cart_id, taken)
        await tx.rows(hot.TOUCH, {"cart_id": cart_id, "now": clock.now()})
        await _announce(tx, shopper, cart_id, taken, currency=currency)
    whole = {line.row["variant_id"] for line, quantity in taken if quantity == line.row["quantity"]}
    return [line.row["variant_id"] for line in lines if line.row["variant_id"] not in whole]


async def _put(tx: Tx, cart_id: UUID, taken: Sequence[tuple[_Line, int]]) -> None:
    prices = [line.price for line, _ in taken if line.price is not None]
    await tx.rows(
        _TAKE,
        {
            "cart_id": cart_id,
            "line_ids": [new_id() for _ in taken],
            "variant_ids": [line.row["variant_id"] for line, _ in taken],
            "quantities": [quantity for _, quantity in taken],
            "unit_prices": [price.amount for price in prices],
            "explanations": [price.kept() for price in prices],
        },
    )


async def _read(tx: Tx, shopper: Shopper | None, token: str, *, currency: str, cart_id: UUID | None) -> Sequence[_Line]:
    now = clock.now()
    rows = await tx.rows(
        _READ,
        {
            "customer_id": shopper.customer_id if shopper else None,
            "visitor_id": shopper.visitor_id if shopper else None,
            "channel": shopper.channel if shopper else WEB,
            "token_hash": token_hash(token),
            "currency": currency,
            "cart_id": cart_id,
            "now": now,
        },
    )
    if not rows:
        raise SharedCartNotFound
    return [_Line(row, today.price_today(row, quantity=row["there"] + row["quantity"], at=now)) for row in rows]


async def _announce(
    tx: Tx, shopper: Shopper, cart_id: UUID, taken: Sequence[tuple[_Line, int]], *, currency: str
) -> None:
    items = [
        Item(
            item_id=line.row["product_id"],
            variant_id=line.row["variant_id"],
            quantity=quantity,
            price=line.price.amount if line.price else None,
            item_list_id="shared_cart",
        )
        for line, quantity in taken
    ]
    value = sum((item.price or 0) * (item.quantity or 0) for item in items)
    said = AddToCart(items=items, currency=currency, value=value)
    await announce(tx, [record(said, tenant_id=tx.tenant_id, aggregate_id=cart_id, context=shopper.context())])


def _line_out(line: _Line) -> SharedLineOut:
    return SharedLineOut(quantity=line.row["quantity"], **today.sold(line.row, line.price))
