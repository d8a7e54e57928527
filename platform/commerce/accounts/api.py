"""Accounts over HTTP."""

from __future__ import annotations

from uuid import UUID

from fastapi import APIRouter, Request, Response, status

from commerce.accounts import changing, recovering, registering
from commerce.accounts.schemas import (
    AccountOut,
    Confirmation,
    DeviceOut,
    DevicesOut,
    NameIn,
    NewEmail,
    NewPassword,
    NewPhone,
    PhoneConfirmation,
    Registration,
    Reset,
    ResetRequest,
)
from commerce.http import CoreDep, Member, MemberDep, PresentShopper, ShopDep, set_session_cookie
from commerce.identity import accounts, devices
from commerce.identity.accounts import Account
from commerce.identity.devices import SignedInWith
from commerce.policies import areas
from commerce.recently import RecentMemberDep
from commerce.sessions.answering import answered, asking_of
from commerce.sessions.schemas import CodeSent, SecondFactorOut, Sent, SessionOut
from commerce.sessions.sending import Sending, evenly
from foundation.access import ANYONE, SIGNED, needs

router = APIRouter(prefix="/v1/store/accounts", tags=["accounts"], route_class=areas.within(areas.CREDENTIALS))


@router.post("", status_code=status.HTTP_202_ACCEPTED)
@needs(ANYONE)
async def register(body: Registration, request: Request, core: CoreDep, shop: ShopDep) -> Sent:
    """Ask for an account: a mail with a link makes it. The answer is the same for an address that has one."""
    sending = Sending(core, shop, asking_of(request, shop, None))
    async with evenly():
        await registering.register(sending, email=body.email, password=body.password, display_name=body.display_name)
    return Sent(sent_to=body.email)


@router.post("/confirmations", status_code=status.HTTP_201_CREATED)
@needs(SIGNED)
async def confirm(
    body: Confirmation, request: Request, response: Response, core: CoreDep, shop: ShopDep, current: PresentShopper
) -> SessionOut | SecondFactorOut:
    """Make the account that the link was sent for, and sign in to it."""
    asking = asking_of(request, shop, current)
    async with core.database.tx(shop.id) as tx:
        outcome = await registering.confirm(tx, body.token, core.settings, asking)
    return answered(response, outcome, core)


@router.get("/current")
async def current_account(core: CoreDep, member: MemberDep) -> AccountOut:
    """The account of this request."""
    async with core.database.tx(member.shopper.tenant_id, read_only=True) as tx:
        return account_out(await accounts.by_id(tx, member.account_id))


@router.put("/current/name")
async def change_name(core: CoreDep, member: MemberDep, body: NameIn) -> AccountOut:
    """Be called otherwise from now on."""
    async with core.database.tx(member.shopper.tenant_id) as tx:
        return account_out(await accounts.rename(tx, member.account_id, body.display_name))


@router.post("/password-resets", status_code=status.HTTP_202_ACCEPTED)
@needs(ANYONE)
async def ask_for_reset(body: ResetRequest, request: Request, core: CoreDep, shop: ShopDep) -> Sent:
    """Have a link sent that lets choose another password. The answer is the same for an address that has no account."""
    async with evenly():
        await recovering.ask(Sending(core, shop, asking_of(request, shop, None)), email=body.email)
    return Sent(sent_to=body.email)


@router.post("/password-resets/confirmations", status_code=status.HTTP_204_NO_CONTENT)
@needs(SIGNED)
async def reset_password(body: Reset, request: Request, core: CoreDep, shop: ShopDep) -> None:
    """Choose another password; every session of the account ends."""
    asking = asking_of(request, shop, None)
    await recovering.choose(core, shop, asking, token=body.token, password=body.password)


