"""Providers of a shop, in and out. A secret goes in, and never out."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator, Field, StringConstraints

from commerce.federation.kinds import KindName
from commerce.federation.providers import Audience, Authentication
from foundation.addresses import MAX_URL
from foundation.types import Id, Input, Instant, LongText, Model, Text

_DOMAIN = re.compile(r"^(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9][a-z0-9-]{0,61}[a-z0-9]$")


def _domain(value: str) -> str:
    if not _DOMAIN.match(value):
        raise ValueError("must be a domain, such as example.com")
    return value


Domain = Annotated[str, StringConstraints(max_length=253, to_lower=True), AfterValidator(_domain)]
Secret = Annotated[LongText, StringConstraints(min_length=1, max_length=4_096)]
Identifier = Annotated[str, StringConstraints(pattern=r"^[\x21-\x7e]{1,255}$")]
Code = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._-]{1,60}$")]


class Setting(Input):
    """What may be changed of a provider."""

    name: Text
    """What its button says."""
    client_id: Identifier
    client_authentication: Authentication = "basic"
    """How the secret is shown to it: in a header, or in the body."""
    domains: Annotated[list[Domain], Field(max_length=50)] = Field(default_factory=list)
    """For staff: the e-mail domains whose people sign in by it."""
    role: Text | None = None
    """For staff: the role of the platform's that people of these domains get who were not invited. Without it nobody
    begins to work here but by invitation."""
    team_id: Code | None = None
    """Apple's."""
    key_id: Code | None = None
    """Apple's."""
    is_enabled: bool = True


class ProviderIn(Setting):
    """A new provider."""

    kind: KindName = "oidc"
    issuer: Annotated[LongText, StringConstraints(max_length=MAX_URL)] | None = None
    """As its discovery document says, to the letter; Google, Apple and Facebook have their own."""
    audience: Audience = "customers"
    client_secret: Secret
    """Apple's is the private key, as in the file that it gives."""


class ProviderChange(Setting):
    """Another setting in place of the present one."""

    version: Annotated[int, Field(ge=1, le=2**62)]
    """The version that was read."""
    client_secret: Secret | None = None
    """Without one the present one stays."""


class ProviderOut(Model):
    """A provider, without its secret."""

    id: Id
    kind: str
    name: str
    issuer: str
    audience: Audience
    client_id: str
    client_authentication: Authentication
    domains: list[str]
    role: str | None
    team_id: str | None
    key_id: str | None
    is_enabled: bool
    redirect_uri: str
    """What the provider must know as the address to send browsers back to, for the host that was asked."""
    logout_uri: str
    """Where the provider may tell that somebody has signed out there (back-channel logout), for the host that was
    asked."""
    version: int
    created_at: Instant


class ProviderList(Model):
    """The providers of a shop, the oldest first."""

    items: list[ProviderOut]


class CheckOut(Model):
    """What a provider says of itself just now."""

    usable: bool
    reason: str | None
    """Why it can't be used, as in `federation.provider_unusable`."""
    authorization_endpoint: str | None = None
    token_endpoint: str | None = None
    end_session_endpoint: str | None = None
    """Where people sign out of it; some have none."""
    algorithms: list[str] = Field(default_factory=list)
    """What it signs with, of what is taken."""
    keys: int = 0
    """Its keys that can be used."""


class StaffSignInIn(Input):
    """The provider by which the shop's own staff must come."""

    provider_id: Id


class StaffSignInOut(Model):
    """What the shop asks of its own staff."""

    provider_id: Id | None
    """The provider by which they must come, if they must."""
    owner_account_id: Id | None
    """Who may come by other ways all the same (break-glass): whoever asked for it."""
    not_linked: int
    """How many of them it doesn't know yet. They can't come in before they are invited again."""
    since: Instant | None
