"""Accounts in and out."""

from __future__ import annotations

from commerce.sessions.schemas import Code, Password, Phone, Token
from foundation.types import Email, Id, Input, Instant, Model, Text


class Registration(Input):
    """Who wants an account."""

    email: Email
    password: Password
    display_name: Text


class NameIn(Input):
    """What somebody is called."""

    display_name: Text


class Confirmation(Input):
    """What was sent in a link."""

    token: Token


class NewPassword(Input):
    """Another password; the present one is needed where there is one."""

    current: Password | None = None
    new: Password


class ResetRequest(Input):
    """The address of the account whose password is forgotten."""

    email: Email


class Reset(Input):
    """What was sent in a link, and another password."""

    token: Token
    password: Password


class NewEmail(Input):
    """Another address."""

    email: Email


class NewPhone(Input):
    """Another number; without its country's code it is one of the shop's country."""

    phone: Phone


class PhoneConfirmation(Input):
    """A code, and the id under which it was sent."""

    id: Id
    code: Code


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


class DeviceOut(Model):
    """A browser or program that is signed in to the account."""

    id: Id
    browser: str
    """Such as `Firefox on Linux`."""
    address: str | None
    """Where it signed in from."""
    signed_in_at: Instant
    seen_at: Instant
    """When it was last used, to some minutes."""
    amr: list[str]
    is_current: bool


class DevicesOut(Model):
    """Where an account is signed in, the last used first."""

    devices: list[DeviceOut]
