"""Carts as their owners see them: every amount with where it comes from."""

from __future__ import annotations

from collections.abc import Sequence

from commerce.cart.changes import changes_of, seen_as
from commerce.cart.contents import Cart, Line
from commerce.cart.rules import MAX_QUANTITY
from commerce.cart.schemas import (
    CartCodeOut,
    CartLineOut,
    CartOut,
    ConsignedUnits,
    ConsignmentOut,
    FeeOut,
    LineExplanation,
    Requirement,
    ShareOut,
    TotalsOut,
)
from commerce.cart.terms import TaxAmount
from commerce.cart.totals import Totals
from commerce.promotions.engine import Taken
from commerce.taxes.schemas import TaxEngineOut, TaxOut, VatIdOut
from foundation.types import MoneyOut


def out(cart: Cart, totals: Totals, requirements: Sequence[Requirement], tax_engine: TaxEngineOut) -> CartOut:
    """A checked cart as its owner sees it."""
    buyer = cart.where.buyer
    lines = [
        CartLineOut(
            id=line.id,
            variant_id=line.variant.id,
            product_id=line.variant.product_id,
            handle=line.variant.handle,
            sku=line.variant.sku,
            title=line.variant.title,
            image=line.variant.image,
            quantity=line.quantity,
            unit_price=line.unit_price,
            total=total,
            explanation=explained_by(
                line, totals.discounts, [taken.shares[place] for taken in totals.discounts], taxes
            ),
            gift=line.gift,
            decision_id=line.decision_id,
            available=min(line.available, MAX_QUANTITY),
            promised_on=line.promised_on,
            digital=line.digital,
        )
        for place, (line, total, taxes) in enumerate(
            zip(cart.lines, totals.line_totals, totals.line_tax_parts, strict=True)
        )
    ]
    off = by_name(totals.discounts)
    changes = changes_of(cart) if cart.status == "open" else []
    return CartOut(
        id=cart.id,
        status=cart.status,
        version=cart.version,
        currency=cart.currency,
        lines=lines,
        codes=[
            CartCodeOut(code=code.name, standing=code.standing, off=off.get(code.name, 0), minimum=code.code.minimum)
            for code in cart.codes
        ],
        note=cart.note,
        gift=cart.gift,
        wrap_price=cart.wrap.price if cart.wrap else None,
        totals=TotalsOut(
            subtotal=totals.subtotal,
            discount=totals.discount,
            discounts=discounts_out(totals),
            fees=fees_out(totals),
            shipping=totals.shipping,
            tax=totals.tax,
            tax_included=totals.tax_included,
            taxes=taxes_out(totals.taxes),
            total=totals.total,
        ),
        delivers=cart.where.delivers,
        digital=cart.where.digital,
        address=cart.where.address,
        delivery=cart.where.to[0].chosen(totals.consignments[0]),
        consignments=_consignments(cart, totals) if cart.where.is_split else [],
        tax_engine=tax_engine,
        vat_id=VatIdOut(number=buyer.number, status=buyer.status, checked_at=buyer.checked_at) if buyer else None,
        total=MoneyOut(amount=totals.total, currency=cart.currency),
        item_count=sum(line.quantity for line in cart.lines),
        requirements=list(requirements),
        changes=changes,
        changes_seen=seen_as(changes),
    )


def _consignments(cart: Cart, totals: Totals) -> list[ConsignmentOut]:
    lines = cart.lines
    return [
        ConsignmentOut(
            address=to.address,
            delivery=to.chosen(consigned),
            lines=[
                ConsignedUnits(line_id=lines[part.line].id, quantity=part.quantity)
                for part in totals.parts
                if part.consignment == number
            ],
            goods=consigned.goods,
            shipping=consigned.shipping,
            tax=consigned.tax,
            taxes=taxes_out(consigned.taxes),
        )
        for number, (to, consigned) in enumerate(zip(cart.where.to, totals.consignments, strict=True))
    ]


def by_name(discounts: Sequence[Taken]) -> dict[str, int]:
    """What each discount took off."""
    return {taken.name: taken.amount for taken in discounts}


def explained_by(
    line: Line, discounts: Sequence[Taken], off: Sequence[int], taxes: Sequence[TaxAmount]
) -> LineExplanation:
    """Where the amounts of some units of a line come from."""
    shares = [ShareOut(name=taken.name, amount=share) for taken, share in zip(discounts, off, strict=True) if share]
    return LineExplanation(price=line.why, discounts=shares, taxes=taxes_out(taxes))


def discounts_out(totals: Totals) -> list[ShareOut]:
    """What each discount takes off, as it is told."""
    return [ShareOut(name=taken.name, amount=taken.amount) for taken in totals.discounts]


def fees_out(totals: Totals) -> list[FeeOut]:
    """Fees as they are told."""
    return [FeeOut(name=fee.name, amount=fee.amount, tax=fee.tax) for fee in totals.fees]


def taxes_out(taxes: Sequence[TaxAmount]) -> list[TaxOut]:
    """Taxes as they are told."""
    return [
        TaxOut(name=tax.name, rate=tax.rate, base=tax.base, amount=tax.amount, scheme=tax.scheme, note=tax.note)
        for tax in taxes
    ]
