"""Pages to look after second factors: an authenticator app, passkeys, recovery codes."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from fastapi import APIRouter, Request
from starlette.responses import Response

from commerce import recently
from commerce.accounts import managing
from commerce.accounts.managing import Begun
from commerce.http import Member, set_session_cookie
from commerce.policies import areas
from commerce.recently import ProveAgain
from foundation.access import CUSTOMER, needs
from foundation.errors import Problem
from pages.forms import Button, read
from storefront.passkey_forms import FirstCodeForm, NameForm, NewPasskeyForm, PasskeyAsked
from storefront.second_factors import prove_again
from storefront.signing_in import asking, shown
from storefront.visit import Visit, VisitDep

PAGE = "/account/security"
APP = f"{PAGE}/authenticator"
PASSKEYS = f"{PAGE}/passkeys"
router = APIRouter(route_class=areas.within(areas.CREDENTIALS))


class Elsewhere(Exception):
    """Somebody must sign in, or prove who they are, first."""

    def __init__(self, response: Response) -> None:
        super().__init__()
        self.response = response


async def proved(visit: Visit, path: str) -> Member:
    """Whoever looks at a page, once they have proved lately who they are; else they do so and go on to `path`.

    Raises:
        Elsewhere.
    """
    account_id = visit.shopper.account_id
    if account_id is None:
        raise Elsewhere(visit.redirect(f"/sign-in?next={path}"))
    member = Member(account_id, visit.shopper)
    try:
        await recently.require(visit.core, member)
    except ProveAgain as stale:
        raise Elsewhere(prove_again(visit, path)) from stale
    return member


@router.get(APP)
@needs(CUSTOMER)
async def show_authenticator(visit: VisitDep) -> Response:
    """A new app is set up: its picture, and a field for its first code."""
    try:
        member = await proved(visit, APP)
        begun = await managing.begin_authenticator(visit.core, visit.shop, member)
    except Elsewhere as elsewhere:
        return elsewhere.response
    return _authenticator_page(visit, begun)


@router.post(APP)
async def confirm_authenticator(request: Request, visit: VisitDep) -> Response:
    """Show the app's first code."""
    form = await read(request, FirstCodeForm)
    try:
        member = await proved(visit, APP)
        code = form.code.replace(" ", "")
        added = await managing.confirm_authenticator(visit.core, visit.shop, asking(request, visit), member, code)
    except Elsewhere as elsewhere:
        return elsewhere.response
    except Problem as problem:
        begun = await managing.begun_authenticator(visit.core, visit.shop, member)
        if begun is None:
            return visit.redirect(PAGE)
        return _authenticator_page(visit, begun, problem)
    return _added(visit, added.token, added.recovery_codes, "authenticator-added")


@router.post(f"{APP}/remove")
async def remove_authenticator(request: Request, visit: VisitDep) -> Response:
    """Forget the app."""
    await read(request, Button)
    try:
        member = await proved(visit, PAGE)
    except Elsewhere as elsewhere:
        return elsewhere.response
    await managing.remove_authenticator(visit.core, visit.shop, asking(request, visit), member)
    return visit.redirect(PAGE, "authenticator-removed")


@router.post(f"{PAGE}/recovery-codes")
async def renew_recovery_codes(request: Request, visit: VisitDep) -> Response:
    """New recovery codes, shown on the page that answers and never again."""
    await read(request, Button)
    try:
        member = await proved(visit, PAGE)
    except Elsewhere as elsewhere:
        return elsewhere.response
    codes = await managing.renew_recovery_codes(visit.core, visit.shop, asking(request, visit), member)
    return visit.page("recovery_codes.html", codes=codes)


@router.get(PASSKEYS)
@needs(CUSTOMER)
async def show_new_passkey(request: Request, visit: VisitDep) -> Response:
    """A new passkey is made."""
    try:
        member = await proved(visit, PASSKEYS)
    except Elsewhere as elsewhere:
        return elsewhere.response
    return await _passkey_page(request, visit, member)


@router.post(PASSKEYS)
async def add_passkey(request: Request, visit: VisitDep) -> Response:
    """Keep the passkey that was made."""
    form = await read(request, NewPasskeyForm)
    try:
        member = await proved(visit, PASSKEYS)
    except Elsewhere as elsewhere:
        return elsewhere.response
    credential = form.credential.model_dump(exclude_none=True)
    try:
        added = await managing.add_passkey(
            visit.core, visit.shop, asking(request, visit), member, form.challenge_id, credential, form.name
        )
    except Problem as problem:
        return await _passkey_page(request, visit, member, problem)
    return _added(visit, added.token, added.recovery_codes, "passkey-added")


@router.post(f"{PASSKEYS}/{{passkey_id}}/rename")
async def rename_passkey(request: Request, visit: VisitDep, passkey_id: UUID) -> Response:
    """Call a passkey something else."""
    form = await read(request, NameForm)
    if visit.shopper.account_id is None:
        return visit.redirect(f"/sign-in?next={PAGE}")
    member = Member(visit.shopper.account_id, visit.shopper)
    await managing.rename_passkey(visit.core, visit.shop, member, passkey_id, form.name)
    return visit.redirect(PAGE, "passkey-renamed")


@router.post(f"{PASSKEYS}/{{passkey_id}}/remove")
async def remove_passkey(request: Request, visit: VisitDep, passkey_id: UUID) -> Response:
    """Forget a passkey."""
    await read(request, Button)
    try:
        member = await proved(visit, PAGE)
    except Elsewhere as elsewhere:
        return elsewhere.response
    await managing.remove_passkey(visit.core, visit.shop, asking(request, visit), member, passkey_id)
    return visit.redirect(PAGE, "passkey-removed")


def _added(visit: Visit, token: str, codes: Sequence[str], notice: str) -> Response:
    set_session_cookie(visit.cookies, token, visit.core.settings)
    return visit.page("recovery_codes.html", codes=codes) if codes else visit.redirect(PAGE, notice)


def _authenticator_page(visit: Visit, begun: Begun, problem: Problem | None = None) -> Response:
    spaced = " ".join(begun.secret[at : at + 4] for at in range(0, len(begun.secret), 4))
    return shown(visit, "authenticator.html", problem, begun=begun, secret=spaced, action=APP)


async def _passkey_page(request: Request, visit: Visit, member: Member, problem: Problem | None = None) -> Response:
    asker = asking(request, visit)
    asked = await managing.ask_for_new_passkey(visit.core, visit.shop, asker, member)
    name = asker.browser.in_words()[:60]
    return shown(visit, "new_passkey.html", problem, asked=PasskeyAsked.of(asked), name=name, action=PASSKEYS)
