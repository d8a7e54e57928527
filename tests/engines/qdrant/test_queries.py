"""Queries: ranking, stages, fusion, references to points, groups."""

from __future__ import annotations

from typing import Any

import pytest
from qdrant_client import models
from qdrant_client.http.exceptions import UnexpectedResponse


@pytest.fixture
async def line(client: Any, name: str) -> str:
    """Ten points on a line: dense `d` is (n, 1), sparse `s` favours small n, payload `n`, `kind` (n mod 3), `odd`."""
    await client.create_collection(
        name,
        vectors_config={"d": models.VectorParams(size=2, distance=models.Distance.DOT)},
        sparse_vectors_config={"s": models.SparseVectorParams()},
    )
    points = [
        models.PointStruct(
            id=n,
            vector={"d": [n, 1], "s": models.SparseVector(indices=[1, 100 + n], values=[10.0 - n, 1.0])},
            payload={"n": n, "kind": f"k{n % 3}", "odd": n % 2 == 1},
        )
        for n in range(10)
    ]
    await client.upsert(name, points, wait=True)
    return name


def _odd(value: bool) -> models.Filter:
    return models.Filter(must=[models.FieldCondition(key="odd", match=models.MatchValue(value=value))])


async def _ids(client: Any, name: str, **query: Any) -> list[Any]:
    return [hit.id for hit in (await client.query_points(name, **query)).points]


UP = [1.0, 0.0]
ONE = models.SparseVector(indices=[1], values=[1.0])


async def test_nearest_come_first_with_their_scores(client: Any, line: str) -> None:
    hits = (await client.query_points(line, query=UP, using="d", limit=3)).points

    assert [(hit.id, hit.score) for hit in hits] == [(9, 9.0), (8, 8.0), (7, 7.0)]


async def test_a_sparse_query_scores_by_shared_indices(client: Any, line: str) -> None:
    assert await _ids(client, line, query=ONE, using="s", limit=3) == [0, 1, 2]


async def test_offset_limit_filter_and_threshold_narrow_the_answer(client: Any, line: str) -> None:
    assert await _ids(client, line, query=UP, using="d", offset=2, limit=2) == [7, 6]
    assert await _ids(client, line, query=UP, using="d", query_filter=_odd(True), limit=2) == [9, 7]
    assert await _ids(client, line, query=UP, using="d", score_threshold=7.5) == [9, 8]
    assert await _ids(client, line, query=UP, using="d") == [9, 8, 7, 6, 5, 4, 3, 2, 1, 0]
    exact = models.SearchParams(exact=True, hnsw_ef=64)
    assert await _ids(client, line, query=UP, using="d", limit=1, search_params=exact) == [9]


async def test_an_answer_carries_what_was_asked_for(client: Any, line: str) -> None:
    async def first(**asked: Any) -> Any:
        return (await client.query_points(line, query=UP, using="d", limit=1, **asked)).points[0]

    assert (await first(with_payload=False)).payload is None
    assert (await first(with_payload=["n"])).payload == {"n": 9}
    assert (await first(with_payload=models.PayloadSelectorExclude(exclude=["n"]))).payload == {
        "kind": "k0",
        "odd": True,
    }
    assert (await first()).vector is None
    assert (await first(with_vectors=["d"])).vector == {"d": [9, 1]}


async def test_a_query_by_id_leaves_the_point_itself_out(client: Any, line: str) -> None:
    assert await _ids(client, line, query=9, using="d", limit=2) == [8, 7]


async def test_a_query_by_an_unknown_id_is_not_found(client: Any, line: str) -> None:
    with pytest.raises(UnexpectedResponse) as refusal:
        await client.query_points(line, query=404, using="d")

    assert refusal.value.status_code == 404


async def test_a_query_by_id_can_look_into_another_collection(client: Any, line: str, name: str) -> None:
    other = f"{name}-other"
    await client.create_collection(other, vectors_config=models.VectorParams(size=2, distance=models.Distance.DOT))
    await client.upsert(other, [models.PointStruct(id=9, vector=[-1, 0])], wait=True)

    found = await _ids(
        client, line, query=9, using="d", limit=2, lookup_from=models.LookupLocation(collection=other, vector="")
    )

    assert found == [0, 1]


async def test_rrf_ranks_what_both_stages_found_above_the_rest(client: Any, line: str) -> None:
    stages = [
        models.Prefetch(query=UP, using="d", limit=6),
        models.Prefetch(query=ONE, using="s", limit=6),
    ]
    hits = (
        await client.query_points(line, prefetch=stages, query=models.FusionQuery(fusion=models.Fusion.RRF), limit=10)
    ).points

    assert {hit.id for hit in hits} == set(range(10))
    scores = {hit.id: hit.score for hit in hits}
    assert scores[9] == pytest.approx(1 / 2)
    assert scores[4] == pytest.approx(1 / (2 + 5) + 1 / (2 + 4))


