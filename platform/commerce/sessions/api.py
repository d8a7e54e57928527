"""Sessions over HTTP."""

from __future__ import annotations

from datetime import timedelta

from fastapi import APIRouter, Response, status

from commerce.cart import saved
from commerce.cart import service as carts
from commerce.http import CoreDep, MaybeShopper, ShopDep, ShopperDep, set_session_cookie
from commerce.identity import service
from commerce.identity.service import Shopper
from commerce.sessions.schemas import SessionOut, SignIn

router = APIRouter(prefix="/v1/store/sessions", tags=["sessions"])


@router.post("", status_code=status.HTTP_201_CREATED)
async def open_session(
    body: SignIn, response: Response, core: CoreDep, shop: ShopDep, current: MaybeShopper
) -> SessionOut:
    """Start a session, as a visitor or signed in; the visitor's cart comes along."""
    async with core.database.tx(shop.id) as tx:
        customer = None
        if body.reference is not None:
            if shop.settings.get("sign_in") != "reference" or core.settings.environment == "production":
                raise service.SignInClosed
            customer = await service.customer_by_reference(tx, body.reference)
        token, shopper = await service.open_session(
            tx,
            ttl=timedelta(hours=core.settings.session_ttl_hours),
            visitor_id=current.visitor_id if current and (customer or current.customer_id is None) else None,
            customer=customer,
            consent=body.consent if body.consent is not None else ("analytics", "personalisation"),
        )
        if current is not None:
            await service.revoke(tx, current.session_id)
            if current.customer_id is None:
                await saved.adopt(tx, visitor=current, shopper=shopper)
                await carts.adopt(tx, visitor=current, shopper=shopper)
    set_session_cookie(response, token, core.settings)
    return session_out(shopper)


@router.get("/current")
async def current_session(shopper: ShopperDep) -> SessionOut:
    """The session of this request."""
    return session_out(shopper)


@router.delete("/current", status_code=status.HTTP_204_NO_CONTENT)
async def end_session(response: Response, core: CoreDep, shop: ShopDep, shopper: ShopperDep) -> None:
    """Sign out."""
    async with core.database.tx(shop.id) as tx:
        await service.revoke(tx, shopper.session_id)
    response.delete_cookie("tradewind_session", path="/")


def session_out(shopper: Shopper) -> SessionOut:
    """What a client may know of its session."""
    return SessionOut(
        id=shopper.session_id,
        visitor_id=shopper.visitor_id,
        customer_id=shopper.customer_id,
        display_name=shopper.display_name,
        consent=list(shopper.consent),
    )
