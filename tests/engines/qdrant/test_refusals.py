"""What is refused, and how: the key, and bodies that no client would send."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

Json = dict[str, Any]

QUERY: Json = {
    "query": {"fusion": "rrf"},
    "prefetch": [
        {"query": [1, 0], "using": "d", "limit": 3, "filter": {"must": [{"key": "n", "range": {"gte": 1}}]}},
        {"query": {"indices": [1, 2], "values": [1, 2]}, "using": "s", "score_threshold": 0.1},
    ],
    "filter": {"must_not": [{"has_id": [1]}, {"key": "t", "match": {"any": ["a", "b"]}}]},
    "limit": 3,
    "offset": 1,
    "with_payload": {"include": ["n"]},
    "with_vector": ["d"],
    "params": {"hnsw_ef": 10, "exact": False},
}
RECOMMEND: Json = {"query": {"recommend": {"positive": [1, [1, 0]], "negative": [2]}}, "using": "d"}
UPSERT: Json = {
    "points": [{"id": 1, "vector": {"d": [1, 2], "s": {"indices": [1, 2], "values": [1, 2]}}, "payload": {"n": 1}}]
}
BATCH: Json = {"batch": {"ids": [1, 2], "vectors": {"d": [[1, 2], [3, 4]]}, "payloads": [{"n": 1}, None]}}
UPDATES: Json = {
    "operations": [
        {"upsert": UPSERT},
        {"set_payload": {"payload": {"a": 1}, "points": [1], "key": "x"}},
        {"delete_payload": {"keys": ["a"], "filter": {"should": [{"is_empty": {"key": "q"}}]}}},
        {"delete": {"points": [2]}},
    ]
}
VALID: list[tuple[str, str, Json]] = [
    ("POST", "/points/query", QUERY),
    ("POST", "/points/query", RECOMMEND),
    ("POST", "/points/query/batch", {"searches": [QUERY]}),
    ("POST", "/points/query/groups", {"query": [1, 0], "using": "d", "group_by": "n", "limit": 2, "group_size": 2}),
    ("PUT", "/points", UPSERT),
    ("PUT", "/points", BATCH),
    ("POST", "/points/batch", UPDATES),
    ("POST", "/points/scroll", {"offset": 1, "limit": 2, "filter": {"must": {"nested": {"key": "a", "filter": {}}}}}),
    ("POST", "/points/scroll", {"order_by": {"key": "n", "direction": "asc", "start_from": 1}}),
    ("POST", "/points/count", {"exact": True, "filter": {"min_should": {"conditions": [], "min_count": 1}}}),
    ("POST", "/facet", {"key": "n", "limit": 3, "exact": True}),
    ("POST", "/points", {"ids": [1, str(uuid4())], "with_payload": ["n"], "with_vector": True}),
    ("PUT", "/index", {"field_name": "t", "field_schema": {"type": "text", "min_token_len": 1}}),
]


@pytest.fixture(scope="module")
def collection(server: Any) -> Iterator[tuple[httpx.Client, str]]:
    """A collection to abuse."""
    path = f"/collections/test-{uuid4().hex}"
    with httpx.Client(base_url=server.url, headers=server.headers, timeout=60) as http:
        vectors = {"d": {"size": 2, "distance": "Dot"}}
        assert http.put(path, json={"vectors": vectors, "sparse_vectors": {"s": {}}}).status_code == 200
        schema = {"field_name": "n", "field_schema": "integer"}
        assert http.put(f"{path}/index?wait=true", json=schema).status_code == 200
        yield http, path
        http.delete(path)


def _assert_refused(answer: httpx.Response, *statuses: int) -> None:
    assert answer.status_code in statuses, answer.text
    body = answer.json()
    assert body.get("result") is None
    assert isinstance(body["status"]["error"], str)
    assert body["time"] >= 0


def test_every_request_that_is_then_spoilt_is_answered_when_whole(collection: tuple[httpx.Client, str]) -> None:
    http, path = collection
    for method, route, body in [*VALID[4:6], *VALID[:4], *VALID[6:]]:
        answer = http.request(method, path + route, params={"wait": "true"}, json=body)
        assert answer.status_code == 200, (route, body, answer.text)
        assert answer.json()["status"] == "ok"


@pytest.mark.parametrize(
    ("route", "body"),
    [
        ("/points/query", b"{"),
        ("/points/query", b""),
        ("/points/query", b"[]"),
        ("/points/query", b'{"query": [NaN, 1], "using": "d"}'),
        ("/points/query", b'{"query": [1, 2], "using": "\\ud800"}'),
        ("/points/query", b'{"query": [true, 1], "using": "d"}'),
        ("/points/query", b'{"query": [1, 2], "using": "d", "limit": 0}'),
        ("/points/query", b'{"query": [1, 2], "using": "d", "limit": -1}'),
        ("/points/query", b'{"query": [1, 2], "using": "d", "limit": 1.5}'),
        ("/points/query", b'{"query": [1, 2], "using": "d", "filter": {"must": [{"key": "n"}]}}'),
        (
            "/points/query",
            b'{"query": [1, 2], "using": "d", "filter": {"must": [{"key": "n", "match": {"value": 1.5}}]}}',
        ),
        ("/points/query", b'{"query": {"fusion": "sum"}}'),
        ("/points/query", b'{"query": {"fusion": "rrf"}}'),
        ("/points/query", b'{"query": {"indices": [1, 1], "values": [1, 2]}, "using": "s"}'),
        ("/points/query", b'{"query": {"indices": [1], "values": [1, 2]}, "using": "s"}'),
        ("/points/scroll", b'{"limit": 0}'),
        ("/points/scroll", b'{"offset": "not-an-id"}'),
        ("/points/scroll", b'{"filter": {"must": [{"key": "a[[", "match": {"value": 1}}]}}'),
        ("/points/delete", b"{}"),
        ("/points/delete", b'{"points": [-1]}'),
        ("/points/payload", b'{"payload": [], "points": [1]}'),
        ("/points/batch", b'{"operations": [{"explode": {}}]}'),
        ("/facet", b"{}"),
    ],
)
def test_a_malformed_body_is_refused_in_qdrants_form(
    collection: tuple[httpx.Client, str], route: str, body: bytes
) -> None:
    http, path = collection
    headers = {"content-type": "application/json"}
    if body == b"":
        body = b"null"

    _assert_refused(http.post(path + route, content=body, headers=headers), 400, 422)


@pytest.mark.parametrize(
    "point",
    [
        {"id": 1},
        {"id": -1, "vector": {"d": [1, 2]}},
        {"id": "x", "vector": {"d": [1, 2]}},
        {"id": True, "vector": {"d": [1, 2]}},
        {"id": 1, "vector": {"d": [1]}},
        {"id": 1, "vector": {"d": ["1", 2]}},
        {"id": 1, "vector": {"d": []}},
        {"id": 1, "vector": {"nope": [1, 2]}},
        {"id": 1, "vector": {"s": [1, 2]}},
        {"id": 1, "vector": {"s": {"indices": [1, 2], "values": [1]}}},
        {"id": 1, "vector": {"s": {"indices": [1, 1], "values": [1, 2]}}},
        {"id": 1, "vector": {"s": {"indices": [2**32], "values": [1]}}},
        {"id": 1, "vector": {"d": [1, 2]}, "payload": 5},
    ],
)
def test_a_misshapen_point_is_refused(collection: tuple[httpx.Client, str], point: Json) -> None:
    http, path = collection

    _assert_refused(http.put(f"{path}/points?wait=true", json={"points": [point]}), 400, 422)


@pytest.mark.parametrize(
    "body",
    [
        {"vectors": {"size": 0, "distance": "Dot"}},
        {"vectors": {"size": 4, "distance": "Hamming"}},
        {"vectors": {"size": "4", "distance": "Dot"}},
        {"vectors": 4},
        {"vectors": {"size": 4}},
    ],
)
def test_impossible_settings_make_no_collection(http: httpx.Client, name: str, body: Json) -> None:
    _assert_refused(http.put(f"/collections/{name}", json=body), 400, 422)

    assert http.get(f"/collections/{name}/exists").json()["result"] == {"exists": False}


def test_a_point_that_isnt_there_is_not_found(collection: tuple[httpx.Client, str]) -> None:
    http, path = collection

    _assert_refused(http.get(f"{path}/points/{uuid4()}"), 404)


def test_a_body_over_the_limit_is_refused(collection: tuple[httpx.Client, str]) -> None:
    http, path = collection

    try:
        answer = http.put(f"{path}/points", content=b'{"points": [' + b" " * (33 << 20) + b"]}")
    except httpx.TransportError:
        return  # a server may hang up on a body it won't read

    assert answer.status_code in {400, 413}


@pytest.mark.parametrize("headers", [{}, {"api-key": "guess"}, {"authorization": "Bearer guess"}])
def test_without_the_key_only_health_is_told(server: Any, headers: dict[str, str]) -> None:
    if server.key is None:
        pytest.skip("the server given has no key")

    assert httpx.get(f"{server.url}/collections", headers=headers).status_code in {401, 403}
    assert httpx.put(f"{server.url}/collections/x", headers=headers, json={}).status_code in {401, 403}
    assert httpx.get(f"{server.url}/readyz", headers=headers).status_code == 200


def test_the_key_may_come_as_a_bearer_token(server: Any) -> None:
    bearer = {"authorization": f"Bearer {server.key}"}

    assert httpx.get(f"{server.url}/collections", headers=bearer).status_code == 200


def test_service_routes_answer(http: httpx.Client) -> None:
    assert {path: http.get(path).status_code for path in ("/", "/healthz", "/livez", "/readyz", "/telemetry")} == {
        "/": 200,
        "/healthz": 200,
        "/livez": 200,
        "/readyz": 200,
        "/telemetry": 200,
    }
    assert http.get("/").json()["version"].split(".")[0] == "1"
    assert http.get("/no-such-route").status_code == 404


def _places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield path
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, child in children:
        yield from _places(child, (*path, key))


def _spoilt(body: Any, place: tuple[Any, ...], scrap: Any) -> Any:
    if not place:
        return scrap
    copy = json.loads(json.dumps(body))
    parent = copy
    for key in place[:-1]:
        parent = parent[key]
    parent[place[-1]] = scrap
    return copy


SCRAPS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(st.characters(codec="utf-8"), max_size=5),
    st.recursive(
        st.just({}) | st.just([]) | st.just("d") | st.integers(0, 3), lambda inner: st.lists(inner, max_size=3)
    ),
    st.dictionaries(st.sampled_from(["key", "match", "must", "indices", "values", "nearest", "d"]), st.integers(0, 3)),
)


@given(data=st.data())
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_request_spoilt_in_one_place_is_never_a_server_error(
    collection: tuple[httpx.Client, str], data: st.DataObject
) -> None:
    http, path = collection
    method, route, body = data.draw(st.sampled_from(VALID))
    place = data.draw(st.sampled_from(list(_places(body))))

    answer = http.request(method, path + route, json=_spoilt(body, place, data.draw(SCRAPS)))

    assert answer.status_code in {200, 400, 404, 422}, answer.text
