"""Why something can't be done with a review."""

from __future__ import annotations

from foundation.errors import Conflict, Forbidden, NotFound, TooMany


class ReviewNotFound(NotFound):
    """There is no such review here, or it is not shown."""

    code = "reviews.not_found"


class NotBought(Forbidden):
    """Only customers who bought this product here review it: their order must be paid for or delivered."""

    code = "reviews.not_bought"


class AlreadyReviewed(Conflict):
    """You have reviewed this product already: change what you wrote."""

    code = "reviews.already_written"

    review_id: str


class ReviewStale(Conflict):
    """The review was written anew meanwhile; read it again."""

    code = "reviews.stale"

    version: int
    """What it is now."""


class OwnReviewVote(Forbidden):
    """Nobody says of their own review that it was helpful."""

    code = "reviews.own"


class AnsweredByShop(Conflict):
    """The shop has answered this review itself."""

    code = "reviews.answered_by_shop"


class TooManyReviews(TooMany):
    """You have written a lot in a short time."""

    code = "reviews.too_many"
