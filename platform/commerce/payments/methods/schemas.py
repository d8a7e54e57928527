"""Saved instruments in and out, and what may stand for one."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Literal

from pydantic import AfterValidator

from commerce.payments.card_numbers import looks_like_a_card
from commerce.payments.pages import PageUrl
from foundation.types import Id, Input, Model, Text


def _no_card(value: str) -> str:
    if looks_like_a_card(value):
        raise ValueError("must be the provider's token, never a card's number")
    return value


Token = Annotated[Text, AfterValidator(_no_card)]
"""What a provider gave for an instrument; a card's number is refused."""


class MethodIn(Input):
    """An instrument to keep, by the one-time token that its provider gave the browser."""

    provider: Text
    token: Token
    is_default: bool = False
    return_url: PageUrl | None = None
    """Where the provider sends the customer back to when their bank wants to see them first."""


class MethodOut(Model):
    """An instrument kept for its customer."""

    id: Id
    provider: str
    label: str
    expires: date | None
    is_default: bool
    created_at: datetime


class SetupWaiting(Model):
    """The instrument is kept once its owner has done something on a page: then the setup is continued."""

    status: Literal["action_required"] = "action_required"
    setup_id: Id
    action_url: str


class MethodList(Model):
    """What a customer has kept, the default first, then the newest."""

    items: list[MethodOut]
