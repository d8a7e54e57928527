"""A customer's address book."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path, Request
from starlette.responses import Response

from commerce.delivery import service as delivery
from commerce.policies import areas
from commerce.profile import addresses
from commerce.profile.addresses import AddressNotFound
from foundation.access import CUSTOMER, needs
from foundation.errors import Problem
from pages.forms import Button, read
from storefront.countries import COUNTRIES, offered
from storefront.problems import field_errors, words
from storefront.profile_forms import AddressForm
from storefront.security import to_sign_in
from storefront.visit import Visit, VisitDep

PAGE = "/account/addresses"
AddressId = Annotated[UUID, Path()]
router = APIRouter(route_class=areas.within(areas.ADDRESSES))


@router.get(PAGE)
@needs(CUSTOMER)
async def show(visit: VisitDep) -> Response:
    """The addresses that are kept, and a form for another."""
    return await _page(visit)


@router.post(PAGE)
@needs(CUSTOMER)
async def keep(request: Request, visit: VisitDep) -> Response:
    """Keep an address."""
    customer_id = visit.shopper.customer_id
    if customer_id is None:
        return to_sign_in(visit, PAGE)
    try:
        form = (await read(request, AddressForm)).kept()
        async with visit.core.database.tx(visit.shop.id) as tx:
            await addresses.keep(tx, customer_id, form)
    except Problem as problem:
        return await _page(visit, problem=problem)
    return visit.redirect(PAGE, "address-kept")


@router.get(f"{PAGE}/{{address_id}}")
@needs(CUSTOMER)
async def edit(visit: VisitDep, address_id: AddressId) -> Response:
    """An address, to be changed."""
    return await _page(visit, address_id)


@router.post(f"{PAGE}/{{address_id}}")
@needs(CUSTOMER)
async def change(request: Request, visit: VisitDep, address_id: AddressId) -> Response:
    """Put another address in its place."""
    customer_id = visit.shopper.customer_id
    if customer_id is None:
        return to_sign_in(visit, PAGE)
    try:
        form = (await read(request, AddressForm)).kept()
        async with visit.core.database.tx(visit.shop.id) as tx:
            await addresses.change(tx, customer_id, address_id, form)
    except AddressNotFound:
        raise
    except Problem as problem:
        return await _page(visit, address_id, problem)
    return visit.redirect(PAGE, "address-kept")


@router.post(f"{PAGE}/{{address_id}}/remove")
async def remove(request: Request, visit: VisitDep, address_id: AddressId) -> Response:
    """Keep an address no longer."""
    await read(request, Button)
    customer_id = visit.shopper.customer_id
    if customer_id is None:
        return to_sign_in(visit, PAGE)
    async with visit.core.database.tx(visit.shop.id) as tx:
        await addresses.remove(tx, customer_id, address_id)
    return visit.redirect(PAGE, "address-removed")


async def _page(visit: Visit, address_id: UUID | None = None, problem: Problem | None = None) -> Response:
    customer_id = visit.shopper.customer_id
    if customer_id is None:
        return to_sign_in(visit, PAGE)
    async with visit.core.database.tx(visit.shop.id, read_only=True) as tx:
        kept = (await addresses.kept(tx, customer_id)).items
        countries = offered(await delivery.methods(tx))
    edited = next((one for one in kept if one.id == address_id), None)
    if address_id is not None and edited is None:
        raise AddressNotFound
    return visit.page(
        "addresses.html",
        status=problem.status if problem else 200,
        kept=kept,
        edited=edited,
        countries=countries,
        names=COUNTRIES,
        problem=problem,
        said=words(problem) if problem else ("", ""),
        faults=field_errors(problem) if problem else [],
    )
