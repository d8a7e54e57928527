"""What a shopper searches for, or looks around in: the whole result, narrowed down, counted and put in order.

A search is a few steps, each with one thing to say: what the query means (`_read`), which products answer and how well
(`_result`), which of them are shown (`serving.selecting`).
"""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID

import numpy as np
import structlog

from foundation import clock
from foundation.ids import new_id
from foundation.search import CATEGORY, COLLECTION, FoundProduct, Relaxed, SearchAnswer, SearchRequest
from models.arrays import Flags, Ints
from models.fusion import SMOOTHING
from models.search.distilled import Distilled
from models.search.documents import identifier
from models.search.encoder import Encoder
from models.search.lexical import query_vector
from models.search.postings import Matches
from models.search.spec import POOL, Parameters
from models.search.understanding import Understood, understand
from serving import merchandising, recognising, selecting
from serving.columns import Columns
from serving.decision_log import row_of
from serving.index import IndexUnavailable
from serving.meanings import Meanings
from serving.merchandising import Plan
from serving.recognising import Brands
from serving.search_index import Hit, SearchIndex
from serving.selecting import Page, Result
from serving.shop_encoders import ShopEncoders
from serving.steering import Steered, Steerings
from serving.vocabulary import Known, Vocabularies

log = structlog.get_logger(__name__)

HYBRID, WORDS, COLUMNS = "hybrid", "words", "columns"
FALLBACK = "full_text"
ANSWER_MS = 5
"""What is kept of the deadline for the answer itself."""
MEANING_SHARE = 0.6
"""The part of the deadline that is waited for what products mean; without it words answer alone."""
ALIKE, ALIKE_SKETCHED = 0.35, 0.43
"""The cosine below which a product that has none of the words is not like what was asked. A sketch says less of what is
peculiar to a product, so it is nearer to everything: as many are above the second as above the first otherwise.
"""
SHORTEST_IDENTIFIER = 3
_EXACT = 2.0
"""The score of a product with the very number; fused ranks stay below 1, and what comes after those below 0."""


@dataclass(frozen=True, slots=True)
class Question:
    """A query, read."""

    understood: Understood
    named: Ints
    """The rows of the products with the SKU or GTIN that was asked for."""


@dataclass(frozen=True, slots=True)
class Meant:
    """The products that mean about the same, and how much that says."""

    hits: Sequence[Hit] = ()
    share: float = 0.0
    """In the fused ranks."""
    least: float = ALIKE
    """The cosine from which one is in the result that has none of the words."""


@dataclass(frozen=True, slots=True)
class Found:
    """The products that answer, and by what."""

    result: Result
    named: Ints = field(default_factory=lambda: np.zeros(0, np.int64))
    words: Ints = field(default_factory=lambda: np.zeros(0, np.int64))
    meaning: Ints = field(default_factory=lambda: np.zeros(0, np.int64))


@dataclass(slots=True)
class _Draft:
    """An answer in the making."""

    policy: str = FALLBACK
    understood: Understood | None = None
    answer: dict[str, Any] = field(default_factory=dict)
    """What it says of the result."""
    known: Known | None = None
    encoder: str = ""
    plan: Plan = field(default_factory=Plan)
    fallback_reason: str | None = None


@dataclass(frozen=True, slots=True)
class Searched:
    """The answer, and the row of the decision log that accounts for it."""

    answer: SearchAnswer
    row: dict[str, Any]


class _CannotSearch(Exception):
    """There is no answer; the message is the reason that is logged."""


