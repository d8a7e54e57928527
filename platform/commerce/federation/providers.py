"""The providers that a shop lets people sign in by. Their secrets are sealed, each by a key that goes with it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

import asyncpg
from sqlalchemy import text

from commerce.federation.kinds import KINDS, Kind, KindName
from commerce.federation.refusals import (
    ProviderExists,
    ProviderNotFound,
    ProviderStale,
    ProviderUnusable,
    TooManyProviders,
)
from foundation import clock, sealing
from foundation.database import Tx, hot
from foundation.ids import new_id
from foundation.turns import in_turn

MOST = 20
"""Providers of a shop."""
Audience = Literal["customers", "staff"]
Authentication = Literal["basic", "post"]


@dataclass(frozen=True, slots=True)
class Provider:
    """A provider, without its secret."""

    id: UUID
    kind: KindName
    name: str
    """What its button says."""
    issuer: str
    client_id: str
    client_authentication: Authentication
    audience: Audience
    domains: tuple[str, ...]
    """Whose people sign in by it; without one everybody's."""
    role: str | None
    """What people of these domains may do who were not invited; without it nobody is hired so."""
    team_id: str | None
    key_id: str | None
    is_enabled: bool
    version: int
    created_at: datetime

    @property
    def peculiar(self) -> Kind:
        """How it differs from others."""
        return KINDS[self.kind]


@dataclass(frozen=True, slots=True)
class OpenedProvider(Provider):
    """A provider with its secret."""

    client_secret: str


_COLUMNS = """id, kind, name, issuer, client_id, client_authentication, audience, domains, role, team_id, key_id,
              is_enabled, version, created_at"""
# pk_identity_provider
_EVERY = hot(
    text(
        f"""
        SELECT {_COLUMNS} FROM identity_provider
        WHERE tenant_id = :tenant_id AND (is_enabled OR NOT CAST(:usable AS boolean)) ORDER BY created_at, id
        """  # noqa: S608  (a literal)
    )
)
_ONE = hot(text(f"SELECT {_COLUMNS} FROM identity_provider WHERE tenant_id = :tenant_id AND id = :id"))  # noqa: S608
_OPEN = hot(
    text(
        f"""
        SELECT {_COLUMNS}, client_secret FROM identity_provider
        WHERE tenant_id = :tenant_id AND id = :id AND is_enabled
        """  # noqa: S608
    )
)
_HOLD = hot(text("SELECT id FROM identity_provider WHERE tenant_id = :tenant_id AND id = :id AND is_enabled FOR SHARE"))
_ADD = hot(
    text(
        """
        INSERT INTO identity_provider (tenant_id, id, kind, name, issuer, client_id, client_secret,
                                       client_authentication, audience, domains, role, team_id, key_id, is_enabled,
                                       created_at)
        VALUES (:tenant_id, :id, :kind, :name, :issuer, :client_id, :client_secret, :client_authentication, :audience,
                CAST(:domains AS text[]), CAST(:role AS text), CAST(:team_id AS text), CAST(:key_id AS text),
                :is_enabled, CAST(:now AS timestamptz))
        """
    )
)
_COUNTED = hot(text("SELECT count(*) AS there FROM identity_provider WHERE tenant_id = :tenant_id"))
_CHANGE = hot(
    text(
        """
        UPDATE identity_provider
        SET name = :name, client_id = :client_id, client_secret = coalesce(CAST(:client_secret AS text), client_secret),
            client_authentication = :client_authentication, domains = CAST(:domains AS text[]),
            role = CAST(:role AS text), team_id = CAST(:team_id AS text), key_id = CAST(:key_id AS text),
            is_enabled = :is_enabled, version = version + 1
        WHERE tenant_id = :tenant_id AND id = :id AND version = :version
        RETURNING id
        """
    )
)
# ix_external_identity_provider
_FORGET_IDENTITIES = hot(
    text("DELETE FROM external_identity WHERE tenant_id = :tenant_id AND provider = CAST(CAST(:id AS uuid) AS text)")
)
_FORGET_ATTEMPTS = hot(
    text("DELETE FROM sign_in_attempt WHERE tenant_id = :tenant_id AND provider = CAST(CAST(:id AS uuid) AS text)")
)
_REMOVE = hot(text("DELETE FROM identity_provider WHERE tenant_id = :tenant_id AND id = :id RETURNING id"))


