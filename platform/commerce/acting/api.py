"""Finding customers and acting as one, over HTTP."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Response, status
from starlette.requests import Request

from commerce.acting import customers, service
from commerce.acting.schemas import (
    ActingIn,
    ActingOut,
    CustomerOut,
    CustomerSearch,
    CustomersFound,
    EnterIn,
    SupportVisits,
)
from commerce.http import CoreDep, CustomerDep, ShopDep, front_of, set_acting_cookie, staff
from commerce.identity.staff import Staff
from commerce.policies import areas
from commerce.recently import staff_proved_anew
from commerce.sessions.answering import session_out
from commerce.sessions.schemas import SessionOut
from foundation import clock
from foundation.access import SIGNED, needs
from foundation.types import Id

router = APIRouter(tags=["acting"], route_class=areas.within(areas.CREDENTIALS))
Reader = Annotated[Staff, Depends(staff("customers:read"))]
Actor = Annotated[Staff, Depends(staff("customers:act_as"))]
ProvedActor = Annotated[Staff, Depends(staff_proved_anew("customers:act_as"))]
CustomerId = Annotated[Id, Path()]


@router.post("/v1/admin/customers/search")
async def find_customers(core: CoreDep, shop: ShopDep, _: Reader, body: CustomerSearch) -> CustomersFound:
    """Customers by all of an e-mail address or an order's number. By POST, because addresses are written into logs."""
    async with core.database.tx(shop.id, read_only=True) as tx:
        return CustomersFound(items=await customers.find(tx, body))


@router.get("/v1/admin/customers/{customer_id}")
async def get_customer(core: CoreDep, shop: ShopDep, _: Reader, customer_id: CustomerId) -> CustomerOut:
    """A customer, in short."""
    async with core.database.tx(shop.id, read_only=True) as tx:
        return await customers.one(tx, customer_id)


@router.post("/v1/admin/customers/{customer_id}/acting", status_code=status.HTTP_201_CREATED)
async def begin(
    request: Request, core: CoreDep, shop: ShopDep, by: ProvedActor, customer_id: CustomerId, body: ActingIn
) -> ActingOut:
    """Begin to act as a customer, for half an hour at most. A person signed in does so, no key and no program."""
    front = front_of(request, shop)
    async with core.database.tx(shop.id) as tx:
        begun = await service.begin(tx, shop, by, customer_id, body, front=front)
    return ActingOut(
        id=begun.id,
        customer_id=customer_id,
        token=begun.token,
        enter=f"{front}/v1/store/acting",
        ends_at=begun.ends_at,
    )


@router.delete("/v1/admin/acting", status_code=status.HTTP_204_NO_CONTENT)
async def leave(core: CoreDep, shop: ShopDep, by: Actor) -> None:
    """Stop acting as whomever it was."""
    async with core.database.tx(shop.id) as tx:
        await service.leave(tx, by)


@router.post("/v1/store/acting", status_code=status.HTTP_201_CREATED)
@needs(SIGNED)
async def enter(body: EnterIn, response: Response, core: CoreDep, shop: ShopDep) -> SessionOut:
    """Come into the shop as the customer, by what was given as it began; signing out there ends it."""
    async with core.database.tx(shop.id) as tx:
        token, shopper = await service.enter(tx, body.token)
    if shopper.acting is not None:
        set_acting_cookie(response, token, shopper.acting.ends_at - clock.now(), core.settings)
    return session_out(shopper)


@router.get("/v1/store/support-visits")
async def list_visits(core: CoreDep, shop: ShopDep, customer: CustomerDep) -> SupportVisits:
    """When somebody of the shop's acted as the customer, and what it was about."""
    async with core.database.tx(shop.id, read_only=True) as tx:
        return await service.visits(tx, customer.id)
