"""Pages to sign in: by password, by a link, by a code.

A link in a mail leads to a page with a button: programs that look at mails open links, and must not use them up.
"""

from __future__ import annotations

from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from commerce.accounts import proving
from commerce.federation import providers
from commerce.federation.refusals import StaffProviderRequired
from commerce.policies import areas
from commerce.sessions import service as ways
from commerce.sessions.answering import asking_of, give_cookies
from commerce.sessions.sending import Sending, evenly
from commerce.sessions.signing_in import Asking, Outcome, SecondFactorNeeded
from foundation.errors import Problem
from pages.forms import read
from storefront.forms import LocalPath
from storefront.identity_forms import HOME, CodeForm, EmailForm, PasswordForm, PhoneForm, TokenForm
from storefront.passkey_forms import PasskeyAsked
from storefront.problems import field_errors, words
from storefront.visit import Visit, VisitDep

TICKET = "tradewind_ticket"
SECOND_FACTOR = "/sign-in/second-factor"
BACK_OFFICE = "/back-office"
_TICKET_SECONDS = 600
router = APIRouter(route_class=areas.within(areas.AUTHENTICATION))

Next = Annotated[LocalPath, Query()]


def shown(visit: Visit, template: str, problem: Problem | None = None, **context: Any) -> Response:
    """A page of these, with what went wrong on it."""
    said = words(problem) if problem else ("", "")
    faults = field_errors(problem) if problem else []
    status = problem.status if problem else 200
    return visit.page(template, status=status, problem=problem, said=said, faults=faults, **context)


def asking(request: Request, visit: Visit) -> Asking:
    """This request to sign in."""
    return asking_of(request, visit.shop, visit.shopper)


def sending(request: Request, visit: Visit) -> Sending:
    """Something to be sent for this request."""
    return Sending(visit.core, visit.shop, asking(request, visit))


def arrived(visit: Visit, outcome: Outcome, path: str, notice: str = "signed-in") -> Response:
    """Go on to a page as whoever has signed in, or to where the second factor is asked for, with a ticket. In a closed
    shop there is nothing to go on to but its back office.
    """
    if not visit.shop.is_open and not path.startswith(BACK_OFFICE):
        path = BACK_OFFICE
    if isinstance(outcome, SecondFactorNeeded):
        visit.cookies.set_cookie(
            TICKET,
            outcome.ticket,
            max_age=_TICKET_SECONDS,
            httponly=True,
            samesite="lax",
            secure=visit.core.settings.environment == "production",
            path=SECOND_FACTOR,
        )
        return visit.redirect(f"{SECOND_FACTOR}?{urlencode({'next': path})}")
    give_cookies(visit.cookies, outcome, visit.core)
    return visit.redirect(path, notice)


def leave(visit: Visit, url: str, name: str, text: str) -> Response:
    """A page with a link to one of somebody else's, which the browser follows by itself. It would follow no redirect
    of a form there, as the page's policy has it.
    """
    page = visit.page("leave.html", url=url, name=name, text=text)
    page.headers["Refresh"] = f"0; url={url}"
    return page


def check_mail(visit: Visit, address: str, what: str) -> Response:
    """The page that says where something was sent."""
    is_local = visit.core.settings.environment != "production"
    mailbox = visit.core.settings.mailbox_url if is_local else None
    return visit.page("check_mail.html", address=address, what=what, mailbox=mailbox)


@router.get("/sign-in")
async def show_sign_in(request: Request, visit: VisitDep, next: Next = HOME) -> Response:  # noqa: A002  (the name in the address)
    """Sign in."""
    return await sign_in_page(request, visit, "", next)


@router.post("/sign-in")
async def sign_in(request: Request, visit: VisitDep) -> Response:
    """Sign in by e-mail address and password; the cart comes along."""
    form = None
    try:
        form = await read(request, PasswordForm)
        outcome = await ways.by_password(
            visit.core, visit.shop, asking(request, visit), email=form.email, password=form.password
        )
    except Problem as problem:
        email, onward = (form.email, form.next) if form else ("", HOME)
        return await sign_in_page(request, visit, email, onward, problem)
    return arrived(visit, outcome, form.next)