@router.put("/current/password", status_code=status.HTTP_204_NO_CONTENT)
async def change_password(
    body: NewPassword, request: Request, response: Response, core: CoreDep, shop: ShopDep, member: MemberDep
) -> None:
    """Keep another password; every other session of the account ends, and this one's token is another."""
    asking = asking_of(request, shop, member.shopper)
    token = await changing.change_password(core, shop, asking, member, current=body.current, new=body.new)
    set_session_cookie(response, token, core.settings)


@router.post("/current/email", status_code=status.HTTP_202_ACCEPTED)
async def change_email(body: NewEmail, request: Request, core: CoreDep, shop: ShopDep, member: RecentMemberDep) -> Sent:
    """Have a link sent to another address, which is the account's once it is shown; the present one is proved so."""
    sending = Sending(core, shop, asking_of(request, shop, member.shopper))
    await changing.ask_for_email(sending, member, email=body.email)
    return Sent(sent_to=body.email)


@router.post("/email-confirmations", status_code=status.HTTP_204_NO_CONTENT)
@needs(SIGNED)
async def confirm_email(body: Confirmation, request: Request, core: CoreDep, shop: ShopDep) -> None:
    """Show the link that was sent to another address."""
    async with core.database.tx(shop.id) as tx:
        await changing.confirm_email(tx, body.token, asking_of(request, shop, None))


@router.post("/current/phone", status_code=status.HTTP_202_ACCEPTED)
async def change_phone(
    body: NewPhone, request: Request, core: CoreDep, shop: ShopDep, member: RecentMemberDep
) -> CodeSent:
    """Have a code sent to another number, which is the account's once it is shown."""
    sending = Sending(core, shop, asking_of(request, shop, member.shopper))
    sent = await changing.ask_for_phone(sending, member, phone=body.phone)
    return CodeSent(id=sent.id, expires_at=sent.expires_at)


@router.post("/current/phone/confirmations", status_code=status.HTTP_204_NO_CONTENT)
async def confirm_phone(body: PhoneConfirmation, core: CoreDep, shop: ShopDep, member: MemberDep) -> None:
    """Show the code that was sent to another number."""
    await changing.confirm_phone(core, shop, member, proof_id=body.id, code=body.code)


@router.get("/current/devices")
async def list_devices(core: CoreDep, member: MemberDep) -> DevicesOut:
    """Where the account is signed in, the last used first."""
    async with core.database.tx(member.shopper.tenant_id, read_only=True) as tx:
        found = await devices.signed_in_with(tx, member.account_id)
    return DevicesOut(devices=[device_out(one, member) for one in found])


@router.delete("/current/devices/{device_id}", status_code=status.HTTP_204_NO_CONTENT)
async def sign_out_device(device_id: UUID, core: CoreDep, member: MemberDep) -> None:
    """Sign out one of them."""
    async with core.database.tx(member.shopper.tenant_id) as tx:
        await devices.sign_out(tx, member.account_id, device_id)


@router.delete("/current/devices", status_code=status.HTTP_204_NO_CONTENT)
async def sign_out_everywhere_else(core: CoreDep, member: MemberDep) -> None:
    """Sign out all of them but the one that asks, and whoever of the shop's acts as the customer."""
    who = member.shopper
    async with core.database.tx(who.tenant_id) as tx:
        await devices.sign_out_others(tx, member.account_id, who.customer_id, except_id=who.session_id)


def device_out(one: SignedInWith, member: Member) -> DeviceOut:
    """What its owner may know of a session."""
    return DeviceOut(
        id=one.id,
        browser=one.browser,
        address=one.address,
        signed_in_at=one.signed_in_at,
        seen_at=one.seen_at,
        amr=list(one.amr),
        is_current=one.id == member.shopper.session_id,
    )


def account_out(account: Account) -> AccountOut:
    """What its owner may know of an account."""
    return AccountOut(
        id=account.id,
        customer_id=account.customer_id,
        display_name=account.display_name,
        email=account.email,
        email_verified_at=account.email_verified_at,
        phone=account.phone,
        phone_verified_at=account.phone_verified_at,
        has_password=account.password_hash is not None,
        created_at=account.created_at,
    )
