"""What looks like a picture or like a product, within a deadline; and with a picture, what its words say."""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import structlog

from foundation import pictures
from foundation.ids import new_id
from foundation.search import MOST_SHOWN, FoundProduct, SearchRequest
from foundation.visual import VisualAnswer, VisualRequest
from models.fusion import reciprocal_ranks
from models.visual_search.encoder import EncoderMissing, PictureEncoder
from serving.decision_log import row_of
from serving.index import IndexUnavailable
from serving.packages import RegistryAway
from serving.picture_encoders import PictureEncoders
from serving.search_index import Hit
from serving.searching import ANSWER_MS, Searcher
from serving.visual_index import TenantLooks, VisualIndex

log = structlog.get_logger(__name__)

POLICY = "looks"
POLICY_WITH_WORDS = "looks_and_words"
POOL = 200
"""How many products each way puts forward when two are fused."""


@dataclass(frozen=True, slots=True)
class Known:
    """A tenant's collection and what encodes for it; `None` where that can't be had."""

    collection: str
    name: str
    encoder: PictureEncoder | None


class Looks:
    """Which pictures can be looked for, and by which encoder. `refresh` asks for it; `of` only looks."""

    def __init__(self, index: VisualIndex, encoders: PictureEncoders) -> None:
        self._index = index
        self._encoders = encoders
        self._known: dict[UUID, Known] = {}

    def of(self, tenant_id: UUID) -> Known | None:
        """What is known of a tenant's collection; `None` when it has none."""
        return self._known.get(tenant_id)

    async def refresh(self) -> None:
        """Learn what is new; encoders are loaded before anybody asks.

        Raises:
            IndexUnavailable: Qdrant can't be reached; what was known stays.
        """
        collections = await self._index.collections()
        for tenant_id, collection in collections.items():
            known = self._known.get(tenant_id)
            if known is None or known.collection != collection or known.encoder is None:
                self._known[tenant_id] = await self._learn(tenant_id, collection)
        for gone in self._known.keys() - collections.keys():
            del self._known[gone]

    async def _learn(self, tenant_id: UUID, collection: str) -> Known:
        name = await self._index.of(tenant_id).encoder()
        try:
            return Known(collection, name, await asyncio.to_thread(self._encoders.called, name))
        except (EncoderMissing, RegistryAway) as fault:
            log.warning("visual_search.no_encoder", tenant_id=str(tenant_id), reason=str(fault))
            return Known(collection, name, None)


@dataclass(slots=True)
class _Draft:
    """An answer in the making."""

    items: Sequence[FoundProduct] = ()
    known: Known | None = None
    fallback_reason: str | None = None


@dataclass(frozen=True, slots=True)
class Decided:
    """The answer, and the row of the decision log that accounts for it."""

    answer: VisualAnswer
    row: dict[str, Any]


class _CannotSee(Exception):
    """There is no answer; the message is the reason that is logged."""


@dataclass(frozen=True, slots=True)
class Seer:
    """Answers by what products look like, with what a worker holds."""

    looks: Looks
    index: VisualIndex
    searcher: Searcher

    async def decide(self, request: VisualRequest) -> Decided:
        """The answer within the request's deadline, or the fallback and why."""
        started = time.perf_counter()
        try:
            async with asyncio.timeout(max(request.deadline_ms - ANSWER_MS, 1) / 1000):
                draft = await self._see(request)
        except TimeoutError:
            draft = _Draft(fallback_reason="late")
        except IndexUnavailable as fault:
            log.warning("visual_search.index_unavailable", error=str(fault))
            draft = _Draft(fallback_reason="index_unavailable")
        except _CannotSee as fault:
            draft = _Draft(fallback_reason=str(fault))
        return _decided(request, draft, (time.perf_counter() - started) * 1000)

    async def _see(self, request: VisualRequest) -> _Draft:
        known = self.looks.of(request.tenant_id)
        if known is None:
            raise _CannotSee("no_index")
        index = self.index.of(request.tenant_id)
        if request.picture is None:
            if request.product_id is None:
                raise _CannotSee("nothing_asked")
            hits = await index.like(request.product_id, limit=request.limit)
            if not hits:
                raise _CannotSee("not_pictured")
            return _Draft(_found([(hits, "picture")], request.limit), known)
        if known.encoder is None:
            raise _CannotSee("no_encoder")
        vector = (await asyncio.to_thread(_encoded, known.encoder, request.picture))[0]
        if request.query is None:
            hits = await index.alike(vector, limit=request.limit)
            return _Draft(_found([(hits, "picture")], request.limit), known)
        both = await asyncio.gather(
            index.alike(vector, limit=POOL), self._said(request, request.query), _shown(index, known, request.query)
        )
        ways = ("picture", "words", "words")
        return _Draft(_found(list(zip(both, ways, strict=True)), request.limit), known)

    async def _said(self, request: VisualRequest, query: str) -> list[Hit]:
        """What the words find in what products say; nothing, where the shop has no such index."""
        asked = SearchRequest(
            tenant_id=request.tenant_id, query=query, limit=MOST_SHOWN, deadline_ms=request.deadline_ms
        )
        found = (await self.searcher.decide(asked)).answer
        return [] if found.fallback else [Hit(str(item.product_id), item.score) for item in found.items]