@dataclass(slots=True)
class Searcher:
    """Answers searches with what a worker holds."""

    vocabularies: Vocabularies
    steerings: Steerings
    index: SearchIndex
    shop_encoders: ShopEncoders | None
    """None where none is installed: then nothing is searched by its meaning."""
    parameters: Parameters = field(default_factory=Parameters)
    brands: Brands = field(default_factory=Brands)
    meanings: Meanings = field(default_factory=Meanings)
    encoders: dict[UUID, Encoder] = field(default_factory=dict)
    """Whose vectors each tenant's index is of, where that one is to be had."""

    async def refresh(self) -> None:
        """Learn what is new of all tenants.

        Raises:
            redis.exceptions.RedisError, OSError, IndexUnavailable: it can't be asked; what was known stays.
        """
        await self.vocabularies.refresh()
        await self.steerings.refresh()
        shops = self.shop_encoders
        self.encoders = {} if shops is None else await asyncio.to_thread(shops.all, await self.index.encoders())

    async def decide(self, request: SearchRequest) -> Searched:
        """The answer within the request's deadline, or the fallback and why."""
        started = time.perf_counter()
        try:
            async with asyncio.timeout(max(request.deadline_ms - ANSWER_MS, 1) / 1000):
                draft = await self._search(request)
        except TimeoutError:
            draft = _Draft(fallback_reason="late")
        except _CannotSearch as fault:
            draft = _Draft(fallback_reason=str(fault))
        return _decided(request, draft, (time.perf_counter() - started) * 1000)

    async def _search(self, request: SearchRequest) -> _Draft:
        known = self.vocabularies.of(request.tenant_id)
        if known is None:
            raise _CannotSearch("no_index")
        steered = self.steerings.of(request.tenant_id)
        if not request.query.strip():
            plan = _planned(steered, request, ())
            answer = await asyncio.to_thread(_looked_around, known, request, plan)
            return _Draft(COLUMNS, None, answer, known, plan=plan)
        question = await asyncio.to_thread(_read, known, request.query, steered)
        plan = _planned(steered, request, (request.query, question.understood.sentence))
        encoder = self.encoders.get(request.tenant_id)
        alike = None if encoder is None else await self._alike(request, question.understood.sentence, encoder)
        meant = Meant() if alike is None else self._meant(encoder, alike)
        answer = await asyncio.to_thread(self._answer, known, request, question, meant, steered, plan)
        if encoder is None or alike is None:
            return _Draft(WORDS, question.understood, answer, known, plan=plan)
        return _Draft(HYBRID, question.understood, answer, known, encoder.name, plan)

    async def _alike(self, request: SearchRequest, sentence: str, encoder: Encoder) -> Sequence[Hit] | None:
        """The products that mean about the same; `None` while they can't be told in time."""
        try:
            async with asyncio.timeout(MEANING_SHARE * request.deadline_ms / 1000):
                meaning = await self.meanings.of(encoder, sentence)
                return await self.index.of(request.tenant_id).alike(meaning, encoder=encoder.name, limit=POOL)
        except (IndexUnavailable, TimeoutError) as fault:
            log.warning("search.without_meaning", error=str(fault) or "late")
            return None

    def _meant(self, encoder: Encoder | None, alike: Sequence[Hit]) -> Meant:
        if isinstance(encoder, Distilled):
            return Meant(alike, self.parameters.sketched, ALIKE_SKETCHED)
        return Meant(alike, self.parameters.meaning, ALIKE)

    def _answer(
        self,
        known: Known,
        request: SearchRequest,
        question: Question,
        meant: Meant,
        steered: Steered,
        plan: Plan,
    ) -> dict[str, Any]:
        held, query = known.held, question.understood.sentence
        with held.lock:
            columns = held.columns
            words, relaxed = self._by_words(columns, question)
            found = fused(columns, question.named, words, meant)
            inside = _inside(columns, request)
            kept = inside[found.result.rows]
            result = Result(found.result.rows[kept], found.result.keys[kept])
            brands, categories = self.brands.of(request.tenant_id, columns), steered.categories(held.about.language)
            result, named = recognising.recognised(columns, result, query, brands, categories)
            result = merchandising.steered(columns, result, plan.rules, inside)
            answer = _shown(columns, replace(found, result=result), request)
        if len(found.result.rows) and not len(found.named) + len(words.rows):
            relaxed = ["words"]
        return {**answer, "relaxed": relaxed, "recognised": tuple(named)}

    def _by_words(self, columns: Columns, question: Question) -> tuple[Matches, list[Relaxed]]:
        """What has enough of the words; what has any, where nothing has enough."""
        understood = question.understood
        terms = query_vector(understood.terms)

        def matching(share: float) -> Matches:
            return columns.postings.matching(terms, columns.alive, share=share, instead=understood.instead)

        words = matching(self.parameters.share)
        if len(words.rows) or len(question.named):
            return words, []
        words = matching(0.0)
        return words, ["some_words"] if len(words.rows) else []


def _read(known: Known, query: str, steered: Steered) -> Question:
    """What a query asks for. A number is not misspelt."""
    held, number = known.held, identifier(query)
    named = np.zeros(0, np.int64)
    if len(number) >= SHORTEST_IDENTIFIER and any(each.isdigit() for each in number):
        with held.lock:
            named = held.columns.postings.identified(number)
            named = named[held.columns.alive[named]]
    language = held.about.language
    speller = None if len(named) else known.speller
    return Question(understand(query, speller, language, steered.synonyms(language)), named)


def _planned(steered: Steered, request: SearchRequest, readings: Sequence[str]) -> Plan:
    return merchandising.plan(steered.said.rules, request, readings, now=clock.now())


def _looked_around(known: Known, request: SearchRequest, plan: Plan) -> dict[str, Any]:
    """What there is without a query, what sells most first."""
    columns = known.held.columns
    with known.held.lock:
        result = selecting.everything(columns, request)
        if plan.rules:
            result = merchandising.steered(columns, result, plan.rules, _inside(columns, request))
        return _shown(columns, Found(result), request)


