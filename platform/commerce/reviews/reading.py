"""Published reviews of a product, and one's own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import text

from commerce.catalog.schemas import RatingDetail
from commerce.catalog.service import ProductNotFound, identifier_of
from commerce.http import decode_cursor, encode_cursor
from commerce.paging import LAST, page_of, place_of
from commerce.reviews import columns
from commerce.reviews.refusals import ReviewNotFound
from commerce.reviews.schemas import Order, OwnReview, OwnReviews, ReviewList, ReviewQuery
from commerce.tenancy.service import Shop
from foundation.database import HotStatement, Tx, hot

_MOST = 2**62


@dataclass(frozen=True, slots=True)
class Standing:
    """What a customer can do about a product."""

    bought: bool
    review_id: UUID | None
    """Of what they wrote already."""


@dataclass(frozen=True, slots=True)
class _Ordered:
    """A column that a list goes by before the ids."""

    column: str
    """`0` where it goes by the ids alone."""
    descends: bool = True

    @property
    def statement(self) -> HotStatement:
        """The next reviews in this order."""
        behind, way = ("<", "DESC") if self.descends else (">", "ASC")
        place = f"({self.column}, r.id) {behind} (CAST(:after_key AS bigint), CAST(:after_id AS uuid))"
        order = f"{self.column} {way}, r.id {way}"
        if self.column == "0":
            place, order = f"r.id {behind} CAST(:after_id AS uuid)", f"r.id {way}"
        return hot(
            text(
                f"""
                SELECT {columns.SHOWN} FROM review r {columns.ANSWERED}
                WHERE r.tenant_id = :tenant_id AND r.product_id = :product_id AND r.status = 'published'
                  AND (CAST(:rating AS int) IS NULL OR r.rating = CAST(:rating AS int)) AND {place}
                ORDER BY {order} LIMIT :limit
                """  # noqa: S608  (the fragments are literals)
            )
        )


_ORDERS: Mapping[Order, _Ordered] = {
    "newest": _Ordered("0"),
    "helpful": _Ordered("r.helpful"),
    "highest": _Ordered("r.rating"),
    "lowest": _Ordered("r.rating", descends=False),
}
# ix_review_newest, ix_review_helpful, ix_review_rating
_LISTED: Mapping[Order, HotStatement] = {name: one.statement for name, one in _ORDERS.items()}

_PRODUCT = hot(
    text(
        """
        SELECT p.id, p.title, w.counts, w.reviews, w.average FROM product p
        LEFT JOIN product_rating w ON (w.tenant_id, w.product_id) = (p.tenant_id, p.id)
        WHERE p.tenant_id = :tenant_id AND p.status = 'published'
          AND (p.id = CAST(:id AS uuid) OR p.handle = CAST(:handle AS text))
        """
    )
)
# uq_review_customer
_OWN = hot(
    text(
        f"""
        SELECT {columns.OWN} FROM review r {columns.OF_PRODUCT} {columns.ANSWERED}
        WHERE r.tenant_id = :tenant_id AND r.customer_id = :customer_id AND r.id < :before
        ORDER BY r.id DESC LIMIT :limit
        """  # noqa: S608
    )
)
_ONE_OWN = hot(
    text(
        f"""
        SELECT {columns.OWN} FROM review r {columns.OF_PRODUCT} {columns.ANSWERED}
        WHERE r.tenant_id = :tenant_id AND r.id = :id AND r.customer_id = :customer_id
        """  # noqa: S608
    )
)
BOUGHT = """
    EXISTS (
        SELECT FROM orders o JOIN order_line l ON (l.tenant_id, l.order_id) = (o.tenant_id, o.id)
        WHERE o.tenant_id = :tenant_id AND o.customer_id = :customer_id AND l.product_id = asked.id
          AND l.quantity > l.cancelled
          AND (o.payment_state IN ('paid', 'partially_refunded') OR o.fulfilment_state = 'delivered'))
