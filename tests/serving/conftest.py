"""A registry with a champion in it, an index, and the engines the decision service stands on."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import polars as pl
import pytest
from feast.infra.utils.clickhouse import connection_utils
from pydantic import SecretStr
from qdrant_client.http.exceptions import ApiException

from features.online import OnlineShoppers
from foundation import clients
from foundation.settings import Settings
from models.recommendation.register import register
from models.recommendation.spec import EaseParameters, IalsParameters, Parameters
from serving.champions import Champions
from serving.index import Vectors
from serving.publish import publish
from serving.recommendations import Recommender
from serving.stock import SoldOut
from tests.engines.qdrant.conftest import KEY, Gateway
from tests.models.recommendation.conftest import shop

TENANT = UUID("00000000-0000-7000-8000-00000000000a")
OTHER_TENANT = UUID("00000000-0000-7000-8000-00000000000b")
SHOPPER = UUID("00000000-0000-7000-8000-000000000001")
TOKEN = "only-the-core-knows"
QUICK = Parameters(
    ease=EaseParameters(products=100, regularisation=5.0),
    ials=IalsParameters(factors=8, regularisation=1.0, confidence=5.0),
)


def product(taste: int, number: int) -> UUID:
    """One of the eight products of a taste; who buys one of them buys the others."""
    return UUID(int=(taste + 1) * 1000 + number)


def taste_of(product_id: UUID | str) -> int:
    return UUID(str(product_id)).int // 1000 - 1


@dataclass(frozen=True)
class Registry:
    """An MLflow store with one trained model of TENANT."""

    uri: str
    purchases: pl.DataFrame
    artifacts: str

    def train(self, parameters: Parameters = QUICK) -> Any:
        """One more version, champion if it is better."""
        return register(
            self.purchases,
            tenant_id=TENANT,
            tenant_slug="grocer",
            tracking_uri=self.uri,
            code_version="test",
            artifact_location=self.artifacts,
            parameters=parameters,
        )


@pytest.fixture(scope="session")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Registry:
    folder = tmp_path_factory.mktemp("mlflow")
    names = {f"taste{taste}-{number}": str(product(taste, number)) for taste in range(4) for number in range(8)}
    purchases = shop().with_columns(pl.col("product_id").replace_strict(names))
    registry = Registry(f"sqlite:///{folder}/mlflow.db", purchases, (folder / "artifacts").as_uri())
    assert registry.train().alias == "champion"
    return registry


@pytest.fixture(scope="session")
def qdrant_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    gateway = Gateway(tmp_path_factory.mktemp("qdrant"))
    gateway.start()
    yield gateway.url
    gateway.stop()


@pytest.fixture
def settings(
    registry: Registry, qdrant_url: str, valkey_url: str, clickhouse_database: str, tmp_path: Path
) -> Iterator[Settings]:
    # Feast keeps one client a thread, whatever store it belongs to.
    connection_utils.thread_local.__dict__.clear()
    settings = Settings(
        _env_file=None,
        var_dir=tmp_path,
        clickhouse_url=SecretStr(clickhouse_database),
        redis_url=SecretStr(valkey_url),
        qdrant_url=qdrant_url,
        qdrant_api_key=SecretStr(KEY),
        mlflow_tracking_uri=registry.uri,
        objects_url=f"file://{tmp_path}/objects",
        serving_token=SecretStr(TOKEN),
    )
    yield settings
    qdrant = clients.qdrant(settings)
    for collection in qdrant.get_collections().collections:
        with suppress(ApiException):
            qdrant.delete_collection(collection.name)
    qdrant.close()


@pytest.fixture
async def recommender(settings: Settings) -> AsyncIterator[Recommender]:
    """Decides with a loaded champion, a published index and empty engines."""
    publish(settings, TENANT)
    champions = Champions.from_settings(settings)
    champions.refresh()
    shoppers, redis = OnlineShoppers.connect(settings), clients.redis_async(settings)
    vectors = Vectors.connect(settings)
    yield Recommender(champions, shoppers, SoldOut(redis), vectors)
    await shoppers.close()
    await redis.aclose()
    await vectors.close()
