"""Accounts over HTTP."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response, status

from commerce.accounts import registering
from commerce.accounts.schemas import AccountOut, Confirmation, Registration, Sent
from commerce.accounts.sending import Sending, evenly
from commerce.http import CoreDep, MemberDep, PresentShopper, ShopDep
from commerce.identity import accounts
from commerce.identity.accounts import Account
from commerce.sessions.answering import answered, asking_of
from commerce.sessions.schemas import SecondFactorOut, SessionOut
from foundation.access import ANYONE, SIGNED, needs

router = APIRouter(prefix="/v1/store/accounts", tags=["accounts"])


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
