"""Recommendations in and out."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from commerce.catalog.schemas import ProductCard
from foundation.decisions import Fallback, Placement
from foundation.types import Id, Input, Model


class RecommendationQuery(Input):
    """Where the products will stand."""

    placement: Placement = "home"
    product_id: Annotated[Id | None, Field(description="The product looked at.")] = None
    limit: Annotated[int, Field(ge=1, le=50, strict=False)] = 12


class RecommendationsOut(Model):
    """A decision and its products; send `decision_id` with the events that follow."""

    decision_id: Id
    placement: Placement
    policy: str
    model_version: str | None
    fallback: Fallback | None
    fallback_reason: str | None
    items: list[ProductCard]
