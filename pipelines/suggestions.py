"""What a tenant's shop can suggest: its products, categories and brands, and what people search for there."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, NamedTuple
from uuid import UUID

import psycopg

from foundation import clock, searches
from foundation.analytics import of_shop
from foundation.database import TENANT_SETTING
from foundation.settings import Settings
from pipelines.tenants import database_of

REMEMBERED = timedelta(days=90)
"""How far back what people searched for is looked at."""
MOST_QUERIES = 20_000
BATCH = 2_000

# ix_product_listing gives the order; what sells most comes first.
_PRODUCTS = """
    SELECT id, title, coalesce(brand, '') AS brand FROM product
    WHERE tenant_id = %s AND status = 'published' ORDER BY rank, id
"""
# A category's count has those below it.
_CATEGORIES = """
    SELECT name, slug FROM category WHERE tenant_id = %s AND product_count > 0 ORDER BY product_count DESC, name, id
"""
_BRANDS = """
    SELECT b.name, b.slug FROM brand b JOIN product p ON (p.tenant_id, p.brand) = (b.tenant_id, b.name)
    WHERE b.tenant_id = %s AND p.status = 'published'
    GROUP BY b.id, b.name, b.slug ORDER BY sum(p.rank), count(*) DESC, b.name
"""
_MARK = "SELECT coalesce(max(changed_in::text::numeric), 0)::text FROM search_document WHERE tenant_id = %s"


class Named(NamedTuple):
    """A category or a brand."""

    name: str
    slug: str


class Sold(NamedTuple):
    """A product that is for sale."""

    id: UUID
    title: str
    brand: str


@contextmanager
def catalogue(settings: Settings, tenant_id: UUID) -> Iterator[psycopg.Connection[Any]]:
    """The database that holds the tenant's rows, as the tenant sees it.

    Raises:
        EngineNotConfigured: it has no address.
        psycopg.OperationalError: it can't be reached.
    """
    with psycopg.connect(database_of(settings, tenant_id), autocommit=True) as connection:
        connection.execute("SELECT set_config(%s, %s, false)", (TENANT_SETTING, str(tenant_id)))
        yield connection


def mark(connection: psycopg.Connection[Any], tenant_id: UUID) -> str:
    """The last transaction that changed a product of the tenant."""
    row = connection.execute(_MARK, (tenant_id,)).fetchone()
    return "0" if row is None else str(row[0])


def products(connection: psycopg.Connection[Any], tenant_id: UUID) -> Iterator[Sold]:
    """What is for sale, best sellers first, read as it is asked for."""
    with connection.transaction(), connection.cursor("products") as cursor:
        cursor.itersize = BATCH
        for row in cursor.execute(_PRODUCTS, (tenant_id,)):
            yield Sold(*row)


def categories(connection: psycopg.Connection[Any], tenant_id: UUID) -> list[Named]:
    """Those with something in them or below, the fullest first."""
    return [Named(*row) for row in connection.execute(_CATEGORIES, (tenant_id,))]


def brands(connection: psycopg.Connection[Any], tenant_id: UUID) -> list[Named]:
    """Those with something for sale, the one that sells most first."""
    return [Named(*row) for row in connection.execute(_BRANDS, (tenant_id,))]


def queries(settings: Settings, tenant_id: UUID) -> list[str]:
    """What several people searched for and found, the most useful first.

    Raises:
        EngineNotConfigured: ClickHouse has no address.
        ClickHouseError: it can't be reached.
    """
    until = clock.now()
    with of_shop(settings, tenant_id) as shop:
        return searches.popular(shop, since=until - REMEMBERED, until=until, limit=MOST_QUERIES)
