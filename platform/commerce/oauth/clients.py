"""Clients: programs that staff have registered. Of a client's secret only the hash is kept."""

from __future__ import annotations

import hmac
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import Enum
from typing import Literal
from uuid import UUID

import asyncpg
from sqlalchemy import text

from commerce.channels import service as channels
from commerce.identity import secrets_shown_once as once
from commerce.identity.keys import BoundByLimits
from commerce.identity.staff import Staff
from commerce.oauth import scopes as scoping
from commerce.oauth.protocol import invalid_client, is_redirect_uri
from commerce.policies.registry import require_scope
from foundation import clock
from foundation.database import Tx, hot
from foundation.errors import Conflict, NotFound, Unprocessable
from foundation.ids import new_id
from foundation.tokens import token_hash

Kind = Literal["confidential", "public"]
GrantType = Literal["authorization_code", "client_credentials", "refresh_token"]
PREFIX = "tws_"
MOST = 100


class Stays(Enum):
    """What stays as it is, where `None` would take it away."""

    STAYS = "stays"


STAYS = Stays.STAYS


class UnknownClient(NotFound):
    """There is no such program."""

    code = "programs.unknown_client"


class ClientInvalid(Unprocessable):
    """A program can't be registered like this."""

    code = "programs.client_invalid"

    reason: str


class TooManyClients(Conflict):
    """The shop has as many programs as it may have."""

    code = "programs.too_many_clients"

    limit: int


@dataclass(frozen=True, slots=True)
class Client:
    """A program."""

    id: UUID
    name: str
    kind: Kind
    redirect_uris: list[str]
    grants: list[GrantType]
    scopes: list[str]
    channel: str | None
    """The code of the sales channel that its customers are on; `None`: they are on `web`."""
    created_by: str
    created_at: datetime
    disabled_at: datetime | None


_COLUMNS = "id, name, kind, redirect_uris, grants, scopes, channel, created_by, created_at, disabled_at"
# pk_oauth_client
_ALL = hot(
    text(f"SELECT {_COLUMNS} FROM oauth_client WHERE tenant_id = :tenant_id ORDER BY id")  # noqa: S608  (a literal)
)
_ONE = hot(
    text(
        f"SELECT {_COLUMNS}, secret_hash FROM oauth_client"  # noqa: S608  (a literal)
        " WHERE tenant_id = :tenant_id AND id = :id"
    )
)
_COUNT = hot(text("SELECT count(*) FROM oauth_client WHERE tenant_id = :tenant_id AND disabled_at IS NULL"))
_REGISTER = hot(
    text(
        """
        INSERT INTO oauth_client (tenant_id, id, name, kind, secret_hash, redirect_uris, grants, scopes, channel,
                                  created_by)
        VALUES (:tenant_id, :id, :name, :kind, CAST(:secret_hash AS bytea), :redirect_uris, :grants, :scopes,
                CAST(:channel AS text), :created_by)
        """
    )
)
_CHANGE = hot(
    text(
        """
        UPDATE oauth_client SET name = :name, redirect_uris = :redirect_uris, scopes = :scopes,
                                channel = CAST(:channel AS text)
        WHERE tenant_id = :tenant_id AND id = :id
        """
    )
)
_SECRET = hot(text("UPDATE oauth_client SET secret_hash = :secret_hash WHERE tenant_id = :tenant_id AND id = :id"))
# ix_oauth_grant_client
_DISABLE = hot(
    text(
        """
        WITH ended AS (UPDATE oauth_grant SET revoked_at = CAST(:now AS timestamptz), revoked_reason = 'client_disabled'
                       WHERE tenant_id = :tenant_id AND client_id = :id AND revoked_at IS NULL)
        UPDATE oauth_client SET disabled_at = coalesce(disabled_at, CAST(:now AS timestamptz))
        WHERE tenant_id = :tenant_id AND id = :id
        """
    )
)