@dataclass(frozen=True, slots=True)
class Wanted:
    """How a provider is to be set up."""

    name: str
    client_id: str
    client_secret: str | None
    """Without one, what is kept stays."""
    client_authentication: Authentication
    domains: tuple[str, ...]
    role: str | None
    team_id: str | None
    key_id: str | None
    is_enabled: bool


async def every(tx: Tx, *, usable: bool = False) -> list[Provider]:
    """A shop's providers, the oldest first; those that are `usable` are switched on."""
    return [_read(row) for row in await tx.rows(_EVERY, {"usable": usable})]


async def one(tx: Tx, provider_id: UUID) -> Provider:
    """One of them.

    Raises:
        ProviderNotFound.
    """
    row = await tx.one(_ONE, {"id": provider_id})
    if row is None:
        raise ProviderNotFound
    return _read(row)


async def opened(tx: Tx, provider_id: UUID) -> OpenedProvider:
    """One that is switched on, with its secret.

    Raises:
        ProviderNotFound.
        ProviderUnusable: its secret is gone.
    """
    row = await tx.one(_OPEN, {"id": provider_id})
    if row is None:
        raise ProviderNotFound
    (secret,) = await sealing.unseal(tx, [row["client_secret"]])
    if secret is None:
        raise ProviderUnusable(reason="client")
    return OpenedProvider(**_values(row), client_secret=secret)


async def hold(tx: Tx, provider_id: UUID) -> None:
    """Nobody removes or changes it before `tx` ends.

    Raises:
        ProviderNotFound: it is gone, or switched off.
    """
    if await tx.one(_HOLD, {"id": provider_id}) is None:
        raise ProviderNotFound


async def add(tx: Tx, kind: KindName, issuer: str, audience: Audience, secret: str, wanted: Wanted) -> UUID:
    """A new provider's id.

    Raises:
        TooManyProviders, ProviderExists.
    """
    # Of two who add the last that there is room for, one waits.
    await in_turn(tx, f"identity providers:{tx.tenant_id}")
    row = await tx.one(_COUNTED)
    if row is not None and row["there"] >= MOST:
        raise TooManyProviders(limit=MOST)
    provider_id = new_id()
    (sealed,) = await sealing.seal(tx, provider_id, [secret])
    values = {"id": provider_id, "kind": kind, "issuer": issuer, "audience": audience, "now": clock.now()}
    try:
        await tx.rows(_ADD, {**_written(wanted), **values, "client_secret": sealed})
    except asyncpg.UniqueViolationError as fault:
        raise ProviderExists from fault
    return provider_id


async def change(tx: Tx, provider_id: UUID, version: int, wanted: Wanted) -> None:
    """Set it up otherwise.

    Raises:
        ProviderNotFound, ProviderStale, ProviderExists.
    """
    present = await one(tx, provider_id)
    sealed = (await sealing.seal(tx, provider_id, [wanted.client_secret]))[0] if wanted.client_secret else None
    values = {**_written(wanted), "id": provider_id, "client_secret": sealed, "version": version}
    try:
        if await tx.one(_CHANGE, values) is None:
            raise ProviderStale(version=present.version)
    except asyncpg.UniqueViolationError as fault:
        raise ProviderExists from fault


async def remove(tx: Tx, provider_id: UUID) -> None:
    """Let it go, with its secret and the identities that were linked by it.

    Raises:
        ProviderNotFound.
    """
    if await tx.one(_REMOVE, {"id": provider_id}) is None:
        raise ProviderNotFound
    await tx.rows(_FORGET_ATTEMPTS, {"id": provider_id})
    await tx.rows(_FORGET_IDENTITIES, {"id": provider_id})
    await sealing.drop(tx, provider_id)


def _written(wanted: Wanted) -> dict[str, object]:
    return {
        "name": wanted.name,
        "client_id": wanted.client_id,
        "client_authentication": wanted.client_authentication,
        "domains": list(wanted.domains),
        "role": wanted.role,
        "team_id": wanted.team_id,
        "key_id": wanted.key_id,
        "is_enabled": wanted.is_enabled,
    }


def _values(row: Mapping[str, Any]) -> dict[str, Any]:
    kept = {name: value for name, value in dict(row).items() if name != "client_secret"}
    return {**kept, "domains": tuple(row["domains"])}


def _read(row: Mapping[str, Any]) -> Provider:
    return Provider(**_values(row))