async def sign_in_page(
    request: Request, visit: Visit, email: str, onward: str, problem: Problem | None = None
) -> Response:
    """The page to sign in at, with what went wrong; whoever is on the way to the back office is shown the providers of
    staff.
    """
    asked = await proving.ask_for_passkey(visit.core, visit.shop, asking(request, visit))
    to_work = onward.startswith(BACK_OFFICE) or not visit.shop.is_open
    for_staff = to_work or isinstance(problem, StaffProviderRequired)
    async with visit.core.database.tx(visit.shop.id, read_only=True) as tx:
        usable = await providers.every(tx, usable=True)
    return shown(
        visit,
        "sign_in.html",
        problem,
        email=email,
        next=onward,
        asked=PasskeyAsked.of(asked),
        providers=[one for one in usable if one.audience == ("staff" if for_staff else "customers")],
    )


@router.get("/sign-in/email")
async def show_link_request(visit: VisitDep) -> Response:
    """Have a link sent."""
    return shown(visit, "sign_in_email.html", email="")


@router.post("/sign-in/email")
async def send_link(request: Request, visit: VisitDep) -> Response:
    """Send a link that signs in."""
    try:
        form = await read(request, EmailForm)
        async with evenly():
            await ways.ask_for_link(sending(request, visit), email=form.email)
    except Problem as problem:
        return shown(visit, "sign_in_email.html", problem, email="")
    return check_mail(visit, form.email, "a link that signs you in. It is good for fifteen minutes")


@router.get("/sign-in/link")
async def show_link(visit: VisitDep, token: Annotated[str, Query(max_length=100)] = "") -> Response:
    """The page that the link leads to."""
    return _link_page(visit, token)


@router.post("/sign-in/link")
async def sign_in_by_link(request: Request, visit: VisitDep) -> Response:
    """Sign in by the link."""
    try:
        form = await read(request, TokenForm)
        async with visit.core.database.tx(visit.shop.id) as tx:
            outcome = await ways.by_link(tx, form.token, visit.core.settings, asking(request, visit))
    except Problem as problem:
        return _link_page(visit, "", problem)
    return arrived(visit, outcome, HOME)


def _link_page(visit: Visit, token: str, problem: Problem | None = None) -> Response:
    return shown(
        visit,
        "press.html",
        problem,
        token=token,
        title="Sign in",
        text=f"One click, and you are signed in to {visit.shop.name}.",
        action="/sign-in/link",
        button="Sign in",
        again=("/sign-in/email", "Send me another link"),
    )


@router.get("/sign-in/phone")
async def show_phone(visit: VisitDep, next: Next = HOME) -> Response:  # noqa: A002
    """Have a code sent."""
    return shown(visit, "sign_in_phone.html", next=next)


@router.post("/sign-in/phone")
async def send_code(request: Request, visit: VisitDep) -> Response:
    """Send a code that signs in."""
    try:
        form = await read(request, PhoneForm)
        async with evenly():
            sent = await ways.ask_for_code(sending(request, visit), phone=form.phone)
    except Problem as problem:
        return shown(visit, "sign_in_phone.html", problem, next=HOME)
    return code_page(visit, "/sign-in/code", str(sent.id), next=form.next)


@router.post("/sign-in/code")
async def sign_in_by_code(request: Request, visit: VisitDep) -> Response:
    """Sign in by the code."""
    form = None
    try:
        form = await read(request, CodeForm)
        outcome = await ways.by_code(visit.core, visit.shop, asking(request, visit), proof_id=form.id, code=form.code)
    except Problem as problem:
        if form is None:
            raise
        return code_page(visit, "/sign-in/code", str(form.id), problem, next=form.next)
    return arrived(visit, outcome, form.next)


def code_page(visit: Visit, action: str, code_id: str, problem: Problem | None = None, *, next: str) -> Response:  # noqa: A002
    """The page that asks for a code."""
    is_local = visit.core.settings.environment != "production"
    mailbox = visit.core.settings.mailbox_url if is_local else None
    return shown(visit, "code.html", problem, action=action, code_id=code_id, next=next, mailbox=mailbox)