async def clients(tx: Tx) -> list[Client]:
    """Every program of the shop, disabled ones too."""
    return [_client(row) for row in await tx.rows(_ALL)]


async def client(tx: Tx, client_id: UUID) -> Client:
    """A program.

    Raises:
        UnknownClient: there is none such.
    """
    row = await tx.one(_ONE, {"id": client_id})
    if row is None:
        raise UnknownClient
    return _client(row)


async def named(tx: Tx, client_id: str) -> Client | None:
    """The program that a request names, if it is there and not disabled."""
    row = await _named(tx, client_id)
    return None if row is None else _client(row)


async def authenticated(tx: Tx, client_id: str, secret: str | None) -> Client:
    """The client that asks: a public one by its name, a confidential one by its secret too.

    Raises:
        OauthError: `invalid_client`, whatever was wrong.
    """
    row = await _named(tx, client_id)
    expected: bytes | None = row["secret_hash"] if row is not None else None
    given = token_hash(secret or "")
    is_right = hmac.compare_digest(given, expected if expected is not None else bytes(32))
    if row is None or (is_right if expected is not None else secret is None) is False:
        raise invalid_client()
    return _client(row)


async def _named(tx: Tx, client_id: str) -> asyncpg.Record | None:
    try:
        row = await tx.one(_ONE, {"id": UUID(client_id)})
    except ValueError:
        return None
    return row if row is not None and row["disabled_at"] is None and str(row["id"]) == client_id else None


async def register(
    tx: Tx,
    by: Staff,
    *,
    name: str,
    kind: Kind,
    redirect_uris: Sequence[str],
    grants: Sequence[GrantType],
    scopes: Sequence[str],
    channel: str | None = None,
) -> tuple[Client, str | None]:
    """A new program, and its secret if it can keep one. It may ask for no more of the shop than who registers it may.

    Raises:
        ClientInvalid, TooManyClients.
        ScopeMissing, BoundByLimits: who registers it hasn't got one of the scopes, or only within limits.
        ForPeople: no program may have one of them.
        ChannelUnknown: nothing is sold on that sales channel.
    """
    await channels.require_open(tx, channel)
    _check(by, kind, redirect_uris, grants, scopes)
    counted = await tx.one(_COUNT)
    if counted is not None and counted[0] >= MOST:
        raise TooManyClients(limit=MOST)
    secret = once.new_secret(PREFIX) if kind == "confidential" else None
    client_id = new_id()
    values = {
        "id": client_id,
        "name": name,
        "kind": kind,
        "secret_hash": token_hash(secret) if secret else None,
        "redirect_uris": list(redirect_uris),
        "grants": sorted(set(grants)),
        "scopes": sorted(set(scopes)),
        "channel": channel,
        "created_by": by.responsible,
    }
    await tx.rows(_REGISTER, values)
    return await client(tx, client_id), secret


async def proposed(
    tx: Tx,
    by: Staff,
    client_id: UUID,
    *,
    name: str | None,
    redirect_uris: Sequence[str] | None,
    scopes: Sequence[str] | None,
    channel: str | Stays | None = STAYS,
) -> tuple[Client, Client]:
    """A program as it is, and as it would be with what is given. Nothing is changed.

    Raises:
        UnknownClient, ClientInvalid, ScopeMissing, BoundByLimits, ForPeople, ChannelUnknown.
    """
    before = await client(tx, client_id)
    after = replace(
        before,
        name=name or before.name,
        redirect_uris=before.redirect_uris if redirect_uris is None else list(redirect_uris),
        scopes=before.scopes if scopes is None else sorted(set(scopes)),
        channel=before.channel if isinstance(channel, Stays) else channel,
    )
    if after.channel != before.channel:
        await channels.require_open(tx, after.channel)
    _check(by, after.kind, after.redirect_uris, after.grants, after.scopes, already=before.scopes)
    return before, after


