"""The tenants there are, as jobs that work through all of them need them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import psycopg
from psycopg.rows import class_row

from foundation.settings import EngineNotConfigured, Settings

_ZONE = "SELECT coalesce(settings ->> 'zone', 'UTC') FROM tenant WHERE id = %s"


@dataclass(frozen=True, slots=True)
class Tenant:
    """A tenant, by its id and by the name it has in addresses and in the model registry."""

    id: UUID
    slug: str


class NoSuchShop(LookupError):
    """No shop has this name."""

    def __init__(self, slug: str) -> None:
        super().__init__(f"There is no shop {slug}.")


def called(settings: Settings, slug: str) -> Tenant:
    """The tenant of a name.

    Raises:
        EngineNotConfigured: Postgres has no address.
        NoSuchShop.
    """
    url = settings.require("database_relay_url", "Postgres for the relay")
    with psycopg.connect(url) as connection, connection.cursor(row_factory=class_row(Tenant)) as cursor:
        found = cursor.execute("SELECT id, slug FROM tenant WHERE slug = %s", (slug,)).fetchone()
    if found is None:
        raise NoSuchShop(slug)
    return found


@contextmanager
def reading(settings: Settings, tenant_id: UUID) -> Iterator[psycopg.Connection[Any]]:
    """The database that holds a tenant's rows, as the relay's role reads it.

    Raises:
        EngineNotConfigured: it has no address.
    """
    homes = settings.everywhere("relay_url", "Postgres for the relay")
    with psycopg.connect(homes[""]) as connection:
        row = connection.execute("SELECT home FROM tenant WHERE id = %s", (tenant_id,)).fetchone()
    home = row[0] if row else ""
    if home not in homes:
        raise EngineNotConfigured(f"The database {home!r}", "TRADEWIND_DATABASES")
    with psycopg.connect(homes[home], autocommit=True) as connection:
        yield connection


def database_of(settings: Settings, tenant_id: UUID) -> str:
    """The URL of the database that holds a tenant's rows, as the app's role.

    Raises:
        EngineNotConfigured: it has no address.
    """
    url = settings.require("database_url", "Postgres")
    with psycopg.connect(url) as connection:
        row = connection.execute("SELECT home FROM tenant WHERE id = %s", (tenant_id,)).fetchone()
    home = row[0] if row else ""
    if home and home not in settings.databases:
        raise EngineNotConfigured(f"The database {home!r}", "TRADEWIND_DATABASES")
    return settings.apart("url")[home] if home else url


def zone_of(settings: Settings, tenant_id: UUID) -> str:
    """Where a tenant's days begin and end: the setting `zone`.

    Raises:
        EngineNotConfigured: Postgres has no address.
    """
    with psycopg.connect(settings.require("database_relay_url", "Postgres for the relay")) as connection:
        row = connection.execute(_ZONE, (tenant_id,)).fetchone()
    return row[0] if row else "UTC"


def tenants(settings: Settings) -> list[Tenant]:
    """Every active tenant, by slug.

    Raises:
        EngineNotConfigured: Postgres has no address.
    """
    url = settings.require("database_relay_url", "Postgres for the relay")
    with psycopg.connect(url) as connection, connection.cursor(row_factory=class_row(Tenant)) as cursor:
        return cursor.execute("SELECT id, slug FROM tenant WHERE status = 'active' ORDER BY slug").fetchall()
