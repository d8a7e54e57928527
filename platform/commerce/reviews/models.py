"""Reviews, who found them helpful, who reported them, and what a product's come to."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import CheckConstraint, Double, Index, LargeBinary, PrimaryKeyConstraint, SmallInteger, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column
from sqlalchemy.types import BigInteger, Text

from foundation.database import Base
from foundation.tables import Str, TenantOwned, Timestamp, Units, belongs_to

_SHOWN = text("status = 'published'")


class Review(TenantOwned, Base):
    """What a customer says of a product: one of each customer and product. Ids are made in the order of writing."""

    __tablename__ = "review"
    __table_args__ = (
        belongs_to("product", "product_id"),
        belongs_to("customer", "customer_id"),
        belongs_to("vendor", "answered_by"),
        CheckConstraint("rating BETWEEN 1 AND 5", name="rating"),
        CheckConstraint("status IN ('pending', 'published', 'rejected')", name="status"),
        CheckConstraint("(status = 'rejected') = (reason IS NOT NULL)", name="reason"),
        CheckConstraint("helpful >= 0", name="helpful"),
        CheckConstraint("(answer IS NULL) = (answered_at IS NULL)", name="answer"),
        Index("uq_review_customer", "tenant_id", "customer_id", "product_id", unique=True),
        Index("ix_review_newest", "tenant_id", "product_id", "id", postgresql_where=_SHOWN),
        Index("ix_review_helpful", "tenant_id", "product_id", "helpful", "id", postgresql_where=_SHOWN),
        Index("ix_review_rating", "tenant_id", "product_id", "rating", "id", postgresql_where=_SHOWN),
        Index("ix_review_product", "tenant_id", "product_id"),
        Index("ix_review_status", "tenant_id", "status", "id"),
        Index("ix_review_digest", "tenant_id", "body_digest", postgresql_where=text("body_digest IS NOT NULL")),
        Index("ix_review_answered_by", "tenant_id", "answered_by", postgresql_where=text("answered_by IS NOT NULL")),
    )

    product_id: Mapped[UUID]
    customer_id: Mapped[UUID]
    rating: Mapped[int] = mapped_column(SmallInteger)
    """Stars, from 1 to 5."""
    title: Mapped[Str]
    """Sealed by the customer's key, as the rest of what they wrote; empty where they wrote none."""
    body: Mapped[Str]
    author: Mapped[Str]
    """What they want to be called; empty: not at all."""
    locale: Mapped[Str]
    """The language that it is written in."""
    verified: Mapped[bool]
    """They had bought it, when they wrote or last changed this."""
    status: Mapped[Str]
    holds: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default=text("'{}'"))
    """Why staff are to look at it before it is shown, whatever the shop does with others."""
    reason: Mapped[Str | None]
    """Why it was rejected, as a code."""
    note: Mapped[Str | None]
    """The same in the staff's words, for the customer; sealed by their key."""
    body_digest: Mapped[bytes | None] = mapped_column(LargeBinary)
    """What the same text is found by."""
    version: Mapped[Units] = mapped_column(server_default="1")
    """Goes up whenever the customer writes: nobody decides on what they have not read."""
    helpful: Mapped[Units] = mapped_column(server_default="0")
    """How many customers found it helpful; a trigger counts."""
    written_at: Mapped[Timestamp]
    edited_at: Mapped[Timestamp | None]
    decided_at: Mapped[Timestamp | None]
    """When staff published or rejected it."""
    answer: Mapped[Str | None]
    """What whoever sells the product says to it."""
    answered_by: Mapped[UUID | None]
    """The vendor; the shop itself, when nobody is named."""
    answered_at: Mapped[Timestamp | None]


class ReviewVote(TenantOwned, Base):
    """A customer who found a review helpful."""

    __tablename__ = "review_vote"
    __table_args__ = (
        belongs_to("review", "review_id", ondelete="CASCADE"),
        belongs_to("customer", "customer_id"),
        Index("uq_review_vote_customer", "tenant_id", "review_id", "customer_id", unique=True),
        Index("ix_review_vote_customer", "tenant_id", "customer_id"),
    )

    review_id: Mapped[UUID]
    customer_id: Mapped[UUID]
    voted_at: Mapped[Timestamp]


class ReviewReport(TenantOwned, Base):
    """A shopper who says that a review should not be there."""

    __tablename__ = "review_report"
    __table_args__ = (
        belongs_to("review", "review_id", ondelete="CASCADE"),
        Index("uq_review_report_holder", "tenant_id", "review_id", "holder_id", unique=True),
        Index("ix_review_report_holder", "tenant_id", "holder_id"),
        Index("ix_review_report_open", "tenant_id", "review_id", postgresql_where=text("settled_at IS NULL")),
    )

    review_id: Mapped[UUID]
    holder_id: Mapped[UUID]
    """The customer, or the visitor."""
    reason: Mapped[Str]
    """Why, as a code."""
    reported_at: Mapped[Timestamp]
    settled_at: Mapped[Timestamp | None]
    """When staff looked at the review and decided."""


class ProductRating(Base):
    """What the published reviews of a product come to: kept by triggers, in the transaction that changes a review."""

    __tablename__ = "product_rating"
    __table_args__ = (
        PrimaryKeyConstraint("tenant_id", "product_id"),
        belongs_to("product", "product_id"),
        CheckConstraint("0 <= ALL (counts) AND cardinality(counts) = 5", name="counts"),
    )

    tenant_id: Mapped[UUID]
    product_id: Mapped[UUID]
    counts: Mapped[list[int]] = mapped_column(ARRAY(BigInteger), server_default=text("'{0,0,0,0,0}'"))
    """How many gave one star, two, and so on."""
    reviews: Mapped[Units] = mapped_column(server_default="0")
    average: Mapped[float] = mapped_column(Double, server_default="0")
    """Of the stars; 0 without reviews."""
    rank: Mapped[float] = mapped_column(Double, server_default="0")
    """What "best rated first" goes by, the higher the better: see docs/decisions. 0 without reviews."""
