"""Customers ask to be forgotten, over HTTP, and may stay after all."""

from __future__ import annotations

from fastapi import APIRouter, Request, status

from commerce.http import Core, CoreDep, CustomerDep, Member, ShopDep, home_of
from commerce.identity import accounts
from commerce.identity.service import SignInRequired
from commerce.notifications import service as notifications
from commerce.policies import areas
from commerce.privacy import farewells
from commerce.privacy.farewells import FarewellNotFound
from commerce.privacy.schemas import FarewellIn, FarewellOut, FarewellState
from commerce.recently import RecentMemberDep
from commerce.sessions.signing_in import reached_at
from commerce.tenancy.service import Shop

PAGE = "/account/privacy"
router = APIRouter(prefix="/v1/store/privacy/erasure", tags=["privacy"], route_class=areas.within(areas.PERSONAL_DATA))


@router.get("")
async def read(core: CoreDep, shop: ShopDep, customer: CustomerDep) -> FarewellState:
    """Whether you have asked to be forgotten, what stands in the way, what is kept and what you lose."""
    async with core.database.tx(shop.id, read_only=True) as tx:
        asked = await farewells.pending(tx, customer.id)
        return FarewellState(asked=asked, stays=await farewells.what_stays(tx, customer.id))


@router.post("", status_code=status.HTTP_202_ACCEPTED)
async def ask(
    request: Request,
    core: CoreDep,
    shop: ShopDep,
    member: RecentMemberDep,
    body: FarewellIn,  # noqa: ARG001  (that it is typed is what counts)
) -> FarewellOut:
    """Ask to be forgotten in a week. Until then you can stay; a mail says so."""
    return await asked_by(core, shop, member, home_of(request))


@router.delete("", status_code=status.HTTP_204_NO_CONTENT)
async def keep(core: CoreDep, shop: ShopDep, customer: CustomerDep) -> None:
    """Stay after all."""
    if customer.shopper.account_id is None:
        raise FarewellNotFound
    async with core.database.tx(shop.id) as tx:
        await farewells.keep(tx, customer.id, by=f"account:{customer.shopper.account_id}")


async def asked_by(core: Core, shop: Shop, member: Member, home: str) -> FarewellOut:
    """Whoever is signed in asks to be forgotten; they are told at once by mail.

    Raises:
        SignInRequired: the account buys as nobody.
    """
    customer_id = member.shopper.customer_id
    if customer_id is None:
        raise SignInRequired
    async with core.database.tx(shop.id) as tx:
        asked, is_new = await farewells.ask(tx, customer_id, by=f"account:{member.account_id}")
        account = await accounts.by_id(tx, member.account_id)
        to = reached_at(account, shop.locale)
        if is_new and to is not None:
            on = f"{asked.due_at.day} {asked.due_at:%B %Y}"
            values = {"name": account.display_name, "on": on, "link": f"{home}{PAGE}"}
            await notifications.send(tx, "erasure_asked", to, values)
    return asked
