"""Second factors over HTTP: to look after them, to sign in by them, to prove anew who one is."""

from __future__ import annotations

from uuid import UUID

from fastapi import APIRouter, Request, Response, status

from commerce.accounts import managing, proving
from commerce.accounts.factor_schemas import (
    AuthenticatorOut,
    CodeIn,
    FactorsOut,
    NewPasskey,
    PasskeyAdded,
    PasskeyIn,
    PasskeyName,
    PasskeyOptions,
    PasskeyOut,
    RecoveryCodes,
    SecondFactorIn,
    StepUpIn,
    TicketIn,
)
from commerce.factors import service as factors
from commerce.factors.passkeys import Asked
from commerce.factors.service import Factors
from commerce.http import CoreDep, MemberDep, PresentShopper, ShopDep, ShopperDep, set_session_cookie
from commerce.policies import areas
from commerce.recently import RecentMemberDep
from commerce.sessions.answering import answered, asking_of
from commerce.sessions.schemas import SecondFactorOut, SessionOut
from foundation.access import SIGNED, needs

router = APIRouter(tags=["second factors"], route_class=areas.within(areas.CREDENTIALS))
_MINE = "/v1/store/accounts/current"
_SESSIONS = "/v1/store/sessions"


@router.get(f"{_MINE}/factors")
async def current_factors(core: CoreDep, member: MemberDep) -> FactorsOut:
    """What the account has besides its password."""
    async with core.database.tx(member.shopper.tenant_id, read_only=True) as tx:
        return factors_out(await factors.of(tx, member.account_id))


@router.post(f"{_MINE}/authenticator", status_code=status.HTTP_201_CREATED)
async def begin_authenticator(core: CoreDep, shop: ShopDep, member: RecentMemberDep) -> AuthenticatorOut:
    """Set up an app that shows codes; it counts once a code of it is shown."""
    begun = await managing.begin_authenticator(core, shop, member)
    return AuthenticatorOut(secret=begun.secret, address=begun.address, picture=begun.picture)


@router.post(f"{_MINE}/authenticator/confirmations")
async def confirm_authenticator(
    body: CodeIn, request: Request, response: Response, core: CoreDep, shop: ShopDep, member: RecentMemberDep
) -> RecoveryCodes:
    """Show the app's first code. The session's token is another from then on."""
    asking = asking_of(request, shop, member.shopper)
    added = await managing.confirm_authenticator(core, shop, asking, member, body.code)
    set_session_cookie(response, added.token, core.settings)
    return RecoveryCodes(recovery_codes=list(added.recovery_codes))


@router.delete(f"{_MINE}/authenticator", status_code=status.HTTP_204_NO_CONTENT)
async def remove_authenticator(request: Request, core: CoreDep, shop: ShopDep, member: RecentMemberDep) -> None:
    """Forget the app."""
    await managing.remove_authenticator(core, shop, asking_of(request, shop, member.shopper), member)


@router.post(f"{_MINE}/recovery-codes", status_code=status.HTTP_201_CREATED)
async def renew_recovery_codes(
    request: Request, core: CoreDep, shop: ShopDep, member: RecentMemberDep
) -> RecoveryCodes:
    """Ten new recovery codes; those before them are void."""
    asking = asking_of(request, shop, member.shopper)
    return RecoveryCodes(recovery_codes=await managing.renew_recovery_codes(core, shop, asking, member))


@router.post(f"{_MINE}/passkeys/options")
async def passkey_to_make(request: Request, core: CoreDep, shop: ShopDep, member: RecentMemberDep) -> PasskeyOptions:
    """What to pass to `navigator.credentials.create`."""
    asking = asking_of(request, shop, member.shopper)
    return options_out(await managing.ask_for_new_passkey(core, shop, asking, member))


@router.post(f"{_MINE}/passkeys", status_code=status.HTTP_201_CREATED)
async def add_passkey(
    body: NewPasskey, request: Request, response: Response, core: CoreDep, shop: ShopDep, member: RecentMemberDep
) -> PasskeyAdded:
    """Keep a passkey that was made. The session's token is another from then on."""
    asking = asking_of(request, shop, member.shopper)
    credential = body.credential.model_dump(exclude_none=True)
    added = await managing.add_passkey(core, shop, asking, member, body.challenge_id, credential, body.name)
    set_session_cookie(response, added.token, core.settings)
    return PasskeyAdded(id=added.id, recovery_codes=list(added.recovery_codes))


