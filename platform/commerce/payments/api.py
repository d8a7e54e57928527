"""An order's money over HTTP."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Path

from commerce.http import CoreDep, ShopDep, staff
from commerce.identity.staff import Staff
from commerce.ledger import service as ledger
from commerce.payments import disputes, service, settlement
from commerce.payments.schemas import OrderMoney

router = APIRouter(prefix="/v1/admin/orders", tags=["payments"])
Reader = Annotated[Staff, Depends(staff("payments:read"))]


@router.get("/{order_id}/money")
async def money(core: CoreDep, shop: ShopDep, _: Reader, order_id: Annotated[UUID, Path()]) -> OrderMoney:
    """How an order was paid, given back and posted; empty lists for an order that is not there."""
    async with core.database.tx(shop.id, read_only=True) as tx:
        payments = await service.of_order(tx, order_id)
        refunds = await settlement.refunds_of(tx, order_id)
        about = [*(payment.id for payment in payments), *(refund.id for refund in refunds)]
        references = [order_id, *about, *await disputes.ids_of(tx, order_id)]
        postings = await ledger.story(tx, references)
    return OrderMoney(payments=payments, refunds=refunds, postings=postings)
