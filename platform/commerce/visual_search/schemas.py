"""Search by picture in and out."""

from __future__ import annotations

from typing import Annotated, Self

from fastapi import UploadFile
from pydantic import Field, model_validator

from commerce.catalog.schemas import ProductCard
from foundation.types import Id, Input, Model, Text
from foundation.visual import VisualFallback

LEAST = 0.02
"""Of a side: what is smaller shows nothing."""

Part = Annotated[float | None, Field(strict=False, ge=0, le=1)]
Limit = Annotated[int, Field(ge=1, le=100, strict=False)]


class CropFields(Input):
    """The part of a picture that is meant: parts of its width and height, from the left and from the top.

    All four, or none where the whole picture is meant.
    """

    x: Part = None
    y: Part = None
    width: Part = None
    height: Part = None

    @model_validator(mode="after")
    def _within(self) -> Self:
        given = (self.x, self.y, self.width, self.height)
        if any(one is None for one in given) and any(one is not None for one in given):
            raise ValueError("x, y, width and height go together")
        crop = self.crop
        if crop is not None and (min(crop[2:]) < LEAST or crop[0] + crop[2] > 1 or crop[1] + crop[3] > 1):
            raise ValueError(f"must lie within the picture, and be {LEAST} of each side at least")
        return self

    @property
    def crop(self) -> Crop | None:
        """Left, top, width and height."""
        if self.x is None or self.y is None or self.width is None or self.height is None:
            return None
        return self.x, self.y, self.width, self.height


Crop = tuple[float, float, float, float]


class PictureForm(CropFields):
    """A picture to find products by, and words that say more."""

    picture: Annotated[UploadFile, Field(description="A JPEG, PNG, WebP or AVIF. It is looked at, and not kept.")]
    query: Text | None = None
    limit: Limit = 24


class AlikeQuery(Input):
    """How many."""

    limit: Limit = 12


class LooksOut(Model):
    """A decision and its products, the most alike first; send `decision_id` with the events that follow."""

    decision_id: Id
    policy: str
    fallback: VisualFallback | None
    """Set when nothing could be told by looks: what is shown instead, with the reason."""
    fallback_reason: str | None
    items: list[ProductCard]
