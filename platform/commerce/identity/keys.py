"""Keys of the API, as those who look after them see them: made, read, replaced, ended."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

import asyncpg
from sqlalchemy import text

from commerce.identity import secrets_shown_once as once
from commerce.identity.staff import PREFIX, SEEN_EVERY, Staff
from commerce.policies.registry import SCOPES, require_scope
from foundation import clock
from foundation.database import Database, Tx, hot
from foundation.errors import Conflict, Forbidden, NotFound, Unprocessable
from foundation.ids import new_id
from foundation.tokens import token_hash

MOST = 200
"""Keys of a shop, or of a vendor, that are good at the same time."""
LISTED = 500


class UnknownKey(NotFound):
    """There is no such key."""

    code = "identity.unknown_key"


class UnknownScope(Unprocessable):
    """There is no such permission."""

    code = "identity.unknown_scope"

    scope: str


class TooManyKeys(Conflict):
    """There are as many keys as there may be; end some first."""

    code = "identity.too_many_keys"

    limit: int


class KeyEnded(Conflict):
    """This key is not good any more, so it can't be replaced."""

    code = "identity.key_ended"


class BoundByLimits(Forbidden):
    """Somebody whose permissions have limits makes no keys and no programs."""

    code = "identity.bound_by_limits"


class ExpiresInThePast(Unprocessable):
    """A key must be good for a while."""

    code = "identity.expires_in_the_past"


@dataclass(frozen=True, slots=True)
class Key:
    """A key, without the secret."""

    id: UUID
    name: str
    prefix: str | None
    scopes: tuple[str, ...]
    vendor_id: UUID | None
    created_by: str | None
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None
    revoked_at: datetime | None


_COLUMNS = "id, name, prefix, scopes, vendor_id, created_by, created_at, expires_at, last_used_at, revoked_at"
# pk_api_key
_LIST = hot(
    text(
        f"""
        SELECT {_COLUMNS} FROM api_key
        WHERE tenant_id = :tenant_id AND (CAST(:vendor_id AS uuid) IS NULL OR vendor_id = CAST(:vendor_id AS uuid))
        ORDER BY id DESC LIMIT :limit
        """  # noqa: S608  (a literal)
    )
)
_ONE = hot(
    text(
        f"""
        SELECT {_COLUMNS} FROM api_key
        WHERE tenant_id = :tenant_id AND id = :id
          AND (CAST(:vendor_id AS uuid) IS NULL OR vendor_id = CAST(:vendor_id AS uuid))
        FOR UPDATE
        """  # noqa: S608  (a literal)
    )
)
_GOOD = hot(
    text(
        """
        SELECT count(*) FROM api_key
        WHERE tenant_id = :tenant_id AND vendor_id IS NOT DISTINCT FROM CAST(:vendor_id AS uuid)
          AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > CAST(:now AS timestamptz))
        """
    )
)
_MAKE = hot(
    text(
        """
        INSERT INTO api_key (tenant_id, id, name, token_hash, scopes, vendor_id, prefix, created_by, expires_at)
        VALUES (:tenant_id, :id, :name, :token_hash, :scopes, CAST(:vendor_id AS uuid), :prefix, :created_by,
                CAST(:expires_at AS timestamptz))
        """
    )
)
_END = hot(
    text(
        """
        UPDATE api_key SET revoked_at = coalesce(revoked_at, CAST(:now AS timestamptz))
        WHERE tenant_id = :tenant_id AND id = :id
          AND (CAST(:vendor_id AS uuid) IS NULL OR vendor_id = CAST(:vendor_id AS uuid))
        RETURNING id
        """
    )
)
_EXPIRE = hot(
    text(
        """
        UPDATE api_key SET expires_at = least(expires_at, CAST(:until AS timestamptz))
        WHERE tenant_id = :tenant_id AND id = :id
        """
    )
)
_SEEN = hot(
    text(
        """
        UPDATE api_key SET last_used_at = CAST(:now AS timestamptz)
        WHERE tenant_id = :tenant_id AND id = :id
          AND (last_used_at IS NULL OR last_used_at <= CAST(:now AS timestamptz) - CAST(:every AS interval))
        """
    )
)


async def keys(tx: Tx, vendor_id: UUID | None) -> list[Key]:
    """The latest keys, ended ones too: all of the shop's, or a vendor's."""
    return [_key(row) for row in await tx.rows(_LIST, {"vendor_id": vendor_id, "limit": LISTED})]


