"""Which shop a host name belongs to."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import lru_cache
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import asyncpg
import structlog
from sqlalchemy import and_, select, text
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from commerce.tenancy.models import Tenant, TenantDomain
from foundation.database import SHARED, Database, DatabaseUnavailable, ShopMoving, Tx, hot
from foundation.errors import Conflict, NotFound, Unavailable
from foundation.proxies import Networks

log = structlog.get_logger(__name__)

CHANNEL = "directory_changed"
CACHED_SECONDS = 30.0
UNHEARD_SECONDS = 1.0
"""How long a shop is remembered while nobody would tell that it has changed."""


class UnknownTenant(NotFound):
    """No shop answers to this host name."""

    code = "tenancy.unknown_host"

    host: str


class TenantSuspended(Unavailable):
    """This shop is closed for now."""

    code = "tenancy.suspended"


class SettingsChanged(Conflict):
    """Somebody has changed the shop's settings since they were read."""

    code = "tenancy.settings_changed"

    version: int


class StatusUnfit(Conflict):
    """The shop is in a state that does not allow this."""

    code = "tenancy.status_unfit"

    present: str


@dataclass(frozen=True, slots=True)
class Shop:
    """A tenant, as the rest of the core needs it."""

    id: UUID
    slug: str
    name: str
    currency: str
    locale: str
    status: str
    settings: dict[str, Any]
    settings_version: int = 1
    primary_host: str | None = None
    """Where its pages are shown, as the directory found it; not part of `own`."""
    language: str | None = None
    """In which of its `locales` it is read; its own, without."""
    is_apart: bool = False
    """Its rows are in a database of its own, and what the shared directory says of it may be some seconds old."""

    @property
    def is_open(self) -> bool:
        """Whether anybody but its staff may come in."""
        return self.status == "active"

    @property
    def locales(self) -> Sequence[str]:
        """The languages that it has beside its own: the setting `locales`."""
        found: Sequence[str] = self.settings.get("locales", ())
        return found

    @property
    def internal_networks(self) -> Networks:
        """Where it works itself, so that what is done from there is no customer's: the setting `internal_networks`."""
        named: Sequence[str] = self.settings.get("internal_networks", ())
        return _networks(",".join(named)) if named else _NO_NETWORKS

    @property
    def zone(self) -> ZoneInfo:
        """Where its days begin and end: the setting `zone`."""
        return ZoneInfo(self.settings.get("zone", "UTC"))


_NO_NETWORKS = Networks()


@lru_cache(maxsize=1_000)
def _networks(named: str) -> Networks:
    return Networks.read(named)


@dataclass(slots=True)
class Directory:
    """The tenant directory with a short memory: a shop is forgotten as soon as Postgres tells that it changed."""

    database: Database
    _hearing: bool = False
    _told: int = 0
    """Grows with everything that is told, so that what was read before is not remembered after."""
    _known: dict[str, tuple[float, Shop]] = field(default_factory=dict)

    async def by_host(self, host: str) -> Shop:
        """The open shop of a Host header, with or without a port.

        Raises:
            UnknownTenant: nobody registered that name.
            TenantSuspended: the shop is closed.
        """
        shop = await self.found(host)
        if not shop.is_open:
            raise TenantSuspended
        return shop

    async def found(self, host: str) -> Shop:
        """The shop of a Host header, open or closed.

        Raises:
            UnknownTenant: nobody registered that name.
        """
        name = _host_name(host)
        if "\x00" in name or len(name) > _LONGEST_HOST:
            raise UnknownTenant(host=name[:200])
        known = self._known.get(name)
        if known is not None and known[0] >= time.monotonic():
            return known[1]
        told = self._told
        async with self.database.transaction(None) as session:
            shop = await find_by_host(session, name)
        if shop is not None and shop.is_apart:
            async with self.database.transaction(shop.id) as session:
                shop = await find_by_host(session, name)
        if shop is None:
            self._known.pop(name, None)
            raise UnknownTenant(host=name[:200])
        if told == self._told:
            self._known[name] = (time.monotonic() + (CACHED_SECONDS if self._hearing else UNHEARD_SECONDS), shop)
        return shop

    def known(self, host: str) -> Shop | None:
        """The open shop of a Host header, if it is remembered."""
        known = self._known.get(_host_name(host))
        return known[1] if known and known[0] >= time.monotonic() and known[1].is_open else None

    def open(self) -> None:
        """From here on every change is heard."""
        self._hearing = True

    def close(self) -> None:
        """Changes may go by unheard: remember nothing for long."""
        self._hearing = False
        self._told += 1
        self._known.clear()

    def heard(self, tenant_id: str) -> None:
        """A shop, or its host names, changed."""
        self._told += 1
        self._known = {name: known for name, known in self._known.items() if str(known[1].id) != tenant_id}


