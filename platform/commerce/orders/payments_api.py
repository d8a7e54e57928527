"""What staff do about payments, over HTTP: money that came, payments that are disputed, who may pay later."""

from __future__ import annotations

from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Query, Request, Response, status
from pydantic import Field

from commerce.http import Core, CoreDep, KeyDep, ShopDep, decode_cursor, once, staff
from commerce.identity.staff import Staff
from commerce.orders import collecting
from commerce.orders.answering import OrderId, by_staff, change_order
from commerce.orders.disputing import Disputes
from commerce.orders.schemas import StaffOrderOut
from commerce.orders.states import TRANSITIONS
from commerce.paging import page_of
from commerce.payments import disputes, terms
from commerce.payments.providers import configured
from commerce.payments.schemas import DisputeList, TermsIn, TermsList
from foundation.database import Tx
from foundation.types import Id, Input, LongText

router = APIRouter(prefix="/v1/admin", tags=["payments"])
Reader = Annotated[Staff, Depends(staff("payments:read"))]
Writer = Annotated[Staff, Depends(staff("payments:write"))]
Collector = Annotated[Staff, Depends(staff(TRANSITIONS["collect"].scope))]
Settings = Annotated[Staff, Depends(staff("settings:read"))]
Setter = Annotated[Staff, Depends(staff("settings:write"))]


class DisputePage(Input):
    """A page of disputes."""

    status: Literal["opened", "won", "lost"] | None = None
    cursor: Annotated[str, Field(max_length=200)] | None = None
    limit: Annotated[int, Field(strict=False, ge=1, le=100)] = 50


class CollectIn(Input):
    """How much has come."""

    amount: Annotated[int, Field(ge=1, le=10**15)] | None = None
    """Minor units; all that is due, unless it is said."""


class EvidenceIn(Input):
    """Why the money is rightly the shop's."""

    evidence: Annotated[LongText, Field(min_length=1)]


class TermsFor(Input):
    """Whose terms: a customer's, or everybody's."""

    customer_id: Id | None = None


@router.post("/orders/{order_id}/payments/{payment_id}/collect", response_model=StaffOrderOut)
async def collect(
    request: Request,
    core: CoreDep,
    by: Collector,
    key: KeyDep,
    order_id: OrderId,
    payment_id: Annotated[UUID, Path()],
    body: CollectIn | None = None,
) -> Response:
    """Write down that the money of a payment on delivery or on account has come, all of it or an amount.

    What comes in parts is a payment a part; what is left to come stays due.
    """
    amount = body.amount if body else None

    async def do(tx: Tx) -> None:
        await collecting.collect(tx, order_id, payment_id, by_staff(by), amount=amount)

    return await change_order(request, core, by, key, order_id, do)


@router.get("/payments/disputes")
async def list_disputes(core: CoreDep, shop: ShopDep, _: Reader, query: Annotated[DisputePage, Query()]) -> DisputeList:
    """Payments that cardholders took back, or tried to, the last first."""
    after = decode_cursor(query.cursor)[1] if query.cursor else None
    async with core.database.tx(shop.id, read_only=True) as tx:
        found = await disputes.page(tx, status=query.status, after=after, limit=query.limit + 1)
    return DisputeList(**page_of([(one.id, one) for one in found], query.limit))


@router.post("/payments/disputes/{dispute_id}/evidence", status_code=status.HTTP_204_NO_CONTENT)
async def contest(
    request: Request,
    core: CoreDep,
    by: Writer,
    key: KeyDep,
    dispute_id: Annotated[UUID, Path()],
    body: EvidenceIn,
) -> Response:
    """Tell the bank why the money is rightly the shop's; what it decides comes by notification."""

    async def work() -> Response:
        await _disputes(core).contest(by.tenant_id, dispute_id, body.evidence, by_staff(by))
        return Response(status_code=status.HTTP_204_NO_CONTENT)

    return await once(request, core, by, key, work)


@router.get("/payments/terms")
async def list_terms(core: CoreDep, shop: ShopDep, _: Settings) -> TermsList:
    """Who may pay after the goods."""
    async with core.database.tx(shop.id, read_only=True) as tx:
        return TermsList(items=await terms.all_terms(tx))


@router.put("/payments/terms/{provider}", status_code=status.HTTP_204_NO_CONTENT)
async def allow(
    core: CoreDep, by: Setter, provider: Annotated[Literal["cod", "invoice"], Path()], body: TermsIn
) -> Response:
    """Let a customer, or everybody, pay by cash on delivery or on account."""
    async with core.database.tx(by.tenant_id) as tx:
        await terms.allow(tx, provider, body.customer_id, body.days)
    return Response(status_code=status.HTTP_204_NO_CONTENT)


@router.delete("/payments/terms/{provider}", status_code=status.HTTP_204_NO_CONTENT)
async def forbid(
    core: CoreDep,
    by: Setter,
    provider: Annotated[Literal["cod", "invoice"], Path()],
    query: Annotated[TermsFor, Query()],
) -> Response:
    """Let them pay so no more; orders that stand are not touched."""
    async with core.database.tx(by.tenant_id) as tx:
        await terms.forbid(tx, provider, query.customer_id)
    return Response(status_code=status.HTTP_204_NO_CONTENT)


def _disputes(core: Core) -> Disputes:
    return Disputes(core.database, configured(core.database, core.settings))
