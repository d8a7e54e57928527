"""What products look like, brought into the index: a tenant's whole, and what changes from then on.

`python -m serving.visual_building` follows the changes of every tenant that has an index until it is told to stop. The
catalogue says in one feed that a product changed, its pictures too (`pipelines.products`); what is to be done is found
by comparing the pictures it shows with those that the index has, so that nothing is encoded twice.
"""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any
from uuid import UUID

import psycopg
import structlog
from redis.exceptions import RedisError

from foundation import clients, clock, telemetry
from foundation.naming import shared_key
from foundation.progress import Progress, silent
from foundation.settings import Settings, get_settings
from models.visual_search.collecting import seen
from models.visual_search.encoder import EncoderMissing, PictureEncoder
from pipelines import product_pictures, products
from pipelines.product_pictures import Pictured
from pipelines.tenants import reading
from pipelines.worker import keep_each, until_signalled
from serving import visual_index
from serving.index import IndexUnavailable
from serving.packages import RegistryAway
from serving.picture_encoders import PictureEncoders
from serving.places import reach, reached
from serving.visual_index import Look, VisualBuilding

if TYPE_CHECKING:
    from redis import Redis

log = structlog.get_logger(__name__)

POLL_SECONDS = 1.0
CURSORS = shared_key("visual_cursors")
"""Up to where the changes of each database are in the index. Were it lost, all would be compared once more."""
FAULTS = (psycopg.Error, IndexUnavailable, RedisError, OSError)


@dataclass(frozen=True, slots=True)
class Built:
    """What a tenant's alias stands for now."""

    collection: str
    encoder: str
    pictures: int


def build(settings: Settings, tenant_id: UUID, *, progress: Progress = silent) -> Built:
    """Build a tenant's index from the pictures it shows, beside the present one, and switch to it.

    What changed meanwhile is compared once more at the end, so that nothing older than it is left.

    Raises:
        EngineNotConfigured: an engine has no address.
        EncoderMissing: there is nothing to encode with.
        RegistryAway: whether the shop has an encoder of its own can't be known.
        IndexUnavailable: Qdrant can't be reached; what was there stays.
        OSError, psycopg.Error: the object store or Postgres can't be read.
    """
    store = settings.require("objects_url", "The object store")
    encoder = PictureEncoders(settings).for_building(tenant_id)
    with reading(settings, tenant_id) as connection, visual_index.building(settings) as index:
        version = f"{clock.now():%Y%m%d%H%M%S%f}"
        collection = index.create(tenant_id, version, encoder.name, encoder.dimensions)
        settle = partial(_settle, index, store, tenant_id, collection, encoder)
        written = 0
        for batch in product_pictures.published(connection, tenant_id):
            written += settle(batch)
            progress(written, None, "pictures")
        index.settle(collection)
        for batch in product_pictures.published(connection, tenant_id):
            settle(batch)
        index.release(tenant_id, collection)
    return Built(collection, encoder.name, written)


class Follower:
    """One batch of changes after another, out of one database, while the connections hold."""

    def __init__(
        self,
        connection: psycopg.Connection[Any],
        database: str,
        redis: Redis,
        index: VisualBuilding,
        encoders: PictureEncoders,
        store: str,
    ) -> None:
        self._connection = connection
        self._database = database
        self._redis = redis
        self._index = index
        self._encoders = encoders
        self._store = store

    @classmethod
    def connect(cls, settings: Settings, database: str, encoders: PictureEncoders) -> Follower:
        """Reach the engines; an encoder is asked for when there is something to encode.

        Raises:
            EngineNotConfigured: one of them has no address.
        """
        url = settings.everywhere("relay_url", "Postgres for the relay")[database]
        store = settings.require("objects_url", "The object store")
        connection, index = psycopg.connect(url, autocommit=True), VisualBuilding.connect(settings)
        return cls(connection, database, clients.redis(settings), index, encoders, store)

    def turn(self, stop: threading.Event) -> None:
        """One batch; a pause when there was nothing more."""
        if self.follow() < products.BATCH:
            stop.wait(POLL_SECONDS)

    def follow(self) -> int:
        """Bring the next changes into the index; says how many were read."""
        rows = products.changed(self._connection, reached(self._redis, CURSORS, self._database))
        by_tenant: dict[UUID, list[UUID]] = defaultdict(list)
        for row in rows:
            by_tenant[row.tenant_id].append(row.product_id)
        for tenant_id, changed in by_tenant.items():
            self._bring(tenant_id, changed)
        if rows:
            reach(self._redis, CURSORS, self._database, rows[-1].place)
        return len(rows)

    def close(self) -> None:
        """Let go of the connections."""
        self._connection.close()
        self._redis.close()
        self._index.close()

    def _bring(self, tenant_id: UUID, changed: Sequence[UUID]) -> None:
        found: Sequence[Pictured] | None = None
        for collection, name in self._index.collections(tenant_id).items():
            try:
                encoder = self._encoders.called(name)
            except (EncoderMissing, RegistryAway) as fault:
                log.warning("visual_search.no_encoder", tenant_id=str(tenant_id), reason=str(fault))
                continue
            if found is None:
                found = product_pictures.some(self._connection, tenant_id, changed)
            _settle(self._index, self._store, tenant_id, collection, encoder, found)


def _settle(
    index: VisualBuilding,
    store: str,
    tenant_id: UUID,
    collection: str,
    encoder: PictureEncoder,
    found: Sequence[Pictured],
) -> int:
    """Have a collection hold the pictures that these products show, and no others; how many were new."""
    there = index.paths(tenant_id, collection, [one.product_id for one in found])
    wanted = {one.product_id: set(one.paths) if one.published else set() for one in found}
    gone = [(product_id, path) for product_id, paths in there.items() for path in paths - wanted[product_id]]
    index.remove(tenant_id, collection, gone)
    new = [
        Pictured(one.product_id, one.category_id, one.published, sorted(wanted[one.product_id] - _of(there, one)))
        for one in found
    ]
    looks = [Look(one.product.product_id, one.path, one.vector) for one in seen(store, new, encoder)]
    index.write(tenant_id, collection, looks)
    return len(looks)


def _of(there: Any, one: Pictured) -> set[str]:
    known: set[str] = there.get(one.product_id, set())
    return known


def run(settings: Settings, stop: threading.Event) -> None:
    """Follow every database until `stop` is set, reconnecting when an engine goes away."""
    encoders = PictureEncoders(settings)
    keep_each(
        "pictures",
        settings.everywhere("relay_url", "Postgres for the relay"),
        lambda database: Follower.connect(settings, database, encoders),
        FAULTS,
        stop,
    )


def main() -> None:
    """Follow in the foreground until SIGTERM or SIGINT."""
    settings = get_settings()
    telemetry.configure(settings)
    run(settings, until_signalled())


if __name__ == "__main__":
    main()
