"""Reviews as staff look after them, over HTTP."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Query, status

from commerce.http import CoreDep, ShopDep, staff
from commerce.identity.staff import Staff
from commerce.reviews import moderating
from commerce.reviews.schemas import AnswerIn, PublicationIn, RejectionIn, StaffQuery, StaffReview, StaffReviews

router = APIRouter(prefix="/v1/admin/reviews", tags=["reviews"])
Reader = Annotated[Staff, Depends(staff("reviews:read"))]
Writer = Annotated[Staff, Depends(staff("reviews:write"))]
ReviewId = Annotated[UUID, Path()]


@router.get("")
async def list_reviews(core: CoreDep, shop: ShopDep, _: Reader, query: Annotated[StaffQuery, Query()]) -> StaffReviews:
    """The shop's reviews, the latest first: all, those of a status, of a product, or those that were reported."""
    async with core.database.tx(shop.id, read_only=True) as tx:
        return await moderating.page(tx, shop, query)


@router.get("/{review_id}")
async def get_review(core: CoreDep, shop: ShopDep, _: Reader, review_id: ReviewId) -> StaffReview:
    """A review."""
    async with core.database.tx(shop.id, read_only=True) as tx:
        return await moderating.one(tx, shop, review_id)


@router.put("/{review_id}/publication")
async def publish(core: CoreDep, shop: ShopDep, _: Writer, review_id: ReviewId, body: PublicationIn) -> StaffReview:
    """Have it shown, or go on being shown; what was reported of it is settled."""
    async with core.database.tx(shop.id) as tx:
        await moderating.publish(tx, review_id, body.version)
        return await moderating.one(tx, shop, review_id)


@router.put("/{review_id}/rejection")
async def reject(core: CoreDep, shop: ShopDep, _: Writer, review_id: ReviewId, body: RejectionIn) -> StaffReview:
    """Have it not shown, or not any more; its author is sent the reason."""
    async with core.database.tx(shop.id) as tx:
        await moderating.reject(tx, review_id, body)
        return await moderating.one(tx, shop, review_id)


@router.put("/{review_id}/answer")
async def answer(core: CoreDep, shop: ShopDep, _: Writer, review_id: ReviewId, body: AnswerIn) -> StaffReview:
    """Answer it as the shop, in place of what was answered."""
    async with core.database.tx(shop.id) as tx:
        await moderating.answer(tx, review_id, body.answer)
        return await moderating.one(tx, shop, review_id)


@router.delete("/{review_id}/answer", status_code=status.HTTP_204_NO_CONTENT)
async def unanswer(core: CoreDep, shop: ShopDep, _: Writer, review_id: ReviewId) -> None:
    """Take the answer away, also a vendor's."""
    async with core.database.tx(shop.id) as tx:
        await moderating.unanswer(tx, review_id)
