"""What products mean, brought into the index in the background, a slice at a time.

Only what has no vector of its sentence yet is encoded, and many products that share a sentence are encoded once. The
first time a tenant is gone through, its collection is searched only when every product has its vector.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple
from uuid import UUID

import psycopg
import structlog

from models.arrays import Floats
from models.search.encoder import Encoder, EncoderMissing
from pipelines import products
from pipelines.products import Product
from serving.search_building import document_of
from serving.search_index import Point, SearchBuilding, digest

log = structlog.get_logger(__name__)

SLICE = 32
"""Sentences that are encoded before anything else is looked at: half a second of a core."""
AT_ONCE = 500
"""Products that are asked about together."""
REMEMBERED = 20_000
"""Sentences whose vectors are kept at hand: 30 MB."""
MOST_WAITING = 20_000
"""Changed products that wait; with more of a tenant, all of it is gone through."""


_BEGUN = object()


class Wanted(NamedTuple):
    """A product and what it says."""

    tenant_id: UUID
    product_id: str
    sentence: str


class Encoding:
    """The work that is left of one database."""

    def __init__(
        self, connection: psycopg.Connection[Any], index: SearchBuilding, encoder: Callable[[], Encoder]
    ) -> None:
        self._connection = connection
        self._index = index
        self._load = encoder
        self._encoder: Encoder | None = None
        self._changed: deque[Wanted] = deque()
        self._passes: OrderedDict[UUID, Iterator[list[Wanted]] | None] = OrderedDict()
        self._known: OrderedDict[str, Floats] = OrderedDict()
        self._slice: list[Wanted] = []

    @property
    def is_done(self) -> bool:
        """Whether nothing is left."""
        return not (self._slice or self._changed or self._passes)

    def go_through(self, tenant_id: UUID) -> None:
        """Have every product of a tenant looked at, from the first one on."""
        self._passes[tenant_id] = None

    def begin_again(self, tenant_ids: Iterable[UUID]) -> None:
        """Have every product of these tenants looked at, and forget what was left: it is among them."""
        self._changed.clear()
        self._slice = []
        self._passes = OrderedDict.fromkeys(tenant_ids)

    def changed(self, tenant_id: UUID, changed: Sequence[Product]) -> None:
        """Have these looked at."""
        if len(self._changed) > MOST_WAITING:
            self.go_through(tenant_id)
        elif self._passes.get(tenant_id, _BEGUN) is not None:
            # They come by where all of the tenant's are still to.
            self._changed.extend(_wanted(tenant_id, changed))

    def step(self) -> None:
        """A slice of what is left.

        Raises:
            IndexUnavailable, psycopg.Error: what was done stays done; what was in hand is lost (`begin_again`).
        """
        encoder = self._ready()
        if encoder is None:
            self._changed.clear()
            self._passes.clear()
            return
        if not self._slice:
            self._slice = self._next(encoder)
        now, self._slice = self._slice[:SLICE], self._slice[SLICE:]
        self._write(encoder, now)

    def _ready(self) -> Encoder | None:
        """The encoder, loaded when there is something to encode; `None` where none is installed."""
        if self._encoder is None:
            try:
                self._encoder = self._load()
            except EncoderMissing as fault:
                log.warning("search.no_encoder", reason=str(fault))
        return self._encoder

    def _next(self, encoder: Encoder) -> list[Wanted]:
        """The next products that lack the vector of what they say."""
        if self._changed:
            tenant_id = self._changed[0].tenant_id
            some = list[Wanted]()
            while self._changed and self._changed[0].tenant_id == tenant_id and len(some) < AT_ONCE:
                some.append(self._changed.popleft())
            return self._lacking(encoder, some)
        while self._passes:
            tenant_id = next(iter(self._passes))
            batches = self._passes[tenant_id]
            if batches is None:
                batches = self._passes[tenant_id] = self._batches(tenant_id)
            batch = next(batches, None)
            if batch is not None:
                return self._lacking(encoder, batch)
            del self._passes[tenant_id]
            collection = self._index.prepare(tenant_id, encoder.name, encoder.dimensions)
            self._index.release(tenant_id, collection)
            log.info("search.meaning_complete", tenant_id=str(tenant_id), encoder=encoder.name)
        return []

    def _batches(self, tenant_id: UUID) -> Iterator[list[Wanted]]:
        for batch in products.published(self._connection, tenant_id, AT_ONCE):
            yield list(_wanted(tenant_id, batch))

    def _lacking(self, encoder: Encoder, wanted: Sequence[Wanted]) -> list[Wanted]:
        if not wanted:
            return []
        collection = self._index.prepare(wanted[0].tenant_id, encoder.name, encoder.dimensions)
        has = self._index.sentences(collection, [one.product_id for one in wanted])
        return [one for one in wanted if has.get(one.product_id) != digest(one.sentence)]

    def _write(self, encoder: Encoder, wanted: Sequence[Wanted]) -> None:
        if not wanted:
            return
        tenant_id = wanted[0].tenant_id
        vectors = self._vectors(encoder, [one.sentence for one in wanted])
        points = [
            Point(one.product_id, digest(one.sentence), vector) for one, vector in zip(wanted, vectors, strict=True)
        ]
        self._index.write(tenant_id, self._index.prepare(tenant_id, encoder.name, encoder.dimensions), points)

    def _vectors(self, encoder: Encoder, sentences: Sequence[str]) -> list[Floats]:
        new = [one for one in dict.fromkeys(sentences) if one not in self._known]
        if new:
            self._known.update(zip(new, encoder.encode(new), strict=True))
        found = [self._known[one] for one in sentences]
        for _ in range(len(self._known) - REMEMBERED):
            self._known.popitem(last=False)
        return found


def encode_all(encoding: Encoding, tenant_id: UUID) -> None:
    """Encode whatever a tenant's products lack, to the end."""
    encoding.go_through(tenant_id)
    while not encoding.is_done:
        encoding.step()


def _wanted(tenant_id: UUID, found: Sequence[Product]) -> Iterator[Wanted]:
    sold = (one for one in found if one.published)
    return (Wanted(tenant_id, str(one.product_id), document_of(one).sentence) for one in sold)
