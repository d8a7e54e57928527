"""What the routes of the core share: the shop, the shopper, idempotent requests, cursors, ETags."""

from __future__ import annotations

import asyncio
import base64
import binascii
import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Annotated, TypeVar, cast
from uuid import UUID

from fastapi import Depends, Header, Request
from fastapi.responses import Response

from commerce import deeds, languages
from commerce.federation.issuers import Issuers
from commerce.identity import keys, people
from commerce.identity import service as identity
from commerce.identity import staff as staff_keys
from commerce.identity.acting import ActingStaff
from commerce.identity.browsers import Browser
from commerce.identity.passwords import Passwords
from commerce.identity.service import ActingEnded, SessionExpired, SessionUnknown, Shopper
from commerce.identity.staff import Staff
from commerce.kept import Kept
from commerce.oauth import bearers, signing
from commerce.policies import areas
from commerce.policies.registry import known
from commerce.tenancy.service import Directory, Shop
from foundation import audit, clock, idempotency
from foundation.access import ANYONE, CUSTOMER, SHOPPER, Need, Who, needs
from foundation.bots import is_bot
from foundation.database import Database, DatabaseUnavailable, ShopMoving, Tx, unwitnessed
from foundation.errors import BadRequest, Problem
from foundation.http import problem_response
from foundation.living import Life
from foundation.outbound import Outbound
from foundation.settings import Settings

SESSION = "tradewind_session"
ACTING = "tradewind_acting"
"""The session of somebody of the staff who is here as a customer; they keep their own beside it."""
DEVICE = "tradewind_device"
DEVICE_DAYS = 400
"""As long as a browser keeps a cookie at most (RFC 6265bis)."""
_USER_AGENT = 500
MAX_KEY_LENGTH = 200
Begun = TypeVar("Begun")


class MalformedCursor(BadRequest):
    """The cursor was not made by this list."""

    code = "request.malformed_cursor"


@dataclass(frozen=True, slots=True)
class Core:
    """What a worker holds while it lives."""

    settings: Settings
    database: Database
    directory: Directory
    kept: Kept
    life: Life
    outbound: Outbound
    """The client for addresses that somebody outside has named."""
    passwords: Passwords
    uses: keys.Uses = field(default_factory=keys.Uses)
    issuers: Issuers = field(default_factory=Issuers)
    """What identity providers say of themselves."""


def core_of(request: Request) -> Core:
    """The worker's own parts."""
    return cast("Core", request.app.state.core)


SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
FOR_STAFF = ("/v1/admin/", "/back-office")
PROVIDERS = "/v1/webhooks/"
"""What providers tell of money stays true while a shop is closed."""
WHILE_CLOSED = frozenset(
    {
        "/v1/admin/closure",
        "/v1/admin/exports",
        "/v1/admin/plan",
        "/v1/admin/plan/cancellation",
        "/v1/admin/plan/portal",
        "/back-office/closing",
        "/back-office/closing/undo",
        "/back-office/closing/archives",
        "/back-office/plan",
        "/back-office/plan/end",
        "/back-office/plan/going-on",
        "/back-office/plan/portal",
        "/back-office/sign-out",
    }
)
"""What staff may still change while their shop is closed."""
TO_SIGN_IN = ("/sign-in", "/forgotten", "/account/confirm")
"""Where staff say who they are, also while their shop is closed. A customer who does so comes in nowhere."""
LOOK = ("/shop/theme.css", "/shop/logo/", "/shop/icon/")


def _comes_in_while_closed(request: Request) -> bool:
    path = request.url.path
    reads = request.method in {"GET", "HEAD"}
    return (
        path.startswith(PROVIDERS)
        or path in WHILE_CLOSED
        or any(path == page or path.startswith(f"{page}/") for page in TO_SIGN_IN)
        or (reads and path.startswith((*FOR_STAFF, *LOOK)))
    )


async def _shop(request: Request) -> Shop:
    directory, host = core_of(request).directory, request.headers.get("host", "")
    shop = await directory.found(host)
    if not shop.is_open and not _comes_in_while_closed(request):
        shop = await directory.by_host(host)
    request.state.has_languages = bool(shop.locales)
    request.state.is_internal = shop.internal_networks.hold(address_of(request))
    return languages.read_in(request.scope, shop)