async def test_weighted_rrf_favours_the_heavier_stage(client: Any, line: str) -> None:
    stages = [models.Prefetch(query=UP, using="d", limit=3), models.Prefetch(query=ONE, using="s", limit=3)]
    weighted = models.RrfQuery(rrf=models.Rrf(k=2, weights=[1.0, 5.0]))

    assert await _ids(client, line, prefetch=stages, query=weighted, limit=3) == [0, 1, 2]


async def test_dbsf_fuses_scores(client: Any, line: str) -> None:
    stages = [models.Prefetch(query=UP, using="d", limit=3), models.Prefetch(query=ONE, using="s", limit=3)]
    fused = models.FusionQuery(fusion=models.Fusion.DBSF)

    assert set(await _ids(client, line, prefetch=stages, query=fused, limit=2)) == {9, 0}


async def test_a_second_stage_reranks_what_the_first_found(client: Any, line: str) -> None:
    stage = models.Prefetch(query=UP, using="d", limit=4, filter=_odd(True))

    assert await _ids(client, line, prefetch=stage, query=ONE, using="s", limit=10) == [3, 5, 7, 9]


async def test_a_batch_answers_in_order(client: Any, line: str) -> None:
    answers = await client.query_batch_points(
        line,
        [
            models.QueryRequest(query=UP, using="d", limit=1),
            models.QueryRequest(query=ONE, using="s", limit=2, with_payload=["n"]),
            models.QueryRequest(query=UP, using="d", filter=_odd(False), limit=1),
        ],
    )

    assert [[hit.id for hit in answer.points] for answer in answers] == [[9], [0, 1], [8]]
    assert answers[1].points[0].payload == {"n": 0}


async def test_groups_hold_the_best_of_each_value(client: Any, line: str) -> None:
    result = await client.query_points_groups(
        line, group_by="kind", query=UP, using="d", limit=2, group_size=2, with_payload=["n"], with_vectors=["d"]
    )

    assert [(group.id, [hit.id for hit in group.hits]) for group in result.groups] == [("k0", [9, 6]), ("k2", [8, 5])]
    best = result.groups[0].hits[0]
    assert (best.payload, best.vector, best.score) == ({"n": 9}, {"d": [9, 1]}, 9.0)


async def test_groups_reach_past_a_value_that_fills_the_best_hits(client: Any, name: str) -> None:
    await client.create_collection(name, vectors_config=models.VectorParams(size=1, distance=models.Distance.DOT))
    points = [
        models.PointStruct(id=n, vector=[n], payload={"shop": "big" if n >= 2 else f"small{n}"}) for n in range(99)
    ]
    await client.upsert(name, points, wait=True)

    result = await client.query_points_groups(name, group_by="shop", query=[1.0], limit=3, group_size=1)

    assert [group.id for group in result.groups] == ["big", "small1", "small0"]


async def test_recommendations_are_near_the_liked_and_leave_them_out(client: Any, line: str) -> None:
    liked = models.RecommendQuery(recommend=models.RecommendInput(positive=[9, 8], negative=[0]))
    assert await _ids(client, line, query=liked, using="d", limit=2) == [7, 6]

    best = models.RecommendInput(positive=[9], strategy=models.RecommendStrategy.BEST_SCORE)
    assert await _ids(client, line, query=models.RecommendQuery(recommend=best), using="d", limit=1) == [8]


async def test_points_are_sampled_and_ordered_without_a_vector(client: Any, line: str) -> None:
    await client.create_payload_index(line, "n", models.PayloadSchemaType.INTEGER, wait=True)
    descending = models.OrderByQuery(order_by=models.OrderBy(key="n", direction=models.Direction.DESC))

    assert await _ids(client, line, query=descending, limit=3) == [9, 8, 7]
    sampled = await _ids(client, line, query=models.SampleQuery(sample=models.Sample.RANDOM), limit=4)
    assert len(set(sampled)) == 4


async def test_cosine_ignores_length(client: Any, name: str) -> None:
    await client.create_collection(name, vectors_config=models.VectorParams(size=2, distance=models.Distance.COSINE))
    await client.upsert(
        name, [models.PointStruct(id=1, vector=[100, 0]), models.PointStruct(id=2, vector=[1, 1])], wait=True
    )

    hits = (await client.query_points(name, query=[0.5, 0.5])).points

    assert [hit.id for hit in hits] == [2, 1]
    assert hits[0].score == pytest.approx(1.0)


async def test_a_query_of_another_size_or_name_is_refused(client: Any, line: str) -> None:
    for bad in ({"query": [1.0], "using": "d"}, {"query": UP, "using": "missing"}, {"query": UP, "using": "s"}):
        with pytest.raises(UnexpectedResponse) as refusal:
            await client.query_points(line, **bad)
        assert refusal.value.status_code == 400
