"""The search index from the catalogue: a tenant's whole, and what changes from then on.

`python -m serving.search_building` follows the changes of every tenant that has an index until it is told to stop.
"""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any
from uuid import UUID

import psycopg
import structlog
from redis.exceptions import RedisError

from foundation import clients, clock, telemetry
from foundation.naming import shared_key
from foundation.progress import Progress, silent
from foundation.settings import Settings, get_settings
from models.search import encoder as encoders
from models.search.documents import Document
from models.search.encoder import Encoder
from models.search.lexical import Counts, Statistics, document_vector
from models.search.spec import Parameters
from models.search.spelling import words_of
from pipelines import products
from pipelines.products import BEGINNING, Place, Product
from pipelines.worker import keep, until_signalled
from serving import search_index, vocabulary
from serving.index import IndexUnavailable
from serving.search_index import Description, Point, SearchBuilding

if TYPE_CHECKING:
    from redis import Redis

log = structlog.get_logger(__name__)

POLL_SECONDS = 1.0
CURSORS = shared_key("search_cursors")
"""Up to where the changes of each database are in the index. Were it lost, all would be written once more."""
FAULTS = (psycopg.Error, IndexUnavailable, RedisError, OSError)


class NoSuchTenant(LookupError):
    """No database has this tenant."""

    def __init__(self, tenant_id: UUID) -> None:
        super().__init__(f"There is no tenant {tenant_id}.")


@dataclass(frozen=True, slots=True)
class Built:
    """What a tenant's alias stands for now."""

    collection: str
    products: int
    words: int


def build(settings: Settings, tenant_id: UUID, encoder: Encoder, *, progress: Progress = silent) -> Built:
    """Build a tenant's index from the catalogue as it is, beside the present one, and switch to it.

    What changed meanwhile is written once more at the end, so that nothing older than it is left.

    Raises:
        EngineNotConfigured: an engine has no address.
        NoSuchTenant: no database knows the tenant.
        IndexUnavailable: Qdrant can't be reached; what was there stays.
        psycopg.Error, redis.exceptions.RedisError: they can't be.
    """
    version = f"{clock.now():%Y%m%d%H%M%S%f}"
    with (
        _home_of(settings, tenant_id) as (connection, language),
        closing(clients.redis(settings)) as redis,
        search_index.building(settings) as index,
    ):
        begun = products.still_running(connection)
        words = words_of(_documents(connection, tenant_id), language)
        counts = (Counts.of(document, language) for document in _documents(connection, tenant_id))
        description = Description(encoder.name, language, Statistics.of(counts))
        written = 0

        def points() -> Iterator[Sequence[Point]]:
            nonlocal written
            for batch in products.published(connection, tenant_id):
                yield points_of(batch, encoder, description)
                written += len(batch)
                progress(written, None, "products")

        collection = index.rebuild(tenant_id, version, encoder.dimensions, description, points())
        vocabulary.write(redis, tenant_id, collection, words)
        for late in products.published(connection, tenant_id, since=begun):
            index.upsert(tenant_id, points_of(late, encoder, description))
    return Built(collection, written, len(words))


class Follower:
    """One batch of changes after another, out of one database, while the connections hold."""

    def __init__(
        self,
        connection: psycopg.Connection[Any],
        database: str,
        redis: Redis,
        index: SearchBuilding,
        encoder: Callable[[], Encoder],
    ) -> None:
        self._connection = connection
        self._database = database
        self._redis = redis
        self._index = index
        self._encoder = encoder

    @classmethod
    def connect(cls, settings: Settings, database: str, encoder: Callable[[], Encoder]) -> Follower:
        """Reach the engines; the encoder is asked for when there is something to encode.

        Raises:
            EngineNotConfigured: one of them has no address.
        """
        url = settings.everywhere("relay_url", "Postgres for the relay")[database]
        connection, index = psycopg.connect(url, autocommit=True), SearchBuilding.connect(settings)
        return cls(connection, database, clients.redis(settings), index, encoder)

    def turn(self, stop: threading.Event) -> None:
        """One batch; a pause when there was nothing more."""
        if self.follow() < products.BATCH:
            stop.wait(POLL_SECONDS)

    def follow(self) -> int:
        """Bring the next changes into the index; says how many were read."""
        rows = products.changed(self._connection, self._place())
        by_tenant: dict[UUID, list[Product]] = defaultdict(list)
        for row in rows:
            by_tenant[row.tenant_id].append(row)
        for tenant_id, changed in by_tenant.items():
            self._bring(tenant_id, changed)
        if rows:
            self._redis.hset(CURSORS, self._database, "/".join(map(str, rows[-1].place)))
        return len(rows)

    def _bring(self, tenant_id: UUID, changed: Sequence[Product]) -> None:
        present = self._index.present(tenant_id)
        if present is None:
            return
        collection, description = present
        encoder = self._encoder()
        if encoder.name != description.encoder:
            log.warning("search.other_encoder", tenant_id=str(tenant_id), built_with=description.encoder)
            return
        sold = [one for one in changed if one.published]
        self._index.remove(tenant_id, [str(one.product_id) for one in changed if not one.published])
        self._index.upsert(tenant_id, points_of(sold, encoder, description))
        words = words_of(map(document_of, sold), description.language)
        vocabulary.add(self._redis, tenant_id, collection, words)

    def _place(self) -> Place:
        kept: Any = self._redis.hget(CURSORS, self._database)
        if kept is None:
            return BEGINNING
        changed_in, tenant_id, product_id = kept.split("/")
        return Place(changed_in, UUID(tenant_id), UUID(product_id))

    def close(self) -> None:
        """Let go of the connections."""
        self._connection.close()
        self._redis.close()
        self._index.close()


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


def points_of(batch: Sequence[Product], encoder: Encoder, description: Description) -> list[Point]:
    """Products as the index takes them."""
    documents = [document_of(product) for product in batch]
    meanings = encoder.encode([document.sentence for document in documents])
    how = Parameters().words
    return [
        Point(
            document.id,
            document_vector(Counts.of(document, description.language), description.statistics, how),
            meaning,
            document.identifiers,
        )
        for document, meaning in zip(documents, meanings, strict=True)
    ]


def run(settings: Settings, stop: threading.Event) -> None:
    """Follow every database until `stop` is set, reconnecting when an engine goes away.

    Each database is gone through by itself: that one is away holds no other up.
    """
    encoder = cache(lambda: encoders.load(settings.search_encoder))
    names = settings.everywhere("relay_url", "Postgres for the relay")
    threads = [
        threading.Thread(target=_keep, args=(settings, name, encoder, stop), name=f"search-{name}") for name in names
    ]
    for thread in threads:
        thread.start()
    try:
        stop.wait()
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def _keep(settings: Settings, database: str, encoder: Callable[[], Encoder], stop: threading.Event) -> None:
    keep(f"search {database}".rstrip(), lambda: Follower.connect(settings, database, encoder), FAULTS, stop)


def _documents(connection: psycopg.Connection[Any], tenant_id: UUID) -> Iterator[Document]:
    for batch in products.published(connection, tenant_id):
        yield from map(document_of, batch)


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


def main() -> None:
    """Follow in the foreground until SIGTERM or SIGINT."""
    settings = get_settings()
    telemetry.configure(settings)
    run(settings, until_signalled())


if __name__ == "__main__":
    main()
