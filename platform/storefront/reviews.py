"""A customer's reviews: writing one, changing it, and saying something of others'."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Path, Query, Request
from pydantic import BeforeValidator
from starlette.responses import Response

from commerce.catalog.schemas import Cursor, Version
from commerce.policies import areas
from commerce.reviews import api, moderating, reading, writing
from commerce.reviews.refusals import NotBought
from commerce.reviews.schemas import Author, Body, OwnReview, ReportIn, ReviewChange, ReviewIn, Stars, Title
from foundation.access import CUSTOMER, needs
from foundation.database import Tx
from foundation.errors import Problem
from foundation.types import Input
from pages.forms import Button, read, sent, unixed, whole
from storefront.forms import LocalPath
from storefront.problems import field_errors, words
from storefront.security import to_sign_in
from storefront.visit import Visit, VisitDep

PAGE = "/reviews"
_SHOWN = 20
GRADES: Mapping[int, str] = {5: "Very good", 4: "Good", 3: "All right", 2: "Poor", 1: "Bad"}
Handle = Annotated[str, Path(max_length=200, pattern=r"^[^\x00]+$")]
ReviewId = Annotated[UUID, Path()]
router = APIRouter(route_class=areas.within(areas.REVIEWS))


def _empty(value: object) -> object:
    return unixed(value) or ""


class ReviewForm(Input):
    """What a customer says; the version of what they said before, where they did."""

    rating: Annotated[Stars, BeforeValidator(whole)]
    title: Title = ""
    body: Annotated[Body, BeforeValidator(_empty)] = ""
    author: Author = ""
    version: Annotated[Version | None, BeforeValidator(whole)] = None


class HelpfulForm(Input):
    """Whether a review helped, and the page to go back to."""

    helped: Literal["yes", "no"]
    next: LocalPath = "/"


class ReportForm(ReportIn):
    """What is wrong with a review, and the page to go back to."""

    next: LocalPath = "/"


class Typed(Input):
    """What the form holds when it is shown."""

    rating: str = ""
    title: str = ""
    body: str = ""
    author: str = ""


@router.get(PAGE)
@needs(CUSTOMER)
async def list_own(visit: VisitDep, cursor: Annotated[Cursor | None, Query()] = None) -> Response:
    """What the customer wrote, and what became of it."""
    customer_id = visit.shopper.customer_id
    if customer_id is None:
        return to_sign_in(visit, PAGE)
    async with visit.core.database.tx(visit.shop.id, read_only=True) as tx:
        own = await reading.own_page(tx, visit.shop, customer_id, cursor=cursor, limit=_SHOWN)
    return visit.page("own_reviews.html", reviews=own, reasons=moderating.REASONS)


@router.get("/p/{handle}/review")
@needs(CUSTOMER)
async def form(visit: VisitDep, handle: Handle) -> Response:
    """The form for a review of a product, with what the customer wrote before."""
    if visit.shopper.customer_id is None:
        return to_sign_in(visit, f"/p/{handle}/review")
    return await _form(visit, handle, visit.shopper.customer_id)


@router.post("/p/{handle}/review")
@needs(CUSTOMER)
async def write(request: Request, visit: VisitDep, handle: Handle) -> Response:
    """Send a review, or another one in its place."""
    customer_id = visit.shopper.customer_id
    if customer_id is None:
        return to_sign_in(visit, f"/p/{handle}/review")
    try:
        said = await read(request, ReviewForm)
        await writing.count_writing(visit.core.database, visit.shop, customer_id)
        status = await _kept(visit, handle, customer_id, said)
    except Problem as problem:
        given = dict(await sent(request))
        typed = Typed(**{name: given.get(name, "") for name in Typed.model_fields})
        return await _form(visit, handle, customer_id, problem, typed)
    return visit.redirect(f"/p/{handle}", "review-shown" if status == "published" else "review-waits")


@router.post(f"{PAGE}/{{review_id}}/remove")
@needs(CUSTOMER)
async def remove(request: Request, visit: VisitDep, review_id: ReviewId) -> Response:
    """Take one's review away."""
    if visit.shopper.customer_id is None:
        return to_sign_in(visit, PAGE)
    await read(request, Button)
    async with visit.core.database.tx(visit.shop.id) as tx:
        await writing.remove(tx, visit.shopper.customer_id, review_id)
    return visit.redirect(PAGE, "review-removed")


@router.post(f"{PAGE}/{{review_id}}/helpful")
@needs(CUSTOMER)
async def helpful(request: Request, visit: VisitDep, review_id: ReviewId) -> Response:
    """Say that somebody's review helped, or not after all."""
    customer_id = visit.shopper.customer_id
    if customer_id is None:
        return to_sign_in(visit, PAGE)
    said = await read(request, HelpfulForm)
    await writing.count_vote(visit.core.database, visit.shop, customer_id)
    async with visit.core.database.tx(visit.shop.id) as tx:
        change = writing.vote if said.helped == "yes" else writing.unvote
        await change(tx, customer_id, review_id)
    return visit.redirect(f"{said.next}#reviews")


@router.post(f"{PAGE}/{{review_id}}/reports")
async def report(request: Request, visit: VisitDep, review_id: ReviewId) -> Response:
    """Say that a review should not be there."""
    said = await read(request, ReportForm)
    body = ReportIn(reason=said.reason)
    await api.report_counted(request, visit.core, visit.shop, visit.shopper, review_id, body)
    return visit.redirect(said.next, "review-reported")


async def _kept(visit: Visit, handle: str, customer_id: UUID, said: ReviewForm) -> str:
    """Keep what was said; gives what became of it."""
    given = said.model_dump(exclude={"version"})
    async with visit.core.database.tx(visit.shop.id) as tx:
        own = await _own(visit, tx, handle, customer_id)
        if own is None or said.version is None:
            review_id = await writing.write(tx, visit.shop, customer_id, handle, ReviewIn(**given))
        else:
            review_id = own.id
            change = ReviewChange(**given, locale=own.locale, version=said.version)
            await writing.change(tx, visit.shop, customer_id, review_id, change)
        return (await reading.own(tx, visit.shop, customer_id, review_id)).status


async def _form(
    visit: Visit, handle: str, customer_id: UUID, problem: Problem | None = None, typed: Typed | None = None
) -> Response:
    rules = writing.rules_of(visit.shop)
    async with visit.core.database.tx(visit.shop.id, read_only=True) as tx:
        product = await reading.product(tx, handle)
        own = await _own(visit, tx, handle, customer_id)
        standing = (await reading.standings(tx, customer_id, [product.id]))[product.id]
    if not (standing.bought or rules.unverified):
        raise NotBought
    if typed is None and own is not None:
        typed = Typed(rating=str(own.rating), title=own.title, body=own.body, author=own.author)
    return visit.page(
        "review.html",
        status=problem.status if problem else 200,
        product=product,
        handle=handle,
        own=own,
        typed=typed or Typed(),
        grades=GRADES,
        at_once=rules.publish_at_once and (own is None or own.status == "published"),
        problem=problem,
        said=words(problem) if problem else ("", ""),
        faults=field_errors(problem) if problem else [],
    )


async def _own(visit: Visit, tx: Tx, handle: str, customer_id: UUID) -> OwnReview | None:
    """What a customer wrote of a product already."""
    product = await reading.product(tx, handle)
    standing = (await reading.standings(tx, customer_id, [product.id]))[product.id]
    if standing.review_id is None:
        return None
    return await reading.own(tx, visit.shop, customer_id, standing.review_id)
