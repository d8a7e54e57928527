"""Queries: Qdrant's universal query, with its stages and its references to points, to the engine's request."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol
from uuid import UUID

import numpy as np
import qdrant_edge as edge

from tradewind.engines.qdrant import fields
from tradewind.engines.qdrant.errors import Malformed, WrongInput
from tradewind.engines.qdrant.fields import Json
from tradewind.engines.qdrant.filters import read_filter, without_ids
from tradewind.engines.qdrant.points import read_vector
from tradewind.engines.qdrant.schema import Schema

_DEFAULT_LIMIT = 10
_RRF_K = 2


class Lookup(Protocol):
    """Finds the vector of a stored point, for a query that names a point in place of a vector."""

    def __call__(self, point_id: int | UUID, vector: str, collection: str | None) -> edge.NamedVector:
        """Give the point's vector, from this collection or another.

        Raises:
            NotFound: no such point or collection.
            WrongInput: the point lacks that vector.
        """


@dataclass
class _Stage:
    """One query or prefetch being read: what its inputs may refer to, and the points they did refer to."""

    schema: Schema
    lookup: Lookup
    using: str
    source: str | None
    source_vector: str
    limit: int
    referenced: set[int | UUID]

    def vector(self, value: Any) -> edge.NamedVector:
        """Give the vector for an input: one written out, or a stored point's."""
        if isinstance(value, int | str):
            point_id = fields.a_point_id(value, "query")
            if self.source is None:
                self.referenced.add(point_id)
            return self.lookup(point_id, self.source_vector, self.source)
        return read_vector(value, self.using, self.schema)

    def vectors(self, value: Any) -> list[edge.NamedVector]:
        """Give the vectors for a list of inputs."""
        return [self.vector(each) for each in fields.a_list(value or [], "query")]


def read_query(body: Json, schema: Schema, lookup: Lookup) -> edge.QueryRequest:
    """Give the engine's request for the body of a query."""
    query, condition, limit = _scoring(body, schema, lookup)
    return edge.QueryRequest(
        limit=limit,
        offset=fields.maybe_integer(body, "offset") or 0,
        query=query,
        prefetches=_prefetches(body, schema, lookup),
        with_vector=with_vector(body.get("with_vector")),
        with_payload=with_payload(body.get("with_payload"), default=False),
        filter=condition,
        score_threshold=fields.maybe_number(body, "score_threshold"),
        params=_params(body.get("params")),
    )


def _prefetches(body: Json, schema: Schema, lookup: Lookup) -> list[edge.Prefetch]:
    stages = [fields.an_object(each, "prefetch") for each in fields.one_or_many(body.get("prefetch"))]
    return [_prefetch(each, schema, lookup) for each in stages]


def _prefetch(body: Json, schema: Schema, lookup: Lookup) -> edge.Prefetch:
    query, condition, limit = _scoring(body, schema, lookup)
    return edge.Prefetch(
        limit=limit,
        query=query,
        prefetches=_prefetches(body, schema, lookup),
        params=_params(body.get("params")),
        filter=condition,
        score_threshold=fields.maybe_number(body, "score_threshold"),
    )


def _scoring(body: Json, schema: Schema, lookup: Lookup) -> tuple[Any, edge.Filter | None, int]:
    limit = fields.maybe_integer(body, "limit", least=1) or _DEFAULT_LIMIT
    using = fields.maybe_string(body, "using") or ""
    source = fields.an_object(body.get("lookup_from") or {}, "lookup_from")
    source_vector = fields.maybe_string(source, "vector")
    stage = _Stage(
        schema=schema,
        lookup=lookup,
        using=using,
        source=fields.maybe_string(source, "collection"),
        source_vector=using if source_vector is None else source_vector,
        limit=limit,
        referenced=set(),
    )
    query = None if body.get("query") is None else _query(body["query"], stage)
    return query, without_ids(read_filter(body.get("filter")), stage.referenced), limit


def _query(value: Any, stage: _Stage) -> Any:
    if isinstance(value, dict):
        for name, read in _QUERIES.items():
            if name in value:
                return read(value, stage)
    return edge.Query.Nearest(stage.vector(value), using=stage.using)


def _nearest(body: Json, stage: _Stage) -> Any:
    vector = stage.vector(body["nearest"])
    if body.get("mmr") is None:
        return edge.Query.Nearest(vector, using=stage.using)
    mmr = fields.an_object(body["mmr"], "query.mmr")
    diversity = fields.maybe_number(mmr, "diversity")
    return edge.Mmr(
        vector,
        1.0 - (0.5 if diversity is None else diversity),
        fields.maybe_integer(mmr, "candidates_limit", least=1) or stage.limit,
        using=stage.using,
    )


def _recommend(body: Json, stage: _Stage) -> Any:
    request = fields.an_object(body["recommend"], "query.recommend")
    positives = stage.vectors(request.get("positive"))
    negatives = stage.vectors(request.get("negative"))
    strategies = ("average_vector", "best_score", "sum_scores")
    strategy = fields.choice(request.get("strategy") or "average_vector", "query.recommend.strategy", strategies)
    if strategy == "average_vector":
        return edge.Query.Nearest(_average(positives, negatives), using=stage.using)
    if not positives and not negatives:
        raise WrongInput("At least one positive or negative vector ID required with this strategy")
    examples = edge.RecommendQuery(positives, negatives)
    if strategy == "best_score":
        return edge.Query.RecommendBestScore(examples, using=stage.using)
    return edge.Query.RecommendSumScores(examples, using=stage.using)


