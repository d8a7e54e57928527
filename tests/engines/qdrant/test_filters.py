"""Filters: each condition finds exactly the points that a reading of its meaning says."""

from __future__ import annotations

from typing import Any

import pytest
from qdrant_client import models

Field = models.FieldCondition

BERLIN, POTSDAM, PARIS = {"lon": 13.4, "lat": 52.5}, {"lon": 13.06, "lat": 52.39}, {"lon": 2.35, "lat": 48.86}
PAYLOADS: dict[int, dict[str, Any]] = {
    1: {"on": True, "n": 1, "tag": "a", "at": "2024-01-01T00:00:00Z", "place": BERLIN, "title": "Red running shoes"},
    2: {"on": False, "n": 2, "tag": ["a", "b"], "at": "2024-06-01T00:00:00Z", "place": POTSDAM, "title": "Blue shoes"},
    3: {"on": 1, "n": 2.5, "tag": "c", "at": "2025-01-01T00:00:00Z", "place": PARIS, "title": "Red hat"},
    4: {"on": [True, False], "n": 4, "tag": [], "offers": [{"shop": "x", "price": 1}, {"shop": "y", "price": 9}]},
    5: {"tag": None, "offers": [{"shop": "x", "price": 9}]},
}
CASES: dict[str, tuple[Any, set[int]]] = {
    "true is true alone": (Field(key="on", match=models.MatchValue(value=True)), {1, 4}),
    "false is false alone": (Field(key="on", match=models.MatchValue(value=False)), {2, 4}),
    "one is not true": (Field(key="on", match=models.MatchValue(value=1)), {3}),
    "zero is not false": (Field(key="on", match=models.MatchValue(value=0)), set()),
    "a keyword, alone or in a list": (Field(key="tag", match=models.MatchValue(value="a")), {1, 2}),
    "any of keywords": (Field(key="tag", match=models.MatchAny(any=["b", "c"])), {2, 3}),
    "any of integers": (Field(key="n", match=models.MatchAny(any=[1, 2, 3])), {1, 2}),
    "except a keyword": (Field(key="tag", match=models.MatchExcept(**{"except": ["a"]})), {2, 3}),
    "a range of numbers": (Field(key="n", range=models.Range(gt=1, lte=2.5)), {2, 3}),
    "a range of times": (
        Field(key="at", range=models.DatetimeRange(gte="2024-06-01T00:00:00Z", lt="2025-01-01T00:00:00Z")),
        {2},
    ),
    "within a radius": (
        Field(key="place", geo_radius=models.GeoRadius(center=models.GeoPoint(**BERLIN), radius=50_000)),
        {1, 2},
    ),
    "within a box": (
        Field(
            key="place",
            geo_bounding_box=models.GeoBoundingBox(
                top_left=models.GeoPoint(lon=2, lat=49), bottom_right=models.GeoPoint(lon=3, lat=48)
            ),
        ),
        {3},
    ),
    "a count of values": (Field(key="tag", values_count=models.ValuesCount(gte=2)), {2}),
    "words of a text": (Field(key="title", match=models.MatchText(text="shoes red")), {1}),
    "an empty field": (models.IsEmptyCondition(is_empty=models.PayloadField(key="tag")), {4, 5}),
    "a null field": (models.IsNullCondition(is_null=models.PayloadField(key="tag")), {5}),
    "ids": (models.HasIdCondition(has_id=[2, 5, 99]), {2, 5}),
    "one element alone meets a nested filter": (
        models.NestedCondition(
            nested=models.Nested(
                key="offers",
                filter=models.Filter(
                    must=[
                        Field(key="shop", match=models.MatchValue(value="x")),
                        Field(key="price", range=models.Range(gt=5)),
                    ]
                ),
            )
        ),
        {5},
    ),
    "a filter within a filter": (
        models.Filter(
            should=[
                models.Filter(must=[Field(key="n", match=models.MatchValue(value=1))]),
                Field(key="tag", match=models.MatchValue(value="c")),
            ]
        ),
        {1, 3},
    ),
    "none of": (models.Filter(must_not=[Field(key="tag", match=models.MatchAny(any=["a", "c"]))]), {4, 5}),
    "at least two of": (
        models.Filter(
            min_should=models.MinShould(
                conditions=[
                    Field(key="tag", match=models.MatchValue(value="a")),
                    Field(key="on", match=models.MatchValue(value=True)),
                    Field(key="n", range=models.Range(lte=1)),
                ],
                min_count=2,
            )
        ),
        {1},
    ),
}
INDEXES = {
    "on": models.PayloadSchemaType.BOOL,
    "n": models.PayloadSchemaType.FLOAT,
    "tag": models.PayloadSchemaType.KEYWORD,
    "at": models.PayloadSchemaType.DATETIME,
    "place": models.PayloadSchemaType.GEO,
    "title": models.TextIndexParams(type="text", tokenizer=models.TokenizerType.WORD, lowercase=True),
}


@pytest.fixture
async def catalogue(client: Any, name: str) -> str:
    """Five points that differ in every kind of field."""
    await client.create_collection(name, vectors_config=models.VectorParams(size=1, distance=models.Distance.DOT))
    points = [models.PointStruct(id=key, vector=[1], payload=payload) for key, payload in PAYLOADS.items()]
    await client.upsert(name, points, wait=True)
    return name


async def _found(client: Any, name: str, condition: Any) -> set[int]:
    chosen = condition if isinstance(condition, models.Filter) else models.Filter(must=[condition])
    records, _ = await client.scroll(name, scroll_filter=chosen, limit=100)
    found = {record.id for record in records}
    assert (await client.count(name, count_filter=chosen, exact=True)).count == len(found)
    return found


async def test_conditions_find_what_they_say_without_indexes(client: Any, catalogue: str) -> None:
    # Text is lower-cased by an index alone.
    cases = {title: case for title, case in CASES.items() if title != "words of a text"}

    assert {title: await _found(client, catalogue, case) for title, (case, _) in cases.items()} == {
        title: expected for title, (_, expected) in cases.items()
    }


async def test_conditions_find_the_same_with_indexes(client: Any, catalogue: str) -> None:
    for field, schema in INDEXES.items():
        await client.create_payload_index(catalogue, field, schema, wait=True)
    # A number index keeps numbers alone, whole ones included.
    cases = {title: case for title, case in CASES.items() if title != "any of integers"}

    assert {title: await _found(client, catalogue, case) for title, (case, _) in cases.items()} == {
        title: expected for title, (_, expected) in cases.items()
    }


async def test_a_boolean_filter_narrows_a_search(client: Any, catalogue: str) -> None:
    only_on = models.Filter(must=[Field(key="on", match=models.MatchValue(value=True))])

    hits = (await client.query_points(catalogue, query=[1.0], query_filter=only_on)).points

    assert {hit.id for hit in hits} == {1, 4}
