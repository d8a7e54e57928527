"""What changed since the shopper last looked: one list, for them to accept as a whole. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence

from commerce.cart.contents import Cart, Line
from commerce.cart.schemas import Change


def changes_of(cart: Cart) -> list[Change]:
    """What is not as the shopper last saw it, in the order of the lines; then codes, then the delivery."""
    found = [change for line in cart.lines for change in _of_line(line)]
    found += [
        Change(kind="code_over", line_id=None, title=code.name, before=None, after=None)
        for code in cart.codes
        if code.is_over
    ]
    if cart.wrapped and cart.wrap is None:
        found.append(Change(kind="gift_wrap_gone", line_id=None, title="Gift wrap", before=cart.wrapped, after=0))
    found += [
        Change(kind="delivery_gone", line_id=None, title=to.delivery_code, before=None, after=None)
        for to in cart.where.to
        if cart.where.delivers and to.delivery_code is not None and to.method is None
    ]
    return found


def seen_as(changes: Sequence[Change]) -> str | None:
    """A name for these very changes, by which accepting them says which were seen; `None` where there are none."""
    if not changes:
        return None
    said = "\n".join(change.model_dump_json() for change in changes)
    return hashlib.blake2b(said.encode(), digest_size=12).hexdigest()


def _of_line(line: Line) -> Iterator[Change]:
    title = line.variant.title
    if not line.variant.for_sale or line.price is None:
        yield Change(kind="not_sold", line_id=line.id, title=title, before=line.quantity, after=0)
        return
    if line.price > line.unit_price:
        yield Change(kind="price_up", line_id=line.id, title=title, before=line.unit_price, after=line.price)
    elif line.price < line.unit_price:
        yield Change(kind="price_down", line_id=line.id, title=title, before=line.unit_price, after=line.price)
    if line.available < line.quantity:
        left = max(line.available, 0)
        yield Change(kind="less_stock", line_id=line.id, title=title, before=line.quantity, after=left)
