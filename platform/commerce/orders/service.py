"""Orders: placed in one transaction with their event, and read by whoever placed them."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import ColumnElement, select
from sqlalchemy.ext.asyncio import AsyncSession

from commerce.cart.service import Checked
from commerce.identity.service import Shopper
from commerce.orders.models import Order, OrderLine
from commerce.orders.schemas import OrderLineOut, OrderOut, OrderSummary
from foundation import clock
from foundation import events as contracts
from foundation.errors import NotFound
from foundation.events import Item, OrderPlaced, Purchase, record
from foundation.ids import new_id
from foundation.outbox import publish
from foundation.types import MoneyOut


class OrderNotFound(NotFound):
    """You have no such order."""

    code = "orders.not_found"


@dataclass(frozen=True, slots=True)
class OrderPage:
    """Some orders, newest first."""

    orders: Sequence[OrderSummary]
    last: UUID | None
    has_more: bool


async def place(
    session: AsyncSession, shopper: Shopper, checked: Checked, *, order_id: UUID, email: str | None
) -> Order:
    """The order a checked cart becomes, and the news of it.

    The amounts are the cart's own, so what was authorised is what is charged.
    """
    cart, totals = checked.cart, checked.totals
    order = Order(
        tenant_id=cart.tenant_id,
        id=order_id,
        number=number_of(order_id),
        cart_id=cart.id,
        customer_id=shopper.customer_id,
        visitor_id=shopper.visitor_id,
        email=email,
        status="confirmed",
        currency=cart.currency,
        subtotal=totals.subtotal,
        discount=totals.discount,
        shipping=totals.shipping,
        tax=totals.tax,
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
            decision_id=line.decision_id,
        )
        for line, discount, total in zip(cart.lines, totals.line_discounts, totals.line_totals, strict=True)
    ]
    session.add_all(lines)
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


async def get(session: AsyncSession, shopper: Shopper, order_id: UUID) -> OrderOut:
    """An order of the shopper's.

    Raises:
        OrderNotFound: there is none, or it is somebody else's.
    """
    order = await session.scalar(select(Order).where(Order.id == order_id, _own(shopper)))
    if order is None:
        raise OrderNotFound
    return await out(session, order)


async def of_cart(session: AsyncSession, cart_id: UUID) -> Order | None:
    """The order a cart became, if it did."""
    order: Order | None = await session.scalar(select(Order).where(Order.cart_id == cart_id))
    return order


async def page(session: AsyncSession, shopper: Shopper, *, after: UUID | None, limit: int) -> OrderPage:
    """The shopper's orders, newest first, after the one named."""
    query = select(Order).where(_own(shopper)).order_by(Order.placed_at.desc(), Order.id.desc()).limit(limit + 1)
    if after is not None:
        last = await session.scalar(select(Order).where(Order.id == after, _own(shopper)))
        if last is not None:
            query = query.where(
                (Order.placed_at < last.placed_at) | ((Order.placed_at == last.placed_at) & (Order.id < last.id))
            )
    found = list(await session.scalars(query))
    shown = found[:limit]
    return OrderPage([_summary(order) for order in shown], shown[-1].id if shown else None, len(found) > limit)


async def out(session: AsyncSession, order: Order) -> OrderOut:
    """The order as its owner sees it."""
    lines = await session.scalars(select(OrderLine).where(OrderLine.order_id == order.id).order_by(OrderLine.id))
    return OrderOut(
        id=order.id,
        number=order.number,
        status=order.status,
        currency=order.currency,
        placed_at=order.placed_at,
        subtotal=order.subtotal,
        discount=order.discount,
        shipping=order.shipping,
        tax=order.tax,
        total=MoneyOut(amount=order.total, currency=order.currency),
        lines=[
            OrderLineOut(
                id=line.id,
                product_id=line.product_id,
                variant_id=line.variant_id,
                sku=line.sku,
                title=line.title,
                quantity=line.quantity,
                unit_price=line.unit_price,
                discount=line.discount,
                total=line.total,
            )
            for line in lines
        ],
    )


def number_of(order_id: UUID) -> str:
    """The number a person reads: the random part of the id in base 32, so orders can't be counted by it."""
    return "T" + base64.b32encode(order_id.bytes[-8:]).decode().rstrip("=")


def _own(shopper: Shopper) -> ColumnElement[bool]:
    if shopper.customer_id is not None:
        return Order.customer_id == shopper.customer_id
    return (Order.visitor_id == shopper.visitor_id) & Order.customer_id.is_(None)


def _summary(order: Order) -> OrderSummary:
    return OrderSummary(
        id=order.id,
        number=order.number,
        status=order.status,
        placed_at=order.placed_at,
        total=MoneyOut(amount=order.total, currency=order.currency),
    )