async def _shown(index: TenantLooks, known: Known, query: str) -> list[Hit]:
    """What the words find in what products look like, where the encoder reads words."""
    words = known.encoder.words if known.encoder else None
    if words is None:
        return []
    vector = (await asyncio.to_thread(words, [query]))[0]
    # Words that mean nothing to the encoder point nowhere: whatever were nearest would be chance.
    return await index.alike(vector, limit=POOL) if vector.any() else []


def _encoded(encoder: PictureEncoder, body: bytes) -> Any:
    try:
        return encoder.encode([pictures.opened(body, ("JPEG",))])
    except pictures.NotAPicture as fault:
        raise _CannotSee("unreadable_picture") from fault


def _found(ways: Sequence[tuple[Sequence[Hit], str]], limit: int) -> list[FoundProduct]:
    """The products of one list with their likeness; of several, by their ranks in all of them."""
    asked = [(hits, way) for hits, way in ways if hits]
    if len(asked) == 1:
        hits, way = asked[0]
        return [FoundProduct(product_id=UUID(hit.id), score=hit.score, source=way) for hit in hits][:limit]
    scores = reciprocal_ranks([([hit.id for hit in hits], 1.0) for hits, _ in asked])
    by_way: dict[str, set[str]] = {}
    for hits, way in asked:
        by_way.setdefault(way, set()).update(hit.id for hit in hits)
    return [
        FoundProduct(product_id=UUID(one), score=scores[one], source=_source(one, by_way))
        for one in sorted(scores, key=lambda product: (-scores[product], product))
    ][:limit]


def _source(product: str, by_way: dict[str, set[str]]) -> str:
    ways = [way for way, found in by_way.items() if product in found]
    return ways[0] if len(ways) == 1 else "both"


def _decided(request: VisualRequest, draft: _Draft, latency_ms: float) -> Decided:
    policy = POLICY_WITH_WORDS if request.query else POLICY
    fallback = request.fallback if draft.fallback_reason else None
    answer = VisualAnswer(
        decision_id=new_id(),
        policy=fallback or policy,
        fallback=fallback,
        fallback_reason=draft.fallback_reason,
        items=list(draft.items),
    )
    return Decided(answer, _row(request, draft, answer, latency_ms))


def _row(request: VisualRequest, draft: _Draft, answer: VisualAnswer, latency_ms: float) -> dict[str, Any]:
    ids = [str(item.product_id) for item in answer.items]
    account = {
        # Of the picture nothing is kept, not even a digest: it may show somebody.
        "product_id": str(request.product_id) if request.product_id else None,
        "query_sha256": hashlib.sha256(request.query.encode()).hexdigest() if request.query else None,
    }
    return row_of(
        "visual",
        request.tenant_id,
        answer,
        placement="alike" if request.product_id else "search",
        features=account,
        latency_ms=latency_ms,
        model_name=draft.known.name if draft.known else "",
        model_version=draft.known.collection if draft.known else "",
        candidates=ids,
        chosen=ids,
        scores=[item.score for item in answer.items],
        sources=[item.source for item in answer.items],
    )
