"""Reviews of a vendor's own products, and its answers."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Request
from starlette.responses import Response

from backoffice.desk import Desk, vendor_page
from backoffice.typed import NOTHING, Typed, refused
from commerce.catalog.schemas import Cursor
from commerce.reviews import moderating
from commerce.reviews.schemas import AnswerIn
from foundation.errors import Problem
from foundation.types import Id
from pages.forms import Button, read

router = APIRouter(prefix="/back-office/vendor/reviews")
Reader = Annotated[Desk, Depends(vendor_page("reviews:read"))]
Writer = Annotated[Desk, Depends(vendor_page("reviews:write"))]
ReviewId = Annotated[Id, Path()]
HERE = "/back-office/vendor/reviews"
_SHOWN = 20


@router.get("")
async def show(desk: Reader, cursor: Annotated[Cursor | None, Query()] = None) -> Response:
    """What is published of the vendor's products."""
    return await _page(desk, cursor=cursor)


@router.post("/{review_id}/answer")
async def answer(request: Request, desk: Writer, review_id: ReviewId) -> Response:
    """Answer a review."""
    try:
        form = await read(request, AnswerIn)
        async with desk.tx() as tx:
            await moderating.answer(tx, review_id, form.answer, vendor_id=desk.staff.vendor_id)
    except Problem as problem:
        return await _page(desk, typed=await refused(request, problem))
    return desk.redirect(HERE, "review-answered")


@router.post("/{review_id}/answer/removal")
async def unanswer(request: Request, desk: Writer, review_id: ReviewId) -> Response:
    """Take one's own answer away."""
    await read(request, Button)
    try:
        async with desk.tx() as tx:
            await moderating.unanswer(tx, review_id, vendor_id=desk.staff.vendor_id)
    except Problem as problem:
        return await _page(desk, typed=await refused(request, problem))
    return desk.redirect(HERE, "review-unanswered")


async def _page(desk: Desk, *, cursor: str | None = None, typed: Typed = NOTHING) -> Response:
    vendor_id = desk.staff.vendor_id
    if vendor_id is None:
        raise RuntimeError("a vendor's page was opened by somebody of no vendor")
    async with desk.tx(read_only=True) as tx:
        found = await moderating.of_vendor(tx, desk.shop, vendor_id, cursor=cursor, limit=_SHOWN)
    return desk.page("vendor_reviews.html", reviews=found, typed=typed)
