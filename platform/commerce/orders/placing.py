"""A checked cart becomes an order, in one transaction with the news of it."""

from __future__ import annotations

import base64
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any
from uuid import UUID

from commerce.cart.service import Checked, discounts_out, explained, fees_out
from commerce.cart.totals import ROUNDING
from commerce.delivery import slots
from commerce.delivery.service import collectable
from commerce.identity.service import Shopper
from commerce.inventory import bundles
from commerce.orders.changes import written_terms
from commerce.orders.held import by_shopper
from commerce.orders.states import PaymentState
from commerce.promotions import service as promotions
from commerce.taxes.schemas import OWN_TABLE
from foundation import clock, sealing
from foundation.database import Tx
from foundation.events import Event, Item, OrderLine, OrderPlaced, Purchase, record
from foundation.ids import new_id
from foundation.outbox import announcing, told
from foundation.veil import ADDRESS, ADDRESSES, BUSINESS, GIFT, Personal

_ORDER = """
    WITH placed AS (
        INSERT INTO orders (tenant_id, id, number, cart_id, customer_id, visitor_id, email, email_digest, currency,
                            subtotal, discount, shipping, tax, tax_included, shipping_tax, taxes, rounding, tax_engine,
                            vat_id, discounts, customer_note, fees, fees_tax, fee_lines, gift, tax_terms, address,
                            delivery, total, payment_state, channel, placed_at)
        VALUES (:tenant_id, :id, :number, :cart_id, CAST(:customer_id AS uuid), :visitor_id, CAST(:email AS text),
                CAST(:email_digest AS bytea),
                :currency, :subtotal, :discount, :shipping, :tax, :tax_included, :shipping_tax,
                CAST(CAST(:taxes AS text) AS jsonb), :rounding,
                CAST(CAST(:tax_engine AS text) AS jsonb), CAST(CAST(:vat_id AS text) AS jsonb),
                CAST(CAST(:taken AS text) AS jsonb), CAST(:customer_note AS text), :fees, :fees_tax,
                CAST(CAST(:fee_lines AS text) AS jsonb), CAST(CAST(:gift AS text) AS jsonb),
                CAST(CAST(:tax_terms AS text) AS jsonb),
                CAST(CAST(:address AS text) AS jsonb),
                CAST(CAST(:delivery AS text) AS jsonb), :total, :payment_state, :channel,
                CAST(:at AS timestamptz))),
    entered AS (
        INSERT INTO order_entry (tenant_id, id, order_id, kind, actor, at)
        VALUES (:tenant_id, :entry_id, :id, 'placed', :actor, CAST(:at AS timestamptz))){also}
    INSERT INTO order_line (tenant_id, id, order_id, product_id, variant_id, sku, title, quantity, unit_price,
                            discount, total, tax, decision_id, explanation, gift, promised_on, components,
                            vendor_id, consignment_id)
    SELECT :tenant_id, l.id, :id, l.product_id, l.variant_id, l.sku, l.title, l.quantity, l.unit_price, l.discount,
           l.total, l.tax, l.decision_id, CAST(l.explanation AS jsonb), CAST(l.gift AS jsonb), l.promised_on,
           CAST(l.components AS jsonb),
           l.vendor_id, l.consignment_id
    FROM unnest(CAST(:line_ids AS uuid[]), CAST(:product_ids AS uuid[]), CAST(:variant_ids AS uuid[]),
                CAST(:skus AS text[]), CAST(:titles AS text[]), CAST(:quantities AS bigint[]),
                CAST(:unit_prices AS bigint[]), CAST(:discounts AS bigint[]), CAST(:totals AS bigint[]),
                CAST(:line_taxes AS bigint[]), CAST(:decision_ids AS uuid[]),
                CAST(:explanations AS text[]), CAST(:gifts AS text[]), CAST(:promised_on AS date[]),
                CAST(:components AS text[]), CAST(:vendor_ids AS uuid[]), CAST(:line_consignment_ids AS uuid[]))
         AS l (id, product_id, variant_id, sku, title, quantity, unit_price, discount, total, tax, decision_id,
               explanation, gift, promised_on, components, vendor_id, consignment_id)
"""

