"""The tenants there are, as jobs that work through all of them need them."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

import psycopg
from psycopg.rows import class_row

from foundation.settings import Settings


@dataclass(frozen=True, slots=True)
class Tenant:
    """A tenant, by its id and by the name it has in addresses and in the model registry."""

    id: UUID
    slug: str


def tenants(settings: Settings) -> list[Tenant]:
    """Every active tenant, by slug.

    Raises:
        EngineNotConfigured: Postgres has no address.
    """
    url = settings.require("database_relay_url", "Postgres for the relay")
    with psycopg.connect(url) as connection, connection.cursor(row_factory=class_row(Tenant)) as cursor:
        return cursor.execute("SELECT id, slug FROM tenant WHERE status = 'active' ORDER BY slug").fetchall()
