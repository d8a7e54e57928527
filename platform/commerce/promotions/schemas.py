"""Discount codes in and out."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, StringConstraints

from foundation.types import PLAIN_NUMBER, Currency, Id, Input, MinorUnits, Model, WallTime

Standing = Literal["good", "below_minimum", "not_begun", "ended", "used_up"]

CodeName = Annotated[
    str, StringConstraints(strip_whitespace=True, to_upper=True, pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,39}$")
]
"""A code as it is kept: in upper case, however it is typed."""


def _three_decimals(value: Decimal) -> Decimal:
    if value != round(value, 3):
        raise ValueError("has at most three decimals")
    return value


Percent = Annotated[Decimal, Field(strict=False, gt=0, le=100), AfterValidator(_three_decimals), PLAIN_NUMBER]

"""A time without a zone: what the shop's own clocks show."""

Limit = Annotated[int, Field(ge=1, le=10**9)]


class CodeIn(Input):
    """What a code takes off, of what, when, and how often; `percent` or `amount`."""

    percent: Percent | None = None
    amount: Annotated[MinorUnits, Field(ge=1)] | None = None
    """Minor units."""
    currency: Currency | None = None
    """Of the amount and the minimum; needed with either."""
    minimum: MinorUnits = 0
    """What the goods have to cost, before discounts."""
    starts_at: WallTime | None = None
    ends_at: WallTime | None = None
    """Not included."""
    usage_limit: Limit | None = None
    per_customer_limit: Limit | None = None


class CodeOut(Model):
    """A code, and how often it has been used."""

    code: str
    percent: Decimal | None
    amount: int | None
    currency: Currency | None
    minimum: int
    starts_at: datetime | None
    ends_at: datetime | None
    usage_limit: int | None
    per_customer_limit: int | None
    used: int


class CodeList(Model):
    """A page of codes, by name."""

    items: list[CodeOut]
    has_more: bool
    next_cursor: str | None


class RedemptionOut(Model):
    """An order for which a code was used."""

    order_id: Id
    amount: int
    redeemed_at: datetime
    released_at: datetime | None
    """When the order was cancelled, and the use given back."""


class CodeDetail(CodeOut):
    """A code with the last orders it was used for."""

    redemptions: list[RedemptionOut]
