"""A change becomes part of its order: its stock, its lines, its sums."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any
from uuid import UUID

from sqlalchemy import text

from commerce.cart.schemas import LineExplanation
from commerce.cart.terms import TaxAmount
from commerce.inventory import allocation
from commerce.inventory import service as inventory
from commerce.inventory.service import StockLine
from commerce.orders import change_log
from commerce.orders.change_log import ChangeOver, Kept
from commerce.orders.changes import Added, Change, Charges, Effect, Moved
from commerce.orders.held import Held, by_variant
from commerce.orders.placed import Placed
from commerce.taxes.schemas import OWN_TABLE, TaxEngineOut, TaxOut
from foundation.database import hot
from foundation.events import OrderLine
from foundation.veil import ADDRESS, ADDRESSES, Personal

_ADD_LINES = hot(
    text(
        """
        INSERT INTO order_line (tenant_id, id, order_id, product_id, variant_id, sku, title, quantity, unit_price,
                                discount, total, tax, explanation, vendor_id, consignment_id, promised_on, components,
                                change_id)
        SELECT :tenant_id, l.id, :order_id, l.product_id, l.variant_id, l.sku, l.title, l.quantity, l.unit_price, 0,
               l.unit_price * l.quantity, l.tax, CAST(l.explanation AS jsonb), l.vendor_id, l.consignment_id,
               l.promised_on, CAST(l.components AS jsonb), CAST(:change_id AS uuid)
        FROM unnest(CAST(:ids AS uuid[]), CAST(:product_ids AS uuid[]), CAST(:variant_ids AS uuid[]),
                    CAST(:skus AS text[]), CAST(:titles AS text[]), CAST(:quantities AS bigint[]),
                    CAST(:unit_prices AS bigint[]), CAST(:taxes AS bigint[]), CAST(:explanations AS text[]),
                    CAST(:vendor_ids AS uuid[]), CAST(:consignment_ids AS uuid[]), CAST(:promised_on AS date[]),
                    CAST(:components AS text[]))
             AS l (id, product_id, variant_id, sku, title, quantity, unit_price, tax, explanation, vendor_id,
                   consignment_id, promised_on, components)
        """
    )
)

_RESUM = hot(
    text(
        """
        UPDATE orders SET subtotal = :subtotal, shipping = :shipping, shipping_tax = :shipping_tax, tax = :tax,
               taxes = CAST(CAST(:taxes AS text) AS jsonb), total = :total,
               fees_tax = CAST(:fees_tax AS bigint), fee_lines = CAST(CAST(:fee_lines AS text) AS jsonb),
               address = coalesce(CAST(CAST(:address AS text) AS jsonb), address),
               delivery = coalesce(CAST(CAST(:delivery AS text) AS jsonb), delivery),
               tax_terms = CASE WHEN CAST(:anew AS boolean) THEN CAST(CAST(:tax_terms AS text) AS jsonb)
                                ELSE tax_terms END,
               tax_engine = CAST(CAST(:tax_engine AS text) AS jsonb),
               delivery_note = coalesce(CAST(:delivery_note AS text), delivery_note)
        WHERE tenant_id = :tenant_id AND id = :order_id
        """
    )
)

_RESUM_CONSIGNMENTS = hot(
    text(
        """
        UPDATE order_consignment c
        SET shipping = u.shipping, shipping_tax = u.shipping_tax, tax = u.tax, taxes = u.taxes,
            shipping_charged = u.shipping_charged, address = coalesce(u.address, c.address),
            delivery = coalesce(u.delivery, c.delivery),
            tax_terms = CASE WHEN u.anew THEN u.tax_terms ELSE c.tax_terms END
        FROM jsonb_to_recordset(CAST(CAST(:consignments AS text) AS jsonb))
             AS u (id uuid, shipping bigint, shipping_tax bigint, shipping_charged bigint, tax bigint, taxes jsonb,
                   address jsonb, delivery jsonb, anew boolean, tax_terms jsonb)
        WHERE c.tenant_id = :tenant_id AND c.order_id = :order_id AND c.id = u.id
        """
    )
)

_RETAX = hot(
    text(
        """
        UPDATE order_line l SET tax = u.tax, explanation = jsonb_set(l.explanation, '{taxes}', u.taxes)
        FROM jsonb_to_recordset(CAST(CAST(:lines AS text) AS jsonb)) AS u (id uuid, tax bigint, taxes jsonb)
        WHERE l.tenant_id = :tenant_id AND l.order_id = :order_id AND l.id = u.id
        """
    )
)


async def lock(held: Held, change: Change) -> None:
    """Hold the balances of all that a change takes and gives back, in the one order, before either."""
    added = {need.variant_id for line in change.added for need in line.needs}
    await allocation.lock(held.tx, {*by_variant(held, change.removed), *added})


async def reserve(held: Held, kept: Kept) -> None:
    """Hold what a change adds until it is applied, or its time has run out; what it was to wait for is promised.

    Raises:
        OutOfStock.
    """
    lines = [
        StockLine(
            need.variant_id, need.product_id, added.quantity * need.quantity, may_wait=added.promised_on is not None
        )
        for added in kept.change.added
        for need in added.needs
    ]
    await inventory.reserve(held.tx, kept.id, lines, until=kept.expires_at)


async def apply(held: Held, placed: Placed, kept: Kept, made: Effect) -> None:
    """Make of an order what the change's effect says; whoever calls saves the order then.

    Raises:
        ChangeOver: what was held for it has been given back; the transaction has to be rolled back.
    """
    tx, change = held.tx, kept.change
    units = sum(added.quantity * need.quantity for added in change.added for need in added.needs)
    if units and not await inventory.claim(tx, kept.id, held.id, units=units):
        raise ChangeOver(state="expired")
    await allocation.release(tx, held.id, by_variant(held, change.removed), reference_id=kept.id)
    if change.added:
        await tx.rows(_ADD_LINES, {"order_id": held.id, "change_id": kept.id, **_columns(change.added)})
    retaxed = [part for moved in change.moved if moved.anew for part in moved.anew.lines.items()]
    if retaxed:
        await tx.rows(_RETAX, {"order_id": held.id, "lines": _retaxed(retaxed)})
    if placed.is_split:
        await tx.rows(
            _RESUM_CONSIGNMENTS,
            {"order_id": held.id, "consignments": Personal(held.id, _consignments(made, change), ADDRESSES)},
        )
    await tx.rows(_RESUM, {"order_id": held.id, **_sums(held.id, placed, change, made)})
    await change_log.become(tx, kept.id, "confirmed", was=kept.status, asked=kept.asked)
    held.lines, held.total, held.credited = dict(made.lines), made.sums.total, made.sums.credited


def added_lines(change: Change) -> list[OrderLine]:
    """What a change adds, as events have it."""
    return [_told(added) for added in change.added]


def _sums(order_id: UUID, placed: Placed, change: Change, made: Effect) -> dict[str, object]:
    fees = [fee for charges in made.charges.values() for fee in charges.fees]
    first = next((moved for moved in change.moved if placed.to[moved.consignment_id].number == 1), None)
    anew = first.anew if first and not placed.is_split else None
    return {
        "subtotal": made.sums.subtotal,
        "shipping": made.sums.shipping,
        "shipping_tax": sum(charges.shipping_tax for charges in made.charges.values()),
        "tax": made.sums.tax,
        "taxes": json.dumps([asdict(tax) for tax in made.sums.taxes]),
        "total": made.sums.total,
        "fees_tax": sum(fee.tax for fee in fees),
        "fee_lines": json.dumps([asdict(fee) for fee in fees]),
        "address": Personal(order_id, json.dumps(first.address) if first else None, ADDRESS),
        "delivery": json.dumps(first.anew.delivery) if first and first.anew and first.anew.delivery else None,
        "anew": anew is not None,
        "tax_terms": json.dumps(anew.terms) if anew and anew.terms else None,
        "tax_engine": _engine(placed, change, whole=anew is not None).model_dump_json(),
        "delivery_note": Personal(order_id, change.delivery_note),
    }


def _engine(placed: Placed, change: Change, *, whole: bool) -> TaxEngineOut:
    """Who said what all taxes are: whoever said it last, when that was asked of the whole order."""
    if whole:
        return change.engine or OWN_TABLE
    if change.engine is None:
        return placed.engine
    references = [*placed.engine.references, *change.engine.references]
    return placed.engine.model_copy(update={"references": references})


def _consignments(made: Effect, change: Change) -> str:
    moved = {move.consignment_id: move for move in change.moved}
    return json.dumps([_consignment(key, charges, made, moved.get(key)) for key, charges in made.charges.items()])


def _consignment(consignment_id: UUID | None, charges: Charges, made: Effect, moved: Moved | None) -> dict[str, Any]:
    anew = moved.anew if moved else None
    return {
        "id": str(consignment_id),
        "shipping": charges.shipping,
        "shipping_tax": charges.shipping_tax,
        "shipping_charged": charges.shipping + (0 if made.sums.tax_included else charges.shipping_tax),
        "tax": charges.tax,
        "taxes": [asdict(tax) for tax in charges.taxes],
        "address": moved.address if moved else None,
        "delivery": anew.delivery if anew else None,
        "anew": anew is not None,
        "tax_terms": anew.terms if anew else None,
    }


def _retaxed(lines: Sequence[tuple[UUID, Sequence[TaxAmount]]]) -> str:
    return json.dumps(
        [
            {"id": str(line_id), "tax": sum(tax.amount for tax in taxes), "taxes": [asdict(tax) for tax in taxes]}
            for line_id, taxes in lines
        ]
    )


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
        "consignment_ids": [line.consignment_id for line in lines],
        "promised_on": [line.promised_on for line in lines],
        "components": [line.components for line in lines],
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
