"""A page view: the shop, the shopper, and what the browser gets along with the page."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, Any, cast
from urllib.parse import urlencode

from fastapi import Depends, Request, Response
from starlette.responses import HTMLResponse, RedirectResponse

from commerce.cart import service as carts
from commerce.http import Core, CoreDep, ShopDep, by_session, heeded, require_open, seen, shopper_cookie_of
from commerce.identity.service import ActingEnded, SessionExpired, SessionUnknown, Shopper
from commerce.sessions import api as sessions
from commerce.sessions.schemas import SignIn
from commerce.tenancy.service import Shop
from foundation import clock
from foundation.access import ANYONE, needs
from pages import notices
from pages.notices import ResponseT
from storefront import rendering
from storefront.departments import Departments, Tree
from storefront.notices import NOTICE_COOKIE, NOTICES


@dataclass(frozen=True, slots=True)
class Acting:
    """What the banner says."""

    staff: str
    customer: str
    minutes: int
    """That are left, begun ones too."""
    ends_at: datetime

    @classmethod
    def of(cls, shopper: Shopper | None) -> Acting | None:
        """What it says of whoever is here; nothing of somebody who is here for themselves."""
        staff = shopper.acting if shopper else None
        if shopper is None or staff is None:
            return None
        left = max(0, math.ceil((staff.ends_at - clock.now()).total_seconds() / 60))
        return cls(staff.name, shopper.display_name or "a customer", left, staff.ends_at)


@dataclass(frozen=True, slots=True)
class Tongue:
    """A language that the shop's goods are described in."""

    locale: str
    path: str
    """Where one chooses it, and comes back to this page."""
    is_read: bool


@dataclass(slots=True)
class Visit:
    """One page view. Every answer goes through `page` or `redirect`, which add the cookies it needs."""

    request: Request
    core: Core
    shop: Shop
    shopper: Shopper
    tree: Tree
    cart_count: int
    notice: str | None
    cookies: Response = field(default_factory=Response)

    def page(self, template: str, *, status: int = 200, **context: Any) -> HTMLResponse:
        """A template as this visitor's page."""
        said = notices.taken(self.request, self.cookies, NOTICE_COOKIE)
        notice = NOTICES.get(self.notice or said)
        response = rendering.html(
            template,
            status=status,
            shop=self.shop,
            shopper=self.shopper,
            navigation=self.tree.menu if self.shop.is_open else (),
            cart_count=self.cart_count,
            notice=notice,
            here=self._here(),
            tongues=self._tongues(),
            acting=self.acting,
            **context,
        )
        return self.with_cookies(response)

    def redirect(self, path: str, notice: str | None = None) -> RedirectResponse:
        """Go on to a page of this shop (303), which shows the notice."""
        secure = self.core.settings.environment == "production"
        return notices.onward(path, self.cookies, NOTICE_COOKIE, notice or self.notice, secure=secure)

    @property
    def acting(self) -> Acting | None:
        """Who of the staff is here as the customer, as every page says."""
        return Acting.of(self.shopper)

    def with_cookies(self, response: ResponseT) -> ResponseT:
        """An answer that is neither a page nor a redirect within the shop, with the cookies it needs."""
        return notices.with_cookies(response, self.cookies)

    def _tongues(self) -> list[Tongue]:
        """The shop's languages, where it has several, each with this page in it."""
        if not self.shop.locales or self.request.method != "GET":
            return []
        read = self.shop.language or self.shop.locale
        url = self.request.url.remove_query_params("locale")
        here = f"{url.path}?{url.query}" if url.query else url.path
        return [
            Tongue(locale, f"/language?{urlencode({'locale': locale, 'next': here})}", locale == read)
            for locale in (self.shop.locale, *self.shop.locales)
        ]

    def _here(self) -> str:
        url = self.request.url
        if self.request.method != "GET":
            return "/cart"
        return f"{url.path}?{url.query}" if url.query else url.path


@needs(ANYONE)
async def _visit(request: Request, core: CoreDep, shop: ShopDep) -> Visit:
    cookies, notice = Response(), None
    shopper, count = None, 0
    token = shopper_cookie_of(request)
    if token is not None:
        try:
            async with core.database.tx(shop.id, read_only=True) as tx:
                shopper = await by_session(tx, request, token)
                cart = await carts.current(tx, shopper)
                count = sum(line.quantity for line in cart.lines) if cart else 0
            await seen(core, request, shopper)
        except ActingEnded:
            raise  # what was meant for the customer is not done as whoever acted
        except (SessionExpired, SessionUnknown):
            notice = "session-ended"
    if shopper is None:
        shopper = heeded(request, await _welcome(core, shop, cookies))
    departments = cast("Departments", request.app.state.departments(core))
    visit = Visit(request, core, shop, shopper, await departments.of(shop), count, notice, cookies)
    request.state.visit = visit
    require_open(request, shopper)
    return visit


async def _welcome(core: Core, shop: Shop, cookies: Response) -> Shopper:
    """A session for somebody nobody knows yet."""
    opened = await sessions.open_session(SignIn(), cookies, core, shop, None)
    return Shopper(shop.id, opened.id, opened.visitor_id, None, None, tuple(opened.consent))


VisitDep = Annotated[Visit, Depends(_visit)]
