"""Sessions in and out."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field, StringConstraints

from commerce.identity.passwords import LONGEST
from foundation.events import Consent
from foundation.types import Email, Id, Input, Instant, LongText, Model, Text

Password = Annotated[LongText, StringConstraints(min_length=1, max_length=LONGEST)]
"""A password as it was typed; nothing is cut off it."""
Token = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{43}$")]
"""A secret that was sent in a link."""
Phone = Annotated[Text, StringConstraints(max_length=40)]
"""A telephone number as people write it."""
Code = Annotated[str, StringConstraints(pattern=r"^[0-9 ]{6,12}$"), AfterValidator(lambda code: code.replace(" ", ""))]
"""A secret that was sent in a text message: six digits."""


class SignIn(Input):
    """Who signs in, by the customer's reference; without one, a session of a visitor nobody knows."""

    reference: Text | None = None
    consent: Annotated[list[Consent], Field(max_length=10)] | None = None
    """The purposes that they agree to; those left out they refuse. Without it nothing is asked yet."""


class PasswordSignIn(Input):
    """An e-mail address and the password of its account."""

    email: Email
    password: Password


class LinkRequest(Input):
    """The address that a link to sign in is sent to."""

    email: Email


class LinkSignIn(Input):
    """What was sent in a link."""

    token: Token


class CodeRequest(Input):
    """The number that a code to sign in is sent to; without its country's code it is one of the shop's country."""

    phone: Phone


class CodeSignIn(Input):
    """A code, and the id under which it was sent."""

    id: Id
    code: Code


class ProofAgain(Input):
    """The password of whoever is signed in."""

    password: Password


class Sent(Model):
    """Something was sent, if there is somebody to send it to: the answer is the same either way."""

    sent_to: str


class CodeSent(Model):
    """A code is on its way; it is shown with this id."""

    id: Id
    expires_at: Instant


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
