"""Claiming a domain, proving it, and keeping it.

Anybody may claim a name; whoever first shows the record gets it, by the one row that the directory has for a name. What
two shops claim does not stand in each other's way: each has a record of its own to show.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import text

from commerce.domains.names import RECORD
from commerce.domains.records import Finding
from commerce.domains.schemas import DomainList, DomainOut, RecordOut
from foundation import clock
from foundation.database import Tx, hot
from foundation.errors import Conflict, NotFound
from foundation.ids import new_id

MOST = 20
PENDING_DAYS = 7
"""How long the worker looks for the record of a claim."""
AGAIN_PENDING, AGAIN_MISSING, AGAIN_VERIFIED = timedelta(minutes=15), timedelta(hours=6), timedelta(days=1)
LEASE = timedelta(minutes=10)
"""How long a worker that took a domain to check is waited for."""


class DomainNotFound(NotFound):
    """The shop has no such domain."""

    code = "domains.not_found"


class DomainTaken(Conflict):
    """A shop answers to this name already."""

    code = "domains.taken"

    host: str


class DomainKnown(Conflict):
    """The shop has claimed this domain before."""

    code = "domains.known"

    host: str


class TooManyDomains(Conflict):
    """The shop has as many domains as it may."""

    code = "domains.too_many"

    most: int


class NotVerified(Conflict):
    """Only a verified domain can be the primary one."""

    code = "domains.not_verified"


@dataclass(frozen=True, slots=True)
class Claim:
    """What is to be checked."""

    id: UUID
    host: str
    token: str

    @property
    def name(self) -> str:
        """Where the record is looked for."""
        return f"{RECORD}.{self.host}"

    @property
    def value(self) -> str:
        """What it must say."""
        return f"tradewind-verification={self.token}"


_COLUMNS = """
    d.id, d.host, d.token, d.status, d.finding, d.absent_since, d.verified_at, d.checked_at, d.created_at,
    EXISTS (SELECT FROM tenant_domain t WHERE t.host = d.host AND t.tenant_id = d.tenant_id AND t.is_primary)
        AS is_primary
"""
# The primary keys of both.
_ONE = hot(text(f"SELECT {_COLUMNS} FROM domain d WHERE d.tenant_id = :tenant_id AND d.id = CAST(:id AS uuid)"))  # noqa: S608
_EVERY = hot(text(f"SELECT {_COLUMNS} FROM domain d WHERE d.tenant_id = :tenant_id ORDER BY d.id LIMIT 100"))  # noqa: S608
_COUNT = hot(text("SELECT count(*) AS many FROM domain WHERE tenant_id = :tenant_id"))
_WHOSE = hot(text("SELECT tenant_id FROM tenant_domain WHERE host = :host"))
# uq_domain_host
_ADD = hot(
    text(
        """
        INSERT INTO domain (tenant_id, id, host, token, status, next_check_at, created_at)
        VALUES (:tenant_id, :id, :host, :token, 'pending', CAST(:next AS timestamptz), CAST(:now AS timestamptz))
        ON CONFLICT (tenant_id, host) DO NOTHING RETURNING id
        """
    )
)
_LOCK = hot(
    text(
        """
        SELECT id, host, token, status, absent_since, verified_at, created_at FROM domain
        WHERE tenant_id = :tenant_id AND id = CAST(:id AS uuid) FOR UPDATE
        """
    )
)
_SAY = hot(
    text(
        """
        UPDATE domain SET status = :status, finding = :finding, absent_since = CAST(:absent_since AS timestamptz),
               verified_at = CAST(:verified_at AS timestamptz), checked_at = CAST(:now AS timestamptz),
               next_check_at = CAST(:next AS timestamptz)
        WHERE tenant_id = :tenant_id AND id = CAST(:id AS uuid)
        """
    )
)
_ENTER = hot(
    text(
        """
        INSERT INTO tenant_domain (host, tenant_id) VALUES (:host, :tenant_id)
        ON CONFLICT (host) DO NOTHING RETURNING host
        """
    )
)
_LEAVE = hot(text("DELETE FROM tenant_domain WHERE host = :host AND tenant_id = :tenant_id"))
_REMOVE = hot(text("DELETE FROM domain WHERE tenant_id = :tenant_id AND id = CAST(:id AS uuid) RETURNING host, status"))
# uq_tenant_domain_primary is not deferred: the old one goes first.
_NO_PRIMARY = hot(text("UPDATE tenant_domain SET is_primary = false WHERE tenant_id = :tenant_id AND is_primary"))
_PRIMARY = hot(text("UPDATE tenant_domain SET is_primary = true WHERE tenant_id = :tenant_id AND host = :host"))
# The shop's one row: its domains are counted, and its primary is changed, by one at a time.
_ONE_AT_A_TIME = hot(text("SELECT id FROM tenant WHERE id = :tenant_id FOR NO KEY UPDATE"))
# ix_domain_next_check
_DUE = hot(
    text(
        """
        UPDATE domain SET next_check_at = CAST(:leased AS timestamptz)
        WHERE tenant_id = :tenant_id AND id IN (
            SELECT id FROM domain WHERE tenant_id = :tenant_id AND next_check_at <= CAST(:now AS timestamptz)
            ORDER BY next_check_at LIMIT CAST(:most AS int) FOR UPDATE SKIP LOCKED
        ) RETURNING id, host, token
        """
    )
)


async def every(tx: Tx) -> DomainList:
    """The shop's domains, the oldest first."""
    return DomainList(items=[_out(row) for row in await tx.rows(_EVERY)])


