"""What was compared and what did not agree, as staff see it."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Literal

from pydantic import Field

from commerce.catalog.schemas import Page
from foundation.types import Currency, Day, Id, Input, Model, Text

ExceptionKind = Literal[
    "unknown", "twice", "amount_differs", "currency_differs", "fee_differs", "late", "missing_at_provider"
]


class ExceptionsQuery(Page):
    """Which exceptions are listed: those that are open, unless asked otherwise."""

    resolved: Annotated[bool, Field(strict=False)] = False


class RunOut(Model):
    """A day of a provider that was compared; `open` says how many of its exceptions nobody has explained."""

    provider: str
    day: date
    lines: int
    exceptions: int
    open: int
    last_run_at: datetime


class ExceptionOut(Model):
    """Something in which a provider and our books do not agree; minor units, positive when the money comes to us."""

    id: Id
    provider: str
    day: date
    kind: ExceptionKind
    about: str
    """The provider's name for the line, or the id of what no line settles."""
    reference: str
    subject_id: Id | None
    """Our payment, refund or dispute, when there is one."""
    expected_amount: int | None
    expected_currency: Currency | None
    amount: int | None
    currency: Currency | None
    expected_fee: int | None
    """What the provider had said that it would keep, when it had."""
    fee: int | None
    created_at: datetime
    resolved_at: datetime | None
    resolution: str | None


class ReconciliationOut(Model):
    """The last days that were compared, and what did not agree, the oldest first."""

    runs: list[RunOut]
    exceptions: list[ExceptionOut]
    has_more: bool
    next_cursor: str | None


class ResolveIn(Input):
    """How an exception is explained."""

    resolution: Text


class RunIn(Input):
    """Which day of which provider to compare."""

    provider: Text
    day: Day


class SummaryOut(Model):
    """What a run found: lines of the report, those that were new, and exceptions that were not listed before."""

    lines: int
    new: int
    exceptions: int
