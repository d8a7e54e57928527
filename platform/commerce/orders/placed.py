"""What a change has to know of a placed order beyond what is held of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import text

from commerce.cart.terms import TaxAmount, Terms
from commerce.delivery.schemas import AddressOut, DeliveryOut
from commerce.orders.changes import Charges, Fee, Sums, read_terms
from commerce.orders.held import Held
from commerce.taxes.schemas import TaxEngineOut
from commerce.taxes.vat_ids import VatId, vat_id_of
from foundation.database import hot


@dataclass(frozen=True, slots=True)
class Destination:
    """Where a consignment goes, or all of an order that goes one way, and what it is charged for that."""

    number: int
    """Counted from 1."""
    address: AddressOut | None
    delivery: DeliveryOut | None
    charges: Charges
    shipping_credited: int
    terms: Terms | None
    """Of tax, for what is added; `None` when an engine says them, or they are not known any more."""


@dataclass(frozen=True, slots=True)
class Item:
    """A line as it was sold: what it is called, how it is taxed, and what it cost without tax on top."""

    title: str
    total: int
    tax_class: str


@dataclass(frozen=True, slots=True)
class Placed:
    """An order as it was placed, and as earlier changes left it."""

    sums: Sums
    currency: str
    channel: str
    """The sales channel on which it was placed."""
    customer_id: UUID | None
    visitor_id: UUID | None
    buyer: VatId | None
    """The business that bought."""
    engine: TaxEngineOut
    """Who said what its taxes are."""
    delivery_note: str
    to: Mapping[UUID | None, Destination]
    """By consignment; an order that goes one way has one, of `None`."""
    items: Mapping[UUID, Item]

    @property
    def charges(self) -> dict[UUID | None, Charges]:
        """What is charged for each consignment."""
        return {consignment_id: to.charges for consignment_id, to in self.to.items()}

    @property
    def is_split(self) -> bool:
        """Whether its units go to several addresses."""
        return None not in self.to

    def whose(self) -> dict[str, Any]:
        """The values that what its shopper is offered depends on."""
        return {name: getattr(self, name) for name in ("currency", "channel", "customer_id", "visitor_id")}


# The primary key, ix_order_line_order and uq_order_consignment_number
_PLACED = hot(
    text(
        """
        SELECT o.subtotal, o.discount, o.shipping, o.shipping_tax, o.tax, o.tax_included, o.taxes::text AS taxes,
               o.fee_lines::text AS fees, o.currency, o.channel, o.customer_id, o.visitor_id,
               o.address::text AS address, o.delivery::text AS delivery, o.delivery_note,
               o.tax_terms::text AS tax_terms, o.shipping_credited,
               o.tax_engine::text AS engine, o.vat_id::text AS vat_id,
               (SELECT jsonb_agg(jsonb_build_object('id', l.id, 'title', l.title, 'total', l.total,
                                                    'tax_class', coalesce(p.tax_class, 'standard')))::text
                FROM order_line l LEFT JOIN product p ON p.tenant_id = l.tenant_id AND p.id = l.product_id
                WHERE l.tenant_id = o.tenant_id AND l.order_id = o.id) AS items,
               (SELECT jsonb_agg(to_jsonb(c) ORDER BY c.number)::text FROM order_consignment c
                WHERE c.tenant_id = o.tenant_id AND c.order_id = o.id) AS consignments
        FROM orders o WHERE o.tenant_id = :tenant_id AND o.id = :order_id
        """
    )
)


async def look(held: Held) -> Placed:
    """What a change has to know of an order."""
    row = await held.tx.one(_PLACED, {"order_id": held.id})
    if row is None:
        raise RuntimeError("a held order has a row")
    included = row["tax_included"]
    fees = tuple(Fee(fee["name"], fee["amount"], fee["tax"]) for fee in orjson.loads(row["fees"]))
    consignments = orjson.loads(row["consignments"] or "[]")
    whole = {
        "number": 1,
        **{name: row[name] for name in ("shipping", "shipping_tax", "tax", "shipping_credited")},
        **{name: orjson.loads(row[name] or "null") for name in ("address", "delivery", "taxes", "tax_terms")},
    }
    to: dict[UUID | None, Destination] = {
        UUID(told["id"]): _destination(told, fees if told["number"] == 1 else (), included) for told in consignments
    }
    return Placed(
        sums=Sums(
            subtotal=row["subtotal"],
            discount=row["discount"],
            shipping=row["shipping"],
            tax=row["tax"],
            tax_included=included,
            taxes=_taxes(whole["taxes"]),
            total=held.total,
            credited=held.credited,
        ),
        currency=row["currency"],
        channel=row["channel"],
        customer_id=row["customer_id"],
        visitor_id=row["visitor_id"],
        buyer=vat_id_of(row["vat_id"]),
        engine=TaxEngineOut.model_validate_json(row["engine"]),
        delivery_note=row["delivery_note"],
        to=to or {None: _destination(whole, fees, included)},
        items={
            UUID(item["id"]): Item(item["title"], item["total"], item["tax_class"])
            for item in orjson.loads(row["items"] or "[]")
        },
    )


def _destination(told: Mapping[str, Any], fees: tuple[Fee, ...], included: bool) -> Destination:
    taxes, terms = _taxes(told["taxes"]), told["tax_terms"]
    return Destination(
        number=told["number"],
        address=AddressOut.model_validate(told["address"]) if told["address"] else None,
        delivery=DeliveryOut.model_validate_json(orjson.dumps(told["delivery"])) if told["delivery"] else None,
        charges=Charges(told["shipping"], told["shipping_tax"], told["tax"], taxes, fees),
        shipping_credited=told["shipping_credited"],
        terms=read_terms(terms, tax_included=included) if terms else None if taxes else Terms(tax_included=included),
    )


def _taxes(told: list[dict[str, Any]]) -> tuple[TaxAmount, ...]:
    return tuple(TaxAmount(**tax) for tax in told)
