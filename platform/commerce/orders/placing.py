"""A checked cart becomes an order, in one transaction with the news of it."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import asdict
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from commerce.cart.service import Checked
from commerce.identity.service import Shopper
from commerce.orders.models import Order, OrderEntry, OrderLine
from foundation import clock
from foundation import events as contracts
from foundation.events import Item, OrderPlaced, Purchase, record
from foundation.ids import new_id
from foundation.outbox import publish


async def place(
    session: AsyncSession, shopper: Shopper, checked: Checked, *, order_id: UUID, email: str | None
) -> Order:
    """The order a checked cart becomes, and the news of it.

    The amounts are the cart's own, so what was authorised is what is charged.
    """
    cart, totals, said = checked.cart, checked.totals, checked.out()
    order = Order(
        tenant_id=cart.tenant_id,
        id=order_id,
        number=number_of(order_id),
        cart_id=cart.id,
        customer_id=shopper.customer_id,
        visitor_id=shopper.visitor_id,
        email=email,
        currency=cart.currency,
        subtotal=totals.subtotal,
        discount=totals.discount,
        shipping=totals.shipping,
        tax=totals.tax,
        tax_included=totals.tax_included,
        shipping_tax=totals.shipping_tax,
        taxes=[asdict(tax) for tax in totals.taxes],
        address=said.address.model_dump(mode="json") if said.address else None,
        delivery=said.delivery.model_dump(mode="json") if said.delivery else None,
        total=totals.total,
        placed_at=clock.now(),
    )
    session.add(order)
    await session.flush()
    lines = [
        OrderLine(
            tenant_id=cart.tenant_id,
            id=new_id(),
            order_id=order.id,
            product_id=line.variant.product_id,
            variant_id=line.variant_id,
            sku=line.variant.sku,
            title=line.variant.title,
            quantity=line.quantity,
            unit_price=line.unit_price,
            rounding=0,
            discount=discount,
            total=total,
            tax=tax,
            decision_id=line.decision_id,
        )
        for line, discount, total, tax in zip(
            cart.lines, totals.line_discounts, totals.line_totals, totals.line_taxes, strict=True
        )
    ]
    session.add_all(lines)
    session.add(
        OrderEntry(
            tenant_id=cart.tenant_id, id=new_id(), order_id=order.id, kind="placed", actor="shopper", at=order.placed_at
        )
    )
    await session.flush()
    await _announce(session, shopper, order, lines)
    return order


async def _announce(session: AsyncSession, shopper: Shopper, order: Order, lines: Sequence[OrderLine]) -> None:
    placed = OrderPlaced(
        order_id=order.id,
        currency=order.currency,
        subtotal=order.subtotal,
        discount=order.discount,
        shipping=order.shipping,
        tax=order.tax,
        tax_included=order.tax_included,
        total=order.total,
        lines=[
            contracts.OrderLine(
                line_id=line.id,
                product_id=line.product_id,
                variant_id=line.variant_id,
                quantity=line.quantity,
                unit_price=line.unit_price,
                discount=line.discount,
                total=line.total,
                tax=line.tax,
                decision_id=line.decision_id,
            )
            for line in lines
        ],
    )
    purchase = Purchase(
        transaction_id=order.id,
        currency=order.currency,
        value=order.total,
        items=[
            Item(
                item_id=line.product_id,
                variant_id=line.variant_id,
                quantity=line.quantity,
                price=line.unit_price,
                decision_id=line.decision_id,
            )
            for line in lines
        ],
    )
    context = shopper.context()
    await publish(
        session,
        [
            record(said, tenant_id=order.tenant_id, aggregate_id=order.id, context=context)
            for said in (placed, purchase)
        ],
    )


def number_of(order_id: UUID) -> str:
    """The number a person reads: the random part of the id in base 32, so orders can't be counted by it."""
    return "T" + base64.b32encode(order_id.bytes[-8:]).decode().rstrip("=")
