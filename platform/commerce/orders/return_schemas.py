"""Returns, in and out."""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from commerce.orders.line_schemas import MAX_LINES, LineUnitsIn, RefundTo, ShortText, UnitsOut
from foundation.types import Id, Input, LongText, Model, Quantity, Text

Condition = Literal["as_new", "opened", "used", "damaged", "defective", "incomplete"]
ReturnReason = Literal["damaged", "defective", "wrong_item", "not_as_described", "no_longer_wanted", "other"]


class ReturnLineOut(UnitsOut):
    """Units of a line that come back."""

    reason: str
    received: int
    restocked: int


class InspectedOut(UnitsOut):
    """How some units were found, and whether they can be sold again."""

    condition: Condition
    restocked: bool
    note: str


class ReturnOut(Model):
    """Units that come back, or have."""

    id: Id
    status: str
    note: str
    created_at: datetime
    lines: list[ReturnLineOut]
    photos: list[Id]
    inspected: list[InspectedOut]


class ReturnLineIn(LineUnitsIn):
    """Units of a line that are to come back, and why."""

    reason: ReturnReason


class WantedIn(Input):
    """Units of a variant that are wanted for what comes back, at today's price."""

    variant_id: Id
    quantity: Quantity


class ReturnIn(Input):
    """What is to come back, and what is wanted for it."""

    lines: Annotated[list[ReturnLineIn], Field(min_length=1, max_length=MAX_LINES)]
    wanted: Annotated[list[WantedIn], Field(max_length=MAX_LINES, default_factory=list)]
    """Units that its worth is to pay for; without any, the worth goes back."""
    expected_difference: Annotated[int, Field(ge=-(10**15), le=10**15)] | None = None
    """What its preview said that it costs more, in minor units; if that has changed, nothing is asked."""
    note: LongText = ""

    def by_variant(self) -> dict[UUID, int]:
        """What is wanted; what is named twice is wanted together."""
        units = Counter[UUID]()
        for line in self.wanted:
            units[line.variant_id] += line.quantity
        return dict(units)


class DecisionIn(Input):
    """What to tell about a decision."""

    note: LongText = ""


class StaffReturnIn(ReturnIn):
    """What is to come back, and why although it is too late."""

    override: ShortText = ""
    """The reason to take units back whose time is over."""


class ApprovalIn(DecisionIn):
    """What to tell about an approval, and when to send what is wanted for the return."""

    send_now: bool = False
    """Before the return is here; only what costs no more than it is worth."""


class ArrivedIn(LineUnitsIn):
    """Units of a line that arrived."""

    restock: bool = True
    """They can be sold again; otherwise they are written off."""
    condition: Condition = "as_new"
    note: ShortText = ""
    lot: Text | None = None
    """The lot that they are of, where they say so; otherwise of those that left, the first to expire."""


class ReceiveIn(Input):
    """What arrived of a return: the units named, or all that was announced."""

    warehouse: Text
    """The code of the warehouse it arrived at."""
    lines: Annotated[list[ArrivedIn], Field(max_length=MAX_LINES)] | None = None
    refund_to: RefundTo = "original"