async def _core(request: Request) -> Core:
    """`core_of`, so that FastAPI doesn't take a thread to call it."""
    return core_of(request)


async def here(request: Request) -> tuple[Core, Shop]:
    """The worker's parts and the shop that is asked: for routes that must be quick, where two dependencies are a
    twentieth of what they cost.

    Raises:
        UnknownHost, TenantSuspended: no shop answers there.
    """
    return core_of(request), await _shop(request)


CoreDep = Annotated[Core, Depends(_core)]
ShopDep = Annotated[Shop, Depends(_shop)]


def _cookie(name: str, settings: Settings) -> str:
    """A cookie's name. In production no other host, and nobody without TLS, can set one of that name (`__Host-`)."""
    return f"__Host-{name}" if settings.environment == "production" else name


def session_cookie(settings: Settings) -> str:
    """The cookie that a browser's session is in."""
    return _cookie(SESSION, settings)


def acting_cookie(settings: Settings) -> str:
    """The cookie of a session as a customer."""
    return _cookie(ACTING, settings)


def token_of(request: Request) -> str | None:
    """The session's token of somebody who asks for themselves, from the cookie or a bearer header."""
    return _bearer_of(request) or request.cookies.get(session_cookie(core_of(request).settings))


def shopper_token_of(request: Request) -> str | None:
    """`token_of`, of whoever is here in the shop: while they act as a customer, that."""
    return _bearer_of(request) or shopper_cookie_of(request)


def shopper_cookie_of(request: Request) -> str | None:
    """`shopper_token_of`, by cookies alone: of whoever looks at pages."""
    settings = core_of(request).settings
    return request.cookies.get(acting_cookie(settings)) or request.cookies.get(session_cookie(settings))


def _bearer_of(request: Request) -> str | None:
    scheme, _, value = request.headers.get("authorization", "").partition(" ")
    return value if scheme.lower() == "bearer" and value else None


def browser_of(request: Request) -> Browser:
    """The browser that a request comes from."""
    device = request.cookies.get(_cookie(DEVICE, core_of(request).settings))
    return Browser(request.headers.get("user-agent", "")[:_USER_AGENT], address_of(request), device)


def home_of(request: Request) -> str:
    """The address of the shop that is asked, for links in mails. Its host is one that the directory knows; the port is
    the request's, except in production, where shops are where addresses without one lead.
    """
    if core_of(request).settings.environment == "production":
        return f"https://{request.url.hostname}"
    return str(request.base_url).rstrip("/")


def front_of(request: Request, shop: Shop) -> str:
    """The address of the shop's pages: at its primary domain, if it has one, else where it is asked."""
    host = shop.primary_host
    if host is None or host == request.url.hostname:
        return home_of(request)
    if core_of(request).settings.environment == "production":
        return f"https://{host}"
    return str(request.base_url.replace(hostname=host)).rstrip("/")


def address_of(request: Request) -> str:
    """Where a request comes from, as far as the server can tell."""
    return request.client.host if request.client else ""


@needs(ANYONE)
async def shopper_or_none(request: Request, core: CoreDep, shop: ShopDep) -> Shopper | None:
    """Who is asking, if they have a session.

    Raises:
        SessionExpired, SessionUnknown: they show one that isn't good any more.
    """
    token = shopper_token_of(request)
    if token is None:
        return None
    async with core.database.tx(shop.id, read_only=True) as tx:
        shopper = await _by_session_or_grant(tx, request, token)
    await seen(core, request, shopper)
    return shopper


async def _by_session_or_grant(tx: Tx, request: Request, token: str) -> Shopper:
    """Whom a session's token stands for, or a program's access token: there the customer that it acts for.

    Raises:
        SessionUnknown, SessionExpired, TokenUnknown, ScopeNotGranted, NotWhileActing.
    """
    if signing.looks_like_one(token):
        return bearers.shopper_of(tx, await bearers.bearer(tx, token), request.method)
    shopper = await by_session(tx, request, token)
    require_open(request, shopper)
    return shopper


