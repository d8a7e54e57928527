"""An order's money over HTTP."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Path

from commerce.http import CoreDep, ShopDep, staff
from commerce.identity.staff import Staff
from commerce.ledger import service as ledger
from commerce.payments import service, settlement
from commerce.payments.schemas import OrderMoney, PaymentOut
from foundation.database import tx_of

router = APIRouter(prefix="/v1/admin/orders", tags=["payments"])
Reader = Annotated[Staff, Depends(staff("payments:read"))]


@router.get("/{order_id}/money")
async def money(core: CoreDep, shop: ShopDep, _: Reader, order_id: Annotated[UUID, Path()]) -> OrderMoney:
    """How an order was paid, given back and posted; empty lists for an order that is not there."""
    async with core.database.transaction(shop.id) as session:
        paid = await service.of_order(session, order_id)
        tx = await tx_of(session)
        refunds = await settlement.refunds_of(tx, order_id)
        references = [order_id, *(payment.id for payment in paid), *(refund.id for refund in refunds)]
        postings = await ledger.story(tx, references)
    payments = [
        PaymentOut(
            id=payment.id,
            provider=payment.provider,
            provider_reference=payment.provider_reference,
            status=payment.status,
            amount=payment.amount,
            currency=payment.currency,
            created_at=payment.created_at,
        )
        for payment in paid
    ]
    return OrderMoney(payments=payments, refunds=refunds, postings=postings)
