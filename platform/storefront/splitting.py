"""Sending some of a cart to another address."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from uuid import UUID

from fastapi import APIRouter, Request
from starlette.responses import Response

from commerce.cart import consigning
from commerce.cart.schemas import CartOut, ConsignedUnitsIn, ConsignmentIn
from commerce.delivery import service as delivery
from commerce.delivery.schemas import AddressIn, AddressOut, DeliveryOut, SlotChoice
from commerce.policies import areas
from foundation.errors import Problem, Unprocessable
from pages.forms import Button, read
from storefront.cart import blocked, open_cart
from storefront.countries import COUNTRIES
from storefront.forms import SplitForm, read_split
from storefront.problems import field_errors, words
from storefront.visit import Visit, VisitDep

Units = Mapping[UUID, int]
router = APIRouter(route_class=areas.within(areas.CHECKOUT))


class NothingElsewhere(Unprocessable):
    """Say how many go to the other address."""

    code = "storefront.nothing_elsewhere"


class NothingLeft(Unprocessable):
    """Something has to stay with the first address; otherwise change that."""

    code = "storefront.nothing_left"


class AddressNeeded(Unprocessable):
    """The other address is missing."""

    code = "storefront.address_needed"


@router.get("/checkout/split")
async def show(visit: VisitDep) -> Response:
    """Ask what goes elsewhere, and where to."""
    cart = await open_cart(visit)
    if cart is None or blocked(cart) or not cart.delivers:
        return visit.redirect("/cart", "cart-first" if cart and cart.delivers else None)
    if not cart.consignments and cart.address is None:
        return visit.redirect("/checkout/delivery", "address-first")
    return await _page(visit, cart)


@router.post("/checkout/split")
async def split(request: Request, visit: VisitDep) -> Response:
    """Send some of what goes to the first address to another one."""
    cart = await open_cart(visit)
    if cart is None:
        return visit.redirect("/cart")
    form = None
    try:
        form = await read_split(request)
        address = form.address()
        if address is None:
            raise AddressNeeded
        consignments = divided(cart, form.units, address, form.code)
        async with visit.core.database.tx(visit.shop.id) as tx:
            await consigning.consign(tx, visit.shopper, cart.id, consignments)
    except Problem as problem:
        return await _page(visit, cart, problem, form)
    return visit.redirect("/checkout", "changed")


@router.post("/checkout/split/together")
async def together(request: Request, visit: VisitDep) -> Response:
    """Send all of it to one address again."""
    await read(request, Button)
    cart = await open_cart(visit)
    if cart is None:
        return visit.redirect("/cart")
    async with visit.core.database.tx(visit.shop.id) as tx:
        await consigning.consign(tx, visit.shopper, cart.id, [])
    return visit.redirect("/checkout/delivery", "changed")


def at_first(cart: CartOut) -> dict[UUID, int]:
    """What goes to the first address: all of it, in a cart that is not split."""
    lines: Sequence[tuple[UUID, int]] = (
        [(part.line_id, part.quantity) for part in cart.consignments[0].lines]
        if cart.consignments
        else [(line.id, line.quantity) for line in cart.lines]
    )
    return dict(lines)


def divided(cart: CartOut, units: Units, address: AddressIn, code: str) -> list[ConsignmentIn]:
    """The cart's consignments when so many units of the first go to an address by themselves.

    Raises:
        NothingElsewhere, NothingLeft.
    """
    first = at_first(cart)
    moved = {line_id: units.get(line_id, 0) for line_id in first}
    if not any(moved.values()):
        raise NothingElsewhere
    stays = {line_id: quantity - moved[line_id] for line_id, quantity in first.items()}
    if min(stays.values()) < 0 or not any(stays.values()):
        raise NothingLeft
    others = cart.consignments[1:]
    at = cart.consignments[0].address if cart.consignments else cart.address
    by = cart.consignments[0].delivery if cart.consignments else cart.delivery
    return [
        _consignment(at, by, stays),
        *(_consignment(one.address, one.delivery, {p.line_id: p.quantity for p in one.lines}) for one in others),
        ConsignmentIn(address=address, delivery=code, lines=_lines(moved)),
    ]


def _consignment(at: AddressOut | None, by: DeliveryOut | None, units: Units) -> ConsignmentIn:
    slot = SlotChoice(slot_id=by.slot.slot_id, day=by.slot.day) if by and by.slot else None
    address = AddressIn(**at.model_dump()) if at else None
    return ConsignmentIn(address=address, delivery=by.code if by else None, slot=slot, lines=_lines(units))


def _lines(units: Units) -> list[ConsignedUnitsIn]:
    return [ConsignedUnitsIn(line_id=line_id, quantity=quantity) for line_id, quantity in units.items() if quantity]


async def _page(visit: Visit, cart: CartOut, problem: Problem | None = None, form: SplitForm | None = None) -> Response:
    async with visit.core.database.tx(visit.shop.id, read_only=True) as tx:
        timed = {method.code for method in await delivery.offered(tx, None) if method.timed}
        known = await delivery.methods(tx)
    # What needs a time is chosen with the first address, where the times are shown.
    methods = [one for one in known if one.active and one.kind == "ship" and one.code not in timed]
    countries = sorted({code for method in methods for code in method.countries})
    return visit.page(
        "split.html",
        status=problem.status if problem else 200,
        cart=cart,
        first=at_first(cart),
        titles={line.id: line.title for line in cart.lines},
        methods=methods,
        countries=countries if all(method.countries for method in methods) else [],
        names=COUNTRIES,
        form=form,
        problem=problem,
        said=words(problem) if problem else ("", ""),
        faults=field_errors(problem) if problem else [],
    )
