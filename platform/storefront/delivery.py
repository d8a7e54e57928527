"""The step before paying: how and where to."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from fastapi import APIRouter, Request
from starlette.responses import Response

from commerce.cart import service as carts
from commerce.cart.schemas import CartOut
from commerce.delivery import service as delivery
from commerce.policies import areas
from commerce.profile import addresses
from commerce.profile.schemas import KeptAddressIn, KeptAddressOut
from commerce.taxes import service as taxes
from commerce.taxes.vat_ids import verified, well_formed
from foundation import clock
from foundation.errors import Problem, Unprocessable
from pages.forms import read
from storefront.cart import blocked, open_cart
from storefront.countries import COUNTRIES, offered
from storefront.forms import DeliveryForm, WhereForm
from storefront.problems import field_errors, words
from storefront.visit import Visit, VisitDep

ABOUT_TIME = ("checkout.slot_missing", "checkout.slot_gone")
router = APIRouter(route_class=areas.within(areas.CHECKOUT))


class NoWindow(Unprocessable):
    """This way to deliver needs a time that is still free."""

    code = "storefront.no_window"


@router.get("/checkout/delivery")
async def show(visit: VisitDep, address: UUID | None = None) -> Response:
    """Ask how and where to; `address` is one that the customer has kept."""
    cart = await open_cart(visit)
    if cart is None or blocked(cart):
        return visit.redirect("/cart", "cart-first" if cart else None)
    if not cart.delivers:
        return visit.redirect("/checkout")
    return await _page(visit, cart, chosen=address)


@router.post("/checkout/delivery")
async def choose(request: Request, visit: VisitDep) -> Response:
    """Keep the answer with the cart, and go on to pay."""
    cart = await open_cart(visit)
    if cart is None:
        return visit.redirect("/cart")
    try:
        form = await read(request, WhereForm if cart.digital else DeliveryForm)
        address = form.address()
        number = well_formed(form.vat_id) if form.vat_id else None
        known = cart.vat_id is not None and (cart.vat_id.number, cart.vat_id.status) == (number, "valid")
        vat_id = (
            await verified(request.app.state.vat_register, number, at=clock.now()) if number and not known else None
        )
        async with visit.core.database.tx(visit.shop.id) as tx:
            if address is not None:
                await carts.set_address(tx, visit.shopper, cart.id, address)
            if not known:
                await carts.set_vat_id(tx, visit.shopper, cart.id, vat_id)
            if isinstance(form, DeliveryForm):
                await carts.set_delivery(tx, visit.shopper, cart.id, form.code, form.slot)
            if address is not None and form.keep and visit.shopper.customer_id is not None:
                await addresses.keep(tx, visit.shopper.customer_id, KeptAddressIn(address=address))
            kept = carts.check(await carts.get(tx, visit.shopper, cart.id)).out()
    except Problem as problem:
        return await _page(visit, cart, problem)
    if any(requirement.code in ABOUT_TIME for requirement in kept.requirements):
        return await _page(visit, kept, NoWindow())
    return visit.redirect("/checkout")


async def _page(visit: Visit, cart: CartOut, problem: Problem | None = None, *, chosen: UUID | None = None) -> Response:
    async with visit.core.database.tx(visit.shop.id, read_only=True) as tx:
        methods = [method for method in await delivery.methods(tx) if method.active]
        options = await carts.delivery_options(tx, visit.shopper, cart.id)
        timed = [option for option in options.items if option.timed]
        windows = [(option, await carts.delivery_slots(tx, visit.shopper, cart.id, option.code)) for option in timed]
        policy = (await taxes.read(tx)).policy
        customer_id = visit.shopper.customer_id
        kept = (await addresses.kept(tx, customer_id)).items if customer_id else []
    offer = _first(kept, chosen, cart)
    return visit.page(
        "delivery.html",
        status=problem.status if problem else 200,
        cart=cart,
        kept=kept,
        chosen=offer.id if offer else None,
        at=offer.address if offer else cart.address,
        methods=methods,
        offers={option.code: option for option in options.items},
        countries=offered(methods),
        names=COUNTRIES,
        windows=[(option, offers.items) for option, offers in windows],
        asks_business=policy is not None and policy.vat_id is not None,
        problem=problem,
        said=words(problem) if problem else ("", ""),
        faults=field_errors(problem) if problem else [],
    )


def _first(kept: Sequence[KeptAddressOut], chosen: UUID | None, cart: CartOut) -> KeptAddressOut | None:
    """The kept address that the form begins with: the one that was chosen, or while the cart has none, the usual."""
    if chosen is None and cart.address is not None:
        return None
    return next((one for one in kept if one.id == chosen or (chosen is None and one.default_shipping)), None)