_LONGEST_HOST = 253
"""Characters of a name in the DNS (RFC 1035, section 2.3.4); no longer one is asked for."""


def _host_name(host: str) -> str:
    name = host.strip().lower()
    if name.startswith("["):
        return name.partition("]")[0] + "]"
    return name.partition(":")[0].rstrip(".")


async def find_by_host(session: AsyncSession, host: str) -> Shop | None:
    """The shop registered under a host name, or `None`."""
    primary = aliased(TenantDomain)
    chosen = and_(primary.tenant_id == Tenant.id, primary.is_primary)
    named = (
        select(Tenant, primary.host)
        .join(TenantDomain, TenantDomain.tenant_id == Tenant.id)
        .outerjoin(primary, chosen)
        .where(TenantDomain.host == host)
    )
    found = (await session.execute(named)).first()
    return replace(shop_of(found[0]), primary_host=found[1]) if found else None


async def a_host_of(session: AsyncSession, tenant_id: UUID) -> str | None:
    """A name that a shop answers to, if it has one."""
    named = select(TenantDomain.host).where(TenantDomain.tenant_id == tenant_id).order_by(TenantDomain.host)
    host: str | None = await session.scalar(named.limit(1))
    return host


@contextmanager
def for_itself(shop: Shop) -> Iterator[None]:
    """What is done for one shop of many: that its own database is away, or that it is being moved, is no reason to do
    nothing for the others. It has its turn in the next round.
    """
    try:
        yield
    except ShopMoving:
        log.info("shop.moving", tenant=shop.slug)
    except DatabaseUnavailable as fault:
        if not shop.is_apart:
            raise
        log.warning("shop.database_unavailable", tenant=shop.slug, error=str(fault))


async def all_shops(session: AsyncSession, *, with_drafts: bool = False) -> list[Shop]:
    """Every shop, by slug: for the workers that serve all of them. One that is only being set up is none yet unless
    asked for, one that is being removed none any more.
    """
    left_out = ("removing",) if with_drafts else ("draft", "removing")
    found = select(Tenant).where(Tenant.status.not_in(left_out)).order_by(Tenant.slug)
    return [shop_of(tenant) for tenant in await session.scalars(found)]


def shop_of(tenant: Tenant) -> Shop:
    """The value the core works with."""
    return Shop(
        tenant.id,
        tenant.slug,
        tenant.name,
        tenant.currency,
        tenant.locale,
        tenant.status,
        tenant.settings,
        tenant.settings_version,
        is_apart=tenant.home != SHARED,
    )


_OWN = hot(
    text(
        """
        SELECT id, slug, name, currency, locale, status, settings::text AS settings, settings_version FROM tenant
        WHERE id = :tenant_id
        """
    )
)


async def own(tx: Tx) -> Shop:
    """The transaction's own shop as it stands now, whatever is remembered of it.

    Raises:
        UnknownTenant: it is gone.
    """
    row = await tx.one(_OWN)
    if row is None:
        raise UnknownTenant(host="")
    return Shop(**{**dict(row), "settings": json.loads(row["settings"])})


