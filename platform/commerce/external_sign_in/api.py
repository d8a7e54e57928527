"""Signing in, linking and proving anew by a provider, over HTTP: for storefronts of any origin."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Path, Request, Response, status

from commerce import recently
from commerce.external_sign_in import finishing, leaving, linking, starting
from commerce.external_sign_in.finishing import Answer
from commerce.external_sign_in.linking import Linked
from commerce.external_sign_in.schemas import (
    AnswerIn,
    AttemptIn,
    AttemptOut,
    Brought,
    ButtonList,
    ButtonOut,
    IdentityIn,
    IdentityList,
    IdentityOut,
)
from commerce.federation import id_tokens, providers
from commerce.http import CoreDep, Member, MemberDep, ShopDep, ShopperDep, set_session_cookie
from commerce.identity.service import Shopper, SignInRequired
from commerce.policies import areas
from commerce.recently import RecentMemberDep
from commerce.sessions.answering import answered, asking_of
from commerce.sessions.schemas import SecondFactorOut, SessionOut
from foundation.access import ANYONE, SIGNED, needs
from foundation.types import Id

router = APIRouter(tags=["sign-in by a provider"], route_class=areas.within(areas.AUTHENTICATION))
_PROVIDERS = "/v1/store/identity-providers"
_MINE = "/v1/store/accounts/current/identities"
_SESSIONS = "/v1/store/sessions"
ProviderId = Annotated[Id, Path()]
IdentityId = Annotated[Id, Path()]
LogoutToken = Annotated[str, Form(min_length=1, max_length=id_tokens.MAX_LENGTH)]


@router.get(_PROVIDERS)
@needs(ANYONE)
async def list_buttons(core: CoreDep, shop: ShopDep) -> ButtonList:
    """The providers that people sign in by."""
    async with core.database.tx(shop.id, read_only=True) as tx:
        found = await providers.every(tx, usable=True)
    return ButtonList(
        items=[ButtonOut(id=one.id, kind=one.kind, name=one.name, audience=one.audience) for one in found]
    )


@router.post(f"{_PROVIDERS}/{{provider_id}}/attempts", status_code=status.HTTP_201_CREATED)
async def begin(
    body: AttemptIn, request: Request, core: CoreDep, shop: ShopDep, shopper: ShopperDep, provider_id: ProviderId
) -> AttemptOut:
    """Where to send a browser to sign in, to link an identity, or to prove anew who somebody is. It comes back with a
    `state` that is good in this session, for ten minutes and once.
    """
    member = _member(shopper) if body.purpose != "sign_in" else None
    if member is not None and body.purpose == "link":
        await recently.require(core, member)
    sent = await starting.begin(
        core,
        shop,
        asking_of(request, shop, shopper),
        provider_id,
        body.purpose,
        member=member,
        redirect_uri=body.redirect_uri,
    )
    return AttemptOut(url=sent.url, expires_at=sent.expires_at)


@router.post(f"{_PROVIDERS}/{{provider_id}}/logouts")
@needs(SIGNED)
async def sign_out_from_there(
    response: Response, core: CoreDep, shop: ShopDep, provider_id: ProviderId, logout_token: LogoutToken
) -> None:
    """A provider says that somebody has signed out there (OpenID Connect Back-Channel Logout 1.0): whoever signed in by
    it is signed out here. 200, also where nobody was signed in or the token was shown before.
    """
    response.headers["Cache-Control"] = "no-store"
    await leaving.left_there(core, shop, provider_id, logout_token)


@router.post(f"{_SESSIONS}/provider", status_code=status.HTTP_201_CREATED)
async def sign_in(
    body: AnswerIn, request: Request, response: Response, core: CoreDep, shop: ShopDep, shopper: ShopperDep
) -> SessionOut | SecondFactorOut:
    """Sign in by what the browser was sent back with. 201: the session; 202: a second factor is needed too."""
    asking = asking_of(request, shop, shopper)
    back = await finishing.recognise(core, shop, asking, body.state, ("sign_in",))
    return answered(response, await finishing.sign_in(core, shop, asking, back, _answer(body, body.state)), core)


@router.post(f"{_SESSIONS}/current/step-up/provider", status_code=status.HTTP_204_NO_CONTENT)
async def step_up(
    body: AnswerIn, request: Request, response: Response, core: CoreDep, shop: ShopDep, member: MemberDep
) -> None:
    """Prove anew who one is by what the browser was sent back with. The session's token is another then."""
    asking = asking_of(request, shop, member.shopper)
    back = await finishing.recognise(core, shop, asking, body.state, ("step_up",))
    token = await finishing.step_up(core, shop, member, back, _answer(body, body.state))
    set_session_cookie(response, token, core.settings)


@router.get(_MINE)
@areas.about(areas.CREDENTIALS)
async def list_identities(core: CoreDep, member: MemberDep) -> IdentityList:
    """The identities that are linked to the account."""
    async with core.database.tx(member.shopper.tenant_id, read_only=True) as tx:
        return IdentityList(items=[identity_out(one) for one in await linking.every(tx, member.account_id)])


@router.post(_MINE, status_code=status.HTTP_204_NO_CONTENT)
@areas.about(areas.CREDENTIALS)
async def link_identity(
    body: IdentityIn, request: Request, core: CoreDep, shop: ShopDep, member: RecentMemberDep
) -> None:
    """Link an identity to the account: the one that the browser was sent back with, or that a ticket stands for."""
    asking = asking_of(request, shop, member.shopper)
    if body.ticket is not None:
        await linking.link_waiting(core, shop, asking, member, body.ticket)
        return
    state = body.state or ""
    back = await finishing.recognise(core, shop, asking, state, ("link",))
    await finishing.link(core, shop, asking, member, back, _answer(body, state))


@router.delete(f"{_MINE}/{{identity_id}}", status_code=status.HTTP_204_NO_CONTENT)
@areas.about(areas.CREDENTIALS)
async def unlink_identity(
    request: Request, core: CoreDep, shop: ShopDep, member: RecentMemberDep, identity_id: IdentityId
) -> None:
    """Let an identity go. The last way in to the account stays."""
    await linking.unlink(core, shop, asking_of(request, shop, member.shopper), member, identity_id)


def identity_out(one: Linked) -> IdentityOut:
    """What its owner may know of an identity."""
    return IdentityOut(
        id=one.identity.id,
        provider_id=one.identity.provider_id,
        provider=one.provider.name if one.provider else None,
        label=one.identity.label,
        created_at=one.identity.created_at,
        used_at=one.identity.used_at,
    )


def _answer(body: Brought, state: str) -> Answer:
    return Answer(state, body.code, body.iss, body.error)


def _member(shopper: Shopper) -> Member:
    if shopper.account_id is None:
        raise SignInRequired
    return Member(shopper.account_id, shopper)
