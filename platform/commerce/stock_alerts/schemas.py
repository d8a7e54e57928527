"""Waiting for something, in and out."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from commerce.sessions.schemas import Token
from foundation.types import Email, Id, Input, Model


class StockAlertIn(Input):
    """What somebody waits for."""

    variant_id: Id
    email: Email | None = None
    """Where to tell them; without one a customer is told as their account is reached."""


class StockAlertAsked(Model):
    """What becomes of it."""

    status: Literal["waiting", "confirmation_sent"]
    """`confirmation_sent`: a link went to the address, and nobody waits before it is shown."""


class StockAlertOut(Model):
    """Something that a customer waits for."""

    variant_id: Id
    product_id: Id
    handle: str
    title: str
    asked_at: datetime


class StockAlerts(Model):
    """What a customer waits for, the last first."""

    items: list[StockAlertOut]


class StockAlertLink(Input):
    """The link that was sent."""

    token: Token
