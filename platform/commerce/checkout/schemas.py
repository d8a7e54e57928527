"""What completing a cart takes."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from foundation.types import Email, Input, Text


class PaymentIn(Input):
    """How to pay: the provider and the token it gave the browser."""

    provider: Text = "test"
    token: Text


class Complete(Input):
    """Pay for the cart and place the order."""

    payment: PaymentIn
    email: Email | None = None
    expected_total: Annotated[int, Field(ge=0, le=10**15)] | None = None
    """What the shopper was shown; anything else to pay is refused."""
