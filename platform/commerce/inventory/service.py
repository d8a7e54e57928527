"""Stock before there is an order: held for a payment, claimed when the order is placed, given back otherwise.

A balance changes by one conditional UPDATE, never by reading and then writing; `available` is what can still be
promised, so units held for a payment have already left it. Balances are locked in the order (variant, id) everywhere.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, insert, select, text, update
from sqlalchemy.ext.asyncio import AsyncSession

from commerce.catalog import variants
from commerce.inventory.models import Reservation, Stock, StockMovement
from foundation import clock
from foundation.errors import Conflict
from foundation.events import StockLevelChanged, record
from foundation.ids import new_id
from foundation.outbox import publish

_ATTEMPTS = 3


class OutOfStock(Conflict):
    """The variant can't be reserved in the quantity asked."""

    code = "inventory.out_of_stock"

    variant_id: UUID
    requested: int
    available: int


@dataclass(frozen=True, slots=True)
class StockLine:
    """So many of a variant."""

    variant_id: UUID
    product_id: UUID
    quantity: int


# uq_stock_variant finds the balance; the outer condition is checked again on the row's newest version.
_RESERVE = text(
    """
    UPDATE stock SET available = available - :quantity, reserved = reserved + :quantity
    WHERE available >= :quantity AND (tenant_id, id) = (
        SELECT tenant_id, id FROM stock
        WHERE tenant_id = :tenant_id AND variant_id = :variant_id AND available >= :quantity
        ORDER BY warehouse_id LIMIT 1)
    RETURNING id, available
    """
)

_RELEASE = text(
    """
    UPDATE stock SET available = available + :quantity, reserved = reserved - :quantity
    WHERE tenant_id = :tenant_id AND id = :stock_id RETURNING available
    """
)


async def availability(session: AsyncSession, variant_ids: Iterable[UUID]) -> dict[UUID, int]:
    """How many of each variant can still be promised, over all warehouses."""
    rows = await session.execute(
        select(Stock.variant_id, func.sum(Stock.available))
        .where(Stock.variant_id.in_(set(variant_ids)))
        .group_by(Stock.variant_id)
    )
    return {variant_id: int(available) for variant_id, available in rows}


async def reserve(
    session: AsyncSession, tenant_id: UUID, holder_id: UUID, lines: Sequence[StockLine], *, until: datetime
) -> None:
    """Hold stock for a payment that has started.

    Lines are locked in the order of their variants, so two carts can't deadlock. Demand is summed by variant first: two
    lines of one cart may share it.

    Raises:
        OutOfStock: for the first line that can't be met; nothing is held then.
    """
    for line in _summed(lines):
        stock_id, available = await _reserve_one(session, tenant_id, line)
        session.add(
            Reservation(
                tenant_id=tenant_id,
                id=new_id(),
                stock_id=stock_id,
                holder_id=holder_id,
                quantity=line.quantity,
                expires_at=until,
            )
        )
        await _move(session, tenant_id, stock_id, "reserve", line.quantity, holder_id)
        if available == 0:
            await _announce(session, tenant_id, line.variant_id, line.product_id, 0)


async def _reserve_one(session: AsyncSession, tenant_id: UUID, line: StockLine) -> tuple[UUID, int]:
    values = {"tenant_id": tenant_id, "variant_id": line.variant_id, "quantity": line.quantity}
    available = 0
    for _ in range(_ATTEMPTS):
        row = (await session.execute(_RESERVE, values)).one_or_none()
        if row is not None:
            return row.id, row.available
        largest = await session.scalar(select(func.max(Stock.available)).where(Stock.variant_id == line.variant_id))
        available = int(largest or 0)
        if available < line.quantity:
            break
    raise OutOfStock(variant_id=line.variant_id, requested=line.quantity, available=available)


async def claim(session: AsyncSession, holder_id: UUID, order_id: UUID) -> bool:
    """Keep for an order, without a time limit, what a payment holds; `False` when it holds nothing any more."""
    claimed = await session.scalars(
        update(Reservation)
        .where(Reservation.holder_id == holder_id, Reservation.status == "held")
        .values(status="claimed", order_id=order_id)
        .returning(Reservation.id)
    )
    return bool(claimed.all())


