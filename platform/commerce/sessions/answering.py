"""How an answer tells a browser whom it is signed in as."""

from __future__ import annotations

from fastapi import Request, Response

from commerce.http import Core, browser_of, home_of, set_device_cookie, set_session_cookie
from commerce.identity.service import Shopper
from commerce.sessions.schemas import SecondFactorOut, SessionOut
from commerce.sessions.signing_in import Asking, Outcome, SecondFactorNeeded, SignedIn
from commerce.tenancy.service import Shop


def asking_of(request: Request, shop: Shop, current: Shopper | None) -> Asking:
    """A request to sign in."""
    return Asking(current, browser_of(request), shop.locale, home_of(request))


def give_cookies(response: Response, signed_in: SignedIn, core: Core) -> None:
    """Give the browser its new session, and what it is known by."""
    set_session_cookie(response, signed_in.token, core.settings)
    set_device_cookie(response, signed_in.device_token, core.settings)


def answered(response: Response, outcome: Outcome, core: Core) -> SessionOut | SecondFactorOut:
    """The session (201), or what else is needed (202)."""
    if isinstance(outcome, SecondFactorNeeded):
        response.status_code = 202
        return SecondFactorOut(ticket=outcome.ticket, factors=list(outcome.factors), expires_at=outcome.expires_at)
    give_cookies(response, outcome, core)
    response.status_code = 201
    return session_out(outcome.shopper)


def session_out(shopper: Shopper) -> SessionOut:
    """What a client may know of its session."""
    return SessionOut(
        id=shopper.session_id,
        visitor_id=shopper.visitor_id,
        customer_id=shopper.customer_id,
        display_name=shopper.display_name,
        consent=list(shopper.consent),
        account_id=shopper.account_id,
        amr=list(shopper.amr),
        authenticated_at=shopper.authenticated_at,
    )
