"""Programs over HTTP."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import Field, StringConstraints

from commerce.oauth.clients import GrantType, Kind
from commerce.oauth.protocol import MAX_REDIRECT
from commerce.programs.key_schemas import MadeBy, Scopes
from foundation.types import Input, Model, Slug, Text

RedirectUris = Annotated[
    list[Annotated[str, StringConstraints(min_length=1, max_length=MAX_REDIRECT)]], Field(max_length=20)
]


class ClientIn(Input):
    """A program to register."""

    name: Text
    kind: Kind
    """`public` for what can't keep a secret: an app on a phone, a page in a browser."""
    grants: Annotated[list[GrantType], Field(min_length=1, max_length=3)]
    scopes: Scopes
    """The most it may ask for: `store:read`, `store:write` of customers; permissions of staff in its own name."""
    redirect_uris: RedirectUris = Field(default_factory=list)
    channel: Slug | None = None
    """The sales channel that customers are on for whom it acts; without one they are on `web`."""


class ClientChange(Input):
    """What of a program is to be otherwise."""

    name: Text | None = None
    scopes: Scopes | None = None
    redirect_uris: RedirectUris | None = None
    channel: Slug | None = None
    """`null` puts it back on `web`; left out, it stays."""


class ClientOut(Model):
    """A program."""

    id: UUID
    """Its `client_id`."""
    name: str
    kind: Kind
    redirect_uris: list[str]
    grants: list[GrantType]
    scopes: list[str]
    channel: str | None
    created_by: str
    made_by: MadeBy | None
    """`null`: it was no person, or they are forgotten."""
    created_at: datetime
    disabled_at: datetime | None


class ClientMade(ClientOut):
    """A new program."""

    client_secret: str | None
    """Shown this once; a public program has none."""


class ClientSecret(Model):
    """A new secret."""

    client_secret: str
    """Shown this once."""


class ClientList(Model):
    """The shop's programs."""

    items: list[ClientOut]