# Of an order that goes several ways, and of one that is of vendors: most orders are neither.
_PARTS = """,
    consigned AS (
        INSERT INTO order_consignment (tenant_id, id, order_id, number, address, delivery, shipping, shipping_tax,
                                       shipping_charged, tax, taxes, tax_terms)
        SELECT :tenant_id, c.id, :id, c.number, c.address, c.delivery, c.shipping, c.shipping_tax,
               c.shipping_charged, c.tax, c.taxes, c.tax_terms
        FROM jsonb_to_recordset(CAST(CAST(:consignments AS text) AS jsonb))
             AS c (id uuid, number bigint, address jsonb, delivery jsonb, shipping bigint, shipping_tax bigint,
                   shipping_charged bigint, tax bigint, taxes jsonb, tax_terms jsonb)),
    split AS (
        INSERT INTO vendor_order (tenant_id, id, order_id, vendor_id, number, commission_rate, commission_fee,
                                  placed_at)
        SELECT :tenant_id, p.id, :id, v.id, :number || '-' || v.code, v.commission_rate, v.commission_fee,
               CAST(:at AS timestamptz)
        FROM unnest(CAST(:part_ids AS uuid[]), CAST(:part_vendor_ids AS uuid[])) AS p (id, vendor_id)
        JOIN vendor v ON v.tenant_id = :tenant_id AND v.id = p.vendor_id)"""
_PLACE = announcing(_ORDER.format(also=""))
_PLACE_IN_PARTS = announcing(_ORDER.format(also=_PARTS))


async def place(
    tx: Tx,
    shopper: Shopper,
    checked: Checked,
    *,
    order_id: UUID,
    email: str | None,
    payment_state: PaymentState = "authorised",
) -> None:
    """The order a checked cart becomes, and the news of it.

    The amounts are the cart's own, so what was authorised is what is charged.

    Raises:
        CodeUsedUp: a discount code of the cart was used up meanwhile; the transaction must not go on.
        SlotFull: a window of the cart's was taken by others meanwhile; the transaction must not go on.
    """
    cart, totals, whose = checked.cart, checked.totals, shopper.customer_id or checked.cart.id
    first, address = cart.where.to[0], cart.where.address
    parts = totals.parts
    lines = [cart.lines[part.line] for part in parts]
    line_ids = [new_id() for _ in parts]
    consignments = _consignments(checked) if cart.where.is_split else []
    delivery = collectable(first.chosen(totals.consignments[0]))
    terms = None if cart.where.is_split else _tax_terms(checked, 0)
    vendors = sorted({line.variant.vendor_id for line in cart.lines if line.variant.vendor_id})
    await tx.rows(
        _PLACE_IN_PARTS if consignments or vendors else _PLACE,
        {
            "id": order_id,
            "number": number_of(order_id),
            "cart_id": cart.id,
            "customer_id": shopper.customer_id,
            "visitor_id": shopper.visitor_id,
            "email": Personal(whose, email),
            "email_digest": sealing.digest_or_none(tx.tenant_id, "email", email),
            "currency": cart.currency,
            "subtotal": totals.subtotal,
            "discount": totals.discount,
            "shipping": totals.shipping,
            "tax": totals.tax,
            "tax_included": totals.tax_included,
            "shipping_tax": totals.shipping_tax,
            "taxes": json.dumps([asdict(tax) for tax in totals.taxes]),
            "taken": json.dumps([taken.model_dump() for taken in discounts_out(totals)]),
            "rounding": ROUNDING,
            "tax_engine": checked.tax_engine.model_dump_json(),
            "vat_id": Personal(whose, cart.where.buyer.json() if cart.where.buyer else None, BUSINESS),
            "tax_terms": json.dumps(terms) if terms else None,
            "customer_note": Personal(whose, cart.note),
            "fees": totals.fees_in_all,
            "fees_tax": totals.fees_tax,
            "fee_lines": json.dumps([fee.model_dump() for fee in fees_out(totals)]),
            "gift": Personal(whose, cart.gift.model_dump_json() if cart.gift else None, GIFT),
            "address": Personal(whose, address.model_dump_json() if address else None, ADDRESS),
            "delivery": delivery.model_dump_json() if delivery else None,
            "total": totals.total,
            "payment_state": payment_state,
            "channel": cart.channel,
            "at": clock.now(),
            "entry_id": new_id(),
            "actor": by_shopper(shopper).name,
            "line_ids": line_ids,
            "product_ids": [line.variant.product_id for line in lines],
            "variant_ids": [line.variant_id for line in lines],
            "skus": [line.variant.sku for line in lines],
            "titles": [line.variant.title for line in lines],
            "quantities": [part.quantity for part in parts],
            "unit_prices": [line.unit_price for line in lines],
            "discounts": [part.discount for part in parts],
            "totals": [part.total for part in parts],
            "line_taxes": [part.tax for part in parts],
            "decision_ids": [line.decision_id for line in lines],
            "explanations": [explained(checked, part).model_dump_json() for part in parts],
            "gifts": Personal(whose, [line.gift.model_dump_json() if line.gift else None for line in lines], GIFT),
            "promised_on": [line.promised_on for line in lines],
            "components": [bundles.written(line.variant_id, line.needs) for line in lines],
            "vendor_ids": [line.variant.vendor_id for line in lines],
            "line_consignment_ids": [consignments[part.consignment]["id"] if consignments else None for part in parts],
            "consignments": Personal(whose, json.dumps(consignments, default=str), ADDRESSES),
            "part_ids": [new_id() for _ in vendors],
            "part_vendor_ids": vendors,
            **told(_said(tx.tenant_id, shopper, checked, order_id, line_ids)),
        },
    )
    if cart.where.slots:
        await slots.take(tx, order_id, cart.where.slots)
    await promotions.redeem(tx, shopper, checked.redemptions, order_id=order_id, currency=cart.currency, email=email)


