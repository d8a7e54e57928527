"""Reviews: those that wait, those that were reported, and all the others."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Path, Query, Request
from pydantic import BeforeValidator
from starlette.responses import Response

from backoffice.desk import Desk, desk
from backoffice.typed import NOTHING, Typed, refused
from commerce.catalog.schemas import Cursor, Version
from commerce.reviews import moderating
from commerce.reviews.schemas import AnswerIn, PublicationIn, Rejection, RejectionIn, ReportReason, StaffQuery, Status
from foundation.errors import Problem
from foundation.types import Id, Input, Note
from pages.forms import Button, blank, read, unixed, whole

router = APIRouter(prefix="/back-office/reviews")
Reader = Annotated[Desk, Depends(desk("reviews:read"))]
Writer = Annotated[Desk, Depends(desk("reviews:write"))]
ReviewId = Annotated[Id, Path()]
Show = Literal["pending", "reported", "published", "rejected"]
HERE = "/back-office/reviews"
_SHOWN = 20
SHOWS: Mapping[Show, str] = {
    "pending": "Waiting",
    "reported": "Reported",
    "published": "Published",
    "rejected": "Rejected",
}
REASONS: Mapping[Rejection, str] = {
    "off_topic": "It is not about the product",
    "advertising": "It advertises something",
    "offensive": "It offends somebody",
    "personal_data": "Somebody's personal data is in it",
    "not_genuine": "It is not somebody's own experience",
    "other": "Something else",
}
REPORTED: Mapping[ReportReason, str] = {
    "off_topic": "not about the product",
    "advertising": "advertises",
    "offensive": "offends",
    "personal_data": "personal data",
    "not_genuine": "not genuine",
    "illegal": "breaks the law",
}
HELD: Mapping[str, str] = {
    "link": "A web address is in it",
    "contact": "An e-mail address or a telephone number is in it",
    "repeated": "The same text is in another review, or it repeats itself",
}


class PublicationForm(PublicationIn):
    """Which version was read."""

    version: Annotated[Version, BeforeValidator(whole)]


class RejectionForm(RejectionIn):
    """Which version was read, and why it is not shown."""

    version: Annotated[Version, BeforeValidator(whole)]
    note: Annotated[Note | None, BeforeValidator(unixed)] = None


class AnswerForm(AnswerIn):
    """What the shop says to it."""


class Looked(Input):
    """Which reviews are looked at."""

    show: Annotated[Show, BeforeValidator(lambda value: blank(value) or "pending")] = "pending"
    cursor: Cursor | None = None


_FIRST = Looked()


@router.get("")
async def show(desk: Reader, query: Annotated[Looked, Query()]) -> Response:
    """The reviews that wait, or others."""
    return await _page(desk, query)


@router.post("/{review_id}/publication")
async def publish(request: Request, desk: Writer, review_id: ReviewId) -> Response:
    """Have a review shown."""
    try:
        form = await read(request, PublicationForm)
        async with desk.tx() as tx:
            await moderating.publish(tx, review_id, form.version)
    except Problem as problem:
        return await _page(desk, typed=await refused(request, problem))
    return desk.redirect(HERE, "review-published")


@router.post("/{review_id}/rejection")
async def reject(request: Request, desk: Writer, review_id: ReviewId) -> Response:
    """Have a review not shown; its author is written to."""
    try:
        form = await read(request, RejectionForm)
        async with desk.tx() as tx:
            await moderating.reject(tx, review_id, form)
    except Problem as problem:
        return await _page(desk, typed=await refused(request, problem))
    return desk.redirect(HERE, "review-rejected")


@router.post("/{review_id}/answer")
async def answer(request: Request, desk: Writer, review_id: ReviewId) -> Response:
    """Answer a review as the shop."""
    try:
        form = await read(request, AnswerForm)
        async with desk.tx() as tx:
            await moderating.answer(tx, review_id, form.answer)
    except Problem as problem:
        return await _page(desk, typed=await refused(request, problem))
    return desk.redirect(f"{HERE}?show=published", "review-answered")


@router.post("/{review_id}/answer/removal")
async def unanswer(request: Request, desk: Writer, review_id: ReviewId) -> Response:
    """Take the answer away."""
    await read(request, Button)
    try:
        async with desk.tx() as tx:
            await moderating.unanswer(tx, review_id)
    except Problem as problem:
        return await _page(desk, typed=await refused(request, problem))
    return desk.redirect(f"{HERE}?show=published", "review-unanswered")


async def _page(desk: Desk, query: Looked = _FIRST, *, typed: Typed = NOTHING) -> Response:
    status: Status | None = None if query.show == "reported" else query.show
    asked = StaffQuery(limit=_SHOWN, cursor=query.cursor, status=status, reported=query.show == "reported")
    async with desk.tx(read_only=True) as tx:
        found = await moderating.page(tx, desk.shop, asked)
        pending, reported = await moderating.waiting(tx)
    return desk.page(
        "reviews.html",
        reviews=found,
        show=query.show,
        shows=SHOWS,
        waiting={"pending": pending, "reported": reported},
        reasons=REASONS,
        reported=REPORTED,
        held=HELD,
        typed=typed,
    )