def require_open(request: Request, shopper: Shopper) -> None:
    """Stop one of the staff who acts as a customer from what is closed to them.

    Raises:
        NotWhileActing.
    """
    if shopper.acting is not None:
        areas.require_open(areas.area_of(request.scope["route"]))


async def by_session(tx: Tx, request: Request, token: str) -> Shopper:
    """Whom a session's token stands for. Whatever is answered then says so, if it is one of the staff as a customer.

    Raises:
        SessionUnknown, SessionExpired, ActingEnded.
    """
    try:
        shopper = heeded(request, await identity.by_token(tx, token))
    except ActingEnded:
        request.scope["state"]["acting_ended"] = True
        raise
    if shopper.acting is not None:
        request.scope["state"]["acting"] = shopper.acting
    return shopper


def heeded(request: Request, shopper: Shopper) -> Shopper:
    """The shopper as this request shows them: who agrees to nothing while their browser says so (`Sec-GPC`, Global
    Privacy Control), who is a program, or who asks from the shop's own network.
    """
    if request.headers.get("sec-gpc") == "1":
        shopper = identity.refusing_by_signal(shopper)
    bot = is_bot(request.headers.get("user-agent", ""))
    internal = getattr(request.state, "is_internal", False)
    return replace(shopper, is_bot=bot, is_internal=internal) if bot or internal else shopper


async def seen(core: Core, request: Request, shopper: Shopper) -> None:
    """Write down that a session is in use, every few minutes; of one of the staff who acts as a customer each request
    that may change something.

    Raises:
        ShopMoving: that would have to be written down now. That a session is in use can wait.
    """
    noted = shopper.acting is not None and is_noted(request)
    if not (shopper.is_due or noted):
        return
    try:
        async with core.database.tx(shopper.tenant_id) as tx:
            if shopper.is_due:
                await identity.touch(tx, shopper.session_id)
            if noted:
                await note_acting(tx, request, shopper)
    except ShopMoving:
        if noted:
            raise


def is_noted(request: Request) -> bool:
    """Whether a request may change something, and nobody has written down yet that it was made."""
    return request.method not in SAFE and not request.scope["state"].get("acting_noted")


async def note_acting(tx: Tx, request: Request, shopper: Shopper) -> None:
    """Write down, before it is done, that somebody asked for something as a customer: which route, about which ids."""
    staff: ActingStaff | None = shopper.acting
    if staff is None or not is_noted(request):
        return
    route = request.scope["route"].path_format.replace("{", ":").replace("}", "")
    ids = {name: value for name, value in request.path_params.items() if _is_id(value)}
    await audit.record(
        tx,
        actor=staff.principal,
        action="acting.request",
        object=f"customer:{shopper.customer_id}",
        details={**ids, "acting": staff.id, "method": request.method, "route": route},
    )
    request.scope["state"]["acting_noted"] = True


def _is_id(value: object) -> bool:
    """What else is in an address may be a secret, such as what a cart is shared by."""
    try:
        UUID(str(value))
    except ValueError:
        return False
    return True


async def shopper_of(tx: Tx, request: Request) -> Shopper:
    """Who is asking, read in a transaction that goes on: what a write that must be quick uses for `ShopperDep`.

    Raises:
        SessionUnknown, SessionExpired: nobody that is known here.
    """
    token = shopper_token_of(request)
    if token is None:
        raise SessionUnknown
    shopper = await _by_session_or_grant(tx, request, token)
    await note_acting(tx, request, shopper)
    return shopper


MaybeShopper = Annotated[Shopper | None, Depends(shopper_or_none)]


@needs(ANYONE)
async def _present(request: Request, core: CoreDep, shop: ShopDep) -> Shopper | None:
    try:
        return await shopper_or_none(request, core, shop)
    except (SessionExpired, SessionUnknown):
        return None


PresentShopper = Annotated[Shopper | None, Depends(_present)]
"""Who is asking, where one whose session is over is as good as one who has none: to sign in."""


@needs(SHOPPER)
async def _shopper(shopper: MaybeShopper) -> Shopper:
    if shopper is None:
        raise SessionUnknown
    return shopper


