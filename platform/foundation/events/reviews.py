"""What customers say of products: which review of which product, never what it says."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from foundation.events.envelope import Payload
from foundation.types import Id

Stars = Annotated[int, Field(ge=1, le=5)]


class OfReview(Payload):
    """What the events of a review say."""

    review_id: Id
    product_id: Id
    rating: Stars


class ReviewSubmitted(OfReview):
    """A customer wrote a review, or wrote it anew."""

    name = "review.submitted"

    verified: bool
    """They had bought the product."""
    status: Literal["pending", "published"]
    """`pending`: it is shown once staff have published it."""


class ReviewPublished(OfReview):
    """Staff let a review be shown."""

    name = "review.published"


class ReviewRejected(OfReview):
    """Staff did not, or took it back."""

    name = "review.rejected"

    reason: str
    """As a code."""


class ReviewWithdrawn(OfReview):
    """Its author took a review away."""

    name = "review.withdrawn"


class ReviewAnswered(OfReview):
    """Whoever sells the product said something to a review."""

    name = "review.answered"