async def make(
    tx: Tx, by: Staff, *, name: str, scopes: Sequence[str], vendor_id: UUID | None, expires_at: datetime | None
) -> tuple[Key, str]:
    """A new key, and its secret, which is kept nowhere. Nobody can give a key more than they may do themselves.

    Raises:
        UnknownScope, ScopeMissing, ForPeople: one of the scopes isn't there, the maker hasn't got it, or no key may.
        BoundByLimits: there is a limit to what the maker may do.
        ExpiresInThePast, TooManyKeys.
    """
    if by.limits.bound:
        raise BoundByLimits
    for scope in scopes:
        require_scope(scope)
        if scope not in SCOPES:
            raise UnknownScope(scope=scope)
        by.require(scope)
    now = clock.now()
    if expires_at is not None and expires_at <= now:
        raise ExpiresInThePast
    counted = await tx.one(_GOOD, {"vendor_id": vendor_id, "now": now})
    if counted is not None and counted[0] >= MOST:
        raise TooManyKeys(limit=MOST)
    secret, key_id = once.new_secret(PREFIX), new_id()
    values = {
        "id": key_id,
        "name": name,
        "token_hash": token_hash(secret),
        "scopes": sorted(set(scopes)),
        "vendor_id": vendor_id,
        "prefix": once.shown_of(PREFIX, secret),
        "created_by": by.responsible,
        "expires_at": expires_at,
    }
    await tx.rows(_MAKE, values)
    return await key(tx, key_id, vendor_id), secret


async def key(tx: Tx, key_id: UUID, vendor_id: UUID | None) -> Key:
    """A key; when `vendor_id` is given, only one of that vendor's.

    Raises:
        UnknownKey: there is none such.
    """
    row = await tx.one(_ONE, {"id": key_id, "vendor_id": vendor_id})
    if row is None:
        raise UnknownKey
    return _key(row)


async def end(tx: Tx, key_id: UUID, vendor_id: UUID | None) -> None:
    """A key opens nothing from now on.

    Raises:
        UnknownKey: there is none such.
    """
    if await tx.one(_END, {"id": key_id, "vendor_id": vendor_id, "now": clock.now()}) is None:
        raise UnknownKey


async def replace(tx: Tx, by: Staff, key_id: UUID, vendor_id: UUID | None, *, overlap: timedelta) -> tuple[Key, str]:
    """A new key like an old one, which stays good for `overlap`; nobody can so come by more than they may do.

    Raises:
        UnknownKey, KeyEnded: there is none such, or it is not good any more.
        ScopeMissing: it may do what the one who asks may not.
    """
    old = await key(tx, key_id, vendor_id)
    now = clock.now()
    if old.revoked_at is not None or (old.expires_at is not None and old.expires_at <= now):
        raise KeyEnded
    made = await make(tx, by, name=old.name, scopes=old.scopes, vendor_id=old.vendor_id, expires_at=old.expires_at)
    await tx.rows(_EXPIRE, {"id": key_id, "until": now + overlap})
    return made


def _key(row: asyncpg.Record) -> Key:
    return Key(**{**dict(row), "scopes": tuple(scope for scope in row["scopes"] if scope in SCOPES)})


@dataclass(slots=True)
class Uses:
    """The keys that were used lately, so that this is written down once a minute and not by the request itself."""

    _noted: dict[UUID, datetime] = field(default_factory=dict)

    def note(self, staff: Staff) -> bool:
        """Whether it is time to write down that a key is in use; says so once for `SEEN_EVERY`."""
        now = clock.now()
        if not staff.is_due or self._noted.get(staff.key_id, datetime.min.replace(tzinfo=now.tzinfo)) > now:
            return False
        if len(self._noted) > LISTED:
            self._noted = {key_id: until for key_id, until in self._noted.items() if until > now}
        self._noted[staff.key_id] = now + SEEN_EVERY
        return True


_END_OF = hot(
    text(
        """
        UPDATE api_key SET revoked_at = CAST(:now AS timestamptz)
        WHERE tenant_id = :tenant_id AND created_by = :principal AND revoked_at IS NULL
        """
    )
)


async def end_all_of(tx: Tx, principal: str) -> None:
    """The keys that somebody has made open nothing from now on."""
    await tx.rows(_END_OF, {"principal": principal, "now": clock.now()})


async def seen(database: Database, tenant_id: UUID, key_id: UUID, at: datetime) -> None:
    """Write down that a key was used."""
    async with database.tx(tenant_id) as tx:
        await tx.rows(_SEEN, {"id": key_id, "now": at, "every": SEEN_EVERY})