ShopperDep = Annotated[Shopper, Depends(_shopper)]


@dataclass(frozen=True, slots=True)
class Member:
    """Somebody who has signed in to their account."""

    account_id: UUID
    shopper: Shopper


@needs(CUSTOMER)
async def _member(shopper: ShopperDep) -> Member:
    if shopper.account_id is None:
        raise identity.SignInRequired
    return Member(shopper.account_id, shopper)


MemberDep = Annotated[Member, Depends(_member)]
"""Raises SessionUnknown, SessionExpired, SignInRequired: nobody has signed in to an account."""


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A customer who has signed in."""

    id: UUID
    shopper: Shopper


@needs(CUSTOMER)
async def _customer(shopper: ShopperDep) -> SignedIn:
    if shopper.customer_id is None:
        raise identity.SignInRequired
    return SignedIn(shopper.customer_id, shopper)


CustomerDep = Annotated[SignedIn, Depends(_customer)]
"""Raises SessionUnknown, SessionExpired, SignInRequired: nobody has signed in as a customer."""


def staff(scope: str) -> Callable[..., Awaitable[Staff]]:
    """A dependency that gives the member of staff or program who may do `scope`, by a key or by their session.

    Raises:
        KeyUnknown, NotStaff, ScopeMissing, OfAVendor: nobody known here asks, or somebody who may not do this.
    """

    @needs(Need(Who.STAFF, known(scope)))
    async def allowed(request: Request, core: CoreDep, shop: ShopDep) -> Staff:
        found = await staff_or_refuse(request, core, shop)
        found.require(scope)
        if found.vendor_id is not None:
            raise staff_keys.OfAVendor
        deeds.begin(request, found.principal)
        return found

    return allowed


@dataclass(frozen=True, slots=True)
class VendorDesk:
    """Somebody who acts for a vendor."""

    vendor_id: UUID
    staff: Staff


def vendor_desk(scope: str) -> Callable[..., Awaitable[VendorDesk]]:
    """A dependency that gives whoever may do `scope` for a vendor, by a key or by their session.

    Raises:
        KeyUnknown, NotStaff, ScopeMissing, NotOfAVendor: nobody known here asks, or somebody who may not do this.
    """

    @needs(Need(Who.VENDOR, known(scope)))
    async def allowed(request: Request, core: CoreDep, shop: ShopDep) -> VendorDesk:
        found = await staff_or_refuse(request, core, shop)
        found.require(scope)
        if found.vendor_id is None:
            raise staff_keys.NotOfAVendor
        deeds.begin(request, found.principal)
        return VendorDesk(found.vendor_id, found)

    return allowed


async def staff_or_refuse(request: Request, core: Core, shop: Shop) -> Staff:
    """Whoever acts for the shop or for a vendor: by a key, by what OAuth gave to a program, or by their session.

    Raises:
        KeyUnknown, NotStaff: nobody does.
    """
    token = token_of(request)
    async with core.database.tx(shop.id, read_only=True) as tx:
        if token is not None and signing.looks_like_one(token):
            found = bearers.staff_of(tx, await bearers.bearer(tx, token))
        else:
            found = await people.staff_of(tx, token)
    if core.uses.note(found):
        at = clock.now()
        core.life.see_to(lambda: keys.seen(core.database, shop.id, found.key_id, at))
    return found


def set_session_cookie(response: Response, token: str, settings: Settings) -> None:
    """Give the browser its session."""
    _set_cookie(response, SESSION, token, timedelta(hours=settings.session_ttl_hours), settings)


def set_device_cookie(response: Response, token: str, settings: Settings) -> None:
    """Give the browser what it is known by when it signs in again."""
    _set_cookie(response, DEVICE, token, timedelta(days=DEVICE_DAYS), settings)


def set_acting_cookie(response: Response, token: str, lasts: timedelta, settings: Settings) -> None:
    """Give the browser a session as a customer, beside its own."""
    _set_cookie(response, ACTING, token, lasts, settings)


def delete_session_cookie(response: Response, settings: Settings) -> None:
    """Take the browser's session from it."""
    _delete_cookie(response, SESSION, settings)


