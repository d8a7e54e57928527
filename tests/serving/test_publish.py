"""From a registered champion to the alias that shops ask by."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from uuid import UUID

import pytest
from mlflow.tracking import MlflowClient
from qdrant_client import models

from foundation import clients
from foundation.settings import Settings
from models.recommendation.spec import Task
from serving.champions import Champions
from serving.index import Vectors, alias_of, collection_of
from serving.packages import Packages, RegistryAway
from serving.publish import NoChampion, publish
from tests.serving.conftest import OTHER_TENANT, QUICK, TENANT, Registry, product, taste_of


def test_every_product_is_a_point_behind_the_tenants_alias(settings: Settings) -> None:
    published = publish(settings, TENANT)

    qdrant = clients.qdrant(settings)
    assert published.points == 32 == qdrant.count(alias_of(TENANT)).count
    assert published.collection == collection_of(TENANT, published.version)
    qdrant.close()


def test_publishing_again_changes_nothing(settings: Settings) -> None:
    assert publish(settings, TENANT) == publish(settings, TENANT)


async def test_the_nearest_products_are_of_the_same_taste(settings: Settings) -> None:
    publish(settings, TENANT)
    vectors = Vectors.connect(settings)

    found = await vectors.of(TENANT).nearest([product(1, 0)], limit=5, exclude={str(product(1, 1))})

    assert {taste_of(product_id) for product_id, _ in found} == {1}
    assert str(product(1, 1)) not in {product_id for product_id, _ in found}
    await vectors.close()


async def test_points_of_another_tenant_in_the_same_collection_are_never_shown(settings: Settings) -> None:
    """As if somebody had built an index and forgotten whose it is."""
    published = publish(settings, TENANT)
    planted = [str(UUID(int=9000 + number)) for number in range(5)]
    with closing(clients.qdrant(settings)) as qdrant:
        (own,) = qdrant.retrieve(published.collection, [str(product(1, 0))], with_vectors=True)
        for payload, ids in (({"tenant_id": str(OTHER_TENANT)}, planted[:3]), ({}, planted[3:])):
            points = [models.PointStruct(id=one, vector=own.vector or [], payload=payload) for one in ids]
            qdrant.upsert(published.collection, points, wait=True)
    vectors = Vectors.connect(settings)

    similar = await vectors.of(TENANT).nearest([product(1, 0)], limit=50, exclude=[])
    by_theirs = await vectors.of(TENANT).nearest([UUID(planted[0])], limit=50, exclude=[])

    assert len(similar) == 31
    assert not {product_id for product_id, _ in similar} & set(planted)
    assert by_theirs == []
    await vectors.close()


def test_a_tenant_without_a_champion_has_nothing_to_publish(settings: Settings) -> None:
    with pytest.raises(NoChampion, match="train one first"):
        publish(settings, OTHER_TENANT)


def test_a_new_champion_takes_over_the_alias_and_the_old_collection_goes(
    settings: Settings, registry: Registry
) -> None:
    first = publish(settings, TENANT)
    champions = Champions.from_settings(settings)
    champions.refresh()
    other = registry.train(replace(QUICK, blends={task: {"most_popular": 1.0} for task in Task}))
    mlflow = MlflowClient(registry.uri, registry_uri=registry.uri)
    try:
        mlflow.set_registered_model_alias(other.model_name, "champion", other.version)

        second = publish(settings, TENANT)
        champions.refresh()

        qdrant = clients.qdrant(settings)
        assert [one.name for one in qdrant.get_collections().collections] == [second.collection]
        assert second.version == other.version != first.version
        champion = champions.of(TENANT)
        assert champion is not None
        assert champion.version == other.version
        qdrant.close()
    finally:
        mlflow.set_registered_model_alias(other.model_name, "champion", first.version)


def test_a_registry_that_is_away_leaves_the_champions_in_place(settings: Settings) -> None:
    away = Champions(Packages("http://127.0.0.1:1", settings.var_dir))

    with pytest.raises(RegistryAway, match="doesn't answer"):
        away.refresh()
    assert away.all == {}


def test_a_version_that_cannot_be_read_leaves_the_one_before_in_place(settings: Settings, registry: Registry) -> None:
    champions = Champions.from_settings(settings)
    champions.refresh()
    before = champions.of(TENANT)
    mlflow = MlflowClient(registry.uri, registry_uri=registry.uri)
    assert before is not None
    empty = settings.var_dir / "serving" / "models" / before.name / "99"
    empty.mkdir(parents=True)
    run_id = str(mlflow.get_model_version(before.name, before.version).run_id)
    broken = mlflow.create_model_version(before.name, f"runs:/{run_id}/model", run_id)
    empty.rename(empty.with_name(str(broken.version)))
    try:
        mlflow.set_registered_model_alias(before.name, "champion", broken.version)
        champions.refresh()
        assert champions.of(TENANT) is before
    finally:
        mlflow.set_registered_model_alias(before.name, "champion", before.version)
