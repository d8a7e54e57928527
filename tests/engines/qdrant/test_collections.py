"""Collections, their settings and their aliases."""

from __future__ import annotations

from typing import Any

import pytest
from qdrant_client import models
from qdrant_client.http.exceptions import UnexpectedResponse

SMALL = models.VectorParams(size=4, distance=models.Distance.DOT)


async def test_a_collection_is_there_once_made_and_gone_once_deleted(client: Any, name: str) -> None:
    assert not await client.collection_exists(name)
    assert await client.create_collection(name, vectors_config=SMALL)

    assert await client.collection_exists(name)
    assert name in [each.name for each in (await client.get_collections()).collections]

    assert await client.delete_collection(name)
    assert not await client.collection_exists(name)
    assert not await client.delete_collection(name)


async def test_its_information_says_what_it_was_made_with(client: Any, name: str) -> None:
    await client.create_collection(
        name,
        vectors_config={"text": models.VectorParams(size=3, distance=models.Distance.COSINE), "image": SMALL},
        sparse_vectors_config={"words": models.SparseVectorParams(modifier=models.Modifier.IDF)},
        optimizers_config=models.OptimizersConfigDiff(indexing_threshold=777),
        hnsw_config=models.HnswConfigDiff(m=8),
    )

    info = await client.get_collection(name)

    assert info.status == models.CollectionStatus.GREEN
    assert info.points_count == 0
    assert {key: (params.size, params.distance) for key, params in info.config.params.vectors.items()} == {
        "text": (3, models.Distance.COSINE),
        "image": (4, models.Distance.DOT),
    }
    assert info.config.params.sparse_vectors["words"].modifier == models.Modifier.IDF
    assert info.config.optimizer_config.indexing_threshold == 777
    assert info.config.hnsw_config.m == 8


async def test_an_update_changes_settings_and_keeps_points(client: Any, name: str) -> None:
    await client.create_collection(name, vectors_config=SMALL)
    await client.upsert(name, [models.PointStruct(id=1, vector=[1, 0, 0, 0])], wait=True)

    await client.update_collection(name, optimizers_config=models.OptimizersConfigDiff(indexing_threshold=123))

    info = await client.get_collection(name)
    assert info.config.optimizer_config.indexing_threshold == 123
    assert info.points_count == 1


async def test_a_name_is_taken_once(client: Any, name: str) -> None:
    await client.create_collection(name, vectors_config=SMALL)

    with pytest.raises(UnexpectedResponse) as refusal:
        await client.create_collection(name, vectors_config=SMALL)

    assert refusal.value.status_code == 409


async def test_an_unknown_collection_is_not_found(client: Any, name: str) -> None:
    for ask in (
        client.get_collection(name),
        client.count(name),
        client.scroll(name),
        client.query_points(name, query=[1.0, 0.0]),
        client.upsert(name, [models.PointStruct(id=1, vector=[1.0])]),
    ):
        with pytest.raises(UnexpectedResponse) as refusal:
            await ask
        assert refusal.value.status_code == 404


async def test_a_payload_index_shows_in_the_schema_until_it_is_deleted(client: Any, name: str) -> None:
    await client.create_collection(name, vectors_config=SMALL)
    await client.upsert(name, [models.PointStruct(id=1, vector=[1, 0, 0, 0], payload={"price": 5})], wait=True)

    await client.create_payload_index(name, "price", models.PayloadSchemaType.INTEGER, wait=True)
    await client.create_payload_index(name, "title", models.TextIndexParams(type="text", lowercase=True), wait=True)
    await client.create_payload_index(
        name, "tenant", models.KeywordIndexParams(type="keyword", is_tenant=True), wait=True
    )

    schema = (await client.get_collection(name)).payload_schema
    assert {field: index.data_type.value for field, index in schema.items()} == {
        "price": "integer",
        "title": "text",
        "tenant": "keyword",
    }
    assert schema["price"].points == 1

    await client.delete_payload_index(name, "title", wait=True)
    assert "title" not in (await client.get_collection(name)).payload_schema


async def test_an_alias_is_another_name(client: Any, name: str) -> None:
    alias = f"{name}-alias"
    await client.create_collection(name, vectors_config=SMALL)

    await client.update_collection_aliases([_create(name, alias)])
    await client.upsert(alias, [models.PointStruct(id=1, vector=[1, 0, 0, 0])], wait=True)

    assert (await client.count(name)).count == 1
    assert await client.collection_exists(alias)
    assert models.AliasDescription(alias_name=alias, collection_name=name) in (await client.get_aliases()).aliases
    assert [each.alias_name for each in (await client.get_collection_aliases(name)).aliases] == [alias]


async def test_an_alias_switches_to_another_collection_in_one_request(client: Any, name: str) -> None:
    live = f"{name}-live"
    for version, points in (("-1", 1), ("-2", 2)):
        await client.create_collection(name + version, vectors_config=SMALL)
        await client.upsert(
            name + version, [models.PointStruct(id=row, vector=[1, 0, 0, 0]) for row in range(points)], wait=True
        )
    await client.update_collection_aliases([_create(f"{name}-1", live)])

    await client.update_collection_aliases([_delete(live), _create(f"{name}-2", live)])

    assert (await client.count(live)).count == 2


async def test_alias_actions_happen_together_or_not_at_all(client: Any, name: str) -> None:
    live = f"{name}-live"
    await client.create_collection(name, vectors_config=SMALL)
    await client.update_collection_aliases([_create(name, live)])

    with pytest.raises(UnexpectedResponse) as refusal:
        await client.update_collection_aliases([_create(f"{name}-missing", f"{name}-other")])

    assert refusal.value.status_code == 404
    assert [each.alias_name for each in (await client.get_collection_aliases(name)).aliases] == [live]


@pytest.mark.embedded
async def test_a_failing_action_takes_the_earlier_ones_back(client: Any, name: str) -> None:
    live = f"{name}-live"
    await client.create_collection(name, vectors_config=SMALL)
    await client.update_collection_aliases([_create(name, live)])

    with pytest.raises(UnexpectedResponse):
        await client.update_collection_aliases([_delete(live), _create(f"{name}-missing", live)])

    assert [each.alias_name for each in (await client.get_collection_aliases(name)).aliases] == [live]


async def test_an_alias_can_be_renamed_and_leaves_with_its_collection(client: Any, name: str) -> None:
    await client.create_collection(name, vectors_config=SMALL)
    await client.update_collection_aliases([_create(name, f"{name}-old")])

    rename = models.RenameAlias(old_alias_name=f"{name}-old", new_alias_name=f"{name}-new")
    await client.update_collection_aliases([models.RenameAliasOperation(rename_alias=rename)])
    assert [each.alias_name for each in (await client.get_collection_aliases(name)).aliases] == [f"{name}-new"]

    await client.delete_collection(name)
    assert f"{name}-new" not in [each.alias_name for each in (await client.get_aliases()).aliases]


async def test_an_alias_cant_take_a_collections_name(client: Any, name: str) -> None:
    await client.create_collection(name, vectors_config=SMALL)

    with pytest.raises(UnexpectedResponse) as refusal:
        await client.update_collection_aliases([_create(name, name)])

    assert refusal.value.status_code == 409


def _create(collection: str, alias: str) -> models.CreateAliasOperation:
    return models.CreateAliasOperation(create_alias=models.CreateAlias(collection_name=collection, alias_name=alias))


def _delete(alias: str) -> models.DeleteAliasOperation:
    return models.DeleteAliasOperation(delete_alias=models.DeleteAlias(alias_name=alias))
