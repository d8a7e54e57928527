"""One tenant's training from end to end: its purchases out of ClickHouse, a registered version into MLflow."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import polars as pl

from foundation import clock
from foundation.analytics import of_shop
from foundation.settings import Settings
from models.recommendation.dataset import from_clickhouse
from models.recommendation.register import Registration, register
from models.recommendation.spec import TEST_WEEKS, Progress, silent

LEAST_PURCHASES = 1_000
LEAST_SPAN = timedelta(weeks=TEST_WEEKS + 2)
"""A model is judged on the last weeks, and needs some before."""


class TooFewPurchases(ValueError):
    """There is nothing to learn from yet; the shop shows its best sellers."""

    def __init__(self, purchases: int, span: timedelta) -> None:
        super().__init__(
            f"{purchases:,} purchases in {span.days} days are too few to learn from: "
            f"{LEAST_PURCHASES:,} in {LEAST_SPAN.days} days are the least."
        )


def learn(
    settings: Settings, tenant_id: UUID, tenant_slug: str, *, code_version: str, progress: Progress = silent
) -> Registration:
    """Train, measure and register a tenant's recommender on everything bought until now.

    Raises:
        EngineNotConfigured: ClickHouse or MLflow has no address.
        TooFewPurchases: there is nothing to learn from yet.
    """
    tracking_uri = settings.require("mlflow_tracking_uri", "MLflow")
    with of_shop(settings, tenant_id) as shop:
        purchases = from_clickhouse(shop, clock.now())
    span = _span(purchases)
    if len(purchases) < LEAST_PURCHASES or span < LEAST_SPAN:
        raise TooFewPurchases(len(purchases), span)
    return register(
        purchases,
        tenant_id=tenant_id,
        tenant_slug=tenant_slug,
        tracking_uri=tracking_uri,
        code_version=code_version,
        progress=progress,
    )


def _span(purchases: pl.DataFrame) -> timedelta:
    if purchases.is_empty():
        return timedelta(0)
    span: timedelta = purchases.select(pl.col("occurred_at").max() - pl.col("occurred_at").min()).item()
    return span
