"""Sessions in and out."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, StringConstraints

from commerce.identity.passwords import LONGEST
from foundation.events import Consent
from foundation.types import Email, Id, Input, Instant, LongText, Model, Text

Password = Annotated[LongText, StringConstraints(min_length=1, max_length=LONGEST)]
"""A password as it was typed; nothing is cut off it."""
Token = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{43}$")]
"""A secret that was sent in a link."""
Code = Annotated[str, AfterValidator(lambda code: code.replace(" ", "")), StringConstraints(pattern=r"^[0-9 ]{6,12}$")]
"""A secret that was sent in a text message: six digits."""


class SignIn(Input):
    """Who signs in, by the customer's reference; without one, a session of a visitor nobody knows."""

    reference: Text | None = None
    consent: list[Consent] | None = None


class PasswordSignIn(Input):
    """An e-mail address and the password of its account."""

    email: Email
    password: Password


class SessionOut(Model):
    """The session a cookie stands for."""

    id: Id
    visitor_id: Id
    customer_id: Id | None
    display_name: str | None
    consent: list[Consent]
    account_id: Id | None
    amr: list[str]
    """How they proved who they are (RFC 8176)."""
    authenticated_at: Instant | None


class SecondFactorOut(Model):
    """The first factor was right; one of these is needed too."""

    ticket: str
    """To be shown with it."""
    factors: list[str]
    expires_at: Instant
