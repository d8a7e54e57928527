"""Customers are forgotten as the shop's staff do it for them, and what customers asked for is looked after."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request, status

from commerce.http import CoreDep, ShopDep, decode_cursor, encode_cursor, home_of, staff
from commerce.identity.staff import Staff
from commerce.privacy import erasing, requests
from commerce.privacy.farewells_api import asked_for, withdrawn
from commerce.privacy.schemas import ErasureIn, FarewellOut, PrivacyRequestList, PrivacyRequestsQuery, WithdrawalIn
from commerce.recently import staff_proved_anew

router = APIRouter(tags=["privacy"])
Reader = Annotated[Staff, Depends(staff("privacy:read"))]
Eraser = Annotated[Staff, Depends(staff_proved_anew("privacy:write"))]


@router.get("/v1/admin/privacy/requests")
async def list_requests(
    core: CoreDep, shop: ShopDep, _: Reader, query: Annotated[PrivacyRequestsQuery, Query()]
) -> PrivacyRequestList:
    """Archives and erasures that were asked for, by customers or for them, and what became of each."""
    before = decode_cursor(query.cursor)[1] if query.cursor else None
    async with core.database.tx(shop.id, read_only=True) as tx:
        items, has_more = await requests.latest(tx, limit=query.limit, before=before)
    cursor = encode_cursor(0, items[-1].id) if has_more else None
    return PrivacyRequestList(items=items, has_more=has_more, next_cursor=cursor)


@router.post("/v1/admin/customers/{customer_id}/erasure-requests", status_code=status.HTTP_202_ACCEPTED)
async def ask_for_erasure(
    request: Request, core: CoreDep, shop: ShopDep, by: Eraser, customer_id: UUID, body: ErasureIn
) -> FarewellOut:
    """Have a customer forgotten in a week who asked the shop for it. They are written to, and can stay until then."""
    return await asked_for(core, shop, customer_id, by=by.principal, home=home_of(request), reason=body.reason)


@router.post("/v1/admin/customers/{customer_id}/erasure-requests/withdrawal", status_code=status.HTTP_204_NO_CONTENT)
async def withdraw_erasure(
    request: Request, core: CoreDep, shop: ShopDep, by: Eraser, customer_id: UUID, body: WithdrawalIn
) -> None:
    """Have a customer stay after all who asked the shop for it, as long as it has not begun. They are written to."""
    await withdrawn(core, shop, customer_id, by=by.principal, home=home_of(request), reason=body.reason)


@router.post("/v1/admin/customers/{customer_id}/erasure", status_code=status.HTTP_204_NO_CONTENT)
async def erase_customer(core: CoreDep, shop: ShopDep, by: Eraser, customer_id: UUID, body: ErasureIn) -> None:
    """Forget a customer at once, for good: orders and the books stay, without them. A second time changes nothing
    more.
    """
    await erasing.forget(core.database, core.settings, shop.id, customer_id, actor=by.principal, reason=body.reason)
