"""What products mean, brought into the index in the background, a slice at a time.

Only what has no vector of its sentence yet is encoded, and many products that share a sentence are encoded once. The
first time a tenant is gone through, its collection is searched only when every product has its vector, and Qdrant its
graph. A large tenant's encoder is distilled before that (`models.search.distilled`).
"""

from __future__ import annotations

import time
from collections import OrderedDict, deque
from collections.abc import Generator, Iterable, Iterator, Sequence
from typing import Any, NamedTuple
from uuid import UUID

import psycopg
import structlog

from models.arrays import Floats
from models.search.distilled import SAMPLE, SKETCHED_AT_ONCE, Distilled, Learnt, distilling
from models.search.documents import SENTENCE_DESCRIPTION, Document
from models.search.encoder import Encoder, EncoderMissing, Teacher
from pipelines import products
from pipelines.products import Described, Product
from serving.search_building import document_of
from serving.search_index import Point, SearchBuilding, digest
from serving.shop_encoders import ShopEncoders

log = structlog.get_logger(__name__)

AT_ONCE = 500
"""Products that are asked about together."""
REMEMBERED = 20_000
"""Sentences whose vectors are kept at hand: 30 MB."""
MOST_WAITING = 20_000
"""Changed products that wait; with more of a tenant, all of it is gone through."""
TOLD_EVERY = 20_000
"""Products after which it is told how far a tenant has come."""
ASKED_SECONDS = 1.0
"""How often Qdrant is asked whether a graph is built."""


class Wanted(NamedTuple):
    """A product and what it says."""

    tenant_id: UUID
    product_id: str
    sentence: str
    in_haste: bool = False
    """Whether a sketch of what it means will do."""