def _inside(columns: Columns, request: SearchRequest) -> Flags:
    """Which rows are in the category or the collection that is looked at."""
    inside = np.ones(columns.size, np.bool_)
    for facet, value in ((CATEGORY, request.within), (COLLECTION, request.collection)):
        if value is not None:
            inside &= selecting.having(columns, facet, str(value))
    return inside


def fused(columns: Columns, named: Ints, words: Matches, meant: Meant) -> Found:
    """One result: what has the number that was asked for, then the best by words and by meaning by their ranks, then
    whatever else has the words, by its score.

    What the meaning alone finds is left out where it is not alike enough.
    """
    share = meant.share
    hits = [(row, hit.score) for hit in meant.hits if (row := columns.row_of(UUID(hit.id))) is not None]
    near = np.array([row for row, _ in hits], np.int64)
    alike_enough = np.array([cosine for _, cosine in hits]) >= meant.least
    meaning = near[_among(words.rows, near) | alike_enough]
    others = np.unique(np.concatenate([named, meaning]))
    # Two ascending lists: merged in one go.
    rows = np.sort(np.concatenate([words.rows, others[~_among(words.rows, others)]]), kind="stable")
    scores = np.zeros(len(rows))
    if len(words.rows):
        place = np.searchsorted(rows, words.rows)
        scores[place] = words.scores / (1 + float(words.scores.max())) - 1
        best = _best(words, POOL)
        scores[place[best]] = (1 - share) / (SMOOTHING + 1 + np.arange(len(best)))
    for rank, row in enumerate(meaning, start=1):
        at = np.searchsorted(rows, row)
        scores[at] = max(scores[at], 0.0) + share / (SMOOTHING + rank)
    scores[np.searchsorted(rows, named)] += _EXACT
    return Found(Result(rows, -scores), named, words.rows, meaning)


def _among(rows: Ints, wanted: Ints) -> Flags:
    """Which of those wanted are in rows, which ascend."""
    if not len(rows):
        return np.zeros(len(wanted), np.bool_)
    at = np.minimum(np.searchsorted(rows, wanted), len(rows) - 1)
    found: Flags = rows[at] == wanted
    return found


def _best(words: Matches, many: int) -> Ints:
    """The places of the best matches, best first, ties by row."""
    if len(words.rows) > many:
        bound = np.partition(words.scores, len(words.scores) - many)[len(words.scores) - many]
        places = np.flatnonzero(words.scores >= bound)
    else:
        places = np.arange(len(words.rows))
    return places[np.lexsort((places, -words.scores[places]))][:many]


def _shown(columns: Columns, found: Found, request: SearchRequest) -> dict[str, Any]:
    """What the answer says of a result."""
    unknown = selecting.unknown(columns, request.chosen)
    if unknown:
        return {"unknown": unknown}
    page = selecting.select(columns, found.result, request)
    return {
        "total": page.total,
        "has_more": page.has_more,
        "facets": page.facets,
        "relaxable": page.relaxable,
        "items": _items(columns, found, page),
    }


def _items(columns: Columns, found: Found, page: Page) -> list[FoundProduct]:
    named, meaning = np.isin(page.rows, found.named), np.isin(page.rows, found.meaning)
    words = _among(found.words, page.rows)
    return [
        FoundProduct(
            product_id=columns.id_of(int(row)),
            score=float(key),
            source=_source(bool(named[at]), bool(words[at]), bool(meaning[at])),
        )
        for at, (row, key) in enumerate(zip(page.rows, page.keys, strict=True))
    ]


def _source(has_number: bool, has_words: bool, means: bool) -> str:
    if has_number:
        return "identifier"
    if has_words and means:
        return "both"
    if has_words:
        return "words"
    return "meaning" if means else "scope"


def _decided(request: SearchRequest, draft: _Draft, latency_ms: float) -> Searched:
    spelling = draft.understood.spelling if draft.understood else None
    answer = SearchAnswer(
        decision_id=new_id(),
        policy=draft.policy,
        fallback=FALLBACK if draft.fallback_reason else None,
        fallback_reason=draft.fallback_reason,
        query=spelling.query if spelling else request.query,
        corrected=dict(spelling.changed) if spelling else {},
        rules=tuple(rule.id for rule in draft.plan.rules),
        redirect=draft.plan.redirect,
        personal=draft.plan.personal,
        **{"relaxed": [], "items": [], **draft.answer},
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
        "recognised": [one.facet for one in answer.recognised],
        "chosen": [one.facet for one in request.chosen],
        "sort": request.sort,
        "total": answer.total,
    }
    return row_of(
        "search",
        request.tenant_id,
        answer,
        placement="search" if request.query.strip() else "category",
        features=account,
        latency_ms=latency_ms,
        model_name=draft.encoder,
        model_version=draft.known.held.about.build if draft.known else "",
        candidates=ids,
        chosen=ids,
        scores=[item.score for item in answer.items],
        sources=[item.source for item in answer.items],
        guardrails=[f"rule:{rule_id}" for rule_id in answer.rules],
    )