def _average(positives: list[Any], negatives: list[Any]) -> list[float]:
    if not positives:
        raise WrongInput("At least one positive vector ID required with this strategy")
    if any(isinstance(each, edge.SparseVector) or isinstance(each[0], list) for each in positives + negatives):
        raise WrongInput("the average_vector strategy takes dense vectors here; use best_score")
    mean = np.mean(positives, axis=0)
    aim = mean if not negatives else 2 * mean - np.mean(negatives, axis=0)
    return [float(number) for number in aim]


def _discover(body: Json, stage: _Stage) -> Any:
    request = fields.an_object(body["discover"], "query.discover")
    target = stage.vector(request.get("target"))
    return edge.Query.Discover(edge.DiscoverQuery(target, _pairs(request.get("context"), stage)), using=stage.using)


def _context(body: Json, stage: _Stage) -> Any:
    return edge.Query.Context(edge.ContextQuery(_pairs(body["context"], stage)), using=stage.using)


def _pairs(value: Any, stage: _Stage) -> list[edge.ContextPair]:
    pairs = [fields.an_object(each, "query.context") for each in fields.one_or_many(value)]
    return [edge.ContextPair(stage.vector(pair.get("positive")), stage.vector(pair.get("negative"))) for pair in pairs]


def _fusion(body: Json, _: _Stage) -> Any:
    if fields.choice(body["fusion"], "query.fusion", ("rrf", "dbsf")) == "dbsf":
        return edge.Fusion.Dbsf()
    return edge.Fusion.Rrf(k=_RRF_K)


def _rrf(body: Json, _: _Stage) -> Any:
    request = fields.an_object(body["rrf"], "query.rrf")
    weights = request.get("weights")
    return edge.Fusion.Rrf(
        k=fields.maybe_integer(request, "k", least=1) or _RRF_K,
        weights=None if weights is None else fields.floats(weights, "query.rrf.weights"),
    )


def read_order_by(value: Any) -> edge.OrderBy:
    """Give the engine's order for a field's name or an object of field, direction and start."""
    if isinstance(value, str):
        return edge.OrderBy(value)
    body = fields.an_object(value, "order_by")
    directions = {"asc": edge.Direction.Asc, "desc": edge.Direction.Desc}
    direction = body.get("direction")
    return edge.OrderBy(
        fields.a_string(body.get("key"), "order_by.key"),
        None if direction is None else directions[fields.choice(direction, "order_by.direction", tuple(directions))],
        body.get("start_from"),
    )


def _sample(body: Json, _: _Stage) -> Any:
    fields.choice(body["sample"], "query.sample", ("random",))
    return edge.Sample.Random


def _unspoken(body: Json, _: _Stage) -> Any:
    raise WrongInput(f"the query `{next(iter(body))}` is not spoken by the embedded engine's gateway")


_QUERIES: dict[str, Callable[[Json, _Stage], Any]] = {
    "nearest": _nearest,
    "recommend": _recommend,
    "discover": _discover,
    "context": _context,
    "fusion": _fusion,
    "rrf": _rrf,
    "order_by": lambda body, _: read_order_by(body["order_by"]),
    "sample": _sample,
    "formula": _unspoken,
    "relevance_feedback": _unspoken,
    "text": _unspoken,
}


def _params(value: Any) -> edge.SearchParams | None:
    if value is None:
        return None
    body = fields.an_object(value, "params")
    if body.get("idf") is not None:
        raise WrongInput("params.idf is not spoken by the embedded engine's gateway")
    quantization = body.get("quantization")
    return edge.SearchParams(
        hnsw_ef=fields.maybe_integer(body, "hnsw_ef"),
        exact=fields.maybe_flag(body, "exact") or False,
        indexed_only=fields.maybe_flag(body, "indexed_only") or False,
        quantization=None if quantization is None else _quantization(fields.an_object(quantization, "quantization")),
    )


def _quantization(body: Json) -> edge.QuantizationSearchParams:
    return edge.QuantizationSearchParams(
        ignore=fields.maybe_flag(body, "ignore") or False,
        rescore=fields.maybe_flag(body, "rescore"),
        oversampling=fields.maybe_number(body, "oversampling"),
    )


def with_payload(value: Any, *, default: bool) -> edge.WithPayloadType:
    """Give what of the payload a request asks for."""
    if value is None:
        return default
    if isinstance(value, dict):
        if "include" in value:
            return edge.PayloadSelector.Include(fields.strings(value["include"], "with_payload.include"))
        return edge.PayloadSelector.Exclude(fields.strings(value.get("exclude"), "with_payload.exclude"))
    if isinstance(value, list):
        return fields.strings(value, "with_payload")
    return fields.a_flag(value, "with_payload")


def with_vector(value: Any) -> edge.WithVectorType:
    """Give which vectors a request asks for; none unless it says so."""
    if value is None:
        return False
    if isinstance(value, list):
        return fields.strings(value, "with_vector")
    if not isinstance(value, bool):
        raise Malformed("with_vector", "a boolean or a list of names")
    return value
