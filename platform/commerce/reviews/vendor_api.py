"""Reviews of a vendor's products, over HTTP."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Query, status

from commerce.catalog.schemas import Page
from commerce.http import CoreDep, ShopDep, VendorDesk, vendor_desk
from commerce.reviews import moderating
from commerce.reviews.schemas import AnswerIn, VendorReviews

router = APIRouter(prefix="/v1/vendor/reviews", tags=["vendor"])
Reader = Annotated[VendorDesk, Depends(vendor_desk("reviews:read"))]
Writer = Annotated[VendorDesk, Depends(vendor_desk("reviews:write"))]
ReviewId = Annotated[UUID, Path()]


@router.get("")
async def list_reviews(core: CoreDep, shop: ShopDep, by: Reader, query: Annotated[Page, Query()]) -> VendorReviews:
    """What is published of the vendor's products, the latest first."""
    async with core.database.tx(shop.id, read_only=True) as tx:
        return await moderating.of_vendor(tx, shop, by.vendor_id, cursor=query.cursor, limit=query.limit)


@router.put("/{review_id}/answer", status_code=status.HTTP_204_NO_CONTENT)
async def answer(core: CoreDep, shop: ShopDep, by: Writer, review_id: ReviewId, body: AnswerIn) -> None:
    """Answer a review of one's own product, in place of what was answered."""
    async with core.database.tx(shop.id) as tx:
        await moderating.answer(tx, review_id, body.answer, vendor_id=by.vendor_id)


@router.delete("/{review_id}/answer", status_code=status.HTTP_204_NO_CONTENT)
async def unanswer(core: CoreDep, shop: ShopDep, by: Writer, review_id: ReviewId) -> None:
    """Take one's own answer away."""
    async with core.database.tx(shop.id) as tx:
        await moderating.unanswer(tx, review_id, vendor_id=by.vendor_id)
