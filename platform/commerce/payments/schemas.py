"""How to pay, and what became of payments."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from commerce.ledger.schemas import PostingOut
from commerce.payments.card_numbers import looks_like_a_card
from foundation.types import Currency, Id, Input, Model, Text


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


class PaymentOut(Model):
    """An attempt to pay; the amount is in minor units."""

    id: Id
    provider: str
    provider_reference: str | None
    status: str
    amount: int
    refusal: str | None
    """Why the provider would not authorise or capture it."""
    fee: int
    """What the provider kept of it."""
    disputed: int
    """What cardholders took back of it, or try to."""
    spared: int
    """What of it need not come any more."""
    due_on: date | None
    currency: Currency
    created_at: datetime


class RefundOut(Model):
    """Money on its way back; minor units."""

    id: Id
    payment_id: Id
    amount: int
    currency: Currency
    status: str
    reason: str
    failure: str | None
    created_at: datetime


class OrderMoney(Model):
    """An order's money: how it was paid and given back, and what the books say of it, in the order it happened."""

    payments: list[PaymentOut]
    refunds: list[RefundOut]
    postings: list[PostingOut]


class ProviderEventOut(Model):
    """What a provider told the shop, and what became of it."""

    id: Id
    provider: str
    event_id: str
    """The provider's own id of it."""
    kind: str
    occurred_at: datetime
    received_at: datetime
    payment_id: Id | None
    refund_id: Id | None
    dispute_reference: str | None
    status: Literal["received", "handled", "failed"]
    """`failed` is not tried again unless somebody says so."""
    tries: int
    problem: str | None
    """Why it could not be handled the last time."""


class ProviderEventList(Model):
    """A page of events, the last first."""

    items: list[ProviderEventOut]
    has_more: bool
    next_cursor: str | None


class DisputeOut(Model):
    """A payment that a cardholder takes back through the bank; amounts in minor units."""

    id: Id
    payment_id: Id
    order_id: Id
    provider: str
    reference: str
    """The provider's name for it."""
    status: Literal["opened", "won", "lost"]
    amount: int
    currency: Currency
    fee: int
    reason: str
    evidence: str | None
    opened_at: datetime
    contested_at: datetime | None
    closed_at: datetime | None


class DisputeList(Model):
    """A page of disputes, the last first."""

    items: list[DisputeOut]
    has_more: bool
    next_cursor: str | None


class TermsIn(Input):
    """How long a customer, or everybody, has to pay after the goods."""

    customer_id: Id | None = None
    days: Annotated[int, Field(ge=0, le=365)]


class TermsOut(Model):
    """Who may pay after the goods; no customer is everybody."""

    provider: Literal["cod", "invoice"]
    customer_id: Id | None
    days: int


class TermsList(Model):
    """Everybody who may pay after the goods."""

    items: list[TermsOut]


class ActionOut(Model):
    """A page on which the shopper has something to do for a payment: a challenge, an approval."""

    id: Id
    """The payment's."""
    provider: str
    action_url: str


class Waiting(Model):
    """The shopper has something to do first: then what was being paid for is continued."""

    status: Literal["action_required"] = "action_required"
    attempt_id: Id
    payments: list[ActionOut]
