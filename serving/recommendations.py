"""What to show a shopper: features, candidates, ranking, guardrails, and a fallback that is always there."""

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
from redis.exceptions import RedisError

from features.compute import VIEW_VERSION
from features.online import OnlineShoppers, ShopperFeatures
from foundation import clock
from foundation.decisions import Placement, RecommendationRequest, Recommendations, RecommendedItem
from foundation.ids import new_id
from models.recommendation.histories import Touch
from models.recommendation.package import RecommendationModel
from models.recommendation.spec import Task
from serving.champions import Champion, Champions
from serving.decision_log import row_of
from serving.index import IndexUnavailable, Vectors
from serving.ranking import Candidate, fuse
from serving.stock import SoldOut

log = structlog.get_logger(__name__)

POLICY = "blend"
FALLBACK = "popular"
POOL = 100
"""Candidates that are ranked and logged beside those that are shown."""
ANSWER_MS = 5
"""What is kept of the deadline for the answer itself."""
DAY_MS = 86_400_000.0

SESSION_MS = 30 * 60 * 1000
"""What was done within this is on the shopper's mind."""

ABOUT_THE_SHOPPER = frozenset[Placement]({"home", "cart"})
"""Where what was ever bought counts; elsewhere the row is about the product in view."""


@dataclass(frozen=True, slots=True)
class Decided:
    """The answer, and the row of the decision log that accounts for it."""

    answer: Recommendations
    row: dict[str, Any]


@dataclass(slots=True)
class _Draft:
    """A decision in the making."""

    candidates: Sequence[Candidate]
    champion: Champion | None
    features: dict[str, Any] = field(default_factory=dict)
    guardrails: list[str] = field(default_factory=list)
    fallback_reason: str | None = None

    @property
    def policy(self) -> str:
        """Who decided in the end."""
        return POLICY if self.fallback_reason is None else FALLBACK


class _CannotDecide(Exception):
    """The model can't answer; the message is the reason that is logged."""


@dataclass(frozen=True, slots=True)
class Recommender:
    """Decides recommendations with what a worker holds."""

    champions: Champions
    shoppers: OnlineShoppers
    sold_out: SoldOut
    vectors: Vectors

    async def decide(self, request: RecommendationRequest) -> Decided:
        """The decision, within the request's deadline: the model's, or the named fallback and why."""
        started = time.perf_counter()
        try:
            async with asyncio.timeout(max(request.deadline_ms - ANSWER_MS, 1) / 1000):
                draft = await self._by_model(request)
        except TimeoutError:
            draft = self._by_popularity(request, "late")
        except _CannotDecide as fault:
            draft = self._by_popularity(request, str(fault))
        return self._decided(request, draft, started)

    async def _by_model(self, request: RecommendationRequest) -> _Draft:
        champion = self.champions.of(request.tenant_id)
        if champion is None:
            raise _CannotDecide("no_model")
        features, (similar, degraded) = await asyncio.gather(self._features(request), self._similar(request))
        unwanted, touches = self._unwanted(request), _touches(features)
        lists = await asyncio.to_thread(_model_lists, champion.model, request, touches, unwanted)
        lists["similar"] = [candidate for candidate in similar if candidate.product_id not in unwanted]
        candidates = fuse(lists)
        if len(candidates) < request.limit:
            filling = await asyncio.to_thread(_by_history, champion.model, request, touches, unwanted)
            there = {candidate.product_id for candidate in candidates}
            candidates += [candidate for candidate in filling if candidate.product_id not in there]
        guardrails = self._guardrails(request) + degraded
        return _Draft(candidates, champion, _account(request, features), guardrails)

    async def _features(self, request: RecommendationRequest) -> ShopperFeatures | None:
        shopper_id = request.shopper_id or request.visitor_id
        if shopper_id is None:
            return None
        try:
            return await self.shoppers.read(request.tenant_id, shopper_id)
        except (RedisError, OSError) as fault:
            log.warning("serving.features_unavailable", error=str(fault))
            raise _CannotDecide("features_unavailable") from fault

    async def _similar(self, request: RecommendationRequest) -> tuple[list[Candidate], list[str]]:
        """The products most like those in view, and the guardrail that says when the index gave none."""
        if request.placement in ABOUT_THE_SHOPPER or not request.context_product_ids:
            return [], []
        try:
            found = await self.vectors.of(request.tenant_id).nearest(
                request.context_product_ids, limit=POOL, exclude=_excluded(request)
            )
        except IndexUnavailable as fault:
            log.warning("serving.index_unavailable", error=str(fault))
            return [], ["index_unavailable"]
        return [Candidate(product_id, score, "similar") for product_id, score in found], []

    def _by_popularity(self, request: RecommendationRequest, reason: str) -> _Draft:
        champion = self.champions.of(request.tenant_id)
        candidates: list[Candidate] = []
        if champion is not None:
            unwanted = self._unwanted(request)
            products, scores = champion.model.popular
            pairs = zip(products[: POOL + len(unwanted)], scores.tolist(), strict=False)
            candidates = [Candidate(one, score, FALLBACK) for one, score in pairs if one not in unwanted]
        return _Draft(candidates, champion, {}, self._guardrails(request), reason)

    def _unwanted(self, request: RecommendationRequest) -> set[str]:
        sold_out = self.sold_out.of(request.tenant_id) or frozenset()
        return _excluded(request) | sold_out

    def _guardrails(self, request: RecommendationRequest) -> list[str]:
        heard = self.sold_out.of(request.tenant_id) is not None
        return ["in_stock", "not_shown"] if heard else ["not_shown"]

    def _decided(self, request: RecommendationRequest, draft: _Draft, started: float) -> Decided:
        shown = draft.candidates[: request.limit]
        fallback = FALLBACK if draft.fallback_reason else None
        answer = Recommendations(
            decision_id=new_id(),
            placement=request.placement,
            policy=draft.policy,
            model_version=draft.champion.version if draft.champion else None,
            fallback=fallback,
            fallback_reason=draft.fallback_reason,
            items=[
                RecommendedItem(product_id=UUID(one.product_id), position=place, score=one.score, source=one.source)
                for place, one in enumerate(shown)
            ],
        )
        latency_ms = (time.perf_counter() - started) * 1000
        return Decided(answer, _row(request, draft, answer, latency_ms))


