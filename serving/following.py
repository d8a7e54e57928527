"""What changes in the catalogue, brought into the search index: words as they are written, prices and stock as told.

`python -m serving.following` follows every database until it is told to stop. Words are followed in the order of the
transactions (`pipelines.products`). That a price changed, or that something is sold out, is told by Postgres with the
commit (migration 0016); what it did not tell, because nobody listened, is found when everything is compared.
"""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from datetime import timedelta
from functools import cache, partial
from typing import TYPE_CHECKING, Any
from uuid import UUID

import psycopg
import structlog
from redis.exceptions import RedisError

from foundation import clients, telemetry
from foundation.naming import shared_key
from foundation.settings import Settings, get_settings
from models.search import encoder as encoders
from models.search.encoder import Teacher
from models.search.spelling import words_of
from pipelines import products
from pipelines.products import Product, Sold
from pipelines.worker import keep_each, until_signalled
from serving import vocabulary
from serving.column_store import Change, ColumnStore, Held, Holder
from serving.encoding import Encoding
from serving.facts import facts_of
from serving.index import IndexUnavailable
from serving.places import reach, reached
from serving.search_building import build, change_of, document_of
from serving.search_index import SearchBuilding
from serving.shop_encoders import ShopEncoders

if TYPE_CHECKING:
    from redis import Redis

log = structlog.get_logger(__name__)

CURSORS = shared_key("search_cursors")
"""Up to where the changes of each database are in the index. Were it lost, all would be written once more."""
TOLD = "catalogue_changed"
"""Postgres tells `tenant:product` here, or `tenant:*` when many products of a shop changed at once."""
FAULTS = (psycopg.Error, IndexUnavailable, RedisError, OSError)
POLL_SECONDS = 1.0
COMPARED_SECONDS = 600.0
"""How often all prices and stocks are compared, though nothing was told."""
REPRICED_WITHIN = timedelta(minutes=1)
"""How far back new prices are looked for when many of a shop are told at once: as long as a transaction may take."""
MOST_REPRICED = 20_000
"""How many of those are looked at at once: some two seconds."""
AWAY_SECONDS = 5.0
"""How long Qdrant is left alone after it did not answer."""
PACKED_AFTER = 20_000
"""Changes after which there is a new snapshot: whoever starts has no more than so many to make."""