"""
"""Whether a customer bought the product `asked`: a line of theirs that was not cancelled, paid for or delivered."""
# ix_orders_customer, ix_order_line_order, uq_review_customer
_STANDINGS = hot(
    text(
        f"""
        SELECT asked.id, {BOUGHT} AS bought,
               (SELECT r.id FROM review r WHERE (r.tenant_id, r.customer_id, r.product_id)
                                              = (:tenant_id, CAST(:customer_id AS uuid), asked.id)) AS review_id
        FROM unnest(CAST(:ids AS uuid[])) AS asked (id)
        """  # noqa: S608
    )
)
_VOTED = hot(
    text(
        """
        SELECT review_id FROM review_vote
        WHERE tenant_id = :tenant_id AND customer_id = :customer_id AND review_id = ANY(CAST(:ids AS uuid[]))
        """
    )
)


@dataclass(frozen=True, slots=True)
class ProductRead:
    """A product that can be reviewed."""

    id: UUID
    title: str
    rating: RatingDetail | None


async def product(tx: Tx, key: str) -> ProductRead:
    """A product by its handle or id, and what its reviews come to.

    Raises:
        ProductNotFound: there is none, or it is not published.
    """
    identifier = identifier_of(key)
    by_id = isinstance(identifier, UUID)
    row = await tx.one(_PRODUCT, {"id": identifier if by_id else None, "handle": None if by_id else key})
    if row is None:
        raise ProductNotFound
    return ProductRead(row["id"], row["title"], _rating(row))


async def listed(tx: Tx, shop: Shop, key: str, query: ReviewQuery) -> ReviewList:
    """A page of a product's published reviews.

    Raises:
        ProductNotFound, MalformedCursor.
    """
    found = await product(tx, key)
    order = _ORDERS[query.order]
    start = (_MOST, LAST) if order.descends else (-1, UUID(int=0))
    after_key, after_id = decode_cursor(query.cursor) if query.cursor else start
    asked = {"product_id": found.id, "rating": query.rating, "after_id": after_id, "limit": query.limit + 1}
    if order.column != "0":
        asked["after_key"] = after_key
    rows = await tx.rows(_LISTED[query.order], asked)
    items, more = [columns.shown(row, shop.name) for row in rows[: query.limit]], len(rows) > query.limit
    key_of = {"helpful": "helpful", "highest": "rating", "lowest": "rating"}.get(query.order)
    last = rows[query.limit - 1] if more else None
    place = last and encode_cursor(last[key_of] if key_of else 0, last["id"])
    return ReviewList(rating=found.rating, items=items, has_more=more, next_cursor=place)


async def own_page(tx: Tx, shop: Shop, customer_id: UUID, *, cursor: str | None, limit: int) -> OwnReviews:
    """What a customer wrote, the latest first.

    Raises:
        MalformedCursor.
    """
    asked = {"customer_id": customer_id, "before": place_of(cursor, LAST), "limit": limit + 1}
    rows = await tx.rows(_OWN, asked)
    return OwnReviews(**page_of([(row["id"], columns.own(row, shop.name)) for row in rows], limit))


async def own(tx: Tx, shop: Shop, customer_id: UUID, review_id: UUID) -> OwnReview:
    """One that a customer wrote.

    Raises:
        ReviewNotFound.
    """
    row = await tx.one(_ONE_OWN, {"id": review_id, "customer_id": customer_id})
    if row is None:
        raise ReviewNotFound
    return columns.own(row, shop.name)


async def standings(tx: Tx, customer_id: UUID, product_ids: Sequence[UUID]) -> Mapping[UUID, Standing]:
    """What a customer can do about each of these products."""
    rows = await tx.rows(_STANDINGS, {"customer_id": customer_id, "ids": list(product_ids)})
    return {row["id"]: Standing(row["bought"], row["review_id"]) for row in rows}


async def voted(tx: Tx, customer_id: UUID, review_ids: Sequence[UUID]) -> set[UUID]:
    """Those of these reviews that a customer found helpful."""
    rows = await tx.rows(_VOTED, {"customer_id": customer_id, "ids": list(review_ids)})
    return {row["review_id"] for row in rows}


def _rating(row: Mapping[str, Any]) -> RatingDetail | None:
    if not row["reviews"]:
        return None
    return RatingDetail(average=round(row["average"], 2), count=row["reviews"], stars=list(row["counts"]))
