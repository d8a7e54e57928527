"""What customers do: write a review, change it, take it away, say of others' that they were helpful, report them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import text

from commerce.configuration.schemas import Reviews
from commerce.reviews import holding, reading
from commerce.reviews.refusals import (
    AlreadyReviewed,
    NotBought,
    OwnReviewVote,
    ReviewNotFound,
    ReviewStale,
    TooManyReviews,
)
from commerce.reviews.schemas import ReportReason, ReviewChange, ReviewIn
from commerce.tenancy.service import Shop
from commerce.throttling import service as throttling
from commerce.throttling.service import Limit
from foundation import clock, sealing
from foundation.database import Database, Tx, hot
from foundation.events import ReviewSubmitted, ReviewWithdrawn, record
from foundation.ids import new_id
from foundation.outbox import announce
from foundation.veil import Personal

WRITES = Limit("review", burst=10, every=timedelta(minutes=10), refusal=TooManyReviews)
"""Nobody has used ten things well enough to say so within minutes."""
VOTES = Limit("review vote", burst=60, every=timedelta(seconds=10), refusal=TooManyReviews)
REPORTS = Limit("review report", burst=10, every=timedelta(minutes=5), refusal=TooManyReviews)

# uq_review_customer. No row comes back when they have written one.
_ADD = hot(
    text(
        """
        INSERT INTO review (tenant_id, id, product_id, customer_id, rating, title, body, author, locale, verified,
                            status, holds, body_digest, written_at)
        VALUES (:tenant_id, :id, :product_id, :customer_id, :rating, :title, :body, :author, :locale, :verified,
                :status, CAST(:holds AS text[]), CAST(:body_digest AS bytea), CAST(:now AS timestamptz))
        ON CONFLICT (tenant_id, customer_id, product_id) DO NOTHING RETURNING id
        """
    )
)
_THERE = hot(
    text(
        """
        SELECT id FROM review
        WHERE tenant_id = :tenant_id AND customer_id = :customer_id AND product_id = :product_id
        """
    )
)
_LOCK = hot(
    text(
        """
        SELECT r.product_id, r.version, r.status FROM review r
        WHERE r.tenant_id = :tenant_id AND r.id = :id AND r.customer_id = :customer_id FOR UPDATE
        """
    )
)
# An answer is to what was written before: whoever gave it looks at the new text, and answers that.
_CHANGE = hot(
    text(
        """
        UPDATE review
        SET rating = :rating, title = :title, body = :body, author = :author, locale = :locale, verified = :verified,
            status = :status, holds = CAST(:holds AS text[]), body_digest = CAST(:body_digest AS bytea),
            edited_at = CAST(:now AS timestamptz), version = version + 1, reason = NULL, note = NULL,
            decided_at = NULL, answer = NULL, answered_by = NULL, answered_at = NULL
        WHERE tenant_id = :tenant_id AND id = :id
        """
    )
)
_REMOVE = hot(
    text(
        """
        DELETE FROM review WHERE tenant_id = :tenant_id AND id = :id AND customer_id = :customer_id
        RETURNING product_id, rating
        """
    )
)
# ix_review_digest
_SAME_TEXT = hot(
    text(
        """
        SELECT id FROM review WHERE tenant_id = :tenant_id AND body_digest = CAST(:body_digest AS bytea) AND id <> :id
        LIMIT 1
        """
    )
)
_SHOWN = hot(text("SELECT customer_id FROM review WHERE tenant_id = :tenant_id AND id = :id AND status = 'published'"))
# uq_review_vote_customer; the trigger `counted` counts.
_VOTE = hot(
    text(
        """
        INSERT INTO review_vote (tenant_id, id, review_id, customer_id, voted_at)
        VALUES (:tenant_id, :id, :review_id, :customer_id, CAST(:now AS timestamptz))
        ON CONFLICT (tenant_id, review_id, customer_id) DO NOTHING
        """
    )
)
_UNVOTE = hot(
    text(
        """
        DELETE FROM review_vote
        WHERE tenant_id = :tenant_id AND review_id = :review_id AND customer_id = :customer_id
        """
    )
)
# uq_review_report_holder: who reports again has said it already, also when staff have decided since.
_REPORT = hot(
    text(
        """
        INSERT INTO review_report (tenant_id, id, review_id, holder_id, reason, reported_at)
        VALUES (:tenant_id, :id, :review_id, :holder_id, :reason, CAST(:now AS timestamptz))
        ON CONFLICT (tenant_id, review_id, holder_id) DO NOTHING
        """
    )
)


def rules_of(shop: Shop) -> Reviews:
    """What a shop does with reviews."""
    said = shop.settings.get("reviews")
    return Reviews.model_validate(said) if isinstance(said, dict) else Reviews()


async def count_writing(database: Database, shop: Shop, customer_id: UUID) -> None:
    """Count that somebody writes.

    Raises:
        TooManyReviews.
    """
    await throttling.take(database, shop.id, WRITES, str(customer_id))


async def count_vote(database: Database, shop: Shop, customer_id: UUID) -> None:
    """Count that somebody says something was helpful, or not any more.

    Raises:
        TooManyReviews.
    """
    await throttling.take(database, shop.id, VOTES, str(customer_id))


async def count_report(database: Database, shop: Shop, address: str) -> None:
    """Count a report from a network address: a browser gets a new session for nothing.

    Raises:
        TooManyReviews.
    """
    await throttling.take(database, shop.id, REPORTS, address)


async def write(tx: Tx, shop: Shop, customer_id: UUID, key: str, review: ReviewIn) -> UUID:
    """Write a review of a product, named by its handle or id.

    Raises:
        ProductNotFound.
        NotBought: and the shop takes none from others.
        AlreadyReviewed.
    """
    product = await reading.product(tx, key)
    review_id = new_id()
    values = await _values(tx, shop, customer_id, product.id, review_id, review)
    if await tx.one(_ADD, {**values, "product_id": product.id}) is None:
        there = await tx.one(_THERE, {"customer_id": customer_id, "product_id": product.id})
        raise AlreadyReviewed(review_id=str(there["id"]) if there else "")
    await _announce(tx, product.id, values)
    return review_id


async def change(tx: Tx, shop: Shop, customer_id: UUID, review_id: UUID, review: ReviewChange) -> None:
    """Write it anew: one that is shown goes the way of a new one, any other waits for staff.

    Raises:
        ReviewNotFound, ReviewStale, NotBought.
    """
    there = await tx.one(_LOCK, {"id": review_id, "customer_id": customer_id})
    if there is None:
        raise ReviewNotFound
    if there["version"] != review.version:
        raise ReviewStale(version=there["version"])
    values = await _values(tx, shop, customer_id, there["product_id"], review_id, review)
    if there["status"] != "published":
        values["status"] = "pending"
    await tx.rows(_CHANGE, {name: value for name, value in values.items() if name != "customer_id"})
    await _announce(tx, there["product_id"], values)


async def remove(tx: Tx, customer_id: UUID, review_id: UUID) -> None:
    """Take it away, with what others said of it.

    Raises:
        ReviewNotFound.
    """
    gone = await tx.one(_REMOVE, {"id": review_id, "customer_id": customer_id})
    if gone is None:
        raise ReviewNotFound
    fact = ReviewWithdrawn(review_id=review_id, product_id=gone["product_id"], rating=gone["rating"])
    await announce(tx, [record(fact, tenant_id=tx.tenant_id, aggregate_id=review_id)])


async def vote(tx: Tx, customer_id: UUID, review_id: UUID) -> None:
    """A customer found it helpful; said again, it stays as it is.

    Raises:
        ReviewNotFound, OwnReviewVote.
    """
    shown = await tx.one(_SHOWN, {"id": review_id})
    if shown is None:
        raise ReviewNotFound
    if shown["customer_id"] == customer_id:
        raise OwnReviewVote
    await tx.rows(_VOTE, {"id": new_id(), "review_id": review_id, "customer_id": customer_id, "now": clock.now()})


async def unvote(tx: Tx, customer_id: UUID, review_id: UUID) -> None:
    """They did not, after all.

    Raises:
        ReviewNotFound.
    """
    if await tx.one(_SHOWN, {"id": review_id}) is None:
        raise ReviewNotFound
    await tx.rows(_UNVOTE, {"review_id": review_id, "customer_id": customer_id})


async def report(tx: Tx, holder_id: UUID, review_id: UUID, reason: ReportReason) -> None:
    """Somebody says that it should not be there: staff look at it, and until then it stays.

    Raises:
        ReviewNotFound.
    """
    if await tx.one(_SHOWN, {"id": review_id}) is None:
        raise ReviewNotFound
    said = {"id": new_id(), "review_id": review_id, "holder_id": holder_id, "reason": reason, "now": clock.now()}
    await tx.rows(_REPORT, said)


async def _values(
    tx: Tx, shop: Shop, customer_id: UUID, product_id: UUID, review_id: UUID, review: ReviewIn
) -> dict[str, Any]:
    """What is kept of a review.

    Raises:
        NotBought.
    """
    rules = rules_of(shop)
    bought = (await reading.standings(tx, customer_id, [product_id]))[product_id].bought
    if not (bought or rules.unverified):
        raise NotBought
    locale = review.locale or shop.language or shop.locale
    same = holding.told_apart_by(review.body)
    digest = sealing.digest_or_none(tx.tenant_id, "review", same)
    holds = holding.found_in(review.title, review.body, locale)
    if digest and "repeated" not in holds and await tx.one(_SAME_TEXT, {"body_digest": digest, "id": review_id}):
        holds.append("repeated")
    return {
        "id": review_id,
        "customer_id": customer_id,
        "rating": review.rating,
        "title": Personal(customer_id, review.title),
        "body": Personal(customer_id, review.body),
        "author": Personal(customer_id, review.author),
        "locale": locale,
        "verified": bought,
        "status": "published" if rules.publish_at_once and not holds else "pending",
        "holds": holds,
        "body_digest": digest,
        "now": clock.now(),
    }


async def _announce(tx: Tx, product_id: UUID, values: Mapping[str, Any]) -> None:
    fact = ReviewSubmitted(
        review_id=values["id"],
        product_id=product_id,
        rating=values["rating"],
        verified=values["verified"],
        status=values["status"],
    )
    await announce(tx, [record(fact, tenant_id=tx.tenant_id, aggregate_id=values["id"])])
