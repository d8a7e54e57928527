"""What lies in a parcel, as those need it who pack it and who unpack it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import orjson
from sqlalchemy import text

from commerce.documents.service import DocumentNotFound
from commerce.inventory.hot import MINE
from commerce.policies.limits import NONE, Limits
from commerce.tenancy.service import Shop
from foundation.database import Tx, hot


@dataclass(frozen=True, slots=True)
class Packed:
    """Units of a line in a parcel, where they were taken from, and how they are given away, if by themselves."""

    sku: str
    title: str
    quantity: int
    place: str
    lot: str
    wrapped: bool = False
    gift_message: str = ""


@dataclass(frozen=True, slots=True)
class Parcel:
    """A parcel with its contents."""

    shop_name: str
    sender: Mapping[str, Any] | None
    locale: str
    order_number: str
    address: Mapping[str, Any] | None
    place_among: int
    """The how many-th of the order's parcels."""
    parcels: int
    sent_at: datetime
    sent_on: date
    carrier: str | None
    tracking_number: str | None
    wrapped: bool
    """All of it together."""
    gift_message: str
    lines: Sequence[Packed]


@dataclass(frozen=True, slots=True)
class Label:
    """What is stuck on a parcel: from whom, to whom, and the reference that machines read."""

    reference: str
    order_number: str
    sender_name: str
    sender: Mapping[str, Any] | None
    recipient_name: str
    """Of a shop; a person's stands in the address."""
    recipient: Mapping[str, Any] | None
    made_at: datetime
    locale: str
    is_return: bool = False


# ix_fulfilment_order, ix_fulfilment_line_fulfilment, and ix_stock_movement_parcel: the places and lots are told by the
# movements that took the units out.
_PARCEL = hot(
    text(
        f"""
        SELECT jsonb_build_object(
            'order', to_jsonb(o), 'parcel', to_jsonb(f), 'issuer', i.details, 'address', coalesce(c.address, o.address),
            'place_among', (SELECT count(*) FROM fulfilment e
                            WHERE e.tenant_id = f.tenant_id AND e.order_id = f.order_id AND e.id <= f.id),
            'parcels', (SELECT count(*) FROM fulfilment e WHERE e.tenant_id = f.tenant_id AND e.order_id = f.order_id),
            'lines', (
                SELECT coalesce(jsonb_agg(jsonb_build_object(
                    'sku', l.sku, 'title', l.title, 'quantity', u.quantity, 'gift', l.gift,
                    'places', (SELECT coalesce(jsonb_agg(DISTINCT w.name ORDER BY w.name), '[]')
                               FROM stock_movement m
                               JOIN stock s ON s.tenant_id = m.tenant_id AND s.id = m.stock_id
                               JOIN warehouse w ON w.tenant_id = s.tenant_id AND w.id = s.warehouse_id
                               WHERE m.tenant_id = f.tenant_id AND m.reference_id = f.id AND m.kind = 'sell'
                                 AND s.variant_id = l.variant_id),
                    'lots', (SELECT coalesce(jsonb_agg(DISTINCT t.code ORDER BY t.code), '[]')
                             FROM stock_movement m
                             JOIN stock_lot t ON t.tenant_id = m.tenant_id AND t.id = m.lot_id
                             JOIN stock s ON s.tenant_id = m.tenant_id AND s.id = m.stock_id
                             WHERE m.tenant_id = f.tenant_id AND m.reference_id = f.id AND m.kind = 'sell'
                               AND s.variant_id = l.variant_id)) ORDER BY u.id), '[]')
                FROM fulfilment_line u
                JOIN order_line l ON l.tenant_id = u.tenant_id AND l.id = u.order_line_id
                WHERE u.tenant_id = f.tenant_id AND u.fulfilment_id = f.id))
        FROM fulfilment f
        JOIN orders o ON o.tenant_id = f.tenant_id AND o.id = f.order_id
        LEFT JOIN order_consignment c ON c.tenant_id = f.tenant_id AND c.id = f.consignment_id
        LEFT JOIN document_issuer i ON i.tenant_id = o.tenant_id
        WHERE f.tenant_id = :tenant_id AND f.id = :fulfilment_id AND f.order_id = :order_id
          AND {MINE.format(id="f.warehouse_id")}
        """  # noqa: S608  (a literal)
    )
)


async def parcel(tx: Tx, shop: Shop, order_id: UUID, fulfilment_id: UUID, *, limits: Limits = NONE) -> Parcel:
    """A parcel of an order.

    Raises:
        DocumentNotFound: the order has no such parcel, or it left a warehouse that is not of whoever asks.
    """
    asked = {"order_id": order_id, "fulfilment_id": fulfilment_id, "mine": limits.mine}
    document = await tx.json(_PARCEL, asked)
    if document is None:
        raise DocumentNotFound
    return _parcel(shop, orjson.loads(document))


def label(sent: Parcel) -> Label:
    """The label of a parcel that goes out."""
    return Label(
        reference=sent.tracking_number or f"{sent.order_number}-{sent.place_among}",
        order_number=sent.order_number,
        sender_name=sent.shop_name,
        sender=sent.sender,
        recipient_name="",
        recipient=sent.address,
        made_at=sent.sent_at,
        locale=sent.locale,
    )


def return_label(sent: Parcel, *, reference: str, made_at: datetime) -> Label:
    """The label with which a parcel, or some of it, comes back."""
    return Label(
        reference=reference,
        order_number=sent.order_number,
        sender_name="",
        sender=sent.address,
        recipient_name=sent.shop_name,
        recipient=sent.sender,
        made_at=made_at,
        locale=sent.locale,
        is_return=True,
    )


def _parcel(shop: Shop, known: Mapping[str, Any]) -> Parcel:
    order, sent, issuer = known["order"], known["parcel"], known["issuer"]
    sent_at = datetime.fromisoformat(sent["shipped_at"])
    return Parcel(
        shop_name=issuer["name"] if issuer else shop.name,
        sender=issuer["address"] if issuer else None,
        locale=shop.locale,
        order_number=order["number"],
        address=known["address"],
        place_among=known["place_among"],
        parcels=known["parcels"],
        sent_at=sent_at,
        sent_on=_day(sent_at, shop.zone),
        carrier=sent["carrier"],
        tracking_number=sent["tracking_number"],
        wrapped=_is_wrapped(order["gift"]),
        gift_message=_message(order["gift"]),
        lines=[
            Packed(
                line["sku"],
                line["title"],
                line["quantity"],
                ", ".join(line["places"]),
                ", ".join(line["lots"]),
                _is_wrapped(line["gift"]),
                _message(line["gift"]),
            )
            for line in known["lines"]
        ],
    )


def _is_wrapped(gift: Mapping[str, Any] | None) -> bool:
    return bool(gift and gift.get("wrap"))


def _message(gift: Mapping[str, Any] | None) -> str:
    return (gift and gift.get("message")) or ""


def _day(at: datetime, zone: ZoneInfo) -> date:
    return at.astimezone(zone).date()