def delete_acting_cookie(response: Response, settings: Settings) -> None:
    """Take from the browser the session as a customer; its own stays."""
    _delete_cookie(response, ACTING, settings)


def _delete_cookie(response: Response, name: str, settings: Settings) -> None:
    secure = settings.environment == "production"
    response.delete_cookie(_cookie(name, settings), path="/", httponly=True, samesite="lax", secure=secure)


def _set_cookie(response: Response, name: str, value: str, lasts: timedelta, settings: Settings) -> None:
    response.set_cookie(
        _cookie(name, settings),
        value,
        max_age=int(lasts.total_seconds()),
        httponly=True,
        samesite="lax",
        secure=settings.environment == "production",
        path="/",
    )


def encode_cursor(*parts: object) -> str:
    """An opaque place in a list."""
    return base64.urlsafe_b64encode(":".join(str(part) for part in parts).encode()).decode().rstrip("=")


def decode_cursor(cursor: str) -> tuple[int, UUID]:
    """The (sort key, id) after which a list goes on.

    Raises:
        MalformedCursor: it is not one of ours.
    """
    try:
        raw = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True).decode()
        key, _, identifier = raw.rpartition(":")
        number = int(key)
        if not -(2**63) <= number < 2**63:
            raise MalformedCursor
        return number, UUID(identifier)
    except (ValueError, binascii.Error) as error:
        raise MalformedCursor from error


def cacheable(
    request: Request, body: bytes, *, seconds: int = 30, whose: str = "public", vary: str = "Host"
) -> Response:
    """A catalogue answer with its ETag; 304 when the client has it already."""
    etag = f'"{hashlib.blake2b(body, digest_size=12).hexdigest()}"'
    if getattr(request.state, "has_languages", False):
        vary = f"{vary}, Accept-Language"
    headers = {"ETag": etag, "Cache-Control": f"{whose}, max-age={seconds}", "Vary": vary}
    if etag in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    return Response(body, media_type="application/json", headers=headers)


async def idempotency_key(
    idempotency_key: Annotated[
        str | None,
        Header(
            description="Required: makes a retry safe for 24 hours.", json_schema_extra={"maxLength": MAX_KEY_LENGTH}
        ),
    ] = None,
) -> str:
    """The request's key.

    Raises:
        KeyRequired: it is missing, too long or not printable.
    """
    key = idempotency_key or ""
    if not 1 <= len(key) <= MAX_KEY_LENGTH or not key.isprintable() or not key.isascii():
        raise idempotency.KeyRequired
    return key


KeyDep = Annotated[str, Depends(idempotency_key)]

Definite = (402,)
"""Refusals that a retry must get again; any other problem means nothing was done, and gives the key back."""


async def once(
    request: Request, core: Core, who: Shopper | Staff, key: str, work: Callable[[], Awaitable[Response]]
) -> Response:
    """Do `work` once for this key and replay its answer afterwards.

    The work goes on when the client hangs up, so that it has a definite end.
    """
    return await _once(request, core, _scope(request, core, who, key), work)


@dataclass(slots=True)
class Answering:
    """The answer to a claimed key, on its way to be kept."""

    scope: idempotency.Scope
    kept: Response | None = None

    async def keep(self, tx: Tx, response: Response) -> None:
        """Keep it in the transaction that ends the work, instead of in one more."""
        content_type = response.media_type or "application/json"
        answer = idempotency.Answer(response.status_code, content_type, bytes(response.body))
        await idempotency.settle(tx, self.scope, answer)
        self.kept = response