_KEEP_SETTINGS = hot(
    text(
        """
        UPDATE tenant SET name = :name, locale = :locale, settings_version = settings_version + 1,
               settings = (settings - CAST(:keys AS text[])) || CAST(CAST(:settings AS text) AS jsonb)
        WHERE id = :tenant_id AND settings_version = :version RETURNING settings_version
        """
    )
)


async def keep_settings(
    tx: Tx, *, name: str, locale: str, keys: Sequence[str], settings: Mapping[str, Any], version: int
) -> int:
    """Put these in place of what the shop had under `keys`; what it has under others stays. The new version is given.

    Raises:
        SettingsChanged: it is not `version` any more.
    """
    values = {"name": name, "locale": locale, "keys": list(keys), "settings": json.dumps(settings), "version": version}
    row = await tx.one(_KEEP_SETTINGS, values)
    if row is None:
        raise SettingsChanged(version=(await own(tx)).settings_version)
    kept: int = row["settings_version"]
    return kept


_MOVE = hot(
    text(
        """
        UPDATE tenant SET status = :status, closes_at = CAST(:closes_at AS timestamptz), warned_days = NULL
        WHERE id = :tenant_id AND status = ANY (CAST(:among AS text[])) RETURNING status
        """
    )
)


async def move(tx: Tx, status: str, *, among: Sequence[str], closes_at: datetime | None = None) -> None:
    """Bring the shop into a state from one of `among`; every worker is told with the commit.

    Raises:
        StatusUnfit: it is in another one.
    """
    values = {"status": status, "among": list(among), "closes_at": closes_at}
    if await tx.one(_MOVE, values) is None:
        raise StatusUnfit(present=(await own(tx)).status)


class NameTaken(Conflict):
    """Another shop has this address."""

    code = "tenancy.name_taken"

    slug: str


_DRAFT = hot(
    text(
        """
        INSERT INTO tenant (id, slug, name, currency, status)
        VALUES (:tenant_id, 'draft-' || CAST(CAST(:tenant_id AS uuid) AS text), :name, 'USD', 'draft')
        """
    )
)
_OPEN = hot(
    text(
        """
        UPDATE tenant SET slug = :slug, name = :name, currency = :currency, locale = :locale, status = :status,
               settings = CAST(CAST(:settings AS text) AS jsonb)
        WHERE id = :tenant_id AND status = 'draft' RETURNING id
        """
    )
)
_ADD_HOST = hot(
    text(
        """
        INSERT INTO tenant_domain (host, tenant_id) VALUES (:host, :tenant_id)
        ON CONFLICT (host) DO NOTHING RETURNING host
        """
    )
)
_TAKEN = hot(
    text("SELECT slug FROM tenant WHERE slug = :slug UNION ALL SELECT host FROM tenant_domain WHERE host = :host")
)


async def draft(tx: Tx, name: str) -> None:
    """Enter the transaction's tenant as one that is only being set up: it has no address yet."""
    await tx.rows(_DRAFT, {"name": name})


async def is_taken(tx: Tx, slug: str, host: str) -> bool:
    """Whether another shop has this name or answers to this host."""
    return await tx.one(_TAKEN, {"slug": slug, "host": host}) is not None


async def open_shop(
    tx: Tx, *, slug: str, host: str, name: str, currency: str, locale: str, settings: Mapping[str, Any], status: str
) -> None:
    """Make a shop of what was being set up.

    Raises:
        NameTaken: another was quicker.
        StatusUnfit: it is one already.
    """
    values = {"slug": slug, "name": name, "currency": currency, "locale": locale, "status": status}
    try:
        opened = await tx.one(_OPEN, {**values, "settings": json.dumps(settings)})
    except asyncpg.UniqueViolationError as fault:
        raise NameTaken(slug=slug) from fault
    if opened is None:
        raise StatusUnfit(present=(await own(tx)).status)
    if await tx.one(_ADD_HOST, {"host": host}) is None:
        raise NameTaken(slug=slug)
