"""The decision service over HTTP."""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Annotated, cast

import structlog
from fastapi import Depends, FastAPI, Request
from fastapi.responses import Response
from fastapi_offline import FastAPIOffline

from features.online import OnlineShoppers
from foundation import clients, http, telemetry
from foundation.decisions import RecommendationRequest, Recommendations
from foundation.errors import Unauthenticated
from foundation.hearing import HearingAnswer, HearingRequest
from foundation.http import json_bytes, model_bytes
from foundation.search import SearchAnswer, SearchRequest
from foundation.settings import Settings, get_settings
from foundation.suggestions import Suggestions, SuggestionsRequest
from foundation.tasks import ended
from foundation.visual import VisualAnswer, VisualRequest
from models.search import encoder
from models.search.encoder import EncoderMissing
from serving.champions import Champions
from serving.column_store import ColumnStore, Holder
from serving.decision_log import DecisionLog
from serving.hearing import Hearing
from serving.index import Vectors
from serving.picture_encoders import PictureEncoders
from serving.recommendations import Recommender
from serving.search_index import SearchIndex
from serving.searching import Searcher
from serving.seeing import Looks, Seer
from serving.shop_encoders import ShopEncoders
from serving.steering import Steerings
from serving.stock import SoldOut
from serving.suggesting import Suggesting
from serving.visual_index import VisualIndex
from serving.vocabulary import Vocabularies

log = structlog.get_logger(__name__)

CHAMPIONS_SECONDS = 5.0
SOLD_OUT_SECONDS = 1.0
SEARCHED_SECONDS = 1.0
LOOKS_SECONDS = 2.0
SUGGESTIONS_SECONDS = 2.0


class WrongToken(Unauthenticated):
    """The decision service answers the core alone, by its token."""

    code = "decisions.wrong_token"


def create_app(settings: Settings | None = None) -> FastAPI:
    """The service for one worker.

    Raises:
        EngineNotConfigured: an engine or the service's token is not configured.
    """
    settings = settings or get_settings()
    telemetry.configure(settings)
    token = settings.require("serving_token", "The decision service's token")
    champions = Champions.from_settings(settings)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        redis = clients.redis_async(settings)
        vectors = Vectors.connect(settings)
        shoppers = OnlineShoppers.connect(settings)
        sold_out, decisions = SoldOut(redis), DecisionLog(settings, redis)
        app.state.recommender = Recommender(champions, shoppers, sold_out, vectors)
        app.state.decisions = decisions
        index = SearchIndex.connect(settings)
        blocking = clients.redis(settings)
        objects_url = settings.require("objects_url", "The object store")
        holder = Holder(ColumnStore(blocking, objects_url))
        encoders = await asyncio.to_thread(_encoders, settings, objects_url)
        searcher = Searcher(Vocabularies(redis, holder), Steerings(redis), index, encoders)
        app.state.searcher = searcher
        app.state.hearing = Hearing(searcher.vocabularies)
        suggesting = Suggesting.from_settings(settings, redis)
        app.state.suggesting = suggesting
        visual = VisualIndex.connect(settings)
        looks = Looks(visual, PictureEncoders(settings))
        app.state.seer = Seer(looks, visual, app.state.searcher)
        tasks = [
            asyncio.create_task(_repeat(LOOKS_SECONDS, looks.refresh)),
            asyncio.create_task(_repeat(CHAMPIONS_SECONDS, lambda: asyncio.to_thread(champions.refresh))),
            asyncio.create_task(_repeat(SOLD_OUT_SECONDS, lambda: sold_out.refresh(champions.all))),
            asyncio.create_task(_repeat(SEARCHED_SECONDS, searcher.refresh)),
            asyncio.create_task(_repeat(SUGGESTIONS_SECONDS, suggesting.refresh)),
            asyncio.create_task(decisions.run()),
        ]
        yield
        await ended(*tasks)
        await shoppers.close()
        await vectors.close()
        await index.close()
        await visual.close()
        await redis.aclose()
        blocking.close()

    app = FastAPIOffline(title="Tradewind decisions", version="0.1.0", lifespan=lifespan)
    app.state.token = token
    app.state.champions = champions
    http.install(app, max_body_bytes=settings.max_body_bytes)
    app.add_api_route("/healthz", _health)
    app.add_api_route(
        "/v1/decisions/recommendations",
        _recommend,
        methods=["POST"],
        response_model=Recommendations,
        tags=["decisions"],
    )
    app.add_api_route(
        "/v1/decisions/search", _search, methods=["POST"], response_model=SearchAnswer, tags=["decisions"]
    )
    app.add_api_route(
        "/v1/decisions/suggestions", _suggest, methods=["POST"], response_model=Suggestions, tags=["decisions"]
    )
    app.add_api_route("/v1/decisions/visual", _look, methods=["POST"], response_model=VisualAnswer, tags=["decisions"])
    app.add_api_route(
        "/v1/decisions/hearing", _hear, methods=["POST"], response_model=HearingAnswer, tags=["decisions"]
    )
    return app


