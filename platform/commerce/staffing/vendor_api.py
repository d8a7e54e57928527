"""A vendor's own people and roles over HTTP."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request, status

from commerce.http import CoreDep, ShopDep, VendorDesk, home_of, vendor_desk
from commerce.staffing import roles, service
from commerce.staffing.api import MemberId, granted
from commerce.staffing.schemas import ChangeIn, MemberList, MemberOut, RoleList, VendorInviteIn

router = APIRouter(prefix="/v1/vendor/staff", tags=["staff"])
Reader = Annotated[VendorDesk, Depends(vendor_desk("staff:read"))]
Writer = Annotated[VendorDesk, Depends(vendor_desk("staff:write"))]


@router.get("")
async def list_people(core: CoreDep, shop: ShopDep, desk: Reader) -> MemberList:
    """Who works for the vendor, those invited too."""
    async with core.database.tx(shop.id, read_only=True) as tx:
        return MemberList(items=await service.every(tx, desk.vendor_id))


@router.post("", status_code=status.HTTP_201_CREATED)
async def invite_person(
    request: Request, core: CoreDep, shop: ShopDep, desk: Writer, body: VendorInviteIn
) -> MemberOut:
    """Invite somebody to work for the vendor."""
    async with core.database.tx(shop.id) as tx:
        return await service.invite(
            tx,
            desk.staff,
            desk.vendor_id,
            email=body.email,
            grant=granted(body),
            home=home_of(request),
            locale=shop.locale,
        )


@router.get("/roles")
async def list_vendor_roles(core: CoreDep, shop: ShopDep, desk: Reader) -> RoleList:
    """The roles that the vendor's people can have."""
    async with core.database.tx(shop.id, read_only=True) as tx:
        return await roles.every(tx, desk.vendor_id)


@router.put("/{member_id}")
async def change_person(core: CoreDep, shop: ShopDep, desk: Writer, member_id: MemberId, body: ChangeIn) -> MemberOut:
    """Give one of the vendor's people other roles in place of those they have."""
    async with core.database.tx(shop.id) as tx:
        return await service.change(tx, desk.staff, desk.vendor_id, member_id, granted(body), body.version)


@router.put("/{member_id}/suspension", status_code=status.HTTP_204_NO_CONTENT)
async def suspend_person(core: CoreDep, shop: ShopDep, desk: Writer, member_id: MemberId) -> None:
    """Keep one of the vendor's people out until they are let back in."""
    async with core.database.tx(shop.id) as tx:
        await service.set_status(tx, desk.staff, desk.vendor_id, member_id, "suspended")


@router.delete("/{member_id}/suspension", status_code=status.HTTP_204_NO_CONTENT)
async def let_person_back_in(core: CoreDep, shop: ShopDep, desk: Writer, member_id: MemberId) -> None:
    """Let one of the vendor's people back in."""
    async with core.database.tx(shop.id) as tx:
        await service.set_status(tx, desk.staff, desk.vendor_id, member_id, "active")


@router.delete("/{member_id}", status_code=status.HTTP_204_NO_CONTENT)
async def remove_person(core: CoreDep, shop: ShopDep, desk: Writer, member_id: MemberId) -> None:
    """They do not work for the vendor any more, or their invitation is taken back."""
    async with core.database.tx(shop.id) as tx:
        await service.set_status(tx, desk.staff, desk.vendor_id, member_id, "removed")
