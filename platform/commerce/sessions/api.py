"""Sessions over HTTP."""

from __future__ import annotations

from datetime import timedelta

from fastapi import APIRouter, Request, Response, status

from commerce.consent import service as consenting
from commerce.consent.wording import PURPOSES
from commerce.http import (
    CoreDep,
    PresentShopper,
    ShopDep,
    ShopperDep,
    delete_acting_cookie,
    delete_session_cookie,
    set_session_cookie,
)
from commerce.identity import acting, service
from commerce.identity.acting import Ending
from commerce.policies import areas
from commerce.sessions import service as ways
from commerce.sessions.answering import answered, asking_of, session_out
from commerce.sessions.bringing import bring_along
from commerce.sessions.schemas import (
    CodeRequest,
    CodeSent,
    CodeSignIn,
    LinkRequest,
    LinkSignIn,
    PasswordSignIn,
    SecondFactorOut,
    Sent,
    SessionOut,
    SignIn,
)
from commerce.sessions.sending import Sending, evenly
from foundation.access import ANYONE, SIGNED, needs

router = APIRouter(prefix="/v1/store/sessions", tags=["sessions"], route_class=areas.within(areas.AUTHENTICATION))


@router.post("", status_code=status.HTTP_201_CREATED)
async def open_session(
    body: SignIn, response: Response, core: CoreDep, shop: ShopDep, current: PresentShopper
) -> SessionOut:
    """Start a session, as a visitor or signed in; the visitor's cart and what they refused come along."""
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
            agreed=await consenting.carried(tx, current, customer.id if customer else None),
        )
        if body.consent is not None:
            said = {purpose: purpose in body.consent for purpose in PURPOSES}
            shopper = await consenting.answer(tx, shopper, said, source="api")
        if current is not None:
            await service.revoke(tx, current.session_id)
            if current.customer_id is None:
                await bring_along(tx, visitor=current, shopper=shopper)
    set_session_cookie(response, token, core.settings)
    return session_out(shopper)


@router.get("/current")
@areas.about(areas.PRESENCE)
async def current_session(shopper: ShopperDep) -> SessionOut:
    """The session of this request."""
    return session_out(shopper)


@router.delete("/current", status_code=status.HTTP_204_NO_CONTENT)
@areas.about(areas.PRESENCE)
async def end_session(response: Response, core: CoreDep, shop: ShopDep, shopper: ShopperDep) -> None:
    """Sign out. Somebody of the staff who is here as a customer stops being here as one."""
    async with core.database.tx(shop.id) as tx:
        if shopper.acting is not None:
            await acting.end(tx, shopper.acting.id, Ending.LEFT)
        else:
            await service.revoke(tx, shopper.session_id)
    delete = delete_session_cookie if shopper.acting is None else delete_acting_cookie
    delete(response, core.settings)


@router.post("/password", status_code=status.HTTP_201_CREATED)
async def sign_in_by_password(
    body: PasswordSignIn, request: Request, response: Response, core: CoreDep, shop: ShopDep, current: PresentShopper
) -> SessionOut | SecondFactorOut:
    """Sign in by e-mail address and password. 201: the session; 202: a second factor is needed too."""
    asking = asking_of(request, shop, current)
    outcome = await ways.by_password(core, shop, asking, email=body.email, password=body.password)
    return answered(response, outcome, core)


@router.post("/links", status_code=status.HTTP_202_ACCEPTED)
@needs(ANYONE)
async def send_link(body: LinkRequest, request: Request, core: CoreDep, shop: ShopDep, current: PresentShopper) -> Sent:
    """Have a link sent that signs in, and makes an account where there is none."""
    async with evenly():
        await ways.ask_for_link(Sending(core, shop, asking_of(request, shop, current)), email=body.email)
    return Sent(sent_to=body.email)


@router.post("/link", status_code=status.HTTP_201_CREATED)
@needs(SIGNED)
async def sign_in_by_link(
    body: LinkSignIn, request: Request, response: Response, core: CoreDep, shop: ShopDep, current: PresentShopper
) -> SessionOut | SecondFactorOut:
    """Sign in by a link. 201: the session; 202: a second factor is needed too."""
    asking = asking_of(request, shop, current)
    async with core.database.tx(shop.id) as tx:
        outcome = await ways.by_link(tx, body.token, core.settings, asking)
    return answered(response, outcome, core)


@router.post("/codes", status_code=status.HTTP_202_ACCEPTED)
@needs(ANYONE)
async def send_code(
    body: CodeRequest, request: Request, core: CoreDep, shop: ShopDep, current: PresentShopper
) -> CodeSent:
    """Have a code texted that signs in, and makes an account where there is none."""
    async with evenly():
        sent = await ways.ask_for_code(Sending(core, shop, asking_of(request, shop, current)), phone=body.phone)
    return CodeSent(id=sent.id, expires_at=sent.expires_at)


@router.post("/code", status_code=status.HTTP_201_CREATED)
@needs(SIGNED)
async def sign_in_by_code(
    body: CodeSignIn, request: Request, response: Response, core: CoreDep, shop: ShopDep, current: PresentShopper
) -> SessionOut | SecondFactorOut:
    """Sign in by a code. 201: the session; 202: a second factor is needed too."""
    asking = asking_of(request, shop, current)
    outcome = await ways.by_code(core, shop, asking, proof_id=body.id, code=body.code)
    return answered(response, outcome, core)
