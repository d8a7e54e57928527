"""Bulk price changes as staff ask for them and see them."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from commerce.catalog.collections.schemas import Rule
from commerce.catalog.schemas import Page
from foundation.types import PLAIN_NUMBER, Currency, Id, Input, Instant, MinorUnits, Model, Note, Slug, Text

MOST_SKUS = 10_000
"""That may be named one by one."""
_MOST = 10**15

Change = Annotated[Decimal, Field(strict=False, max_digits=7, decimal_places=2, gt=-100, le=1_000), PLAIN_NUMBER]
"""In hundredths, with at most two places: 12.5 is an eighth. Also as text."""
Markup = Annotated[Decimal, Field(strict=False, max_digits=7, decimal_places=2, ge=0, le=10_000), PLAIN_NUMBER]
"""In hundredths of the cost, as `Change`."""
Status = Literal["waiting", "running", "previewed", "refused", "applied", "stopped", "undone", "failed"]
Doing = Literal["preview", "apply", "undo"]
State = Literal["found", "planned", "unchanged", "violating", "applied", "skipped", "undone", "kept"]
Violation = Literal[
    "no_cost",
    "not_positive",
    "too_high",
    "change_too_great",
    "below_cost",
    "below_least_markup",
    "not_lower",
    "raised_before_reduction",
    "not_reduced",
    "price_changed",
]
Warned = Literal["prior_price_lower", "struck_price_dropped"]


class Filter(Input):
    """Which SKUs a change is about: those that are as everything here says."""

    rule: Rule | None = None
    """What a product is, in the words of a collection's rule: category with all below it, brand, vendor, type, tag."""
    collection_id: Id | None = None
    """Products that are in this collection now."""
    price_from: MinorUnits | None = None
    """A SKU's own list price is at least this."""
    price_to: MinorUnits | None = None
    """And at most this."""
    skus: Annotated[list[Text], Field(min_length=1, max_length=MOST_SKUS)] | None = None

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if all(one is None for one in (self.rule, self.collection_id, self.price_from, self.price_to, self.skus)):
            raise ValueError("say which SKUs; all of them are those whose price_from is 0")
        if self.price_from is not None and self.price_to is not None and self.price_from > self.price_to:
            raise ValueError("price_from is at most price_to")
        return self


class ByPercent(Input):
    """So many per cent more, or less."""

    kind: Literal["percent"]
    percent: Change


class ByAmount(Input):
    """So much more, or less."""

    kind: Literal["amount"]
    amount: Annotated[int, Field(ge=-_MOST, le=_MOST)]
    """In minor units."""


class ToAmount(Input):
    """The same for all."""

    kind: Literal["set"]
    amount: MinorUnits


class OverCost(Input):
    """So many per cent over what one costs the shop."""

    kind: Literal["markup"]
    percent: Markup


Reckoning = Annotated[ByPercent | ByAmount | ToAmount | OverCost, Field(discriminator="kind")]


class Rounding(Input):
    """To which amounts prices are rounded: those that are `ending` above a multiple of `step`, in minor units.

    `{"step": 100, "ending": 99}` is .99 in a currency of two decimals; `{"step": 5}` is the next five cents.
    """

    step: Annotated[int, Field(ge=1, le=10**9)]
    ending: Annotated[int, Field(ge=0, lt=10**9)] = 0
    towards: Literal["nearest", "up", "down"] = "nearest"
    """Of two that are as near, `nearest` takes the lower."""

    @model_validator(mode="after")
    def _ends_within(self) -> Self:
        if self.ending >= self.step:
            raise ValueError("the ending is less than the step")
        return self


class BulkChangeIn(Input):
    """A change of many prices.

    Without group and time it is the list prices that change. With a time they stay, and each SKU gets a sale for that
    time; with a group, its customers get a price of their own.
    """

    filter: Filter
    currency: Currency
    group: Slug | None = None
    """The customers who pay it; without one, everybody."""
    starts_at: Instant | None = None
    ends_at: Instant | None = None
    """Not included."""
    reckoning: Reckoning
    rounding: Rounding | None = None
    struck: Literal["keep", "before", "none"] = "keep"
    """What is struck through beside a list price: what was, the price before where it is lower now, or nothing."""
    reason: Annotated[Note, StringConstraints(max_length=500)]

    @model_validator(mode="after")
    def _window(self) -> Self:
        if self.starts_at is not None and self.ends_at is not None and self.ends_at <= self.starts_at:
            raise ValueError("it ends after it starts")
        if self.struck != "keep" and self.is_offer:
            raise ValueError("struck is for list prices; beside a sale the list price is struck through")
        return self

    @property
    def is_offer(self) -> bool:
        """Whether it writes offers, and leaves the list prices alone."""
        return self.group is not None or self.starts_at is not None or self.ends_at is not None


class ApplicationIn(Input):
    """How a change that was looked at is to be applied."""

    violating: Literal["block", "leave_out"] = "block"
    """What becomes of SKUs that break a guardrail: nothing is applied, or all but those."""
    changed: Literal["block", "leave_out"] = "block"
    """The same of SKUs whose price is another since it was looked at."""


class Range(Model):
    """The least, the middle and the greatest of something."""

    least: int
    middle: int
    greatest: int


class Summary(Model):
    """What a change comes to, of the SKUs that it would change or has changed."""

    skus: int
    raised: int
    lowered: int
    sum_before: int
    """Of one unit of each, in minor units."""
    sum_after: int
    change: Range | None
    """In minor units; `null` where nothing changes."""
    change_basis_points: Range | None
    """In hundredths of a per cent of the price before; of those that cost something before."""


class BulkChangeOut(Model):
    """A bulk price change, and how far it is."""

    id: Id
    status: Status
    doing: Doing
    """What it waits for, or is about."""
    problem: str | None
    """Why it was refused: `nothing_found`, `too_many_skus`."""
    change: BulkChangeIn
    found: int
    """SKUs that the filter finds."""
    prepared: int
    """How many of them were looked at already."""
    planned: int
    """How many wait for their price to be changed, or would have it changed."""
    unchanged: int
    violating: int
    """SKUs that break a guardrail; they are never changed."""
    applied: int
    """How many have the new price now."""
    skipped: int
    """Left out while it was applied, because their price, or what a guardrail goes by, had changed."""
    undone: int
    kept: int
    """Not undone, because their price had been changed since."""
    violations: dict[str, int]
    """How many SKUs break which guardrail."""
    summary: Summary | None
    requested_by: str
    requested_at: datetime
    applied_by: str | None
    applied_at: datetime | None
    undone_by: str | None
    undone_at: datetime | None
    finished_at: datetime | None
    expires_at: datetime | None
    """When it is forgotten; what was applied is kept."""


class BulkChangeList(Model):
    """A page of bulk price changes, the latest first."""

    items: list[BulkChangeOut]
    has_more: bool
    next_cursor: str | None


class RowsQuery(Page):
    """Which SKUs of a change."""

    state: State | None = None


class RowOut(Model):
    """What becomes of a SKU."""

    variant_id: Id
    sku: str
    title: str
    state: State
    """`found`: it was not looked at yet."""
    base: int
    """What was reckoned from, in minor units."""
    before: int | None
    """The price that is changed; `null` where there was none, as there is no offer yet."""
    after: int | None
    """`null` where it can't be said, as the cost is not known."""
    struck_before: int | None
    struck_after: int | None
    violations: list[Violation]
    warnings: list[Warned]


class RowList(Model):
    """A page of SKUs."""

    items: list[RowOut]
    has_more: bool
    next_cursor: str | None