def _tax_terms(checked: Checked, number: int) -> dict[str, Any] | None:
    """The terms of tax where a consignment goes, for what may be added later: of the shop's own table."""
    where, lines = checked.cart.where, checked.cart.lines
    if checked.tax_engine.name != OWN_TABLE.name:
        return None
    goods = Counter[str]()
    for part in checked.totals.parts:
        if part.consignment == number:
            goods[lines[part.line].tax_class] += part.total
    return written_terms(where.terms(where.to[number], goods))


def _consignments(checked: Checked) -> list[dict[str, Any]]:
    totals, to = checked.totals, checked.cart.where.to
    return [
        {
            "id": new_id(),
            "number": number,
            "address": destination.address.model_dump() if destination.address else None,
            "delivery": delivery.model_dump(mode="json") if delivery else None,
            "shipping": consigned.shipping,
            "shipping_tax": consigned.shipping_tax,
            "shipping_charged": consigned.shipping + (0 if totals.tax_included else consigned.shipping_tax),
            "tax": consigned.tax,
            "taxes": [asdict(tax) for tax in consigned.taxes],
            "tax_terms": _tax_terms(checked, number - 1),
        }
        for number, (destination, consigned) in enumerate(zip(to, totals.consignments, strict=True), 1)
        for delivery in [collectable(destination.chosen(consigned))]
    ]


def _said(tenant_id: UUID, shopper: Shopper, checked: Checked, order_id: UUID, line_ids: Sequence[UUID]) -> list[Event]:
    cart, totals = checked.cart, checked.totals
    placed = OrderPlaced(
        order_id=order_id,
        cart_id=cart.id,
        channel=cart.channel,
        currency=cart.currency,
        subtotal=totals.subtotal,
        discount=totals.discount,
        shipping=totals.shipping,
        fees=totals.fees_in_all,
        tax=totals.tax,
        tax_included=totals.tax_included,
        total=totals.total,
        lines=[
            OrderLine(
                line_id=line_id,
                product_id=line.variant.product_id,
                variant_id=line.variant_id,
                quantity=part.quantity,
                unit_price=line.unit_price,
                discount=part.discount,
                total=part.total,
                tax=part.tax,
                decision_id=line.decision_id,
                vendor_id=line.variant.vendor_id,
            )
            for line_id, part in zip(line_ids, totals.parts, strict=True)
            for line in [cart.lines[part.line]]
        ],
    )
    purchase = Purchase(
        transaction_id=order_id,
        currency=cart.currency,
        value=totals.total,
        items=[
            Item(
                item_id=line.variant.product_id,
                variant_id=line.variant_id,
                quantity=line.quantity,
                price=line.unit_price,
                decision_id=line.decision_id,
            )
            for line in cart.lines
        ],
    )
    context = shopper.context()
    facts = (placed, purchase)
    return [record(fact, tenant_id=tenant_id, aggregate_id=order_id, context=context) for fact in facts]


def number_of(order_id: UUID) -> str:
    """The number a person reads: the random part of the id in base 32, so orders can't be counted by it."""
    return "T" + base64.b32encode(order_id.bytes[-8:]).decode().rstrip("=")
