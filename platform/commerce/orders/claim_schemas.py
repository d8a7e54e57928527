"""Claims, in and out."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field

from commerce.orders.line_schemas import MAX_LINES, LineUnitsIn, RefundTo, ShortText, UnitsOut
from commerce.orders.return_schemas import WantedIn
from foundation.types import Id, Input, MinorUnits, Model

ClaimReason = Literal["damaged", "wrong_item", "missing", "not_delivered"]


class ClaimLineOut(UnitsOut):
    """Units of a line with which something is wrong."""

    reason: str


class ClaimOut(Model):
    """Something of an order is not as it should be, and what came of that."""

    id: Id
    status: str
    note: str
    answer: str
    """What the shop said to it."""
    refunded: int
    """Minor units that were credited for it."""
    created_at: datetime
    lines: list[ClaimLineOut]
    photos: list[Id]


class ClaimLineIn(LineUnitsIn):
    """Units of a line with which something is wrong, and what."""

    reason: ClaimReason


class ClaimIn(Input):
    """What came damaged, wrong or not at all."""

    lines: Annotated[list[ClaimLineIn], Field(min_length=1, max_length=MAX_LINES)]
    note: ShortText = ""


class ClaimRefundIn(Input):
    """Make a claim good by its units' share of the money, or by less."""

    resolution: Literal["refund"]
    amount: Annotated[MinorUnits, Field(ge=1)] | None = None
    """Minor units; without it, all that its units are worth."""
    to: RefundTo = "original"
    answer: ShortText = ""


class ClaimReplacementIn(Input):
    """Make a claim good by other units at no charge: the same again, unless others are named."""

    resolution: Literal["replacement"]
    lines: Annotated[list[WantedIn], Field(min_length=1, max_length=MAX_LINES)] | None = None
    """No more units than are claimed."""
    answer: ShortText = ""


class ClaimRejectionIn(Input):
    """Nothing is wrong, or not by the shop's doing."""

    resolution: Literal["rejection"]
    answer: ShortText = ""


ClaimDecisionIn = Annotated[ClaimRefundIn | ClaimReplacementIn | ClaimRejectionIn, Field(discriminator="resolution")]