class Follower:
    """One batch of changes after another, out of one database, while the connections hold."""

    def __init__(
        self,
        connection: psycopg.Connection[Any],
        told: psycopg.Connection[Any],
        database: str,
        redis: Redis,
        store: ColumnStore,
        encoding: Encoding,
        index: SearchBuilding,
        settings: Settings,
    ) -> None:
        self.encoding = encoding
        self._connection = connection
        self._told = told
        self._database = database
        self._redis = redis
        self._store = store
        self._holder = Holder(store)
        self._index = index
        self._settings = settings
        self._builds: dict[UUID, str] = {}
        """The build of each tenant that was caught up with."""
        self._comparing: dict[UUID, Iterator[Sequence[Sold]]] = {}
        self._compared = time.monotonic()
        self._encodes_after = 0.0

    @classmethod
    def connect(cls, settings: Settings, database: str, encoder: Callable[[], Teacher]) -> Follower:
        """Reach the engines; the encoder is asked for when there is something to encode.

        Raises:
            EngineNotConfigured: one of them has no address.
        """
        url = settings.everywhere("relay_url", "Postgres for the relay")[database]
        connection, told = psycopg.connect(url, autocommit=True), psycopg.connect(url, autocommit=True)
        told.execute(f"LISTEN {TOLD}")
        redis, index = clients.redis(settings), SearchBuilding.connect(settings)
        objects_url = settings.require("objects_url", "The object store")
        encoders = ShopEncoders(encoder, objects_url, distils_from=settings.search_distils_from)
        encoding = Encoding(connection, index, encoders)
        store = ColumnStore(redis, objects_url)
        return cls(connection, told, database, redis, store, encoding, index, settings)

    @property
    def is_idle(self) -> bool:
        """Whether there is nothing to compare, and nothing that can be encoded now."""
        return not self._comparing and (self.encoding.only_waits or time.monotonic() < self._encodes_after)

    def turn(self, stop: threading.Event) -> None:
        """What changed meanwhile, or a little of what else is to be done; a pause when there is nothing."""
        self.hear(POLL_SECONDS if self.is_idle and not stop.is_set() else 0)
        if self.follow() == 0:
            self.compare()
            self._encode()

    def hear(self, seconds: float) -> None:
        """Wait at most so long until something is told, and bring what it is about into the index."""
        about: dict[UUID, set[UUID]] = defaultdict(set)
        for notice in self._told.notifies(timeout=seconds, stop_after=1):
            tenant, _, product = notice.payload.partition(":")
            try:
                tenant_id, product_id = UUID(tenant), None if product == "*" else UUID(product)
            except ValueError:  # a listener's own word, to hear whether it is heard
                continue
            if product_id is not None:
                about[tenant_id].add(product_id)
            elif tenant_id in self._builds:
                # New prices by the hundred are found first; whatever else it was, as all is compared.
                about[tenant_id].update(self._repriced(tenant_id))
                self._compare_all(tenant_id)
        for tenant_id, ids in about.items():
            held = self._holder.of(tenant_id)
            if held is not None:
                self._settle(tenant_id, held, products.facts_of(self._connection, tenant_id, sorted(ids)))

    def compare(self) -> None:
        """A batch of whatever is to be compared with how it is sold now."""
        if time.monotonic() - self._compared > COMPARED_SECONDS:
            self._compared = time.monotonic()
            for tenant_id in self._builds:
                self._compare_all(tenant_id)
        for tenant_id, batches in self._comparing.items():
            held, batch = self._holder.of(tenant_id), next(batches, None)
            if held is None or batch is None:
                del self._comparing[tenant_id]
            else:
                self._settle(tenant_id, held, batch)
            return

    def follow(self) -> int:
        """Bring the next changes of words into the index; says how many were read."""
        self._holder.refresh()
        self._build_unread()
        self._catch_up()
        rows = products.changed(self._connection, reached(self._redis, CURSORS, self._database))
        by_tenant: dict[UUID, list[Product]] = defaultdict(list)
        for row in rows:
            by_tenant[row.tenant_id].append(row)
        for tenant_id, changed in by_tenant.items():
            self._bring(tenant_id, changed)
        if rows:
            reach(self._redis, CURSORS, self._database, rows[-1].place)
        return len(rows)

    def close(self) -> None:
        """Let go of the connections."""
        self._connection.close()
        self._told.close()
        self._redis.close()
        self._index.close()

    def _encode(self) -> None:
        """A slice. Words, prices and stock don't wait for Qdrant while it is away."""
        if self.encoding.is_done or time.monotonic() < self._encodes_after:
            return
        try:
            self.encoding.step()
        except IndexUnavailable as fault:
            log.warning("search.not_encoded", error=str(fault), again_in_seconds=AWAY_SECONDS)
            self._encodes_after = time.monotonic() + AWAY_SECONDS
            self.encoding.begin_again(self._builds)

    def _build_unread(self) -> None:
        """What can't be read, such as a snapshot of an earlier form, is built anew; until then full text answers."""
        for tenant_id in products.tenants(self._connection, self._holder.unread):
            log.warning("search.snapshot_unread", tenant=str(tenant_id), then="it is built anew")
            build(self._settings, tenant_id)
            self._holder.refresh()

    def _catch_up(self) -> None:
        """With builds that are new, as far as they are of tenants of this database; and have others packed."""
        held = self._holder.all()
        new = [tenant_id for tenant_id, one in held.items() if self._builds.get(tenant_id) != one.about.build]
        for tenant_id in products.tenants(self._connection, new):
            one = held[tenant_id]
            for batch in products.written(self._connection, tenant_id, since=one.about.since):
                self._bring(tenant_id, batch)
            self._builds[tenant_id] = one.about.build
            self.encoding.go_through(tenant_id)
            self._compare_all(tenant_id)
        for tenant_id in self._builds.keys() & held.keys():
            one = held[tenant_id]
            if one.changes > PACKED_AFTER:
                self._store.publish(tenant_id, one.columns.packed(), one.about, last=one.last)

    def _repriced(self, tenant_id: UUID) -> list[UUID]:
        return products.repriced(self._connection, tenant_id, within=REPRICED_WITHIN, limit=MOST_REPRICED)

    def _compare_all(self, tenant_id: UUID) -> None:
        self._comparing[tenant_id] = products.facts(self._connection, tenant_id)

    def _settle(self, tenant_id: UUID, held: Held, found: Sequence[Sold]) -> None:
        """Tell what is otherwise than it is held; what is not held, and can be found now, is read with its words."""
        changes, new = list[Change](), list[UUID]()
        for one in found:
            facts, row = facts_of(one), held.columns.row_of(one.product_id)
            if row is not None and facts != held.columns.facts(row):
                changes.append(Change(one.product_id, facts))
            elif row is None and facts is not None:
                new.append(one.product_id)
        self._store.tell(tenant_id, changes)
        if new:
            self._bring(tenant_id, products.some(self._connection, tenant_id, new))

    def _bring(self, tenant_id: UUID, changed: Sequence[Product]) -> None:
        held = self._holder.of(tenant_id)
        if held is None:
            return
        self._store.tell(tenant_id, [change_of(product, held.about) for product in changed])
        sold = [one for one in changed if one.published]
        words = words_of(map(document_of, sold), held.about.language)
        vocabulary.add(self._redis, tenant_id, held.about.build, words)
        self.encoding.changed(tenant_id, sold)
        # What is gone can't be found by what it means either: the columns know nothing of it.
        with suppress(IndexUnavailable):
            self._index.remove(tenant_id, [str(one.product_id) for one in changed if not one.published])


def run(settings: Settings, stop: threading.Event) -> None:
    """Follow every database until `stop` is set, reconnecting when an engine goes away."""
    # One core: shoppers want the others.
    encoder = cache(partial(encoders.load, settings.search_encoder, threads=1))
    keep_each(
        "search",
        settings.everywhere("relay_url", "Postgres for the relay"),
        lambda database: Follower.connect(settings, database, encoder),
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
