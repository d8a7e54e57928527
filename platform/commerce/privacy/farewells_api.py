"""Customers ask to be forgotten, over HTTP, and may stay after all."""

from __future__ import annotations

from uuid import UUID

from fastapi import APIRouter, Request, status

from commerce.http import Core, CoreDep, ShopDep, home_of
from commerce.notifications import service as notifications
from commerce.policies import areas
from commerce.privacy import asking, farewells
from commerce.privacy.asking import PersonDep, RecentPersonDep
from commerce.privacy.schemas import FarewellIn, FarewellOut, FarewellState
from commerce.tenancy.service import Shop
from foundation.database import Tx

router = APIRouter(prefix="/v1/store/privacy/erasure", tags=["privacy"], route_class=areas.within(areas.PERSONAL_DATA))


@router.get("")
async def read(core: CoreDep, shop: ShopDep, person: PersonDep) -> FarewellState:
    """Whether you have asked to be forgotten, what stands in the way, what is kept and what you lose."""
    async with core.database.tx(shop.id, read_only=True) as tx:
        asked = await farewells.pending(tx, person.id)
        return FarewellState(asked=asked, stays=await farewells.what_stays(tx, person.id))


@router.post("", status_code=status.HTTP_202_ACCEPTED)
async def ask(
    request: Request,
    core: CoreDep,
    shop: ShopDep,
    person: RecentPersonDep,
    body: FarewellIn,  # noqa: ARG001  (that it is typed is what counts)
) -> FarewellOut:
    """Ask to be forgotten in a week. Until then you can stay; a mail says so."""
    return await asked_for(core, shop, person.id, by=person.principal, home=home_of(request))


@router.delete("", status_code=status.HTTP_204_NO_CONTENT)
async def keep(core: CoreDep, shop: ShopDep, person: PersonDep) -> None:
    """Stay after all."""
    async with core.database.tx(shop.id) as tx:
        await farewells.keep(tx, person.id, by=person.principal)


async def asked_for(
    core: Core, shop: Shop, customer_id: UUID, *, by: str, home: str, reason: str | None = None
) -> FarewellOut:
    """Somebody asks to be forgotten, or it is asked for them; they are told at once by mail.

    Raises:
        UnknownPerson: there is no such customer, or they are forgotten.
    """
    async with core.database.tx(shop.id) as tx:
        asked, is_new = await farewells.ask(tx, customer_id, by=by, reason=reason)
        if is_new:
            on = f"{asked.due_at.day} {asked.due_at:%B %Y}"
            await _write(tx, shop, customer_id, "erasure_asked", home, on=on)
    return asked


async def withdrawn(core: Core, shop: Shop, customer_id: UUID, *, by: str, home: str, reason: str) -> None:
    """Staff withdraw it for somebody who asked them to, who is told at once by mail.

    Raises:
        NothingToWithdraw, ErasureBegun.
    """
    async with core.database.tx(shop.id) as tx:
        await farewells.withdraw(tx, customer_id, by=by, reason=reason)
        await _write(tx, shop, customer_id, "erasure_withdrawn", home)


async def _write(tx: Tx, shop: Shop, customer_id: UUID, letter: str, home: str, **values: str) -> None:
    reached = await asking.reached(tx, customer_id, shop.locale)
    if reached is not None:
        told = {"name": reached.name, "link": f"{home}{asking.PAGE}", **values}
        await notifications.send(tx, letter, reached.to, told)