class Encoding:
    """The work that is left of one database."""

    def __init__(self, connection: psycopg.Connection[Any], index: SearchBuilding, encoders: ShopEncoders) -> None:
        self._connection = connection
        self._index = index
        self._encoders = encoders
        self._chosen: dict[UUID, Encoder] = {}
        """The encoder of each tenant whose products are gone through, or were."""
        self._changed: deque[Wanted] = deque()
        self._passes: OrderedDict[UUID, Iterator[list[Wanted]] | None] = OrderedDict()
        self._settling: dict[UUID, str] = {}
        """The collections that wait for their graph before they are searched."""
        self._asked = 0.0
        self._known: OrderedDict[tuple[str, str], Floats] = OrderedDict()
        self._slice: list[Wanted] = []

    @property
    def is_done(self) -> bool:
        """Whether nothing is left."""
        return self.only_waits and not self._settling

    @property
    def only_waits(self) -> bool:
        """Whether there is nothing to do but wait, until Qdrant has built its graphs or something changes."""
        return not (self._slice or self._changed or self._passes)

    def go_through(self, tenant_id: UUID) -> None:
        """Have every product of a tenant looked at, from the first one on."""
        self._passes[tenant_id] = None
        self._chosen.pop(tenant_id, None)
        self._slice = [one for one in self._slice if one.tenant_id != tenant_id]

    def begin_again(self, tenant_ids: Iterable[UUID]) -> None:
        """Have every product of these tenants looked at, and forget what was left: it is among them."""
        self._changed.clear()
        self._settling.clear()
        self._chosen.clear()
        self._slice = []
        self._passes = OrderedDict.fromkeys(tenant_ids)

    def changed(self, tenant_id: UUID, changed: Sequence[Product]) -> None:
        """Have these looked at."""
        if len(self._changed) > MOST_WAITING:
            self.go_through(tenant_id)
        elif tenant_id in self._chosen:
            self._changed.extend(_wanted(tenant_id, changed))
        elif tenant_id not in self._passes:
            self.go_through(tenant_id)
        # Else they come by, where all of the tenant's are still to.

    def step(self) -> None:
        """A slice of what is left.

        Raises:
            IndexUnavailable, psycopg.Error, OSError: what was done stays done; what was in hand is lost
                (`begin_again`).
        """
        self._release_settled()
        try:
            teacher = self._encoders.teacher
        except EncoderMissing as fault:
            log.warning("search.no_encoder", reason=str(fault))
            self._changed.clear()
            self._passes.clear()
            return
        if not self._slice:
            self._slice = self._next(teacher)
        if self._slice:
            in_haste = self._slice[0].in_haste
            at_once = SKETCHED_AT_ONCE if in_haste else self._encoder_of(self._slice[0].tenant_id).at_once
            now, self._slice = self._slice[:at_once], self._slice[at_once:]
            self._write(now)

    def _encoder_of(self, tenant_id: UUID) -> Encoder:
        return self._chosen[tenant_id]

    def _next(self, teacher: Teacher) -> list[Wanted]:
        """The next products that lack the vector of what they say; none, after a piece of other work."""
        if self._changed:
            tenant_id = self._changed[0].tenant_id
            some = list[Wanted]()
            while self._changed and self._changed[0].tenant_id == tenant_id and len(some) < AT_ONCE:
                some.append(self._changed.popleft())
            return self._lacking(some) if tenant_id in self._chosen else []
        while self._passes:
            tenant_id = next(iter(self._passes))
            batches = self._passes[tenant_id]
            if batches is None:
                batches = self._passes[tenant_id] = self._pass(tenant_id, teacher)
            batch = next(batches, None)
            if batch is not None:
                return self._lacking(batch)
            del self._passes[tenant_id]
            self._settle(tenant_id)
        return []

    def _pass(self, tenant_id: UUID, teacher: Teacher) -> Iterator[list[Wanted]]:
        """All products of a tenant, after its encoder was chosen."""
        size = products.count(self._connection, tenant_id)
        chosen: Encoder = teacher
        if self._encoders.distils(size):
            own = self._encoders.own(tenant_id, self._index.encoders(tenant_id))
            chosen = own if own is not None else (yield from self._distilled(tenant_id, teacher))
        self._chosen[tenant_id] = chosen
        seen = told = 0
        for batch in products.described(self._connection, tenant_id, most=SENTENCE_DESCRIPTION, batch=AT_ONCE):
            yield [
                Wanted(tenant_id, str(one.product_id), _sentence(one), isinstance(chosen, Distilled)) for one in batch
            ]
            seen += len(batch)
            if seen - told >= TOLD_EVERY:
                told = seen
                log.info("search.encoding", tenant_id=str(tenant_id), products=seen, of=size, encoder=chosen.name)

    def _distilled(self, tenant_id: UUID, teacher: Teacher) -> Generator[list[Wanted], None, Encoder]:
        """The encoder of a tenant's own, made in pieces."""
        sample = products.sample(self._connection, tenant_id, most=SENTENCE_DESCRIPTION, limit=SAMPLE // 2)
        log.info("search.distilling", tenant_id=str(tenant_id), sentences=len(sample))
        work = distilling(teacher, list(map(_sentence, sample)))
        while True:
            try:
                next(work)
            except StopIteration as finished:
                learnt: Learnt = finished.value
                self._encoders.keep(tenant_id, learnt.encoder)
                self._known.update({(learnt.encoder.name, one): vector for one, vector in learnt.encoded.items()})
                return learnt.encoder
            yield []

    def _settle(self, tenant_id: UUID) -> None:
        """Every product has its vector: have it searched as soon as there is a graph."""
        encoder = self._encoder_of(tenant_id)
        collection = self._index.prepare(tenant_id, encoder.name, encoder.dimensions)
        if self._index.is_released(tenant_id, collection):
            return
        self._index.settle(collection)
        self._settling[tenant_id] = collection
        self._asked = 0.0
        self._release_settled()

    def _release_settled(self) -> None:
        if not self._settling or time.monotonic() - self._asked < ASKED_SECONDS:
            return
        self._asked = time.monotonic()
        for tenant_id, collection in list(self._settling.items()):
            if self._index.is_settled(collection):
                self._index.release(tenant_id, collection)
                del self._settling[tenant_id]
                log.info("search.meaning_complete", tenant_id=str(tenant_id), collection=collection)

    def _lacking(self, wanted: Sequence[Wanted]) -> list[Wanted]:
        if not wanted:
            return []
        encoder = self._encoder_of(wanted[0].tenant_id)
        collection = self._index.prepare(wanted[0].tenant_id, encoder.name, encoder.dimensions)
        has = self._index.sentences(collection, [one.product_id for one in wanted])
        lacking = [one for one in wanted if has.get(one.product_id) != digest(one.sentence)]
        # A slice is as dear as its longest sentence.
        return sorted(lacking, key=lambda one: len(one.sentence))

    def _write(self, wanted: Sequence[Wanted]) -> None:
        tenant_id = wanted[0].tenant_id
        encoder = self._encoder_of(tenant_id)
        vectors = self._vectors(encoder, wanted)
        points = [
            Point(one.product_id, digest(one.sentence), vector) for one, vector in zip(wanted, vectors, strict=True)
        ]
        self._index.write(tenant_id, self._index.prepare(tenant_id, encoder.name, encoder.dimensions), points)

    def _vectors(self, encoder: Encoder, wanted: Sequence[Wanted]) -> list[Floats]:
        """Of their sentences. What was encoded is kept at hand, a sketch is not."""
        new = [one for one in dict.fromkeys(each.sentence for each in wanted) if (encoder.name, one) not in self._known]
        sketched: dict[str, Floats] = {}
        if new and wanted[0].in_haste and isinstance(encoder, Distilled):
            sketched = dict(zip(new, encoder.sketch(new), strict=True))
        elif new:
            self._known.update({(encoder.name, one): made for one, made in zip(new, encoder.encode(new), strict=True)})
        found = [sketched.get(one.sentence, self._known.get((encoder.name, one.sentence))) for one in wanted]
        for _ in range(len(self._known) - REMEMBERED):
            self._known.popitem(last=False)
        return [vector for vector in found if vector is not None]


def encode_all(encoding: Encoding, tenant_id: UUID) -> None:
    """Encode whatever a tenant's products lack, to the end."""
    encoding.go_through(tenant_id)
    while not encoding.is_done:
        encoding.step()
        if encoding.only_waits and not encoding.is_done:
            time.sleep(ASKED_SECONDS)


def _wanted(tenant_id: UUID, found: Sequence[Product]) -> Iterator[Wanted]:
    sold = (one for one in found if one.published)
    return (Wanted(tenant_id, str(one.product_id), document_of(one).sentence) for one in sold)


def _sentence(said: Described) -> str:
    category = [said.category] if said.category else []
    return Document(str(said.product_id), said.title, category=category, description=said.description).sentence
