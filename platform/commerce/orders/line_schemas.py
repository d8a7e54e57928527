"""Units of lines, in and out, as all that happens to an order speaks of them."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from foundation.types import Id, Input, LongText, Model, Quantity

MAX_LINES = 200

RefundTo = Literal["original", "store_credit"]
"""Where money goes back to: where it came from, or the customer's store credit."""
ShortText = Annotated[LongText, Field(max_length=500)]


class UnitsOut(Model):
    """Some units of a line."""

    line_id: Id
    quantity: int


class LineUnitsIn(Input):
    """Some units of a line."""

    line_id: Id
    quantity: Quantity


Lines = Annotated[list[LineUnitsIn], Field(min_length=1, max_length=MAX_LINES)]
