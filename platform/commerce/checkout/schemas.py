"""What completing a cart takes, and what it says while the shopper has something to do."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator

from commerce.payments.pages import PageUrl
from commerce.payments.schemas import PaymentIn
from foundation.types import Email, Id, Input

MAX_PAYMENTS = 10


class PartIn(PaymentIn):
    """One of several payments, and how much of the total it pays."""

    amount: Annotated[int, Field(ge=1, le=10**15)] | None = None
    """Minor units; the last payment may leave it out and pays the rest."""


class PayAgain(Input):
    """One payment, or several."""

    payment: PaymentIn | None = None
    payments: Annotated[list[PartIn], Field(min_length=1, max_length=MAX_PAYMENTS)] | None = None
    return_url: PageUrl | None = None
    """Where a provider sends the shopper back to when they had something to do on a page of its own."""

    @model_validator(mode="after")
    def _one_way_to_say_it(self) -> Self:
        if (self.payment is None) == (self.payments is None):
            raise ValueError("say either payment or payments")
        return self

    @property
    def parts(self) -> list[PartIn]:
        """The payments, whichever way they were said."""
        if self.payment is not None:
            return [PartIn(**self.payment.model_dump())]
        return self.payments or []


class Complete(PayAgain):
    """Pay for the cart, with one payment or with several, and place the order."""

    email: Email | None = None
    expected_total: Annotated[int, Field(ge=0, le=10**15)] | None = None
    """What the shopper was shown; anything else to pay is refused."""
    accepted: Annotated[list[Id], Field(max_length=10)] = Field(default_factory=list)
    """The legal pages that the shopper was shown and accepts, by the `id` of their versions."""
