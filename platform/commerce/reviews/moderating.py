"""What staff do: read what waits, publish it or reject it with a reason; and what sellers answer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from sqlalchemy import text

from commerce.identity import accounts
from commerce.notifications import service as notifications
from commerce.paging import LAST, page_of, place_of
from commerce.reviews import columns
from commerce.reviews.refusals import AnsweredByShop, ReviewNotFound, ReviewStale
from commerce.reviews.schemas import Rejection, RejectionIn, StaffQuery, StaffReview, StaffReviews, VendorReviews
from commerce.sessions.signing_in import reached_at
from commerce.tenancy.service import Shop
from foundation import clock
from foundation.database import Tx, hot
from foundation.events import ReviewAnswered, ReviewPublished, ReviewRejected, record
from foundation.events.reviews import OfReview
from foundation.outbox import announce
from foundation.veil import Personal

REASONS: Mapping[Rejection, str] = {
    "advertising": "it advertises something",
    "offensive": "it offends somebody",
    "off_topic": "it is not about the product",
    "personal_data": "it has somebody's personal data in it",
    "not_genuine": "we do not believe that it is somebody's own experience",
    "other": "it is not what this place is for",
}
"""As customers are told them."""

# ix_review_status, ix_review_product, ix_review_report_open
_PAGE = hot(
    text(
        f"""
        SELECT {columns.OWN} FROM review r {columns.OF_PRODUCT} {columns.ANSWERED}
        WHERE r.tenant_id = :tenant_id AND r.id < CAST(:before AS uuid)
          AND (CAST(:status AS text) IS NULL OR r.status = CAST(:status AS text))
          AND (CAST(:product_id AS uuid) IS NULL OR r.product_id = CAST(:product_id AS uuid))
          AND (NOT CAST(:reported AS boolean) OR EXISTS (
              SELECT FROM review_report t
              WHERE (t.tenant_id, t.review_id) = (r.tenant_id, r.id) AND t.settled_at IS NULL))
        ORDER BY r.id DESC LIMIT :limit
        """  # noqa: S608  (the fragments are literals)
    )
)
_ONE = hot(
    text(
        f"""
        SELECT {columns.OWN} FROM review r {columns.OF_PRODUCT} {columns.ANSWERED}
        WHERE r.tenant_id = :tenant_id AND r.id = :id
        """  # noqa: S608
    )
)
_OF_VENDOR = hot(
    text(
        f"""
        SELECT {columns.OWN} FROM review r {columns.OF_PRODUCT} {columns.ANSWERED}
        WHERE r.tenant_id = :tenant_id AND r.id < CAST(:before AS uuid) AND p.vendor_id = :vendor_id
          AND r.status = 'published'
        ORDER BY r.id DESC LIMIT :limit
        """  # noqa: S608
    )
)
_REPORTS = hot(
    text(
        """
        SELECT review_id, reason, count(*) AS many FROM review_report
        WHERE tenant_id = :tenant_id AND review_id = ANY(CAST(:ids AS uuid[])) AND settled_at IS NULL
        GROUP BY review_id, reason ORDER BY many DESC, reason
        """
    )
)
_WAITING = hot(
    text(
        """
        SELECT (SELECT count(*) FROM review WHERE tenant_id = :tenant_id AND status = 'pending') AS pending,
               (SELECT count(DISTINCT review_id) FROM review_report
                WHERE tenant_id = :tenant_id AND settled_at IS NULL) AS reported
        """
    )
)
_LOCK = hot(text("SELECT version FROM review WHERE tenant_id = :tenant_id AND id = :id FOR UPDATE"))
_DECIDE = hot(
    text(
        """
        UPDATE review
        SET status = CAST(:status AS text), reason = CAST(:reason AS text), note = CAST(:note AS text),
            decided_at = CAST(:now AS timestamptz)
        WHERE tenant_id = :tenant_id AND id = :id RETURNING product_id, rating
        """
    )
)
_SETTLE = hot(
    text(
        """
        UPDATE review_report SET settled_at = CAST(:now AS timestamptz)
        WHERE tenant_id = :tenant_id AND review_id = :id AND settled_at IS NULL
        """
    )
)
_TO_ANSWER = hot(
    text(
        """
        SELECT r.product_id, r.rating, r.answer, r.answered_by FROM review r
        JOIN product p ON (p.tenant_id, p.id) = (r.tenant_id, r.product_id)
        WHERE r.tenant_id = :tenant_id AND r.id = :id
          AND (CAST(:vendor_id AS uuid) IS NULL OR (p.vendor_id = CAST(:vendor_id AS uuid) AND r.status = 'published'))
        FOR UPDATE OF r
        """
    )
)
_ANSWER = hot(
    text(
        """
        UPDATE review
        SET answer = CAST(:answer AS text), answered_by = CAST(:vendor_id AS uuid),
            answered_at = CAST(:now AS timestamptz)
        WHERE tenant_id = :tenant_id AND id = :id
        """
    )
)
_UNANSWER = hot(
    text(
        """
        UPDATE review SET answer = NULL, answered_by = NULL, answered_at = NULL
        WHERE tenant_id = :tenant_id AND id = :id
          AND (CAST(:vendor_id AS uuid) IS NULL OR answered_by = CAST(:vendor_id AS uuid))
        RETURNING id
        """
    )
)


async def page(tx: Tx, shop: Shop, query: StaffQuery) -> StaffReviews:
    """The shop's reviews, the latest first.

    Raises:
        MalformedCursor.
    """
    asked = query.model_dump(include={"status", "reported", "product_id"})
    before = place_of(query.cursor, LAST)
    rows = await tx.rows(_PAGE, {**asked, "before": before, "limit": query.limit + 1})
    reports = await _reports(tx, [row["id"] for row in rows])
    found = [(row["id"], columns.for_staff(row, shop.name, reports.get(row["id"], {}))) for row in rows]
    return StaffReviews(**page_of(found, query.limit))


async def one(tx: Tx, shop: Shop, review_id: UUID) -> StaffReview:
    """A review.

    Raises:
        ReviewNotFound.
    """
    row = await tx.one(_ONE, {"id": review_id})
    if row is None:
        raise ReviewNotFound
    return columns.for_staff(row, shop.name, (await _reports(tx, [review_id])).get(review_id, {}))


async def waiting(tx: Tx) -> tuple[int, int]:
    """How many reviews wait for staff, and how many others are reported."""
    row = await tx.one(_WAITING)
    return (row["pending"], row["reported"]) if row else (0, 0)


async def of_vendor(tx: Tx, shop: Shop, vendor_id: UUID, *, cursor: str | None, limit: int) -> VendorReviews:
    """What is published of a vendor's products, the latest first.

    Raises:
        MalformedCursor.
    """
    rows = await tx.rows(_OF_VENDOR, {"vendor_id": vendor_id, "before": place_of(cursor, LAST), "limit": limit + 1})
    return VendorReviews(**page_of([(row["id"], columns.for_vendor(row, shop.name, vendor_id)) for row in rows], limit))


async def publish(tx: Tx, review_id: UUID, version: int) -> None:
    """Have it shown; what was reported of it is settled.

    Raises:
        ReviewNotFound, ReviewStale.
    """
    await _locked(tx, review_id, version)
    row = await _decided(tx, review_id, {"status": "published", "reason": None, "note": None})
    await _tell(tx, ReviewPublished(review_id=review_id, product_id=row["product_id"], rating=row["rating"]))


async def reject(tx: Tx, review_id: UUID, said: RejectionIn) -> None:
    """Have it not shown; its author is written to with the reason.

    Raises:
        ReviewNotFound, ReviewStale.
    """
    await _locked(tx, review_id, said.version)
    review = await tx.one(_ONE, {"id": review_id})
    if review is None:
        raise ReviewNotFound
    note = Personal(review["customer_id"], said.note)
    await _decided(tx, review_id, {"status": "rejected", "reason": said.reason, "note": note})
    await _write_to(tx, review, said)
    fact = ReviewRejected(
        review_id=review_id, product_id=review["product_id"], rating=review["rating"], reason=said.reason
    )
    await _tell(tx, fact)


async def answer(tx: Tx, review_id: UUID, words: str, *, vendor_id: UUID | None = None) -> None:
    """Say something to it, in place of what was said: as the shop, or as the vendor of the product.

    Raises:
        ReviewNotFound: there is none, or none that is shown of this vendor's products.
        AnsweredByShop: a vendor does not change what the shop says.
    """
    row = await tx.one(_TO_ANSWER, {"id": review_id, "vendor_id": vendor_id})
    if row is None:
        raise ReviewNotFound
    if vendor_id is not None and row["answer"] is not None and row["answered_by"] != vendor_id:
        raise AnsweredByShop
    await tx.rows(_ANSWER, {"id": review_id, "answer": words, "vendor_id": vendor_id, "now": clock.now()})
    await _tell(tx, ReviewAnswered(review_id=review_id, product_id=row["product_id"], rating=row["rating"]))


async def unanswer(tx: Tx, review_id: UUID, *, vendor_id: UUID | None = None) -> None:
    """Take the answer away: a vendor their own alone.

    Raises:
        ReviewNotFound.
    """
    if await tx.one(_UNANSWER, {"id": review_id, "vendor_id": vendor_id}) is None:
        raise ReviewNotFound


async def _reports(tx: Tx, review_ids: list[UUID]) -> dict[UUID, dict[str, int]]:
    found: dict[UUID, dict[str, int]] = {}
    for row in await tx.rows(_REPORTS, {"ids": review_ids}):
        found.setdefault(row["review_id"], {})[row["reason"]] = row["many"]
    return found


async def _locked(tx: Tx, review_id: UUID, version: int) -> None:
    row = await tx.one(_LOCK, {"id": review_id})
    if row is None:
        raise ReviewNotFound
    if row["version"] != version:
        raise ReviewStale(version=row["version"])


async def _decided(tx: Tx, review_id: UUID, decision: Mapping[str, Any]) -> Mapping[str, Any]:
    now = clock.now()
    row: Mapping[str, Any] | None = await tx.one(_DECIDE, {"id": review_id, "now": now, **decision})
    if row is None:
        raise ReviewNotFound
    await tx.rows(_SETTLE, {"id": review_id, "now": now})
    return row


async def _write_to(tx: Tx, review: Mapping[str, Any], said: RejectionIn) -> None:
    account = await accounts.by_customer(tx, review["customer_id"])
    to = reached_at(account, review["locale"]) if account is not None else None
    if to is not None:
        reason = f"{REASONS[said.reason]}. {said.note}" if said.note else f"{REASONS[said.reason]}."
        await notifications.send(tx, "review_rejected", to, {"product": review["product_title"], "reason": reason})


async def _tell(tx: Tx, fact: OfReview) -> None:
    await announce(tx, [record(fact, tenant_id=tx.tenant_id, aggregate_id=fact.review_id)])
