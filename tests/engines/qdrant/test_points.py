"""Points: written, changed, read back, deleted."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
from qdrant_client import models
from qdrant_client.http.exceptions import UnexpectedResponse

EVERYTHING = {
    "flag": True,
    "flags": [True, False],
    "nothing": None,
    "whole": 2**53 + 1,
    "real": 1.5,
    "text": "naïve ☃ \x00",
    "deep": {"list": [{"a": 1}, {"a": [2, 3]}], "empty": {}},
}


@pytest.fixture
async def shelf(client: Any, name: str) -> str:
    """A collection with an unnamed vector and five points: payload `n` from 0, `even`, `shade`."""
    await client.create_collection(name, vectors_config=models.VectorParams(size=2, distance=models.Distance.DOT))
    shades = ["red", "green", "red", "blue", "red"]
    points = [
        models.PointStruct(id=n, vector=[n, 1], payload={"n": n, "even": n % 2 == 0, "shade": shades[n]})
        for n in range(5)
    ]
    await client.upsert(name, points, wait=True)
    return name


def _where(key: str, value: Any) -> models.Filter:
    return models.Filter(must=[models.FieldCondition(key=key, match=models.MatchValue(value=value))])


async def _payloads(client: Any, name: str) -> dict[Any, Any]:
    records, _ = await client.scroll(name, limit=100)
    return {record.id: record.payload for record in records}


async def test_a_payload_comes_back_as_it_went(client: Any, shelf: str) -> None:
    await client.upsert(shelf, [models.PointStruct(id=9, vector=[0, 0], payload=EVERYTHING)], wait=True)

    [record] = await client.retrieve(shelf, [9])

    assert record.payload == EVERYTHING
    assert record.payload["flag"] is True


async def test_ids_are_integers_and_uuids(client: Any, shelf: str) -> None:
    own = str(uuid4())
    await client.upsert(
        shelf,
        [models.PointStruct(id=own, vector=[1, 1]), models.PointStruct(id=2**63 + 5, vector=[1, 1])],
        wait=True,
    )

    assert {record.id for record in await client.retrieve(shelf, [own, 2**63 + 5, 777])} == {own, 2**63 + 5}


async def test_named_dense_and_sparse_vectors_come_back_by_name(client: Any, name: str) -> None:
    await client.create_collection(
        name,
        vectors_config={"a": models.VectorParams(size=2, distance=models.Distance.DOT)},
        sparse_vectors_config={"words": models.SparseVectorParams()},
    )
    words = models.SparseVector(indices=[7, 3], values=[0.5, 0.25])
    await client.upsert(name, [models.PointStruct(id=1, vector={"a": [1, 2], "words": words})], wait=True)
    await client.upsert(name, [models.PointStruct(id=2, vector={"words": words})], wait=True)

    both = {record.id: record.vector for record in await client.retrieve(name, [1, 2], with_vectors=True)}
    [only] = await client.retrieve(name, [1], with_vectors=["a"])

    assert both[1]["a"] == [1, 2]
    assert dict(zip(both[1]["words"].indices, both[1]["words"].values, strict=True)) == {3: 0.25, 7: 0.5}
    assert set(both[2]) == {"words"}
    assert only.vector == {"a": [1, 2]}


async def test_columns_are_upserted_as_rows_are(client: Any, shelf: str) -> None:
    batch = models.Batch(ids=[10, 11], vectors=[[1, 0], [0, 1]], payloads=[{"n": 10}, {"n": 11}])

    result = await client.upsert(shelf, batch, wait=True)

    assert result.status == models.UpdateStatus.COMPLETED
    assert [record.payload for record in await client.retrieve(shelf, [10, 11])] == [{"n": 10}, {"n": 11}]


async def test_an_upsert_replaces_the_point(client: Any, shelf: str) -> None:
    await client.upsert(shelf, [models.PointStruct(id=0, vector=[5, 5], payload={"new": 1})], wait=True)

    [record] = await client.retrieve(shelf, [0], with_vectors=True)

    assert (record.payload, record.vector) == ({"new": 1}, [5, 5])
    assert (await client.count(shelf)).count == 5


async def test_without_wait_an_upsert_is_acknowledged(client: Any, shelf: str) -> None:
    result = await client.upsert(shelf, [models.PointStruct(id=50, vector=[1, 1])], wait=False)

    assert result.status == models.UpdateStatus.ACKNOWLEDGED


async def test_points_are_deleted_by_id_and_by_filter(client: Any, shelf: str) -> None:
    await client.delete(shelf, models.PointIdsList(points=[0, 999]), wait=True)
    await client.delete(shelf, models.FilterSelector(filter=_where("shade", "green")), wait=True)

    assert set(await _payloads(client, shelf)) == {2, 3, 4}


async def test_payload_is_merged_replaced_trimmed_and_cleared(client: Any, shelf: str) -> None:
    await client.set_payload(shelf, {"extra": 1}, points=[0, 1], wait=True)
    await client.set_payload(shelf, {"extra": 2}, points=_where("shade", "blue"), wait=True)
    await client.overwrite_payload(shelf, {"only": "this"}, points=[1], wait=True)
    await client.delete_payload(shelf, ["n", "even"], points=[2], wait=True)
    await client.clear_payload(shelf, models.PointIdsList(points=[4]), wait=True)

    assert await _payloads(client, shelf) == {
        0: {"n": 0, "even": True, "shade": "red", "extra": 1},
        1: {"only": "this"},
        2: {"shade": "red"},
        3: {"n": 3, "even": False, "shade": "blue", "extra": 2},
        4: {},
    }


async def test_payload_is_set_under_a_key(client: Any, shelf: str) -> None:
    await client.set_payload(shelf, {"a": 1}, points=[0], key="inner", wait=True)

    [record] = await client.retrieve(shelf, [0], with_payload=["inner"])

    assert record.payload == {"inner": {"a": 1}}


async def test_setting_payload_on_a_missing_point_is_not_found(client: Any, shelf: str) -> None:
    with pytest.raises(UnexpectedResponse) as refusal:
        await client.set_payload(shelf, {"a": 1}, points=[404], wait=True)

    assert refusal.value.status_code == 404


async def test_vectors_are_updated_and_deleted_by_name(client: Any, name: str) -> None:
    flat = models.VectorParams(size=2, distance=models.Distance.DOT)
    await client.create_collection(name, vectors_config={"a": flat, "b": flat})
    await client.upsert(
        name, [models.PointStruct(id=1, vector={"a": [1, 1], "b": [2, 2]}, payload={"k": 1})], wait=True
    )

    await client.update_vectors(name, [models.PointVectors(id=1, vector={"a": [9, 9]})], wait=True)
    await client.delete_vectors(name, vectors=["b"], points=[1], wait=True)

    [record] = await client.retrieve(name, [1], with_vectors=True)
    assert record.vector == {"a": [9, 9]}
    assert record.payload == {"k": 1}


async def test_a_batch_of_updates_runs_in_order(client: Any, shelf: str) -> None:
    results = await client.batch_update_points(
        shelf,
        [
            models.UpsertOperation(upsert=models.PointsList(points=[models.PointStruct(id=7, vector=[1, 1])])),
            models.SetPayloadOperation(set_payload=models.SetPayload(payload={"a": 1}, points=[7])),
            models.DeletePayloadOperation(delete_payload=models.DeletePayload(keys=["n"], points=[0])),
            models.DeleteOperation(delete=models.PointIdsList(points=[1, 2])),
        ],
        wait=True,
    )

    assert [result.status for result in results] == [models.UpdateStatus.COMPLETED] * 4
    payloads = await _payloads(client, shelf)
    assert payloads[7] == {"a": 1}
    assert "n" not in payloads[0]
    assert set(payloads) == {0, 3, 4, 7}


async def test_scrolling_pages_through_every_point_once(client: Any, shelf: str) -> None:
    seen, offset = [], None
    while True:
        page, offset = await client.scroll(shelf, limit=2, offset=offset)
        assert len(page) <= 2
        seen += [record.id for record in page]
        if offset is None:
            break

    assert seen == [0, 1, 2, 3, 4]


async def test_scrolling_in_a_fields_order(client: Any, shelf: str) -> None:
    await client.create_payload_index(shelf, "n", models.PayloadSchemaType.INTEGER, wait=True)

    downwards, _ = await client.scroll(
        shelf, order_by=models.OrderBy(key="n", direction=models.Direction.DESC, start_from=3), limit=3
    )

    assert [record.id for record in downwards] == [3, 2, 1]


async def test_scrolling_and_counting_by_a_filter(client: Any, shelf: str) -> None:
    red, _ = await client.scroll(shelf, scroll_filter=_where("shade", "red"), with_payload=["n"])

    assert [record.payload for record in red] == [{"n": 0}, {"n": 2}, {"n": 4}]
    assert (await client.count(shelf, count_filter=_where("shade", "red"))).count == 3
    assert (await client.count(shelf)).count == 5


async def test_a_facet_counts_values_most_frequent_first(client: Any, shelf: str) -> None:
    for field, kind in (("shade", models.PayloadSchemaType.KEYWORD), ("even", models.PayloadSchemaType.BOOL)):
        await client.create_payload_index(shelf, field, kind, wait=True)

    shades = await client.facet(shelf, "shade", exact=True)
    parities = await client.facet(shelf, "even", facet_filter=_where("shade", "red"), exact=True)

    assert [(hit.value, hit.count) for hit in shades.hits] == [("red", 3), ("blue", 1), ("green", 1)]
    assert [(hit.value, hit.count) for hit in parities.hits] == [(True, 3)]
    assert parities.hits[0].value is True


async def test_a_facet_needs_an_index(client: Any, shelf: str) -> None:
    with pytest.raises(UnexpectedResponse) as refusal:
        await client.facet(shelf, "shade")

    assert refusal.value.status_code == 400


@pytest.mark.embedded
async def test_a_batch_with_one_bad_vector_changes_nothing(client: Any, shelf: str) -> None:
    points = [models.PointStruct(id=60, vector=[1, 1]), models.PointStruct(id=61, vector=[1, 1, 1])]

    with pytest.raises(UnexpectedResponse) as refusal:
        await client.upsert(shelf, points, wait=True)

    assert refusal.value.status_code == 400
    assert await client.retrieve(shelf, [60, 61]) == []


async def test_uploading_points_sends_them_all(client: Any, shelf: str) -> None:
    upload = client.upload_points(
        shelf, [models.PointStruct(id=n, vector=[n, n]) for n in range(100, 400)], batch_size=64, wait=True
    )
    if upload is not None:
        await upload

    assert (await client.count(shelf)).count == 305
