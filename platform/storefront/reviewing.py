"""Reviews on the shop's pages: those of a product as its page shows them, and what a search engine is told of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from commerce.catalog.schemas import ProductDetail
from commerce.reviews import reading, writing
from commerce.reviews.schemas import Order, ReportReason, ReviewList, ReviewQuery
from storefront.visit import Visit

SHOWN = 5
ORDERS: Mapping[Order, str] = {
    "newest": "Newest",
    "helpful": "Most helpful",
    "highest": "Best first",
    "lowest": "Worst first",
}
REPORT_REASONS: Mapping[ReportReason, str] = {
    "off_topic": "It is not about this product",
    "advertising": "It advertises something",
    "offensive": "It offends somebody",
    "personal_data": "Somebody's personal data is in it",
    "not_genuine": "It is not somebody's own experience",
    "illegal": "It breaks the law",
}


@dataclass(frozen=True, slots=True)
class Shown:
    """The reviews on a product's page."""

    path: str
    list: ReviewList
    order: Order
    stars: int | None
    may_write: bool
    has_written: bool
    is_customer: bool
    voted: frozenset[UUID]
    orders: Mapping[Order, str]
    report_reasons: Mapping[ReportReason, str]

    def address(self, order: Order = "newest", stars: int | None = None, after: str | None = None) -> str:
        """Where the page shows other reviews."""
        asked = {"order": order if order != "newest" else None, "stars": stars, "after": after}
        said = urlencode({name: value for name, value in asked.items() if value is not None})
        return f"{self.path}{'?' if said else ''}{said}#reviews"


async def shown(visit: Visit, detail: ProductDetail, *, order: Order, stars: int | None, after: str | None) -> Shown:
    """The reviews that a visitor's page of a product shows.

    Raises:
        MalformedCursor.
    """
    customer_id = visit.shopper.customer_id
    query = ReviewQuery(limit=SHOWN, cursor=after, order=order, rating=stars)
    async with visit.core.database.tx(visit.shop.id, read_only=True) as tx:
        listed = await reading.listed(tx, visit.shop, str(detail.id), query)
        standing, voted = None, set[UUID]()
        if customer_id is not None and visit.acting is None:
            standing = (await reading.standings(tx, customer_id, [detail.id]))[detail.id]
            voted = await reading.voted(tx, customer_id, [one.id for one in listed.items])
    may_write = standing is not None and (standing.bought or writing.rules_of(visit.shop).unverified)
    return Shown(
        path=f"/p/{detail.handle}",
        list=listed,
        order=order,
        stars=stars,
        may_write=may_write,
        has_written=standing is not None and standing.review_id is not None,
        is_customer=standing is not None,
        voted=frozenset(voted),
        orders=ORDERS,
        report_reasons=REPORT_REASONS,
    )


def structured(detail: ProductDetail, listed: ReviewList, home: str) -> dict[str, Any] | None:
    """The product and its reviews in the words of schema.org (JSON-LD); `None` where there are none to tell of."""
    if listed.rating is None:
        return None
    told: dict[str, Any] = {
        "@context": "https://schema.org",
        "@type": "Product",
        "name": detail.title,
        "url": f"{home}/p/{detail.handle}",
        "aggregateRating": {
            "@type": "AggregateRating",
            "ratingValue": listed.rating.average,
            "reviewCount": listed.rating.count,
            "bestRating": 5,
            "worstRating": 1,
        },
        "review": [
            {
                "@type": "Review",
                "author": {"@type": "Person", "name": one.author or "A customer"},
                "datePublished": one.written_at.date().isoformat(),
                "inLanguage": one.locale,
                "reviewRating": {"@type": "Rating", "ratingValue": one.rating, "bestRating": 5, "worstRating": 1},
                **({"name": one.title} if one.title else {}),
                **({"reviewBody": one.body} if one.body else {}),
            }
            for one in listed.items
        ],
    }
    if detail.brand:
        told["brand"] = {"@type": "Brand", "name": detail.brand}
    return told
