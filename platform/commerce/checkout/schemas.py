"""What completing a cart takes, and what it says while the shopper has something to do."""

from __future__ import annotations

from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from commerce.payments.methods.schemas import looks_like_a_card
from foundation.types import Email, Id, Input, Model, Text

MAX_PAYMENTS = 10


def _page(value: str) -> str:
    """A page that a browser can be sent to, and nothing that would run there."""
    parts = urlsplit(value)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username is not None:
        raise ValueError("must be the address of a page, with http or https")
    return value


PageUrl = Annotated[str, StringConstraints(max_length=2000, pattern=r"^[!-~]+$"), AfterValidator(_page)]


class PaymentIn(Input):
    """How to pay: the provider and the token it gave the browser, or what the customer has kept with it."""

    provider: Text = "test"
    token: Text | None = None
    method_id: Id | None = None
    """An instrument that the signed-in customer has kept with this provider."""

    @model_validator(mode="after")
    def _one_instrument(self) -> Self:
        if (self.token is None) == (self.method_id is None):
            raise ValueError("say either token or method_id")
        if self.provider != "test" and self.token is not None and looks_like_a_card(self.token):
            raise ValueError("token must be the provider's, never a card's number")
        return self


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


class ActionOut(Model):
    """A page on which the shopper has something to do for a payment: a challenge, an approval."""

    id: Id
    """The payment's."""
    provider: str
    action_url: str


class Waiting(Model):
    """The order is placed once the shopper has done something: then the cart is continued."""

    status: Literal["action_required"] = "action_required"
    attempt_id: Id
    payments: list[ActionOut]
