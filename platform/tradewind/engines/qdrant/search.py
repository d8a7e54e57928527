"""Reads: what each reading route answers, from its body to its result."""

from __future__ import annotations

from functools import partial
from typing import Any
from uuid import UUID

import qdrant_edge as edge

from tradewind.engines.qdrant import fields
from tradewind.engines.qdrant.collection import Collection, asking_engine
from tradewind.engines.qdrant.errors import NotFound, WrongInput
from tradewind.engines.qdrant.fields import Json
from tradewind.engines.qdrant.filters import read_filter
from tradewind.engines.qdrant.points import json_id, json_record, json_scored
from tradewind.engines.qdrant.queries import read_order_by, read_query, with_payload, with_vector
from tradewind.engines.qdrant.store import Store

_DEFAULT_LIMIT = 10
_DEFAULT_GROUPS = 10
_DEFAULT_GROUP_SIZE = 3


def query(store: Store, collection: Collection, body: Json) -> Json:
    """Answer one query."""
    with asking_engine():
        hits = collection.shard.query(_request(store, collection, body))
        return {"points": [json_scored(hit) for hit in hits]}


def query_batch(store: Store, collection: Collection, body: Json) -> list[Json]:
    """Answer several queries as the engine's one batch, in their order."""
    with asking_engine():
        searches = [fields.an_object(each, "searches") for each in fields.a_list(body.get("searches"), "searches")]
        requests = [_request(store, collection, each) for each in searches]
        answers = collection.shard.query_batch(edge.QueryBatchRequest(requests)) if requests else []
        return [{"points": [json_scored(hit) for hit in hits]} for hits in answers]


def _request(store: Store, collection: Collection, body: Json) -> edge.QueryRequest:
    return read_query(body, collection.schema, partial(_vector_of, store, collection.name))


def _vector_of(store: Store, own: str, point_id: int | UUID, vector: str, collection: str | None) -> edge.NamedVector:
    return store.vector_of(point_id, vector, collection or own)


def query_groups(store: Store, collection: Collection, body: Json) -> Json:
    """Answer a query grouped by a payload field's values.

    The engine doesn't group, so the best hits are taken in ever longer lists until the groups are full or there are no
    more hits: exact, and dear only when a few groups hold most of the best hits.
    """
    with asking_engine():
        key = fields.a_string(body.get("group_by"), "group_by")
        groups_wanted = fields.maybe_integer(body, "limit", least=1) or _DEFAULT_GROUPS
        size = fields.maybe_integer(body, "group_size", least=1) or _DEFAULT_GROUP_SIZE
        if body.get("with_lookup") is not None:
            raise WrongInput("with_lookup is not spoken by the embedded engine's gateway")
        depth = 2 * groups_wanted * size
        while True:
            search = {**body, "limit": depth, "offset": 0, "with_vector": False, "with_payload": [key]}
            hits = collection.shard.query(_request(store, collection, search))
            groups = _grouped(hits, key, groups_wanted, size)
            full = len(groups) == groups_wanted and all(len(members) == size for members in groups.values())
            if full or len(hits) < depth:
                return {"groups": _group_json(collection, groups, body)}
            depth *= 4


def _grouped(hits: list[edge.ScoredPoint], key: str, most: int, size: int) -> dict[Any, list[edge.ScoredPoint]]:
    groups: dict[Any, list[edge.ScoredPoint]] = {}
    for hit in hits:
        for value in _group_values(hit.payload or {}, key):
            if value in groups or len(groups) < most:
                members = groups.setdefault(value, [])
                if len(members) < size:
                    members.append(hit)
    return groups


def _group_values(payload: Json, key: str) -> list[int | str]:
    value: Any = payload
    for part in key.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    values = fields.one_or_many(value)
    return [each for each in dict.fromkeys(values) if isinstance(each, int | str) and not isinstance(each, bool)]


def _group_json(collection: Collection, groups: dict[Any, list[edge.ScoredPoint]], body: Json) -> list[Json]:
    ids = list({hit.id: None for members in groups.values() for hit in members})
    payload = with_payload(body.get("with_payload"), default=False)
    records = {
        json_id(each.id): each for each in collection.shard.retrieve(ids, payload, with_vector(body.get("with_vector")))
    }

    def member(hit: edge.ScoredPoint) -> Json:
        return {**json_record(records[json_id(hit.id)]), "version": hit.version, "score": hit.score}

    return [{"id": value, "hits": [member(hit) for hit in members]} for value, members in groups.items()]


def scroll(collection: Collection, body: Json) -> Json:
    """Give a page of points by id, or by a field's order."""
    limit = fields.maybe_integer(body, "limit", least=1) or _DEFAULT_LIMIT
    offset, order_by = body.get("offset"), body.get("order_by")
    if offset is not None and order_by is not None:
        raise WrongInput(
            "Cannot use an `offset` when using `order_by`. The alternative for paging is to use `order_by.start_from`"
        )
    with asking_engine():
        records, following = collection.shard.scroll(
            edge.ScrollRequest(
                offset=None if offset is None else fields.a_point_id(offset, "offset"),
                limit=limit,
                filter=read_filter(body.get("filter")),
                with_payload=with_payload(body.get("with_payload"), default=True),
                with_vector=with_vector(body.get("with_vector")),
                order_by=None if order_by is None else read_order_by(order_by),
            )
        )
        return {
            "points": [json_record(each) for each in records],
            "next_page_offset": None if following is None else json_id(following),
        }


def count(collection: Collection, body: Json) -> Json:
    """Count the points that match a filter."""
    with asking_engine():
        exact = fields.maybe_flag(body, "exact")
        request = edge.CountRequest(exact=exact is not False, filter=read_filter(body.get("filter")))
        return {"count": collection.shard.count(request)}


def facet(collection: Collection, body: Json) -> Json:
    """Count the points by each value of an indexed field, most frequent first."""
    with asking_engine():
        response = collection.shard.facet(
            edge.FacetRequest(
                key=fields.a_string(body.get("key"), "key"),
                limit=fields.maybe_integer(body, "limit", least=1) or _DEFAULT_LIMIT,
                exact=fields.maybe_flag(body, "exact") or False,
                filter=read_filter(body.get("filter")),
            )
        )
        return {"hits": [{"value": hit.value, "count": hit.count} for hit in response.hits]}


def retrieve(collection: Collection, body: Json) -> list[Json]:
    """Give the points by their ids; those that aren't there are left out."""
    with asking_engine():
        records = collection.shard.retrieve(
            [*fields.point_ids(body.get("ids"), "ids")],
            with_payload(body.get("with_payload"), default=True),
            with_vector(body.get("with_vector")),
        )
        return [json_record(each) for each in records]


def get_point(collection: Collection, written: str) -> Json:
    """Give one point with its payload and vectors.

    Raises:
        NotFound: no such point.
    """
    point_id = fields.a_point_id(int(written) if written.isdecimal() else written, "id")
    with asking_engine():
        records = collection.shard.retrieve([point_id], with_payload=True, with_vector=True)
    if not records:
        raise NotFound(f"Point with id {point_id} does not exists!")
    return json_record(records[0])
