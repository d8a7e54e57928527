"""Orders as their shoppers and the staff see them: each one statement, built as JSON by Postgres."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import asyncpg
import orjson
from sqlalchemy import text

from commerce.identity.service import Shopper
from commerce.identity.staff import Staff
from commerce.inventory.hot import MINE
from commerce.orders.held import OWNED, OrderNotFound, whose
from commerce.orders.schemas import Filters, OrderOut, OrderSummary, StaffOrderOut, StaffOrderSummary
from commerce.orders.states import Role, States, possible
from commerce.payments import settlement
from commerce.vendors import reading as vendors
from foundation import sealing
from foundation.database import HotStatement, Tx, hot
from foundation.types import MoneyOut


@dataclass(frozen=True, slots=True)
class OrderPage:
    """Some orders, newest first."""

    orders: Sequence[OrderSummary]
    last: UUID | None
    has_more: bool


_ORDER = """
    SELECT jsonb_build_object(
        'id', o.id, 'number', o.number, 'status', o.status, 'payment_state', o.payment_state,
        'fulfilment_state', o.fulfilment_state, 'return_state', o.return_state, 'currency', o.currency,
        'placed_at', o.placed_at, 'subtotal', o.subtotal, 'discount', o.discount, 'shipping', o.shipping, 'tax', o.tax,
        'tax_included', o.tax_included, 'taxes', o.taxes, 'rounding', o.rounding, 'tax_engine', o.tax_engine,
        'vat_id', o.vat_id->>'number', 'discounts', o.discounts, 'channel', o.channel, 'customer_note', o.customer_note,
        'fees', o.fee_lines, 'gift', o.gift, 'address', o.address, 'delivery', o.delivery,
        'total', jsonb_build_object('amount', o.total, 'currency', o.currency),
        'consignments', (
            SELECT coalesce(jsonb_agg(jsonb_build_object(
                'id', c.id, 'number', c.number, 'address', c.address, 'delivery', c.delivery, 'shipping', c.shipping,
                'shipping_tax', c.shipping_tax, 'tax', c.tax, 'taxes', c.taxes) ORDER BY c.number), '[]')
            FROM order_consignment c WHERE c.tenant_id = o.tenant_id AND c.order_id = o.id),
        'lines', (
            SELECT coalesce(jsonb_agg(jsonb_build_object(
                'id', l.id, 'consignment_id', l.consignment_id,
                'product_id', l.product_id, 'variant_id', l.variant_id, 'sku', l.sku, 'title', l.title,
                'quantity', l.quantity, 'unit_price', l.unit_price, 'discount', l.discount, 'total', l.total,
                'tax', l.tax, 'explanation', l.explanation, 'gift', l.gift,
                 'fulfilled', l.fulfilled, 'cancelled', l.cancelled,
                'returned', l.returned, 'digital', coalesce(l.components = '[]', false), 'returnable',
                CASE WHEN l.components = '[]' THEN 0 ELSE l.fulfilled - l.in_return - l.returned - l.claimed END,
                'claimed', l.claimed,
                'promised_on', l.promised_on) ORDER BY l.id), '[]')
            FROM order_line l WHERE l.tenant_id = o.tenant_id AND l.order_id = o.id),
        {later}
        'version', o.version, 'delivery_note', o.delivery_note)
    FROM orders o WHERE o.tenant_id = :tenant_id AND
