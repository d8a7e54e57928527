"""The shop's people and roles over HTTP, and accepting an invitation."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Request, Response, status

from commerce.http import CoreDep, PresentShopper, ShopDep, home_of, staff
from commerce.identity.staff import Staff
from commerce.policies import areas
from commerce.sessions.answering import answered, asking_of
from commerce.sessions.schemas import SecondFactorOut, SessionOut
from commerce.staffing import accepting, built_in, roles, service
from commerce.staffing.granting import Grant, grant_of
from commerce.staffing.schemas import (
    AcceptIn,
    ChangeIn,
    GrantIn,
    InvitationOut,
    InviteIn,
    MemberList,
    MemberOut,
    RoleChange,
    RoleIn,
    RoleLimitsIn,
    RoleList,
    RoleName,
    RoleOut,
    Secret,
)
from commerce.vendors import service as vendors
from foundation.access import SIGNED, needs
from foundation.types import Id

router = APIRouter(tags=["staff"], route_class=areas.within(areas.AUTHENTICATION))
Reader = Annotated[Staff, Depends(staff("staff:read"))]
Writer = Annotated[Staff, Depends(staff("staff:write"))]
RoleWriter = Annotated[Staff, Depends(staff("roles:write"))]
MemberId = Annotated[Id, Path()]
RoleId = Annotated[Id, Path()]


def granted(body: GrantIn) -> Grant:
    """The grant that a body asks for."""
    return grant_of(body.roles, body.role_ids, body.limits.said())


@router.get("/v1/admin/staff")
async def list_staff(core: CoreDep, shop: ShopDep, _: Reader) -> MemberList:
    """Who works for the shop and for its vendors, those invited too."""
    async with core.database.tx(shop.id, read_only=True) as tx:
        return MemberList(items=await service.every(tx, None))


@router.post("/v1/admin/staff", status_code=status.HTTP_201_CREATED)
async def invite(request: Request, core: CoreDep, shop: ShopDep, by: Writer, body: InviteIn) -> MemberOut:
    """Invite somebody by mail, with roles that whoever asks could have themselves."""
    async with core.database.tx(shop.id) as tx:
        vendor_id = (await vendors.by_code(tx, body.vendor)).id if body.vendor else None
        return await service.invite(
            tx, by, vendor_id, email=body.email, grant=granted(body), home=home_of(request), locale=shop.locale
        )


@router.get("/v1/admin/staff/{member_id}")
async def get_member(core: CoreDep, shop: ShopDep, _: Reader, member_id: MemberId) -> MemberOut:
    """Somebody who works for the shop."""
    async with core.database.tx(shop.id) as tx:
        return await service.one(tx, member_id)


@router.put("/v1/admin/staff/{member_id}")
async def change_member(core: CoreDep, shop: ShopDep, by: Writer, member_id: MemberId, body: ChangeIn) -> MemberOut:
    """Give somebody other roles and limits in place of those they have."""
    async with core.database.tx(shop.id) as tx:
        return await service.change(tx, by, None, member_id, granted(body), body.version)


@router.delete("/v1/admin/staff/{member_id}", status_code=status.HTTP_204_NO_CONTENT)
async def remove_member(core: CoreDep, shop: ShopDep, by: Writer, member_id: MemberId) -> None:
    """They do not work here any more, or their invitation is taken back. Their keys end."""
    async with core.database.tx(shop.id) as tx:
        await service.set_status(tx, by, None, member_id, "removed")


@router.put("/v1/admin/staff/{member_id}/suspension", status_code=status.HTTP_204_NO_CONTENT)
async def suspend_member(core: CoreDep, shop: ShopDep, by: Writer, member_id: MemberId) -> None:
    """Keep somebody out until they are let back in. Their keys end."""
    async with core.database.tx(shop.id) as tx:
        await service.set_status(tx, by, None, member_id, "suspended")


@router.delete("/v1/admin/staff/{member_id}/suspension", status_code=status.HTTP_204_NO_CONTENT)
async def let_back_in(core: CoreDep, shop: ShopDep, by: Writer, member_id: MemberId) -> None:
    """Let somebody back in who was suspended."""
    async with core.database.tx(shop.id) as tx:
        await service.set_status(tx, by, None, member_id, "active")


@router.post("/v1/admin/staff/{member_id}/invitation", status_code=status.HTTP_204_NO_CONTENT)
async def invite_again(request: Request, core: CoreDep, shop: ShopDep, by: Writer, member_id: MemberId) -> None:
    """Send an invitation once more; the link sent before is over."""
    async with core.database.tx(shop.id) as tx:
        await service.invite_again(tx, by, None, member_id, home=home_of(request), locale=shop.locale)


@router.get("/v1/admin/roles")
async def list_roles(core: CoreDep, shop: ShopDep, _: Reader) -> RoleList:
    """The roles there are, the platform's first, and the permissions they are made of."""
    async with core.database.tx(shop.id, read_only=True) as tx:
        return await roles.every(tx, None)


@router.post("/v1/admin/roles", status_code=status.HTTP_201_CREATED)
async def make_role(core: CoreDep, shop: ShopDep, by: RoleWriter, body: RoleIn) -> RoleOut:
    """A role of the shop's own, of no more than whoever makes it may do."""
    async with core.database.tx(shop.id) as tx:
        return await roles.make(tx, by, None, body)


@router.put("/v1/admin/roles/{role_id}")
async def change_role(core: CoreDep, shop: ShopDep, by: RoleWriter, role_id: RoleId, body: RoleChange) -> RoleOut:
    """Change a role for all who have it."""
    async with core.database.tx(shop.id) as tx:
        return await roles.change(tx, by, None, role_id, body, body.version)


@router.put("/v1/admin/built-in-roles/{name}/limits")
async def limit_role(
    core: CoreDep, shop: ShopDep, by: RoleWriter, name: Annotated[RoleName, Path()], body: RoleLimitsIn
) -> RoleOut:
    """Bound all who have a role of the platform's and are given no limits of their own."""
    async with core.database.tx(shop.id) as tx:
        return await built_in.limit(tx, by, name, body.limits.said(), body.version)


@router.delete("/v1/admin/roles/{role_id}", status_code=status.HTTP_204_NO_CONTENT)
async def delete_role(core: CoreDep, shop: ShopDep, by: RoleWriter, role_id: RoleId) -> None:
    """Delete a role that nobody has."""
    async with core.database.tx(shop.id) as tx:
        await roles.delete(tx, by, None, role_id)


@router.get("/v1/store/staff-invitations")
@needs(SIGNED)
async def look_at_invitation(core: CoreDep, shop: ShopDep, token: Annotated[Secret, Query()]) -> InvitationOut:
    """What an invitation is for, to whoever has its link."""
    async with core.database.tx(shop.id, read_only=True) as tx:
        return await accepting.look(tx, token)


@router.post("/v1/store/staff-invitations", status_code=status.HTTP_201_CREATED)
@needs(SIGNED)
async def accept_invitation(
    body: AcceptIn, request: Request, response: Response, core: CoreDep, shop: ShopDep, current: PresentShopper
) -> SessionOut | SecondFactorOut:
    """Begin to work here, signed in."""
    asking = asking_of(request, shop, current)
    outcome = await accepting.accept(
        core, shop, asking, token=body.token, display_name=body.display_name, password=body.password
    )
    return answered(response, outcome, core)
