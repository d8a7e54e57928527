"""Accounts in and out."""

from __future__ import annotations

from commerce.sessions.schemas import Password, Token
from foundation.types import Email, Id, Input, Instant, Model, Text


class Registration(Input):
    """Who wants an account."""

    email: Email
    password: Password
    display_name: Text


class Confirmation(Input):
    """What was sent in a link."""

    token: Token


class Sent(Model):
    """Something was sent, if there is somebody to send it to: the answer is the same either way."""

    sent_to: str


class AccountOut(Model):
    """An account, as its owner sees it."""

    id: Id
    customer_id: Id | None
    display_name: str
    email: str | None
    email_verified_at: Instant | None
    phone: str | None
    phone_verified_at: Instant | None
    has_password: bool
    created_at: Instant
