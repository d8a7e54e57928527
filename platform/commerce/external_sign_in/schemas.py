"""Signing in by a provider, in and out."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import StringConstraints, model_validator

from commerce.federation.providers import Audience
from commerce.sessions.schemas import Token
from foundation.addresses import MAX_URL
from foundation.types import Id, Input, Instant, LongText, Model

Value = Annotated[LongText, StringConstraints(min_length=1, max_length=4_096)]
"""What a provider sends a browser back with."""


class ButtonOut(Model):
    """A provider that people sign in by."""

    id: Id
    kind: str
    name: str
    audience: Audience
    """`customers`, or `staff`: whoever works for the shop."""


class ButtonList(Model):
    """The providers that people sign in by."""

    items: list[ButtonOut]


class AttemptIn(Input):
    """What a browser is to be sent to a provider for."""

    purpose: Literal["sign_in", "link", "step_up"] = "sign_in"
    redirect_uri: Annotated[LongText, StringConstraints(max_length=MAX_URL)] | None = None
    """Where it is sent back to: a page of an origin in `cors_origins`. Without one, the shop's own page."""


class AttemptOut(Model):
    """Where to send the browser."""

    url: str
    expires_at: Instant


class Brought(Input):
    """What else a browser was sent back with."""

    code: Value | None = None
    iss: Value | None = None
    error: Value | None = None


class AnswerIn(Brought):
    """What the browser was sent back with: these parameters of the address that it came to."""

    state: Value


class IdentityIn(Brought):
    """What the browser was sent back with, or the ticket of `federation.link_first`."""

    state: Value | None = None
    ticket: Token | None = None

    @model_validator(mode="after")
    def _one_of_them(self) -> IdentityIn:
        if (self.state is None) == (self.ticket is None):
            raise ValueError("must have a state or a ticket, and not both")
        return self


class IdentityOut(Model):
    """An identity of an account."""

    id: Id
    provider_id: Id
    provider: str | None
    """The provider's name, if the shop still has it."""
    label: str
    """What its owner knows it by: an address, or a name."""
    created_at: Instant
    used_at: Instant


class IdentityList(Model):
    """The identities of an account, the oldest first."""

    items: list[IdentityOut]
