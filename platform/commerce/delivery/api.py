"""Ways to deliver over HTTP, for staff."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Path

from commerce.delivery import service, slots
from commerce.delivery.schemas import CalendarIn, CalendarOut, MethodIn, MethodList, SlotList, SlotsIn
from commerce.http import CoreDep, ShopDep, staff
from commerce.identity.staff import Staff
from foundation.types import Slug

router = APIRouter(prefix="/v1/admin", tags=["delivery"])
Reader = Annotated[Staff, Depends(staff("settings:read"))]
Writer = Annotated[Staff, Depends(staff("settings:write"))]


@router.get("/delivery-methods")
async def list_methods(core: CoreDep, shop: ShopDep, _: Reader) -> MethodList:
    """The shop's ways to deliver."""
    async with core.database.tx(shop.id, read_only=True) as tx:
        return MethodList(items=await service.methods(tx))


@router.put("/delivery-methods/{code}")
async def put_method(
    core: CoreDep, shop: ShopDep, _: Writer, code: Annotated[Slug, Path()], body: MethodIn
) -> MethodList:
    """Add a way to deliver, or change the one with this code."""
    async with core.database.tx(shop.id) as tx:
        await service.put(tx, code, body)
        return MethodList(items=await service.methods(tx))


@router.get("/delivery-methods/{code}/slots")
async def list_slots(core: CoreDep, shop: ShopDep, _: Reader, code: Annotated[Slug, Path()]) -> SlotList:
    """The windows in which a method delivers."""
    async with core.database.tx(shop.id, read_only=True) as tx:
        return SlotList(items=await slots.kept(tx, code))


@router.put("/delivery-methods/{code}/slots")
async def put_slots(core: CoreDep, shop: ShopDep, _: Writer, code: Annotated[Slug, Path()], body: SlotsIn) -> SlotList:
    """Put a method's windows in place of those it had."""
    async with core.database.tx(shop.id) as tx:
        return SlotList(items=await slots.put(tx, code, body.slots))


@router.get("/delivery-calendar")
async def read_calendar(core: CoreDep, shop: ShopDep, _: Reader) -> CalendarOut:
    """The shop's business days."""
    async with core.database.tx(shop.id, read_only=True) as tx:
        return await service.calendar_out(tx)


@router.put("/delivery-calendar")
async def set_calendar(core: CoreDep, shop: ShopDep, _: Writer, body: CalendarIn) -> CalendarOut:
    """Say on which days and until when the shop sends things."""
    async with core.database.tx(shop.id) as tx:
        return await service.set_calendar(tx, body)
