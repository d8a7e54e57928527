"""A change becomes part of its order: its stock, its lines, its sums."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict

from sqlalchemy import text

from commerce.cart.schemas import LineExplanation
from commerce.inventory import allocation
from commerce.inventory import service as inventory
from commerce.inventory.service import StockLine
from commerce.orders import change_log
from commerce.orders.change_log import ChangeOver, Kept
from commerce.orders.changes import Added, Change, Effect
from commerce.orders.held import Held, by_variant
from commerce.taxes.schemas import TaxOut
from foundation.database import hot
from foundation.events import OrderLine

_ADD_LINES = hot(
    text(
        """
        INSERT INTO order_line (tenant_id, id, order_id, product_id, variant_id, sku, title, quantity, unit_price,
                                discount, total, tax, explanation, vendor_id, change_id)
        SELECT :tenant_id, l.id, :order_id, l.product_id, l.variant_id, l.sku, l.title, l.quantity, l.unit_price, 0,
               l.unit_price * l.quantity, l.tax, CAST(l.explanation AS jsonb), l.vendor_id,
               CAST(:change_id AS uuid)
        FROM unnest(CAST(:ids AS uuid[]), CAST(:product_ids AS uuid[]), CAST(:variant_ids AS uuid[]),
                    CAST(:skus AS text[]), CAST(:titles AS text[]), CAST(:quantities AS bigint[]),
                    CAST(:unit_prices AS bigint[]), CAST(:taxes AS bigint[]), CAST(:explanations AS text[]),
                    CAST(:vendor_ids AS uuid[]))
             AS l (id, product_id, variant_id, sku, title, quantity, unit_price, tax, explanation, vendor_id)
        """
    )
)

_RESUM = hot(
    text(
        """
        UPDATE orders SET subtotal = :subtotal, tax = :tax, taxes = CAST(CAST(:taxes AS text) AS jsonb), total = :total,
               address = coalesce(CAST(CAST(:address AS text) AS jsonb), address),
               delivery_note = coalesce(CAST(:delivery_note AS text), delivery_note)
        WHERE tenant_id = :tenant_id AND id = :order_id
        """
    )
)


async def lock(held: Held, change: Change) -> None:
    """Hold the balances of all that a change takes and gives back, in the one order, before either."""
    variants = {*by_variant(held, change.removed), *(added.variant_id for added in change.added)}
    await allocation.lock(held.tx, variants)


async def reserve(held: Held, kept: Kept) -> None:
    """Hold what a change adds until it is applied, or its time has run out.

    Raises:
        OutOfStock.
    """
    lines = [StockLine(added.variant_id, added.product_id, added.quantity) for added in kept.change.added]
    await inventory.reserve(held.tx, kept.id, lines, until=kept.expires_at)


async def apply(held: Held, kept: Kept, made: Effect) -> None:
    """Make of an order what the change's effect says; whoever calls saves the order then.

    Raises:
        ChangeOver: what was held for it has been given back; the transaction has to be rolled back.
    """
    tx, change = held.tx, kept.change
    units = sum(added.quantity for added in change.added)
    if units and not await inventory.claim(tx, kept.id, held.id, units=units):
        raise ChangeOver(state="expired")
    await allocation.release(tx, held.id, by_variant(held, change.removed), reference_id=kept.id)
    if change.added:
        await tx.rows(_ADD_LINES, {"order_id": held.id, "change_id": kept.id, **_columns(change.added)})
    await tx.rows(
        _RESUM,
        {
            "order_id": held.id,
            "subtotal": made.sums.subtotal,
            "tax": made.sums.tax,
            "taxes": json.dumps([asdict(tax) for tax in made.sums.taxes]),
            "total": made.sums.total,
            "address": json.dumps(change.address) if change.address else None,
            "delivery_note": change.delivery_note,
        },
    )
    await change_log.become(tx, kept.id, "confirmed", was=kept.status, asked=kept.asked)
    held.lines, held.total, held.credited = dict(made.lines), made.sums.total, made.sums.credited


def added_lines(change: Change) -> list[OrderLine]:
    """What a change adds, as events have it."""
    return [_told(added) for added in change.added]


def _columns(lines: Sequence[Added]) -> dict[str, object]:
    return {
        "ids": [line.line_id for line in lines],
        "product_ids": [line.product_id for line in lines],
        "variant_ids": [line.variant_id for line in lines],
        "skus": [line.sku for line in lines],
        "titles": [line.title for line in lines],
        "quantities": [line.quantity for line in lines],
        "unit_prices": [line.unit_price for line in lines],
        "taxes": [line.tax for line in lines],
        "vendor_ids": [line.vendor_id for line in lines],
        "explanations": [_explanation(line).model_dump_json() for line in lines],
    }


def _explanation(added: Added) -> LineExplanation:
    taxes = [TaxOut(**asdict(tax)) for tax in added.taxes]
    return LineExplanation(price=added.price, discounts=[], taxes=taxes)


def _told(added: Added) -> OrderLine:
    return OrderLine(
        line_id=added.line_id,
        product_id=added.product_id,
        variant_id=added.variant_id,
        quantity=added.quantity,
        unit_price=added.unit_price,
        discount=0,
        total=added.total,
        tax=added.tax,
    )
