"""A shopper's orders: how they stand, and what can still be done to them."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

import orjson
from fastapi import APIRouter, Path, Query, Request
from pydantic import TypeAdapter
from starlette.responses import Response

from commerce.catalog import service as catalog
from commerce.catalog.schemas import ProductCard
from commerce.checkout.api import answer, checkout_of
from commerce.checkout.schemas import PayAgain
from commerce.delivery import service as delivery
from commerce.documents import service as documents
from commerce.http import decode_cursor, encode_cursor, once
from commerce.legal import service as legal
from commerce.orders import api, documents_api, downloads, offering, reading
from commerce.orders.schemas import OrderOut, ReorderOut, ShopperCancelIn
from commerce.payments.schemas import Waiting
from commerce.payments.service import PaymentWasRefused
from commerce.policies import areas
from commerce.reviews import reading as reviews
from foundation.database import Tx
from foundation.errors import Problem
from foundation.ids import new_id
from pages.forms import read
from storefront import paying
from storefront.forms import CancelForm, PayForm
from storefront.problems import field_errors, refusal, words
from storefront.reasons import CLAIM_REASONS, CLAIM_WORDS, REASONS
from storefront.visit import Visit, VisitDep

ORDERS = 20
_CARDS = TypeAdapter(dict[str, list[ProductCard]])
OrderId = Annotated[UUID, Path()]
router = APIRouter(route_class=areas.within(areas.ORDERS))


@router.get("/orders")
async def list_orders(visit: VisitDep, cursor: Annotated[str | None, Query(max_length=200)] = None) -> Response:
    """The shopper's orders, newest first."""
    after = decode_cursor(cursor)[1] if cursor else None
    async with visit.core.database.tx(visit.shop.id, read_only=True) as tx:
        page = await reading.page(tx, visit.shopper, after=after, limit=ORDERS)
    following = encode_cursor(0, page.last) if page.has_more else None
    return visit.page("orders.html", orders=page.orders, next_cursor=following)


@router.get("/orders/{order_id}")
async def show_order(visit: VisitDep, order_id: OrderId) -> Response:
    """One order."""
    return await order_page(visit, order_id)


@router.get("/orders/{order_id}/documents/{document_id}.pdf")
async def document(visit: VisitDep, order_id: OrderId, document_id: Annotated[UUID, Path()]) -> Response:
    """An invoice or a credit note of an order of one's own."""
    return await documents_api.own_document(visit.core, visit.shop, visit.shopper, order_id, document_id)


@router.post("/orders/{order_id}/cancel")
async def cancel(request: Request, visit: VisitDep, order_id: OrderId) -> Response:
    """Cancel an order of which nothing has left: once for each form shown."""
    try:
        form = await read(request, CancelForm)
        reason = ShopperCancelIn().reason
        await api.cancel_once(request, visit.core, visit.shopper, form.idempotency_key, order_id, reason)
    except Problem as problem:
        return await order_page(visit, order_id, problem)
    return visit.redirect(f"/orders/{order_id}", "cancelled")


@router.post("/orders/{order_id}/reorder")
async def reorder(request: Request, visit: VisitDep, order_id: OrderId) -> Response:
    """Put what of an order can still be had into the cart: once for each form shown."""
    try:
        form = await read(request, CancelForm)
        done = await api.reorder_once(request, visit.core, visit.shop, visit.shopper, form.idempotency_key, order_id)
    except Problem as problem:
        return await order_page(visit, order_id, problem)
    left_out = ReorderOut.model_validate_json(bytes(done.body)).left_out
    return visit.redirect("/cart", "reordered-part" if left_out else "reordered")


@router.post("/orders/{order_id}/pay")
async def pay_again(request: Request, visit: VisitDep, order_id: OrderId) -> Response:
    """Pay for an order whose payment could not be taken: once for each form shown."""
    try:
        form = await read(request, PayForm)
        body = PayAgain(
            payment=paying.payment(form.token), return_url=str(request.url_for("come_back_to_pay", order_id=order_id))
        )

        async def work() -> Response:
            return answer(await checkout_of(visit.core).pay_again(visit.shop, visit.shopper, order_id, body))

        answered = await once(request, visit.core, visit.shopper, form.idempotency_key, work)
    except Problem as problem:
        return await order_page(visit, order_id, problem)
    told = orjson.loads(answered.body)
    if answered.status_code == 402:
        return await order_page(visit, order_id, PaymentWasRefused(reason=str(told.get("reason"))))
    if answered.status_code == 202:
        async with visit.core.database.tx(visit.shop.id, read_only=True) as tx:
            cart_id, _ = await reading.cart_of(tx, order_id)
        waits = Waiting.model_validate_json(bytes(answered.body))
        return paying.onward(visit, waits, cart_id, back=f"/orders/{order_id}/pay/return")
    return visit.redirect(f"/orders/{order_id}", "ordered")


@router.get("/orders/{order_id}/pay/return")
async def come_back_to_pay(visit: VisitDep, order_id: OrderId) -> Response:
    """From the page on which the shopper had something to do to pay for an order again."""
    try:
        told = await checkout_of(visit.core).go_on_paying(visit.shop, visit.shopper, order_id)
    except Problem as problem:
        return await order_page(visit, order_id, problem)
    return visit.redirect(f"/orders/{order_id}", "ordered" if isinstance(told, OrderOut) else None)


async def order_page(visit: Visit, order_id: UUID, problem: Problem | None = None) -> Response:
    """The page of an order of the shopper's, with what stood in the way of what they wanted."""
    async with visit.core.database.tx(visit.shop.id, read_only=True) as tx:
        order = await reading.get(tx, visit.shopper, order_id)
        papers = await documents.of_order(tx, order_id)
        files = await downloads.of_order(tx, order_id, owner=visit.shopper)
        accepted = await legal.accepted(tx, order_id)
        methods = await delivery.methods(tx)
        choices = await offering.choices(tx, order, visit.shopper)
        products = [line.product_id for line in order.lines]
        reviewable = await _reviewable(tx, visit, products)
    body = await catalog.cards(visit.core.database, visit.shop, visit.shopper, products)
    cards = _CARDS.validate_json(body)["items"]
    images = {card.id: card.image for card in cards}
    return visit.page(
        "order.html",
        status=problem.status if problem else 200,
        order=order,
        papers=papers,
        downloads=files,
        digital={line.id for line in order.lines if line.digital},
        accepted=accepted,
        titles={line.id: line.title for line in order.lines},
        images=images,
        reviewable={card.id: (card.handle, reviewable[card.id]) for card in cards if card.id in reviewable},
        exchanged={change.return_id for change in order.changes if change.return_id},
        reasons=REASONS,
        claim_reasons=CLAIM_REASONS,
        claim_words=CLAIM_WORDS,
        choices=choices,
        key=str(new_id()),
        problem=problem,
        payments=await paying.choices(visit),
        ways=[method for method in methods if method.active and method.kind == "ship"],
        said=_said(problem),
        faults=field_errors(problem) if problem else [],
    )


async def _reviewable(tx: Tx, visit: Visit, product_ids: list[UUID]) -> dict[UUID, bool]:
    """The products that the customer may review, each with whether they have."""
    if visit.shopper.customer_id is None or visit.acting is not None:
        return {}
    standings = await reviews.standings(tx, visit.shopper.customer_id, product_ids)
    return {product_id: one.review_id is not None for product_id, one in standings.items() if one.bought}


def _said(problem: Problem | None) -> tuple[str, str]:
    if isinstance(problem, PaymentWasRefused):
        return refusal(problem.reason)
    return words(problem) if problem else ("", "")