"""
_LATER = """
        'refunded', jsonb_build_object('currency', o.currency, 'amount', (
            SELECT coalesce(sum(r.amount), 0)::bigint FROM refund r
            WHERE r.tenant_id = o.tenant_id AND r.order_id = o.id AND r.status = 'succeeded')),
        'parcels', (
            SELECT coalesce(jsonb_agg(jsonb_build_object(
                'id', f.id, 'consignment_id', f.consignment_id,
                'warehouse', (SELECT w.code FROM warehouse w WHERE w.tenant_id = f.tenant_id AND w.id = f.warehouse_id),
                'status', f.status, 'carrier', f.carrier, 'tracking_number', f.tracking_number,
                'shipped_at', f.shipped_at, 'delivered_at', f.delivered_at,
                'lines', (SELECT jsonb_agg(jsonb_build_object('line_id', u.order_line_id, 'quantity', u.quantity)
                                           ORDER BY u.id)
                          FROM fulfilment_line u WHERE u.tenant_id = f.tenant_id AND u.fulfilment_id = f.id),
                'history', (SELECT coalesce(jsonb_agg(jsonb_build_object(
                                'status', e.status, 'occurred_at', e.occurred_at, 'place', e.place, 'note', e.note)
                                ORDER BY e.occurred_at, e.id), '[]')
                            FROM carrier_event e WHERE e.tenant_id = f.tenant_id AND e.fulfilment_id = f.id))
                ORDER BY f.id), '[]')
            FROM fulfilment f WHERE f.tenant_id = o.tenant_id AND f.order_id = o.id),
        'returns', (
            SELECT coalesce(jsonb_agg(jsonb_build_object(
                'id', b.id, 'status', b.status, 'note', b.note, 'created_at', b.created_at,
                'lines', (SELECT jsonb_agg(jsonb_build_object(
                              'line_id', u.order_line_id, 'quantity', u.quantity, 'reason', u.reason,
                              'received', u.received, 'restocked', u.restocked) ORDER BY u.id)
                          FROM order_return_line u WHERE u.tenant_id = b.tenant_id AND u.return_id = b.id),
                'photos', (SELECT coalesce(jsonb_agg(p.id ORDER BY p.id), '[]')
                           FROM return_photo p WHERE p.tenant_id = b.tenant_id AND p.return_id = b.id),
                'inspected', (SELECT coalesce(jsonb_agg(jsonb_build_object(
                                  'line_id', i.order_line_id, 'quantity', i.quantity, 'condition', i.condition,
                                  'restocked', i.restocked, 'note', i.note) ORDER BY i.id), '[]')
                              FROM return_inspection i WHERE i.tenant_id = b.tenant_id AND i.return_id = b.id))
                ORDER BY b.id), '[]')
            FROM order_return b WHERE b.tenant_id = o.tenant_id AND b.order_id = o.id),
        'gift_cards', (
            SELECT coalesce(jsonb_agg(jsonb_build_object(
                'id', v.id, 'line_id', s.order_line_id, 'amount', v.issued, 'available', v.available,
                'ending', CASE WHEN s.shown_at IS NOT NULL THEN v.code_ending END) ORDER BY s.id), '[]')
            FROM sold_gift_card s JOIN stored_value v ON v.tenant_id = s.tenant_id AND v.id = s.value_id
            WHERE s.tenant_id = o.tenant_id AND s.order_id = o.id),
        'notes', (
            SELECT coalesce(jsonb_agg(jsonb_build_object('note', e.note, 'at', e.at) ORDER BY e.id), '[]')
            FROM order_entry e
            WHERE e.tenant_id = o.tenant_id AND e.order_id = o.id AND e.kind = 'note' AND e.visible),
        'claims', (
            SELECT coalesce(jsonb_agg(jsonb_build_object(
                'id', m.id, 'status', m.status, 'note', m.note, 'answer', m.answer, 'refunded', m.refunded,
                'created_at', m.created_at,
                'lines', (SELECT jsonb_agg(jsonb_build_object(
                              'line_id', u.order_line_id, 'quantity', u.quantity, 'reason', u.reason) ORDER BY u.id)
                          FROM order_claim_line u WHERE u.tenant_id = m.tenant_id AND u.claim_id = m.id),
                'photos', (SELECT coalesce(jsonb_agg(p.id ORDER BY p.id), '[]')
                           FROM claim_photo p WHERE p.tenant_id = m.tenant_id AND p.claim_id = m.id))
                ORDER BY m.id), '[]')
            FROM order_claim m WHERE m.tenant_id = o.tenant_id AND m.order_id = o.id),
        'changes', (
            SELECT coalesce(jsonb_agg(jsonb_build_object(
                'id', c.id, 'kind', c.kind, 'status', c.status, 'asked', c.asked, 'return_id', c.return_id,
                'created_at', c.created_at, 'expires_at', c.expires_at) ORDER BY c.id), '[]')
            FROM order_change c
            WHERE c.tenant_id = o.tenant_id AND c.order_id = o.id
              AND (c.kind = 'exchange' OR c.status IN ('awaiting_payment', 'confirmed'))),
