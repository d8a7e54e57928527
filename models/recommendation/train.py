"""From purchases to a model that answers."""

from __future__ import annotations

from datetime import datetime

import polars as pl

from models.recommendation import ials
from models.recommendation.dataset import content_hash, just_after_last
from models.recommendation.ease import Ease
from models.recommendation.histories import Catalogue, Histories
from models.recommendation.item_to_item import ItemToItem
from models.recommendation.package import Provenance, RecommendationModel
from models.recommendation.popularity import LastWeekPopularity, Popularity
from models.recommendation.recommender import Component
from models.recommendation.repeat_purchase import RepeatPurchase
from models.recommendation.spec import Parameters, Progress, silent


def train(
    interactions: pl.DataFrame,
    *,
    parameters: Parameters | None = None,
    until: datetime | None = None,
    progress: Progress = silent,
) -> RecommendationModel:
    """Fit every component on the purchases before `until` (by default, on all) and put them together.

    The order of the rows makes no difference.

    Raises:
        ValueError: when there are no purchases to learn from.
    """
    chosen = parameters or Parameters()
    end = until or just_after_last(interactions)
    purchases = learnable(interactions, chosen, until=end)
    components = fit_components(purchases, chosen, progress=progress)
    provenance = Provenance(
        trained_until=end,
        data_hash=content_hash(interactions.filter(pl.col("occurred_at") < end)),
        purchases=len(purchases.item),
        shoppers=purchases.shoppers,
    )
    return RecommendationModel(purchases.catalogue, components, chosen, provenance)


def learnable(interactions: pl.DataFrame, parameters: Parameters, *, until: datetime) -> Histories:
    """The histories of all shoppers before `until`, over the catalogue that the parameters ask for.

    Raises:
        ValueError: when there are none.
    """
    before = interactions.filter(pl.col("occurred_at") < until)
    limits = parameters.catalogue
    catalogue = Catalogue.of(before, limit=limits.products, least_purchases=limits.least_purchases)
    if not len(catalogue):
        raise ValueError(f"No product has {limits.least_purchases} purchases before {until}: nothing to learn from.")
    shoppers = before["shopper_key"].unique().sort().to_list()
    return Histories.of(before, catalogue, shoppers, until=until)


def fit_components(
    purchases: Histories, parameters: Parameters, *, progress: Progress = silent
) -> dict[str, Component]:
    """Every model of the package, by its name."""
    progress("item-to-item", 0.0)
    item_to_item = ItemToItem.fit(purchases, parameters.item_to_item)
    progress("EASE", 0.3)
    ease = Ease.fit(purchases, parameters.ease)
    progress("iALS", 0.8)
    factors = ials.fit(purchases, parameters.ials)
    progress("popularity", 0.95)
    components: tuple[Component, ...] = (
        Popularity.fit(purchases),
        LastWeekPopularity.fit(purchases),
        RepeatPurchase(parameters.repeat_purchase.half_life_days),
        item_to_item,
        factors,
        ease,
    )
    progress("trained", 1.0)
    return {component.name: component for component in components}