def _model_lists(
    model: RecommendationModel, request: RecommendationRequest, touches: list[Touch], unwanted: set[str]
) -> dict[str, list[Candidate]]:
    """What the champion says: of all that is known of the shopper, and of what is on their mind."""
    lists: dict[str, list[Candidate]] = {}
    on_their_mind = [Touch(str(product_id)) for product_id in request.context_product_ids]
    if request.placement in ABOUT_THE_SHOPPER:
        lists["history"] = _by_history(model, request, touches, unwanted)
        on_their_mind += [touch for touch in touches if touch.age_days * DAY_MS < SESSION_MS]
    if on_their_mind:
        together = model.goes_with(on_their_mind, limit=POOL + request.limit, exclude=unwanted)
        lists["session"] = [Candidate(*scored) for scored in together]
    return lists


def _by_history(
    model: RecommendationModel, request: RecommendationRequest, touches: list[Touch], unwanted: set[str]
) -> list[Candidate]:
    limit = POOL + request.limit
    ranked = model.recommend(touches, limit=limit, exclude=unwanted, task=Task.WITH_REPEATS)
    return [Candidate(*scored) for scored in ranked]


def _touches(features: ShopperFeatures | None) -> list[Touch]:
    now_ms = clock.now().timestamp() * 1000
    known = features.touches if features else ()
    return [Touch(one.product_id, (now_ms - one.at_ms) / DAY_MS, one.weight) for one in known]


def _excluded(request: RecommendationRequest) -> set[str]:
    return {str(one) for one in (*request.exclude_product_ids, *request.context_product_ids)}


def touches_digest(products: Sequence[str], at_ms: Sequence[int], weights: Sequence[float]) -> str:
    """The same for the same touches in the same order: what a decision keeps of thousands of them.

    The touches themselves are computed again by `features.compute.shopper_activity` as of the decision's `as_of`.
    """
    rows = [[product, at, float(weight)] for product, at, weight in zip(products, at_ms, weights, strict=True)]
    return hashlib.sha256(orjson.dumps(rows)).hexdigest()


def _account(request: RecommendationRequest, features: ShopperFeatures | None) -> dict[str, Any]:
    """The exact feature values: scalars as they were, touches by their digest and the instant they are of."""
    context = [str(one) for one in request.context_product_ids]
    if features is None:
        return {"context": context}
    columns = zip(*features.touches, strict=True) if features.touches else ((), (), ())
    return {
        "context": context,
        "as_of": features.as_of.isoformat(),
        "touches": len(features.touches),
        "touches_sha256": touches_digest(*columns),
        **features.values,
    }


def _row(request: RecommendationRequest, draft: _Draft, answer: Recommendations, latency_ms: float) -> dict[str, Any]:
    return row_of(
        "recommendations",
        request.tenant_id,
        answer,
        placement=request.placement,
        features=draft.features,
        latency_ms=latency_ms,
        shopper_id=request.shopper_id,
        visitor_id=request.visitor_id,
        session_id=request.session_id,
        policy=draft.policy,
        model_name=draft.champion.name if draft.champion else "",
        model_version=draft.champion.version if draft.champion else "",
        candidates=[one.product_id for one in draft.candidates],
        chosen=[str(item.product_id) for item in answer.items],
        scores=[one.score for one in draft.candidates],
        sources=[one.source for one in draft.candidates],
        feature_view_version=VIEW_VERSION,
        guardrails=draft.guardrails,
    )
