"""Reviews over HTTP: those of a product, and a customer's own."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path, Query, Request, status

from commerce.catalog.schemas import Page
from commerce.http import Core, CoreDep, CustomerDep, ShopDep, ShopperDep, address_of
from commerce.identity.service import Shopper
from commerce.policies import areas
from commerce.reviews import reading, writing
from commerce.reviews.schemas import OwnReview, OwnReviews, ReportIn, ReviewChange, ReviewIn, ReviewList, ReviewQuery
from commerce.tenancy.service import Shop
from foundation.access import ANYONE, needs

router = APIRouter(prefix="/v1/store", tags=["reviews"], route_class=areas.within(areas.REVIEWS))
Key = Annotated[str, Path(max_length=200)]
ReviewId = Annotated[UUID, Path()]


@router.get("/products/{key}/reviews")
@needs(ANYONE)
@areas.about(areas.BROWSING)
async def list_reviews(core: CoreDep, shop: ShopDep, key: Key, query: Annotated[ReviewQuery, Query()]) -> ReviewList:
    """What is published of a product, and what all of it comes to."""
    async with core.database.tx(shop.id, read_only=True) as tx:
        return await reading.listed(tx, shop, key, query)


@router.post("/products/{key}/reviews", status_code=status.HTTP_201_CREATED)
async def write_review(core: CoreDep, shop: ShopDep, by: CustomerDep, key: Key, body: ReviewIn) -> OwnReview:
    """Review a product that one has bought; it is shown at once, or once staff have published it."""
    await writing.count_writing(core.database, shop, by.id)
    async with core.database.tx(shop.id) as tx:
        review_id = await writing.write(tx, shop, by.id, key, body)
        return await reading.own(tx, shop, by.id, review_id)


@router.get("/reviews")
async def list_own(core: CoreDep, shop: ShopDep, by: CustomerDep, query: Annotated[Page, Query()]) -> OwnReviews:
    """What the customer wrote, the latest first."""
    async with core.database.tx(shop.id, read_only=True) as tx:
        return await reading.own_page(tx, shop, by.id, cursor=query.cursor, limit=query.limit)


@router.get("/reviews/{review_id}")
async def get_own(core: CoreDep, shop: ShopDep, by: CustomerDep, review_id: ReviewId) -> OwnReview:
    """One that the customer wrote, and what became of it."""
    async with core.database.tx(shop.id, read_only=True) as tx:
        return await reading.own(tx, shop, by.id, review_id)


@router.put("/reviews/{review_id}")
async def change_own(
    core: CoreDep, shop: ShopDep, by: CustomerDep, review_id: ReviewId, body: ReviewChange
) -> OwnReview:
    """Write it anew: it goes the way of a new one, and an answer to what was there is taken away."""
    await writing.count_writing(core.database, shop, by.id)
    async with core.database.tx(shop.id) as tx:
        await writing.change(tx, shop, by.id, review_id, body)
        return await reading.own(tx, shop, by.id, review_id)


@router.delete("/reviews/{review_id}", status_code=status.HTTP_204_NO_CONTENT)
async def remove_own(core: CoreDep, shop: ShopDep, by: CustomerDep, review_id: ReviewId) -> None:
    """Take it away; nothing of it is kept."""
    async with core.database.tx(shop.id) as tx:
        await writing.remove(tx, by.id, review_id)


@router.put("/reviews/{review_id}/helpful", status_code=status.HTTP_204_NO_CONTENT)
async def vote(core: CoreDep, shop: ShopDep, by: CustomerDep, review_id: ReviewId) -> None:
    """Say that somebody else's review helped."""
    await writing.count_vote(core.database, shop, by.id)
    async with core.database.tx(shop.id) as tx:
        await writing.vote(tx, by.id, review_id)


@router.delete("/reviews/{review_id}/helpful", status_code=status.HTTP_204_NO_CONTENT)
async def unvote(core: CoreDep, shop: ShopDep, by: CustomerDep, review_id: ReviewId) -> None:
    """Say so no longer."""
    await writing.count_vote(core.database, shop, by.id)
    async with core.database.tx(shop.id) as tx:
        await writing.unvote(tx, by.id, review_id)


@router.post("/reviews/{review_id}/reports", status_code=status.HTTP_202_ACCEPTED)
async def report(
    request: Request, core: CoreDep, shop: ShopDep, shopper: ShopperDep, review_id: ReviewId, body: ReportIn
) -> None:
    """Say that a review should not be there: staff look at it, and until they have decided it stays."""
    await report_counted(request, core, shop, shopper, review_id, body)


async def report_counted(
    request: Request, core: Core, shop: Shop, shopper: Shopper, review_id: UUID, body: ReportIn
) -> None:
    """`writing.report`, counted by where it comes from.

    Raises:
        ReviewNotFound, TooManyReviews.
    """
    await writing.count_report(core.database, shop, address_of(request))
    async with core.database.tx(shop.id) as tx:
        await writing.report(tx, shopper.customer_id or shopper.visitor_id, review_id, body.reason)
