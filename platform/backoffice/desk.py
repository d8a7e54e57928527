"""A page view of somebody who works here."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlencode

from fastapi import Request, Response
from starlette.responses import HTMLResponse, RedirectResponse

from backoffice import deeds
from backoffice.navigation import open_to, stays_open
from backoffice.notices import NOTICE_COOKIE, NOTICES
from backoffice.rendering import PAGES
from backoffice.typed import NOTHING, Typed
from commerce import recently
from commerce.http import Core, CoreDep, ShopDep, session_cookie
from commerce.identity import people
from commerce.identity.staff import NotOfAVendor, OfAVendor, Staff
from commerce.policies.registry import known
from commerce.recently import ProveAgain
from commerce.tenancy.service import Shop
from foundation.access import Need, Who, needs
from foundation.database import Tx
from foundation.errors import Forbidden
from pages import notices


class ShopEnds(Forbidden):
    """The shop is closed and will be deleted. Until then it can be kept, taken along and paid for, and nothing else."""

    code = "lifecycle.shop_ends"


@dataclass(slots=True)
class Desk:
    """One page view. Every answer goes through `page` or `redirect`."""

    request: Request
    core: Core
    shop: Shop
    staff: Staff
    cookies: Response = field(default_factory=Response)

    def tx(self, *, read_only: bool = False) -> Any:
        """A transaction of the shop's."""
        return self.core.database.tx(self.shop.id, read_only=read_only)

    def heard(self) -> None:
        """What this worker remembers of the shop has changed; the others hear of it by themselves."""
        self.core.directory.heard(str(self.shop.id))

    async def has_proved(self) -> bool:
        """Whether they have proved lately enough who they are for what takes that."""
        try:
            await recently.require_staff(self.core, self.staff)
        except ProveAgain:
            return False
        return True

    def page(self, template: str, *, status: int | None = None, typed: Typed = NOTHING, **context: Any) -> HTMLResponse:
        """A template as a page; `typed` is what its form holds."""
        notice = NOTICES.get(notices.taken(self.request, self.cookies, NOTICE_COOKIE))
        response = PAGES.html(
            template,
            status=typed.status if status is None else status,
            typed=typed,
            shop=self.shop,
            staff=self.staff,
            navigation=open_to(self.staff, self.shop),
            here=self.request.url.path,
            notice=notice,
            may=self.staff.scopes.__contains__,
            **context,
        )
        return notices.with_cookies(response, self.cookies)

    def redirect(self, path: str, notice: str | None = None) -> RedirectResponse:
        """Go on to a page of the back office (303), which shows the notice."""
        secure = self.core.settings.environment == "production"
        return notices.onward(path, self.cookies, NOTICE_COOKIE, notice, secure=secure)


def desk(permission: str, *, proved_anew: bool = False) -> Callable[..., Awaitable[Desk]]:
    """A dependency that gives the page view of a member of the shop's staff who may do `permission`, signed in by the
    browser's session, and has lately proved anew who they are if that is asked; keys open no pages.

    Raises:
        KeyUnknown, NotStaff, ScopeMissing, OfAVendor: nobody who may is signed in.
        ProveAgain: it has been a while since they proved who they are.
    """

    @needs(Need(Who.STAFF, known(permission), stepped_up=proved_anew))
    async def view(request: Request, core: CoreDep, shop: ShopDep) -> Desk:
        found = await _view(request, core, shop)
        found.staff.require(permission)
        if found.staff.vendor_id is not None:
            raise OfAVendor
        if proved_anew:
            await recently.require_staff(core, found.staff)
        deeds.begin(request, found.staff.principal)
        return found

    return view


def vendor_page(permission: str) -> Callable[..., Awaitable[Desk]]:
    """`desk` for a page of a vendor's people.

    Raises:
        KeyUnknown, NotStaff, ScopeMissing, NotOfAVendor: nobody who may is signed in.
    """

    @needs(Need(Who.VENDOR, known(permission)))
    async def view(request: Request, core: CoreDep, shop: ShopDep) -> Desk:
        found = await _view(request, core, shop)
        found.staff.require(permission)
        if found.staff.vendor_id is None:
            raise NotOfAVendor
        deeds.begin(request, found.staff.principal)
        return found

    return view


@needs(Need(Who.STAFF))
async def any_desk(request: Request, core: CoreDep, shop: ShopDep) -> Desk:
    """The page view of whoever works here, for the shop or for a vendor.

    Raises:
        KeyUnknown, NotStaff: nobody who does is signed in.
    """
    return await _view(request, core, shop)


async def _view(request: Request, core: Core, shop: Shop) -> Desk:
    async with core.database.tx(shop.id, read_only=True) as tx:
        found = Desk(request, core, shop, await _signed_in(tx, request.cookies.get(session_cookie(core.settings))))
    request.state.desk = found
    if shop.status == "closing" and not stays_open(request.url.path):
        raise ShopEnds
    return found


async def _signed_in(tx: Tx, token: str | None) -> Staff:
    return await people.by_session(tx, token or "")


def sign_in_at(request: Request) -> str:
    """Where somebody signs in who then comes back."""
    there = request.url.path if request.method == "GET" else "/back-office"
    return f"/sign-in?next={quote(there, safe='/')}"


def prove_at(onward: str) -> str:
    """Where whoever is signed in proves anew who they are, and goes on to a page."""
    return f"/account/confirm?{urlencode({'next': onward})}"
