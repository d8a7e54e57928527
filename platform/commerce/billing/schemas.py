"""A shop's plan, usage and invoices as its staff see them."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Literal

from pydantic import Field

from foundation.types import Email, Input, Model, MoneyOut

InvoiceStatus = Literal["open", "paid", "void", "uncollectible"]
Method = Annotated[str, Field(pattern=r"^pm_\w{1,100}$", max_length=120)]


class PlanIn(Input):
    """The plan that is wanted, where its bills go, and how they are paid."""

    plan: Annotated[str, Field(min_length=1, max_length=40, pattern=r"^[a-z]+$")]
    email: Email
    payment_method: Method | None = None
    """A PaymentMethod that Stripe.js made in the browser; without one, the one that is kept."""


class LimitOut(Model):
    """How much of something there is, and how much there may be."""

    metric: str
    used: int
    limit: int | None
    """`null`: as much as they like."""


class OfferedPlan(Model):
    """A plan that can be had."""

    plan: str
    name: str
    price: MoneyOut
    """A month."""
    limits: dict[str, int | None]
    requests_per_second: float
    beyond: MoneyOut | None
    """What an order beyond the month's is billed at."""
    own_database: bool
    """Whether a database of the shop's own belongs to it; the operator moves the shop there."""


class PlanOut(OfferedPlan):
    """What the shop has subscribed to."""

    status: Literal["none", "active", "past_due", "cancelled"]
    """`none`: nothing is billed; the operator has given the plan."""
    since: datetime | None
    period_end: datetime | None
    ends_at: datetime | None
    past_due_since: datetime | None
    billed: bool
    """Whether this platform bills by itself, so that the plan can be changed here."""
    offered: list[OfferedPlan]


class UsedOn(Model):
    """What was used on a day (UTC)."""

    metric: str
    day: date
    quantity: int


class UsageOut(Model):
    """What the shop has and uses, beside what its plan allows."""

    month: date
    items: list[LimitOut]
    days: list[UsedOn]
    """Of this month."""


class PortalOut(Model):
    """Stripe's own pages about the shop as a customer."""

    url: str
    """Good for some minutes, for whoever has it."""


class InvoiceOut(Model):
    """An invoice of the platform to the shop."""

    number: str
    status: InvoiceStatus
    total: MoneyOut
    issued_at: datetime
    pdf_url: str | None
    page_url: str | None
    """Where it can be paid, and looked at afterwards."""


class InvoiceList(Model):
    """The latest invoices, a hundred at most."""

    items: list[InvoiceOut]