async def change(
    tx: Tx,
    by: Staff,
    client_id: UUID,
    *,
    name: str | None,
    redirect_uris: Sequence[str] | None,
    scopes: Sequence[str] | None,
    channel: str | Stays | None = STAYS,
) -> Client:
    """Change what is given. Tokens that it has lose what it may no longer ask for.

    Raises:
        UnknownClient, ClientInvalid, ScopeMissing, BoundByLimits, ForPeople, ChannelUnknown.
    """
    _, after = await proposed(tx, by, client_id, name=name, redirect_uris=redirect_uris, scopes=scopes, channel=channel)
    values = {name: getattr(after, name) for name in ("id", "name", "redirect_uris", "scopes", "channel")}
    await tx.rows(_CHANGE, values)
    return after


async def new_secret(tx: Tx, by: Staff, client_id: UUID) -> str:
    """A new secret for a program; the old one is good no longer. Whoever learns it can do what the program may.

    Raises:
        UnknownClient: there is none such.
        ClientInvalid: it is public, so it has none.
        ScopeMissing, BoundByLimits: the program may do more than whoever asks.
    """
    found = await client(tx, client_id)
    if found.kind == "public":
        raise ClientInvalid(reason="a public program has no secret")
    _require_all(by, scoping.of_shop(found.scopes))
    secret = once.new_secret(PREFIX)
    await tx.rows(_SECRET, {"id": client_id, "secret_hash": token_hash(secret)})
    return secret


async def disable(tx: Tx, client_id: UUID) -> None:
    """A program may do nothing from now on, and all that was granted to it ends.

    Raises:
        UnknownClient: there is none such.
    """
    await client(tx, client_id)
    await tx.rows(_DISABLE, {"id": client_id, "now": clock.now()})


def _check(
    by: Staff,
    kind: Kind,
    redirect_uris: Sequence[str],
    grants: Sequence[GrantType],
    scopes: Sequence[str],
    *,
    already: Sequence[str] = (),
) -> None:
    """Stop unless a program can be registered like this."""
    for scope in scopes:
        require_scope(scope)
    for_customers, for_shop = scoping.of_customers(scopes), scoping.of_shop(scopes)
    unknown = set(scopes) - set(for_customers) - set(for_shop)
    faults = {
        f"there is no scope {min(unknown, default='')}": bool(unknown),
        "client_credentials needs a program that can keep a secret": (
            kind == "public" and "client_credentials" in grants
        ),
        "client_credentials needs scopes of the shop": "client_credentials" in grants and not for_shop,
        "scopes of the shop need client_credentials": bool(for_shop) and "client_credentials" not in grants,
        "authorization_code needs a redirect URI": "authorization_code" in grants and not redirect_uris,
        "authorization_code needs store:read or store:write": "authorization_code" in grants and not for_customers,
        "store:read and store:write need authorization_code": (
            bool(for_customers) and "authorization_code" not in grants
        ),
        "refresh_token needs authorization_code": "refresh_token" in grants and "authorization_code" not in grants,
        "a redirect URI is https, http on 127.0.0.1 or [::1], or an app's own scheme, without a fragment": not all(
            is_redirect_uri(uri, public=kind == "public") for uri in redirect_uris
        ),
    }
    for reason, is_at_fault in faults.items():
        if is_at_fault:
            raise ClientInvalid(reason=reason)
    _require_all(by, set(for_shop) - set(already))


def _require_all(by: Staff, scopes: Collection[str]) -> None:
    """Stop whoever could come by more than they may do, by a program."""
    if scopes and by.limits.bound:
        raise BoundByLimits
    for scope in scopes:
        by.require(scope)


def _client(row: asyncpg.Record) -> Client:
    kept = {name: value for name, value in row.items() if name != "secret_hash"}
    held = [*scoping.of_customers(row["scopes"]), *scoping.of_shop(row["scopes"])]
    return Client(**{**kept, "scopes": sorted(held)})
