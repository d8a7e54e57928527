"""The contract between the core and the decision service: what is asked, what is answered, over HTTP.

`POST /v1/decisions/recommendations`, bearer token of the settings. The service answers within `deadline_ms` with its
named fallback at worst; when it can't be reached at all the core shows its own popular list and says so.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from foundation.types import Id, Input, Model, Text

Placement = Literal["home", "product", "cart"]
Fallback = Literal["popular"]


class RecommendationRequest(Input):
    """For whom, where, and in the light of what."""

    tenant_id: Id
    placement: Placement
    shopper_id: Id | None = None
    visitor_id: Id | None = None
    session_id: Id | None = None
    context_product_ids: Annotated[list[Id], Field(max_length=100)] = Field(default_factory=list)
    """The product looked at, or those in the cart."""
    exclude_product_ids: Annotated[list[Id], Field(max_length=500)] = Field(default_factory=list)
    """Already on the page, or in the cart."""
    limit: Annotated[int, Field(ge=1, le=50)] = 12
    deadline_ms: Annotated[int, Field(ge=1, le=5000)] = 100


class RecommendedItem(Model):
    """A product to show, and why."""

    product_id: Id
    position: int
    score: float
    source: Text
    """The candidate source that put it there, such as `ease` or `popular`."""


class Recommendations(Model):
    """The decision: what to show, in order."""

    decision_id: Id
    placement: Placement
    policy: Text
    model_version: str | None
    fallback: Fallback | None
    """The fallback used, and why not the model: `None` when the model decided."""
    fallback_reason: str | None
    items: list[RecommendedItem]
