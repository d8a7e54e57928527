"""The stock that a cart needs, and where each part of it goes."""

from __future__ import annotations

from commerce.cart.contents import Line
from commerce.cart.service import Checked
from commerce.inventory.rules import Near
from commerce.inventory.service import StockLine


def stock_lines(checked: Checked) -> list[StockLine]:
    """What a cart takes of the stock; a cart that goes to several places, by place."""
    cart = checked.cart
    parts: list[tuple[Line, int, Near | None]] = [(line, line.quantity, None) for line in cart.lines]
    if cart.where.is_split:
        near = [Near(to.address.country, to.address.region) if to.address else None for to in cart.where.to]
        parts = [(cart.lines[part.line], part.quantity, near[part.consignment]) for part in checked.totals.parts]
    return [
        StockLine(
            need.variant_id,
            need.product_id,
            quantity * need.quantity,
            may_wait=line.promised_on is not None,
            near=place,
        )
        for line, quantity, place in parts
        for need in line.needs
    ]
