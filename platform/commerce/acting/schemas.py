"""Customers as those find them who help, and acting as one of them."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, Literal, Self

from pydantic import StringConstraints, model_validator

from commerce.sessions.schemas import Token
from foundation.types import Email, Id, Input, Instant, Model, MoneyOut, Note, Text

Category = Literal["order", "checkout", "return", "account", "complaint", "other"]
CATEGORIES: Mapping[Category, str] = MappingProxyType(
    {
        "order": "an order",
        "checkout": "buying something",
        "return": "something sent back",
        "account": "the account",
        "complaint": "a complaint",
        "other": "something else",
    }
)
"""What it may be about, in the customer's words."""
SHORTEST, LONGEST = 10, 500
Reason = Annotated[Note, StringConstraints(min_length=SHORTEST, max_length=LONGEST)]
"""Why, in the words of whoever acts."""
Ticket = Annotated[Text, StringConstraints(max_length=100)]
"""Where it was asked for."""
OrderNumber = Annotated[Text, StringConstraints(to_upper=True, max_length=40)]


class CustomerSearch(Input):
    """A whole e-mail address, or a whole order number: nobody leafs through customers."""

    email: Email | None = None
    order_number: OrderNumber | None = None

    @model_validator(mode="after")
    def _one_of_them(self) -> Self:
        if (self.email is None) == (self.order_number is None):
            raise ValueError("say either email or order_number")
        return self


class LatestOrder(Model):
    """What a customer ordered last."""

    id: Id
    number: str
    placed_at: Instant
    total: MoneyOut
    status: str


class CustomerOut(Model):
    """A customer, as far as somebody needs to know whom they help."""

    id: Id
    display_name: str
    email: str | None
    """Most of it hidden: enough to compare with what a caller says."""
    has_account: bool
    orders: int
    latest_order: LatestOrder | None


class CustomersFound(Model):
    """Those who have the address, or the order."""

    items: list[CustomerOut]


class ActingIn(Input):
    """Why somebody is to be in the shop as a customer."""

    category: Category
    """What it is about; the customer is told."""
    reason: Reason
    """For the audit log; the customer is not told."""
    ticket: Ticket | None = None


class ActingOut(Model):
    """It has begun, and waits to be entered."""

    id: Id
    customer_id: Id
    token: str
    """To be sent to `enter` in the body of a POST, once, within two minutes; never in an address."""
    enter: str
    """Where the shop is entered with it."""
    ends_at: Instant


class EnterIn(Input):
    """What was given as it began."""

    token: Token


class SupportVisit(Model):
    """Somebody of the shop's was in it as the customer, as the customer is told."""

    id: Id
    category: Category
    began_at: Instant
    ended_at: Instant
    """When it ended, or will at the latest."""
    is_over: bool


class SupportVisits(Model):
    """The latest hundred, the last first."""

    items: list[SupportVisit]
