"""A tenant's search index from its catalogue as it is: words and facts of every product, read in one pass.

What products mean is encoded afterwards, in the background: see `serving.encoding`. Until then a search goes by words.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import psycopg

from foundation import clients
from foundation.ids import new_id
from foundation.progress import Progress, silent
from foundation.settings import Settings
from models.search.documents import Document
from models.search.lexical import Counts, document_vector
from models.search.postings import Reader, with_identifiers
from models.search.spec import Parameters
from pipelines import products
from pipelines.products import Product
from serving import vocabulary
from serving.column_store import About, Change, ColumnStore
from serving.columns import Columns
from serving.facts import Facts, facts_of


class NoSuchTenant(LookupError):
    """No database has this tenant."""

    def __init__(self, tenant_id: UUID) -> None:
        super().__init__(f"There is no tenant {tenant_id}.")


@dataclass(frozen=True, slots=True)
class Built:
    """What a tenant's products are searched in now."""

    products: int
    words: int


def build(settings: Settings, tenant_id: UUID, *, progress: Progress = silent) -> Built:
    """Build a tenant's index beside the present one, and switch to it.

    What is written meanwhile is told by whoever follows the catalogue (`serving.following`), from where this began.

    Raises:
        EngineNotConfigured: an engine has no address.
        NoSuchTenant: no database knows the tenant.
        psycopg.Error, redis.exceptions.RedisError, OSError: they can't be reached; what was there stays.
    """
    with _home_of(settings, tenant_id) as (connection, language), closing(clients.redis(settings)) as redis:
        store = ColumnStore(redis, settings.require("objects_url", "The object store"))
        begun, last = products.still_running(connection), store.newest(tenant_id)
        reader = Reader(language)
        columns = Columns.of(_read(connection, tenant_id, reader, progress))
        catalogue = reader.finished(Parameters().words)
        about = About(language, catalogue.statistics, new_id().hex, begun)
        vocabulary.write(redis, tenant_id, about.build, catalogue.words)
        store.publish(tenant_id, columns.with_words(catalogue.postings), about, last=last)
        vocabulary.forget(redis, tenant_id, but=about.build)
    return Built(columns.size, len(catalogue.words))


def change_of(product: Product, about: About) -> Change:
    """What became of a product whose words may have changed."""
    facts = facts_of(product)
    if facts is None:
        return Change(product.product_id)
    document = document_of(product)
    vector = document_vector(Counts.of(document, about.language), about.statistics, Parameters().words)
    return Change(product.product_id, facts, with_identifiers(vector, document))


def document_of(product: Product) -> Document:
    """A product of the catalogue as it is searched for."""
    return Document(
        id=str(product.product_id),
        title=product.title,
        brand=product.brand,
        category=product.category,
        description=product.description,
        attributes=product.attributes,
        skus=product.skus,
        gtins=product.gtins,
    )


def _read(
    connection: psycopg.Connection[Any], tenant_id: UUID, reader: Reader, progress: Progress
) -> Iterator[tuple[UUID, Facts]]:
    """The facts of every product, each after its words were read."""
    read = 0
    for batch in products.published(connection, tenant_id):
        for product in batch:
            facts = facts_of(product)
            if facts is not None:
                reader.read(document_of(product))
                yield product.product_id, facts
        read += len(batch)
        progress(read, None, "products")


@contextmanager
def _home_of(settings: Settings, tenant_id: UUID) -> Iterator[tuple[psycopg.Connection[Any], str]]:
    """The database that has the tenant's products, and the language they are in."""
    homes = settings.everywhere("relay_url", "Postgres for the relay")
    with psycopg.connect(homes[""], autocommit=True) as connection:
        found = connection.execute("SELECT locale, home FROM tenant WHERE id = %s", (tenant_id,)).fetchone()
    if found is None:
        raise NoSuchTenant(tenant_id)
    locale, home = found
    with psycopg.connect(homes[home], autocommit=True) as connection:
        yield connection, locale[:2].lower()