async def release(session: AsyncSession, tenant_id: UUID, holder_id: UUID) -> None:
    """Give back what a payment holds; nothing happens when it holds nothing."""
    held = (
        await session.scalars(
            update(Reservation)
            .where(Reservation.holder_id == holder_id, Reservation.status == "held")
            .values(status="released", released=Reservation.quantity)
            .returning(Reservation)
        )
    ).all()
    await _give_back(session, tenant_id, held)


async def release_expired(session: AsyncSession, tenant_id: UUID, *, limit: int = 100) -> int:
    """Give back what was held too long, for payments that never ended; says how many reservations."""
    expired = (
        await session.scalars(
            select(Reservation)
            .where(Reservation.status == "held", Reservation.expires_at <= clock.now())
            .order_by(Reservation.stock_id, Reservation.id)
            .limit(limit)
            .with_for_update(skip_locked=True)
        )
    ).all()
    for reservation in expired:
        reservation.status, reservation.released = "released", reservation.quantity
    await _give_back(session, tenant_id, expired)
    return len(expired)


# ix_stock_sold_out makes this as cheap as there are few such products.
_SOLD_OUT = text(
    """
    SELECT DISTINCT v.product_id::text
    FROM stock s JOIN variant v ON (v.tenant_id, v.id) = (s.tenant_id, s.variant_id)
    WHERE s.available = 0 AND NOT EXISTS (
        SELECT FROM variant w JOIN stock t ON (t.tenant_id, t.variant_id) = (w.tenant_id, w.id)
        WHERE (w.tenant_id, w.product_id) = (v.tenant_id, v.product_id) AND t.available > 0)
    """
)


async def sold_out_products(session: AsyncSession) -> list[str]:
    """The ids of the products none of whose variants can be had."""
    return list(await session.scalars(_SOLD_OUT))


async def _give_back(session: AsyncSession, tenant_id: UUID, reservations: Sequence[Reservation]) -> None:
    stocks = await session.execute(
        select(Stock.id, Stock.variant_id).where(Stock.id.in_({reservation.stock_id for reservation in reservations}))
    )
    variant_of = {stock_id: variant_id for stock_id, variant_id in stocks}  # noqa: C416  (rows, not pairs)
    for reservation in sorted(reservations, key=lambda held: (variant_of[held.stock_id], held.stock_id)):
        await _give_one_back(session, tenant_id, reservation, variant_of[reservation.stock_id])


async def _give_one_back(session: AsyncSession, tenant_id: UUID, reservation: Reservation, variant_id: UUID) -> None:
    values = {"tenant_id": tenant_id, "stock_id": reservation.stock_id, "quantity": reservation.quantity}
    available = await session.scalar(_RELEASE, values)
    await _move(session, tenant_id, reservation.stock_id, "release", reservation.quantity, reservation.holder_id)
    if available == reservation.quantity:
        product_id = (await variants.by_id(session, [variant_id]))[variant_id].product_id
        await _announce(session, tenant_id, variant_id, product_id, reservation.quantity)


async def _move(
    session: AsyncSession, tenant_id: UUID, stock_id: UUID, kind: str, quantity: int, reference_id: UUID
) -> None:
    await session.execute(
        insert(StockMovement).values(
            tenant_id=tenant_id, id=new_id(), stock_id=stock_id, kind=kind, quantity=quantity, reference_id=reference_id
        )
    )


async def _announce(session: AsyncSession, tenant_id: UUID, variant_id: UUID, product_id: UUID, available: int) -> None:
    change = StockLevelChanged(variant_id=variant_id, product_id=product_id, available=available)
    await publish(session, [record(change, tenant_id=tenant_id, aggregate_id=variant_id)])


def _summed(lines: Sequence[StockLine]) -> list[StockLine]:
    wanted = Counter[UUID]()
    products = {line.variant_id: line.product_id for line in lines}
    for line in lines:
        wanted[line.variant_id] += line.quantity
    return [StockLine(variant_id, products[variant_id], wanted[variant_id]) for variant_id in sorted(wanted)]