async def begun_once(
    request: Request,
    core: Core,
    shop: Shop,
    key: str,
    begin: Callable[[Tx, Shopper], Awaitable[Begun]],
    work: Callable[[Shopper, Begun, Answering], Awaitable[Response]],
) -> Response:
    """`once`, for work that begins in the transaction that finds the shopper and claims the key.

    When `begin` refuses, nothing is begun and the key is as it was. `work` may keep its answer itself.

    Raises:
        SessionUnknown, SessionExpired: nobody that is known here.
    """

    async def whole() -> Response:
        scope: idempotency.Scope | None = None
        try:
            async with core.database.tx(shop.id) as tx:
                shopper = await shopper_of(tx, request)
                scope = _scope(request, core, shopper, key)
                answered = await idempotency.claim(tx, scope, _asked(request))
                if answered is not None:
                    return _replayed(answered)
                begun = await begin(tx, shopper)
        except DatabaseUnavailable:
            if scope is not None:
                _give_back_later(core, scope)
            raise
        answering = Answering(scope)
        return await _settled(request, core, answering, lambda: work(shopper, begun, answering))

    return await asyncio.shield(asyncio.ensure_future(whole()))


async def change_once(
    request: Request,
    core: Core,
    who: Shopper | Staff,
    key: str,
    change: Callable[[Tx], Awaitable[object]],
    answer: Callable[[], Awaitable[Response]],
) -> Response:
    """`once`, for work that is one transaction: it is done once for this key even when the worker dies, or the
    connection to Postgres is cut, between its commit and its answer.
    """
    scope = _scope(request, core, who, key)

    async def work() -> Response:
        async with core.database.tx(who.tenant_id) as tx:
            if await idempotency.first(tx, scope):
                await change(tx)
        return await answer()

    return await _once(request, core, scope, work)


def _scope(request: Request, core: Core, who: Shopper | Staff, key: str) -> idempotency.Scope:
    route = request.scope["route"].path
    customer_id = who.customer_id if isinstance(who, Shopper) else None
    claim = core.life.claim(core.database.home_of(who.tenant_id))
    return idempotency.Scope(who.tenant_id, who.principal, f"{request.method} {route}", key, claim, customer_id)


async def _once(
    request: Request, core: Core, scope: idempotency.Scope, work: Callable[[], Awaitable[Response]]
) -> Response:
    try:
        with unwitnessed():
            async with core.database.tx(scope.tenant_id) as tx:
                answered = await idempotency.claim(tx, scope, _asked(request))
    except DatabaseUnavailable:
        _give_back_later(core, scope)
        raise
    if answered is not None:
        return _replayed(answered)
    return await asyncio.shield(asyncio.ensure_future(_settled(request, core, Answering(scope), work)))


def _asked(request: Request) -> bytes:
    """What is asked, of which a key stands for one."""
    body: bytes = request.scope["state"].get("body", b"")
    return request.url.path.encode() + b"\n" + body


def _replayed(answered: idempotency.Answer) -> Response:
    return Response(
        answered.body,
        status_code=answered.status,
        media_type=answered.content_type,
        headers={"Idempotency-Replayed": "true"},
    )


async def _settled(
    request: Request, core: Core, answering: Answering, work: Callable[[], Awaitable[Response]]
) -> Response:
    scope = answering.scope
    try:
        response = await work()
    except Exception as fault:
        if not isinstance(fault, Problem) or fault.status not in Definite:
            await _write(core, scope, lambda tx: idempotency.release(tx, scope))
            raise
        response = problem_response(fault, request.scope["state"].get("request_id"))
    if answering.kept is None:
        await _write(core, scope, lambda tx: answering.keep(tx, response))
    return response


async def _write(core: Core, scope: idempotency.Scope, what: Callable[[Tx], Awaitable[None]]) -> None:
    """Say what became of a claim; as soon as Postgres is there, when it is not. Nobody else may say it while we live.

    Raises:
        DatabaseUnavailable: it will be said later.
    """
    try:
        await _in_one(core, scope, what)
    except DatabaseUnavailable:
        core.life.see_to(lambda: _in_one(core, scope, what))
        raise


def _give_back_later(core: Core, scope: idempotency.Scope) -> None:
    """The claim was lost on its way, or made without anybody being told: give it back if it is there."""
    core.life.see_to(lambda: _in_one(core, scope, lambda tx: idempotency.release(tx, scope)))


async def _in_one(core: Core, scope: idempotency.Scope, what: Callable[[Tx], Awaitable[None]]) -> None:
    with unwitnessed():
        async with core.database.tx(scope.tenant_id) as tx:
            await what(tx)