@router.patch(f"{_MINE}/passkeys/{{passkey_id}}", status_code=status.HTTP_204_NO_CONTENT)
async def rename_passkey(passkey_id: UUID, body: PasskeyName, core: CoreDep, shop: ShopDep, member: MemberDep) -> None:
    """Call a passkey something else."""
    await managing.rename_passkey(core, shop, member, passkey_id, body.name)


@router.delete(f"{_MINE}/passkeys/{{passkey_id}}", status_code=status.HTTP_204_NO_CONTENT)
async def remove_passkey(
    passkey_id: UUID, request: Request, core: CoreDep, shop: ShopDep, member: RecentMemberDep
) -> None:
    """Forget a passkey."""
    await managing.remove_passkey(core, shop, asking_of(request, shop, member.shopper), member, passkey_id)


@router.post(f"{_SESSIONS}/passkey/options")
async def passkey_to_sign_in(request: Request, core: CoreDep, shop: ShopDep, shopper: ShopperDep) -> PasskeyOptions:
    """What to pass to `navigator.credentials.get`: nobody has to say who they are."""
    return options_out(await proving.ask_for_passkey(core, shop, asking_of(request, shop, shopper)))


@router.post(f"{_SESSIONS}/passkey", status_code=status.HTTP_201_CREATED)
async def sign_in_by_passkey(
    body: PasskeyIn, request: Request, response: Response, core: CoreDep, shop: ShopDep, shopper: ShopperDep
) -> SessionOut | SecondFactorOut:
    """Sign in by a passkey."""
    outcome = await proving.by_passkey(core, shop, asking_of(request, shop, shopper), body.shown())
    return answered(response, outcome, core)


@router.post(f"{_SESSIONS}/second-factor/passkey-options")
async def passkey_as_second_factor(
    body: TicketIn, request: Request, core: CoreDep, shop: ShopDep, shopper: ShopperDep
) -> PasskeyOptions:
    """What to pass to `navigator.credentials.get`, once the first factor was right."""
    asking = asking_of(request, shop, shopper)
    return options_out(await proving.ask_for_second_passkey(core, shop, asking, body.ticket))


@router.post(f"{_SESSIONS}/second-factor", status_code=status.HTTP_201_CREATED)
@needs(SIGNED)
async def show_second_factor(
    body: SecondFactorIn, request: Request, response: Response, core: CoreDep, shop: ShopDep, current: PresentShopper
) -> SessionOut | SecondFactorOut:
    """Finish signing in, by a code or a passkey."""
    asking = asking_of(request, shop, current)
    outcome = await proving.second_factor(core, shop, asking, body.ticket, body.shown())
    return answered(response, outcome, core)


@router.post(f"{_SESSIONS}/current/step-up/passkey-options")
async def passkey_to_step_up(request: Request, core: CoreDep, shop: ShopDep, member: MemberDep) -> PasskeyOptions:
    """What to pass to `navigator.credentials.get`, to prove anew who one is."""
    asking = asking_of(request, shop, member.shopper)
    return options_out(await proving.ask_to_step_up(core, shop, asking, member))


@router.post(f"{_SESSIONS}/current/step-up", status_code=status.HTTP_204_NO_CONTENT)
async def step_up(
    body: StepUpIn, request: Request, response: Response, core: CoreDep, shop: ShopDep, member: MemberDep
) -> None:
    """Prove anew who one is: sensitive things may be done for some minutes. The session's token is another then."""
    shown = body.shown()
    if shown is None:
        token = await proving.step_up_by_password(core, shop, member, body.password or "")
    else:
        token = await proving.step_up(core, shop, asking_of(request, shop, member.shopper), member, shown)
    set_session_cookie(response, token, core.settings)


def options_out(asked: Asked) -> PasskeyOptions:
    """What a browser is asked."""
    return PasskeyOptions(challenge_id=asked.challenge_id, public_key=asked.options)


def factors_out(found: Factors) -> FactorsOut:
    """What its owner may know of an account's factors."""
    return FactorsOut(
        authenticator_since=found.authenticator_since,
        passkeys=[
            PasskeyOut(
                id=one.id,
                name=one.name,
                host=one.rp_id,
                is_synced=one.is_synced,
                created_at=one.created_at,
                used_at=one.used_at,
            )
            for one in found.passkeys
        ],
        recovery_codes_left=found.recovery_codes_left,
    )