def _encoders(settings: Settings, objects_url: str) -> ShopEncoders | None:
    """One core a sentence: other requests want the others."""
    try:
        loaded = encoder.load(settings.search_encoder, threads=1)
    except EncoderMissing as fault:
        log.warning("serving.no_search", reason=str(fault))
        return None
    return ShopEncoders(lambda: loaded, objects_url, distils_from=settings.search_distils_from)


async def _authenticated(request: Request) -> None:
    scheme, _, shown = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not hmac.compare_digest(shown.encode(), request.app.state.token.encode()):
        raise WrongToken


async def _recommend(
    request: Request, asked: RecommendationRequest, _: Annotated[None, Depends(_authenticated)]
) -> Response:
    """What to show a shopper here, within the deadline asked for."""
    decided = await cast("Recommender", request.app.state.recommender).decide(asked)
    await cast("DecisionLog", request.app.state.decisions).record(decided.row)
    return json_bytes(model_bytes(decided.answer))


async def _search(request: Request, asked: SearchRequest, _: Annotated[None, Depends(_authenticated)]) -> Response:
    """Which products answer a search, within the deadline asked for."""
    searched = await cast("Searcher", request.app.state.searcher).decide(asked)
    await cast("DecisionLog", request.app.state.decisions).record(searched.row)
    return json_bytes(model_bytes(searched.answer))


async def _suggest(
    request: Request, asked: SuggestionsRequest, _: Annotated[None, Depends(_authenticated)]
) -> Response:
    """What to suggest to somebody who types a query."""
    return json_bytes(model_bytes(await cast("Suggesting", request.app.state.suggesting).answer(asked)))


async def _look(request: Request, asked: VisualRequest, _: Annotated[None, Depends(_authenticated)]) -> Response:
    """Which products look like a picture or like another product, within the deadline asked for."""
    decided = await cast("Seer", request.app.state.seer).decide(asked)
    await cast("DecisionLog", request.app.state.decisions).record(decided.row)
    return json_bytes(model_bytes(decided.answer))


async def _hear(request: Request, asked: HearingRequest, _: Annotated[None, Depends(_authenticated)]) -> Response:
    """Which of the things that a speech recogniser heard was said."""
    return json_bytes(model_bytes(await cast("Hearing", request.app.state.hearing).answer(asked)))


async def _health(request: Request) -> dict[str, object]:
    """That the service answers, and the version it serves each tenant."""
    champions = cast("Champions", request.app.state.champions)
    return {"status": "ok", "champions": {str(one.tenant_id): one.version for one in champions.all.values()}}


async def _repeat(seconds: float, work: Callable[[], Awaitable[None]]) -> None:
    """Do `work` for ever; a fault is told and the next round tries again."""
    while True:
        try:
            await work()
        except Exception as fault:  # noqa: BLE001 - whatever the registry raises, the next round may find it well
            log.warning("serving.round_failed", error=str(fault).splitlines()[:1])
        await asyncio.sleep(seconds)
