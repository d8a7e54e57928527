"""Reviews in and out."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, StringConstraints

from commerce.catalog.schemas import Cursor, Page, RatingDetail, Version
from commerce.catalog.words import without_markup
from foundation.types import Id, Input, Model, Note, clean, one_line

LONGEST_TITLE = 120
LONGEST_BODY = 5_000
LONGEST_AUTHOR = 40

Status = Literal["pending", "published", "rejected"]
Hold = Literal["link", "contact", "repeated"]
"""Why staff look at a review first: a web address in it; an e-mail address or a telephone number; the text of another
review, or one character over and over."""
Order = Literal["newest", "helpful", "highest", "lowest"]
Rejection = Literal["advertising", "offensive", "off_topic", "personal_data", "not_genuine", "other"]
ReportReason = Literal["advertising", "offensive", "off_topic", "personal_data", "not_genuine", "illegal"]


_PLAIN = AfterValidator(without_markup)
Stars = Annotated[int, Field(ge=1, le=5)]
Title = Annotated[
    str, StringConstraints(strip_whitespace=True, max_length=LONGEST_TITLE), AfterValidator(one_line), _PLAIN
]
Body = Annotated[str, StringConstraints(strip_whitespace=True, max_length=LONGEST_BODY), AfterValidator(clean), _PLAIN]
Author = Annotated[
    str, StringConstraints(strip_whitespace=True, max_length=LONGEST_AUTHOR), AfterValidator(one_line), _PLAIN
]
Locale = Annotated[str, StringConstraints(pattern=r"^[a-z]{2,3}(?:-[A-Z]{2})?$")]
Answer = Annotated[Note, _PLAIN]


class ReviewIn(Input):
    """What a customer says of a product."""

    rating: Stars
    title: Title = ""
    body: Body = ""
    author: Author = ""
    """What they want to be called; left empty they are not named."""
    locale: Locale | None = None
    """The language that it is written in; the one that the shop is read in, when it isn't said."""


class ReviewChange(ReviewIn):
    """The same, written anew."""

    version: Version


class AnswerIn(Input):
    """What whoever sells the product says to a review."""

    answer: Answer


class ReportIn(Input):
    """Why a review should not be there."""

    reason: ReportReason


class PublicationIn(Input):
    """Which version of a review was read."""

    version: Version


class RejectionIn(Input):
    """Why a review is not shown."""

    version: Version
    reason: Rejection
    note: Note | None = None
    """The same in words; the customer is sent them."""


class ReviewQuery(Page):
    """Which reviews of a product."""

    order: Order = "newest"
    rating: Annotated[int, Field(ge=1, le=5, strict=False)] | None = None
    """Those alone with so many stars."""


class StaffQuery(Input):
    """Which reviews of the shop."""

    limit: Annotated[int, Field(ge=1, le=100, strict=False)] = 24
    cursor: Cursor | None = None
    status: Status | None = None
    reported: Annotated[bool, Field(strict=False)] = False
    """Those alone that somebody has reported and nobody has decided on since."""
    product_id: Id | None = None


class AnswerOut(Model):
    """What whoever sells the product says to a review."""

    answer: str
    by: str
    """The name of the vendor, or of the shop."""
    answered_at: datetime


class ReviewOut(Model):
    """A review as everybody reads it."""

    id: Id
    rating: int
    title: str
    body: str
    author: str
    """Empty when they are not named."""
    locale: str
    verified: bool
    """Its author bought the product here."""
    helpful: int
    """How many customers found it helpful."""
    written_at: datetime
    edited_at: datetime | None
    answer: AnswerOut | None


class ReviewList(Model):
    """A page of a product's reviews."""

    rating: RatingDetail | None
    """What all of them come to; `null` when there are none."""
    items: list[ReviewOut]
    has_more: bool
    next_cursor: str | None


class Reviewed(Model):
    """The product that a review is of."""

    id: Id
    handle: str
    title: str


class OwnReview(ReviewOut):
    """A review as its author sees it."""

    product: Reviewed
    status: Status
    holds: list[Hold]
    """Why staff look at it first."""
    reason: str | None
    """Why it was rejected, as a code."""
    note: str | None
    """The same in words."""
    version: int


class OwnReviews(Model):
    """A page of what a customer wrote, the latest first."""

    items: list[OwnReview]
    has_more: bool
    next_cursor: str | None


class StaffReview(OwnReview):
    """A review as staff see it."""

    customer_id: Id
    reports: dict[str, int]
    """How often it was reported, by the reason, since staff last decided on it."""


class StaffReviews(Model):
    """A page of the shop's reviews, the latest first."""

    items: list[StaffReview]
    has_more: bool
    next_cursor: str | None


class VendorReview(ReviewOut):
    """A published review as the vendor of the product sees it."""

    product: Reviewed
    answerable: bool
    """The vendor may answer it, or change its answer: the shop has not answered it itself."""


class VendorReviews(Model):
    """A page of what is published of a vendor's products, the latest first."""

    items: list[VendorReview]
    has_more: bool
    next_cursor: str | None
