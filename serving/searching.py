"""What a shopper searches for: exact numbers first, then words and meaning, within a deadline."""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import orjson
import structlog

from foundation import clock
from foundation.ids import new_id
from foundation.search import MOST, FoundProduct, Relaxed, SearchAnswer, SearchRequest
from models.fusion import reciprocal_ranks
from models.search.documents import identifier
from models.search.encoder import Encoder
from models.search.lexical import query_vector
from models.search.spec import POOL, Parameters
from models.search.understanding import Understood, understand
from serving.index import IndexUnavailable
from serving.search_index import Answers, Hit, SearchIndex
from serving.vocabulary import Known, Vocabularies

log = structlog.get_logger(__name__)

POLICY = "hybrid"
FALLBACK = "full_text"
ANSWER_MS = 5
"""What is kept of the deadline for the answer itself."""
ALIKE = 0.35
"""The cosine below which a product that has none of the words is not like what was asked."""
SHORTEST_IDENTIFIER = 3


@dataclass(slots=True)
class _Draft:
    """An answer in the making."""

    understood: Understood | None = None
    items: Sequence[FoundProduct] = ()
    relaxed: list[Relaxed] = field(default_factory=list)
    known: Known | None = None
    fallback_reason: str | None = None


@dataclass(frozen=True, slots=True)
class Searched:
    """The answer, and the row of the decision log that accounts for it."""

    answer: SearchAnswer
    row: dict[str, Any]


class _CannotSearch(Exception):
    """There is no answer; the message is the reason that is logged."""


@dataclass(frozen=True, slots=True)
class Searcher:
    """Answers searches with what a worker holds."""

    vocabularies: Vocabularies
    index: SearchIndex
    encoder: Encoder | None
    """None where none is installed: then nothing is searched."""
    parameters: Parameters = field(default_factory=Parameters)

    async def decide(self, request: SearchRequest) -> Searched:
        """The answer within the request's deadline, or the fallback and why."""
        started = time.perf_counter()
        try:
            async with asyncio.timeout(max(request.deadline_ms - ANSWER_MS, 1) / 1000):
                draft = await self._search(request)
        except TimeoutError:
            draft = _Draft(fallback_reason="late")
        except IndexUnavailable as fault:
            log.warning("search.index_unavailable", error=str(fault))
            draft = _Draft(fallback_reason="index_unavailable")
        except _CannotSearch as fault:
            draft = _Draft(fallback_reason=str(fault))
        return _decided(request, draft, (time.perf_counter() - started) * 1000)

    async def _search(self, request: SearchRequest) -> _Draft:
        if self.encoder is None:
            raise _CannotSearch("no_encoder")
        known = self.vocabularies.of(request.tenant_id)
        if known is None:
            raise _CannotSearch("no_index")
        if known.description.encoder != self.encoder.name:
            raise _CannotSearch("other_encoder")
        index = self.index.of(request.tenant_id)
        named = await self._identified(request)
        # A number is not misspelt.
        understood = understand(request.query, None if named else known.speller, known.description.language)
        meaning = (await asyncio.to_thread(self.encoder.encode, [understood.sentence]))[0]
        answers = await index.ask(query_vector(understood.terms), meaning, limit=POOL)
        items = fused(named, answers, self.parameters.meaning)
        relaxed: list[Relaxed] = ["words"] if items and not named and not answers.words else []
        return _Draft(understood, items, relaxed, known)

    async def _identified(self, request: SearchRequest) -> list[str]:
        number = identifier(request.query)
        if len(number) < SHORTEST_IDENTIFIER or not any(each.isdigit() for each in number):
            return []
        return await self.index.of(request.tenant_id).identified(number, limit=POOL)


def fused(named: Sequence[str], answers: Answers, share: float) -> list[FoundProduct]:
    """One list: what has the number that was asked for, then what the words and the meaning find, by their ranks.

    What the meaning alone finds is left out where it is not alike enough.
    """
    has_words = {hit.id for hit in answers.words}
    meaning = [hit for hit in answers.meaning if hit.id in has_words or hit.score >= ALIKE]
    means = {hit.id for hit in meaning}
    scores = reciprocal_ranks([(_ids(answers.words), 1 - share), (_ids(meaning), share)])
    order = sorted(scores, key=lambda product: (-scores[product], product))
    exact = [FoundProduct(product_id=UUID(one), score=1.0, source="identifier") for one in named]
    others = [
        FoundProduct(product_id=UUID(one), score=scores[one], source=_source(one in has_words, one in means))
        for one in order
        if one not in set(named)
    ]
    return [*exact, *others][:MOST]


def _ids(hits: Sequence[Hit]) -> list[str]:
    return [hit.id for hit in hits]


def _source(has_words: bool, means: bool) -> str:
    if has_words and means:
        return "both"
    return "words" if has_words else "meaning"


def _decided(request: SearchRequest, draft: _Draft, latency_ms: float) -> Searched:
    spelling = draft.understood.spelling if draft.understood else None
    answer = SearchAnswer(
        decision_id=new_id(),
        policy=FALLBACK if draft.fallback_reason else POLICY,
        fallback=FALLBACK if draft.fallback_reason else None,
        fallback_reason=draft.fallback_reason,
        query=spelling.query if spelling else request.query,
        corrected=dict(spelling.changed) if spelling else {},
        relaxed=draft.relaxed,
        items=list(draft.items),
    )
    return Searched(answer, _row(request, draft, answer, latency_ms))


def _row(request: SearchRequest, draft: _Draft, answer: SearchAnswer, latency_ms: float) -> dict[str, Any]:
    ids = [str(item.product_id) for item in answer.items]
    account = {
        # What was typed may name somebody; the events hold it, and forget it with them.
        "query_sha256": hashlib.sha256(request.query.encode()).hexdigest(),
        "terms": len(draft.understood.terms) if draft.understood else 0,
        "corrected": len(answer.corrected),
        "relaxed": answer.relaxed,
    }
    return {
        "tenant_id": request.tenant_id,
        "kind": "search",
        "decided_at": clock.now().isoformat(timespec="milliseconds"),
        "decision_id": answer.decision_id,
        "placement": "search",
        "shopper_id": None,
        "visitor_id": None,
        "session_id": None,
        "policy": answer.policy,
        "model_name": draft.known.description.encoder if draft.known else "",
        "model_version": draft.known.collection if draft.known else "",
        "experiment": "",
        "arm": "",
        "candidates": ids,
        "chosen": ids,
        "scores": [item.score for item in answer.items],
        "sources": [item.source for item in answer.items],
        "propensities": [],
        "deterministic": 1,
        "features": orjson.dumps(account).decode(),
        "feature_view_version": "",
        "guardrails": [],
        "fallback": answer.fallback,
        "fallback_reason": answer.fallback_reason,
        "latency_ms": round(latency_ms, 3),
    }
