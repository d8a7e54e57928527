"""Which shop a host name belongs to."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from commerce.tenancy.models import Tenant, TenantDomain
from foundation.database import Database
from foundation.errors import Forbidden, NotFound

CACHED_SECONDS = 30.0


class UnknownTenant(NotFound):
    """No shop answers to this host name."""

    code = "tenancy.unknown_host"

    host: str


class TenantSuspended(Forbidden):
    """This shop is closed for now."""

    code = "tenancy.suspended"


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

    @property
    def zone(self) -> ZoneInfo:
        """Where its days begin and end: the setting `zone`."""
        return ZoneInfo(self.settings.get("zone", "UTC"))


@dataclass(slots=True)
class Directory:
    """The tenant directory with a short memory: a change is seen within `CACHED_SECONDS`."""

    database: Database
    _known: dict[str, tuple[float, Shop]] = field(default_factory=dict)

    async def by_host(self, host: str) -> Shop:
        """The shop of a Host header, with or without a port.

        Raises:
            UnknownTenant: nobody registered that name.
            TenantSuspended: the shop is closed.
        """
        shop = self.known(host)
        if shop is not None:
            return shop
        name = _host_name(host)
        known = self._known.get(name)
        if known is None or known[0] < time.monotonic():
            async with self.database.transaction(None) as session:
                found = await find_by_host(session, name)
            if found is None:
                raise UnknownTenant(host=name[:200])
            known = (time.monotonic() + CACHED_SECONDS, found)
            self._known[name] = known
        if known[1].status != "active":
            raise TenantSuspended
        return known[1]

    def known(self, host: str) -> Shop | None:
        """The open shop of a Host header, if it is remembered."""
        known = self._known.get(_host_name(host))
        return known[1] if known and known[0] >= time.monotonic() and known[1].status == "active" else None


def _host_name(host: str) -> str:
    name = host.strip().lower()
    if name.startswith("["):
        return name.partition("]")[0] + "]"
    return name.partition(":")[0].rstrip(".")


async def find_by_host(session: AsyncSession, host: str) -> Shop | None:
    """The shop registered under a host name, or `None`."""
    tenant = await session.scalar(
        select(Tenant).join(TenantDomain, TenantDomain.tenant_id == Tenant.id).where(TenantDomain.host == host)
    )
    return shop_of(tenant) if tenant else None


async def a_host_of(session: AsyncSession, tenant_id: UUID) -> str | None:
    """A name that a shop answers to, if it has one."""
    named = select(TenantDomain.host).where(TenantDomain.tenant_id == tenant_id).order_by(TenantDomain.host)
    host: str | None = await session.scalar(named.limit(1))
    return host


async def all_shops(session: AsyncSession) -> list[Shop]:
    """Every shop, by slug: for the workers that serve all of them."""
    return [shop_of(tenant) for tenant in await session.scalars(select(Tenant).order_by(Tenant.slug))]


def shop_of(tenant: Tenant) -> Shop:
    """The value the core works with."""
    return Shop(tenant.id, tenant.slug, tenant.name, tenant.currency, tenant.locale, tenant.status, tenant.settings)