async def one(tx: Tx, domain_id: UUID) -> DomainOut:
    """One of the shop's domains.

    Raises:
        DomainNotFound.
    """
    row = await tx.one(_ONE, {"id": domain_id})
    if row is None:
        raise DomainNotFound
    return _out(row)


async def claim(tx: Tx, host: str) -> DomainOut:
    """Claim a name, as `names.normalised` gives it. It leads nowhere before it is proved.

    Raises:
        DomainTaken: a shop answers to it.
        DomainKnown: it is claimed by this shop already.
        TooManyDomains.
    """
    await tx.rows(_ONE_AT_A_TIME)
    counted = await tx.one(_COUNT)
    if counted is not None and counted["many"] >= MOST:
        raise TooManyDomains(most=MOST)
    now = clock.now()
    values = {"id": new_id(), "host": host, "token": secrets.token_urlsafe(24), "next": now + AGAIN_PENDING, "now": now}
    added = await tx.one(_ADD, values)
    if added is None:
        raise DomainKnown(host=host)
    if await tx.one(_WHOSE, {"host": host}) is not None:
        raise DomainTaken(host=host)
    return await one(tx, added["id"])


async def to_check(tx: Tx, domain_id: UUID) -> Claim:
    """What is looked for to prove a domain.

    Raises:
        DomainNotFound.
    """
    row = await tx.one(_LOCK, {"id": domain_id})
    if row is None:
        raise DomainNotFound
    return Claim(row["id"], row["host"], row["token"])


async def due(tx: Tx, *, most: int) -> list[Claim]:
    """Domains that it is time to check, each given to one worker for a while."""
    now = clock.now()
    rows = await tx.rows(_DUE, {"now": now, "leased": now + LEASE, "most": most})
    return [Claim(row["id"], row["host"], row["token"]) for row in rows]


async def found(tx: Tx, claimed: Claim, finding: Finding, *, lapses_after: timedelta, taken: bool = False) -> bool:
    """Write down what a check found, and what follows. Whether the shop has the domain now is given: not when another
    shop was quicker to prove it, or has `taken` it in another database. Nothing is written of a domain that was removed
    meanwhile.
    """
    row = await tx.one(_LOCK, {"id": claimed.id})
    if row is None or row["token"] != claimed.token:
        return False
    now = clock.now()
    said: dict[str, Any] = {"id": claimed.id, "finding": finding, "now": now, "verified_at": row["verified_at"]}
    if finding == "found":
        has = not taken and await _enter(tx, claimed.host)
        first = row["verified_at"] if row["status"] == "verified" else now
        proved = {"status": "verified", "next": now + AGAIN_VERIFIED, "verified_at": first}
        lost = {"status": "failed", "next": None}
        await tx.rows(_SAY, {**said, "absent_since": None, **(proved if has else lost)})
        return has
    status, next_at, absent_since = _without(row, finding, now, lapses_after)
    if status == "lapsed" and row["status"] == "verified":
        await tx.rows(_LEAVE, {"host": claimed.host})
    await tx.rows(_SAY, {**said, "status": status, "next": next_at, "absent_since": absent_since})
    return status == "verified"


def _without(
    row: Mapping[str, Any], finding: Finding, now: datetime, lapses_after: timedelta
) -> tuple[str, datetime | None, datetime | None]:
    """(status, next check, absent since) of a domain whose record was not found. Only a definite answer counts."""
    if row["status"] == "verified":
        since = row["absent_since"] if finding == "unsure" else row["absent_since"] or now
        if finding != "unsure" and since is not None and now - since >= lapses_after:
            return "lapsed", None, since
        return "verified", now + AGAIN_MISSING, since
    if row["status"] == "pending" and now - row["created_at"] < timedelta(days=PENDING_DAYS):
        return "pending", now + AGAIN_PENDING, None
    return ("lapsed" if row["status"] == "lapsed" else "failed"), None, row["absent_since"]


async def _enter(tx: Tx, host: str) -> bool:
    """Whether the shop answers to a name, which is entered if it is free. A second one waits for the first's commit."""
    if await tx.one(_ENTER, {"host": host}) is not None:
        return True
    whose = await tx.one(_WHOSE, {"host": host})
    return whose is not None and whose["tenant_id"] == tx.tenant_id


async def make_primary(tx: Tx, domain_id: UUID) -> None:
    """Send whoever asks for a page at another of the shop's names to this one.

    Raises:
        DomainNotFound, NotVerified.
    """
    await tx.rows(_ONE_AT_A_TIME)
    row = await tx.one(_LOCK, {"id": domain_id})
    if row is None:
        raise DomainNotFound
    if row["status"] != "verified":
        raise NotVerified
    await tx.rows(_NO_PRIMARY)
    await tx.rows(_PRIMARY, {"host": row["host"]})


async def make_ordinary(tx: Tx, domain_id: UUID) -> None:
    """Let a domain be one among the shop's names; nobody is sent anywhere then.

    Raises:
        DomainNotFound.
    """
    await tx.rows(_ONE_AT_A_TIME)
    if (await one(tx, domain_id)).is_primary:
        await tx.rows(_NO_PRIMARY)


async def remove(tx: Tx, domain_id: UUID) -> None:
    """Give a domain up: the shop does not answer to it any more, and anybody may claim it.

    Raises:
        DomainNotFound.
    """
    row = await tx.one(_REMOVE, {"id": domain_id})
    if row is None:
        raise DomainNotFound
    if row["status"] == "verified":
        await tx.rows(_LEAVE, {"host": row["host"]})


def _out(row: Mapping[str, Any]) -> DomainOut:
    told = dict(row)
    claimed = Claim(told["id"], told["host"], told.pop("token"))
    return DomainOut(record=RecordOut(name=claimed.name, value=claimed.value), **told)
