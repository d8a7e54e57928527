"""A shop's plan over HTTP, and where Stripe tells of it."""

from __future__ import annotations

import asyncio
from typing import Annotated, cast

from fastapi import APIRouter, Depends, Request, Response, status

from commerce.billing import showing
from commerce.billing.schemas import InvoiceList, PlanIn, PlanOut, PortalOut, UsageOut
from commerce.billing.service import Billing
from commerce.billing.stripe import ForgedNotification
from commerce.http import Core, CoreDep, KeyDep, ShopDep, front_of, once, staff
from commerce.identity.staff import Staff
from commerce.plans.book import Book
from commerce.tenancy.service import Shop
from foundation import clock
from foundation.access import SIGNED, needs
from foundation.errors import BadRequest
from foundation.http import json_bytes, model_bytes

router = APIRouter(tags=["plans"])
Reader = Annotated[Staff, Depends(staff("billing:read"))]
Writer = Annotated[Staff, Depends(staff("billing:write"))]


class NotStripes(BadRequest):
    """This was not signed by Stripe, or not now."""

    code = "billing.forged_notification"


def billing_of(request: Request) -> Billing:
    """Who bills this platform's shops."""
    return cast("Billing", request.app.state.billing)


@router.get("/v1/admin/plan")
async def read_plan(request: Request, core: CoreDep, shop: ShopDep, _: Reader) -> PlanOut:
    """The shop's plan, and those it could have."""
    async with core.database.tx(shop.id, read_only=True) as tx:
        return await showing.plan(tx, billed=billing_of(request).stripe is not None)


@router.put("/v1/admin/plan", response_model=PlanOut)
async def choose_plan(
    request: Request, core: CoreDep, shop: ShopDep, by: Writer, key: KeyDep, body: PlanIn
) -> Response:
    """Subscribe to a plan, or to another: what is left of the present one is set off on the next invoice."""

    async def work() -> Response:
        async with core.database.tx(shop.id, read_only=True) as tx:
            there = await showing.there_are(tx)
        await billing_of(request).subscribe(
            shop,
            body.plan,
            email=body.email,
            method=body.payment_method,
            key=key,
            there={str(metric): count for metric, count in there.items()},
        )
        return await _plan(request, core, shop)

    return await once(request, core, by, key, work)


@router.post("/v1/admin/plan/cancellation", response_model=PlanOut)
async def cancel(request: Request, core: CoreDep, shop: ShopDep, by: Writer, key: KeyDep) -> Response:
    """End the subscription when what is paid for is over."""
    return await once(request, core, by, key, lambda: _end(request, core, shop, ends=True))


@router.delete("/v1/admin/plan/cancellation", response_model=PlanOut)
async def go_on(request: Request, core: CoreDep, shop: ShopDep, by: Writer, key: KeyDep) -> Response:
    """Go on with a subscription that was to end."""
    return await once(request, core, by, key, lambda: _end(request, core, shop, ends=False))


@router.post("/v1/admin/plan/portal")
async def open_portal(request: Request, shop: ShopDep, by: Writer) -> PortalOut:
    """Where cards, the billing address and past bills are looked after, at Stripe; it leads back to the back office."""
    return PortalOut(url=await portal(request, shop, by))


@router.get("/v1/admin/usage")
async def read_usage(core: CoreDep, shop: ShopDep, _: Reader) -> UsageOut:
    """What the shop has and uses, beside what its plan allows."""
    async with core.database.tx(shop.id, read_only=True) as tx:
        return await showing.usage(tx)


@router.get("/v1/admin/invoices")
async def list_invoices(core: CoreDep, shop: ShopDep, _: Reader) -> InvoiceList:
    """The platform's invoices to the shop, the latest first."""
    async with core.database.tx(shop.id, read_only=True) as tx:
        return await showing.invoices(tx)


@router.post("/v1/platform/billing-events", status_code=status.HTTP_204_NO_CONTENT)
@needs(SIGNED)
async def told(request: Request) -> Response:
    """Where the platform's own Stripe tells of subscriptions and invoices, of all shops."""
    billing = billing_of(request)
    headers = {name.lower(): value for name, value in request.headers.items()}
    body = await request.body()
    try:
        notification = billing.require().notification(headers, body, now=clock.now())
    except ForgedNotification as fault:
        raise NotStripes from fault
    if notification is not None:
        await asyncio.shield(asyncio.ensure_future(billing.told(notification)))
    return Response(status_code=status.HTTP_204_NO_CONTENT)


async def portal(request: Request, shop: Shop, by: Staff) -> str:
    """Where the shop's cards and bills are looked after.

    Raises:
        NotSubscribed, BilledByOperator, BillingUnavailable, BillingRefused.
    """
    back = f"{front_of(request, shop)}/back-office/plan"
    return await billing_of(request).portal(shop, back=back, by=by.principal)


async def _end(request: Request, core: Core, shop: Shop, *, ends: bool) -> Response:
    await billing_of(request).end(shop, ends=ends)
    return await _plan(request, core, shop)


async def _plan(request: Request, core: Core, shop: Shop) -> Response:
    """The plan as it is now, for this worker at once."""
    cast("Book", request.app.state.book).forget(shop.id)
    async with core.database.tx(shop.id, read_only=True) as tx:
        shown = await showing.plan(tx, billed=billing_of(request).stripe is not None)
    return json_bytes(model_bytes(shown))