"""
"""What becomes of an order once it stands."""
_NOTHING_YET: Mapping[str, Any] = dict.fromkeys(("parcels", "returns", "gift_cards", "notes", "claims", "changes"), ())


def _document(which: str, *, later: str = _LATER) -> HotStatement:
    return hot(text(_ORDER.format(later=later) + which))


_BY_ID = _document(f"o.id = :order_id AND {OWNED}")
_JUST_PLACED = _document("o.id = :order_id", later="")
_BY_CART = _document("o.cart_id = :cart_id")
_BY_NUMBER = _document("o.number = :number AND (o.email_digest = :digest OR o.email = :email)")

_OWN = hot(text(f"SELECT FROM orders o WHERE o.tenant_id = :tenant_id AND o.id = :order_id AND {OWNED}"))

_CART = hot(
    text("SELECT cart_id, currency FROM orders WHERE tenant_id = :tenant_id AND id = :order_id AND cart_id IS NOT NULL")
)

# ix_stock_movement_parcel and ix_reservation_order find where units lie and lay.
_FOR_STAFF = hot(
    text(
        f"""
        SELECT jsonb_build_object(
            'own_parcels', (SELECT coalesce(jsonb_agg(f.id), '[]') FROM fulfilment f
                            WHERE f.tenant_id = o.tenant_id AND f.order_id = o.id
                              AND {MINE.format(id="f.warehouse_id")}),
            'email', o.email, 'customer_id', o.customer_id, 'credited', o.credited,
            'shipping_credited', o.shipping_credited,
            'sources', (
                SELECT coalesce(jsonb_agg(jsonb_build_object(
                    'warehouse', w.code, 'sku', v.sku, 'lot', t.code, 'quantity', u.quantity,
                    'fulfilment_id', u.fulfilment_id) ORDER BY u.fulfilment_id, w.code, v.sku, t.code), '[]')
                FROM (SELECT m.stock_id, m.lot_id, f.id AS fulfilment_id, sum(m.quantity) AS quantity
                      FROM fulfilment f
                      JOIN stock_movement m ON m.tenant_id = f.tenant_id AND m.reference_id = f.id AND m.kind = 'sell'
                      WHERE f.tenant_id = o.tenant_id AND f.order_id = o.id GROUP BY m.stock_id, m.lot_id, f.id
                      UNION ALL
                      SELECT r.stock_id, r.lot_id, NULL, sum(r.quantity - r.sold - r.released) FROM reservation r
                      WHERE r.tenant_id = o.tenant_id AND r.order_id = o.id AND r.quantity > r.sold + r.released
                      GROUP BY r.stock_id, r.lot_id) u
                JOIN stock s ON s.tenant_id = o.tenant_id AND s.id = u.stock_id
                JOIN warehouse w ON w.tenant_id = s.tenant_id AND w.id = s.warehouse_id
                JOIN variant v ON v.tenant_id = s.tenant_id AND v.id = s.variant_id
                LEFT JOIN stock_lot t ON t.tenant_id = o.tenant_id AND t.id = u.lot_id
                WHERE {MINE.format(id="w.id")}),
            'timeline', (
                SELECT coalesce(jsonb_agg(jsonb_build_object(
                    'id', e.id, 'kind', e.kind, 'actor', e.actor, 'note', e.note, 'visible', e.visible,
                    'data', e.data, 'at', e.at)
                    ORDER BY e.id), '[]')
                FROM order_entry e WHERE e.tenant_id = o.tenant_id AND e.order_id = o.id))
        FROM orders o WHERE o.tenant_id = :tenant_id AND o.id = :order_id
        """  # noqa: S608  (a literal)
    )
)

# ix_orders_customer, or ix_orders_visitor.
_PAGE = hot(
    text(
        f"""
        SELECT o.id, o.number, o.status, o.placed_at, o.currency, o.total FROM orders o
        WHERE o.tenant_id = :tenant_id AND {OWNED}
          AND (CAST(:after AS uuid) IS NULL OR (o.placed_at, o.id) < (
               SELECT placed_at, id FROM orders WHERE tenant_id = :tenant_id AND id = CAST(:after AS uuid)))
        ORDER BY o.placed_at DESC, o.id DESC LIMIT :limit
        """  # noqa: S608  (the fragment is a literal)
    )
)

# ix_orders_placed, or the index of what is asked for: uq_orders_number, ix_orders_email, ix_order_line_sku,
# ix_fulfilment_tracking.
_SEARCH = hot(
    text(
        """
        SELECT o.id, o.number, o.status, o.payment_state, o.fulfilment_state, o.return_state, o.email, o.placed_at,
               o.currency, o.total, o.credited,
               (SELECT coalesce(sum(quantity), 0)::bigint FROM order_line l
                WHERE l.tenant_id = o.tenant_id AND l.order_id = o.id) AS units
        FROM orders o
        WHERE o.tenant_id = :tenant_id
          AND (CAST(:status AS text) IS NULL OR o.status = CAST(:status AS text))
          AND (CAST(:payment_state AS text) IS NULL OR o.payment_state = CAST(:payment_state AS text))
          AND (CAST(:fulfilment_state AS text) IS NULL OR o.fulfilment_state = CAST(:fulfilment_state AS text))
          AND (CAST(:return_state AS text) IS NULL OR o.return_state = CAST(:return_state AS text))
          AND (CAST(:q AS text) IS NULL OR o.id IN (
               SELECT id FROM orders WHERE tenant_id = :tenant_id AND number = upper(CAST(:q AS text))
               UNION ALL
               SELECT id FROM orders WHERE tenant_id = :tenant_id AND email_digest = CAST(:digest AS bytea)
               UNION ALL
               SELECT id FROM orders WHERE tenant_id = :tenant_id AND email_digest IS NULL
                 AND email = lower(CAST(:email AS text))
               UNION ALL
               SELECT order_id FROM order_line WHERE tenant_id = :tenant_id AND sku = CAST(:q AS text)
               UNION ALL
               SELECT order_id FROM fulfilment WHERE tenant_id = :tenant_id AND tracking_number = CAST(:q AS text)))
          AND (CAST(:placed_from AS timestamptz) IS NULL OR o.placed_at >= CAST(:placed_from AS timestamptz))
          AND (CAST(:placed_to AS timestamptz) IS NULL OR o.placed_at < CAST(:placed_to AS timestamptz))
          AND (CAST(:after AS uuid) IS NULL OR (o.placed_at, o.id) < (
               SELECT placed_at, id FROM orders WHERE tenant_id = :tenant_id AND id = CAST(:after AS uuid)))
        ORDER BY o.placed_at DESC, o.id DESC LIMIT :limit
        """
    )
)


async def get(tx: Tx, shopper: Shopper, order_id: UUID) -> OrderOut:
    """An order of the shopper's.

    Raises:
        OrderNotFound: there is none, or it is somebody else's.
    """
    document = await tx.json(_BY_ID, {"order_id": order_id, **whose(shopper)})
    return OrderOut.model_validate(_with_possible(document, "shopper"))


async def just_placed(tx: Tx, order_id: UUID) -> OrderOut:
    """An order as it was placed a moment ago: what only time can bring is not asked for."""
    order = _with_possible(await tx.json(_JUST_PLACED, {"order_id": order_id}), "shopper")
    refunded = {"amount": 0, "currency": order["currency"]}
    return OrderOut.model_validate({**order, **_NOTHING_YET, "refunded": refunded})


async def require_own(tx: Tx, shopper: Shopper | None, order_id: UUID) -> None:
    """Stop unless there is such an order and it is the shopper's; to staff, who are no shopper, all are.

    Raises:
        OrderNotFound.
    """
    if await tx.one(_OWN, {"order_id": order_id, **whose(shopper)}) is None:
        raise OrderNotFound


def _digest(tx: Tx, email: str) -> bytes:
    return sealing.digest(tx.tenant_id, "email", email.strip().lower())


async def of_guest(tx: Tx, *, number: str, email: str) -> OrderOut:
    """An order by its number and the address it was placed with.

    Raises:
        OrderNotFound: there is none with both.
    """
    document = await tx.json(_BY_NUMBER, {"number": number.upper(), "email": email, "digest": _digest(tx, email)})
    return OrderOut.model_validate(_with_possible(document, "system"))


async def of_cart(tx: Tx, cart_id: UUID) -> OrderOut | None:
    """The order a cart became, if it did."""
    document = await tx.json(_BY_CART, {"cart_id": cart_id})
    return OrderOut.model_validate(_with_possible(document, "shopper")) if document else None


async def cart_of(tx: Tx, order_id: UUID) -> tuple[UUID, str]:
    """The cart that an order was, and its currency.

    Raises:
        OrderNotFound: there is none, or it was no cart.
    """
    row = await tx.one(_CART, {"order_id": order_id})
    if row is None:
        raise OrderNotFound
    return row["cart_id"], row["currency"]


async def for_staff(tx: Tx, order_id: UUID, by: Staff) -> StaffOrderOut:
    """An order with its refunds and timeline; of parcels and stock what is in the warehouses of whoever asks, and the
    address it was placed with if they may know it.

    Raises:
        OrderNotFound.
    """
    document = _with_possible(await tx.json(_BY_ID, {"order_id": order_id, **whose(None)}), "staff")
    found = await tx.json(_FOR_STAFF, {"order_id": order_id, "mine": by.limits.mine})
    if found is None:
        raise OrderNotFound
    more = orjson.loads(found)
    own = frozenset(more.pop("own_parcels"))
    more["email"] = by.address(more["email"])
    more["parcels"] = [parcel for parcel in document["parcels"] if parcel["id"] in own]
    refunds = await settlement.refunds_of(tx, order_id)
    parts = await vendors.of_order(tx, order_id)
    return StaffOrderOut.model_validate(document | more | {"refunds": refunds, "vendor_orders": parts})


async def page(tx: Tx, shopper: Shopper, *, after: UUID | None, limit: int) -> OrderPage:
    """The shopper's orders, newest first, after the one named."""
    rows = await tx.rows(_PAGE, {"after": after, "limit": limit + 1, **whose(shopper)})
    shown = [
        OrderSummary(
            id=row["id"],
            number=row["number"],
            status=row["status"],
            placed_at=row["placed_at"],
            total=MoneyOut(amount=row["total"], currency=row["currency"]),
        )
        for row in rows[:limit]
    ]
    return OrderPage(shown, shown[-1].id if shown else None, len(rows) > limit)


async def search(tx: Tx, filters: Filters, by: Staff, *, after: UUID | None, limit: int) -> Sequence[StaffOrderSummary]:
    """The shop's orders that fit, newest first, after the one named. Only who may know addresses finds one by it."""
    said = {name: getattr(filters, name) for name in Filters.model_fields}
    email = by.address(filters.q)
    asked = {"after": after, "digest": _digest(tx, email) if email else None, "email": email}
    rows = await tx.rows(_SEARCH, {**said, **asked, "limit": limit})
    return [_staff_summary(row, by) for row in rows]


def _with_possible(document: bytes | None, role: Role) -> dict[str, Any]:
    if document is None:
        raise OrderNotFound
    order: dict[str, Any] = orjson.loads(document)
    states = States(order["payment_state"], order["fulfilment_state"], order["return_state"])
    return order | {"possible": list(possible(states, role))}


def _staff_summary(row: asyncpg.Record, by: Staff) -> StaffOrderSummary:
    said = dict(row) | {"email": by.address(row["email"])}
    total = MoneyOut(amount=said.pop("total"), currency=said.pop("currency"))
    return StaffOrderSummary(**said, total=total)
