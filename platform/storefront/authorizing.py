"""Letting a program in: the page on which a customer says yes or no (OAuth 2.1, section 4.1).

Until the program and the address that it wants to be answered at are known to belong together, what is wrong is shown
here and nobody is sent anywhere. From then on it is said to the program.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal
from urllib.parse import parse_qsl, urlencode, urlsplit

from fastapi import APIRouter, Path, Request
from pydantic import StringConstraints
from starlette.responses import RedirectResponse, Response

from commerce.http import home_of
from commerce.identity.service import SignInRequired
from commerce.oauth import clients, grants
from commerce.oauth import scopes as scoping
from commerce.oauth.clients import Client
from commerce.oauth.protocol import OauthError, back_to, is_challenge, is_registered
from commerce.policies import areas
from commerce.programs.oauth_api import check_resource
from foundation.errors import BadRequest
from foundation.types import Id, Input
from pages.forms import Button, read
from storefront.visit import Visit, VisitDep

router = APIRouter(route_class=areas.within(areas.PROGRAMS))
MAX_QUERY = 1_900
"""Characters: it must fit the address of the page to sign in at."""
MAX_STATE = 1_000
_KNOWN = (
    "response_type",
    "client_id",
    "redirect_uri",
    "scope",
    "state",
    "code_challenge",
    "code_challenge_method",
    "resource",
)


class NobodyToAnswer(BadRequest):
    """This link to let a program in is broken."""

    code = "oauth.nobody_to_answer"


class DecisionForm(Input):
    """Yes or no, and to what: the query that was shown."""

    asked: Annotated[str, StringConstraints(max_length=MAX_QUERY)]
    decision: Literal["allow", "deny"]


@dataclass(frozen=True, slots=True)
class Asked:
    """What a program asks for, once it is known whom to answer."""

    client: Client
    redirect_uri: str
    state: str | None
    said: dict[str, str]

    def answer(self, issuer: str, **said: str) -> str:
        """The address that the browser takes the answer to (with `iss`: RFC 9207)."""
        return back_to(self.redirect_uri, **said, state=self.state, iss=issuer)

    def scopes(self) -> list[str]:
        """What it wants to be allowed.

        Raises:
            OauthError: it asks in a way, or for something, that it may not.
        """
        if self.said.get("response_type") != "code":
            raise OauthError("unsupported_response_type", "Only code is there.")
        if "authorization_code" not in self.client.grants:
            raise OauthError("unauthorized_client", "This client is not registered for that.")
        if self.said.get("code_challenge_method") != "S256" or not is_challenge(self.said.get("code_challenge", "")):
            raise OauthError("invalid_request", "code_challenge by S256 is required (PKCE).")
        allowed = scoping.of_customers(self.client.scopes)
        wanted = scoping.read(self.said.get("scope")) or allowed
        if not set(wanted) <= set(allowed):
            raise OauthError("invalid_scope", "More than this client may ask for.")
        return scoping.of_customers(wanted)


@router.get("/oauth/authorize")
async def ask(request: Request, visit: VisitDep) -> Response:
    """Ask the customer whether the program may."""
    query = request.url.query
    asked = await _asked(visit, query)
    issuer = home_of(request)
    try:
        scopes = _allowed(asked, issuer)
    except OauthError as refusal:
        return _sent(visit, asked.answer(issuer, error=refusal.error, error_description=refusal.description))
    if visit.shopper.customer_id is None:
        return visit.redirect(f"/account?{urlencode({'next': f'/oauth/authorize?{query}'})}", "sign-in-first")
    return visit.page(
        "authorize.html",
        forms_to=f"'self' {_where(asked.redirect_uri)}",
        client=asked.client,
        wishes=[scoping.OF_CUSTOMERS[scope] for scope in scopes],
        to=urlsplit(asked.redirect_uri).netloc or "an app on this device",
        asked=query,
    )


@router.post("/oauth/authorize")
async def decide(request: Request, visit: VisitDep) -> Response:
    """What the customer said goes to the program. All that was asked is looked at anew."""
    form = await read(request, DecisionForm)
    asked = await _asked(visit, form.asked)
    issuer = home_of(request)
    try:
        scopes = _allowed(asked, issuer)
    except OauthError as refusal:
        return _sent(visit, asked.answer(issuer, error=refusal.error, error_description=refusal.description))
    if visit.shopper.customer_id is None:
        return visit.redirect(f"/account?{urlencode({'next': f'/oauth/authorize?{form.asked}'})}", "sign-in-first")
    if form.decision == "deny":
        denied = "The customer said no."
        return _sent(visit, asked.answer(issuer, error="access_denied", error_description=denied))
    async with visit.core.database.tx(visit.shop.id) as tx:
        code = await grants.consent(
            tx,
            asked.client,
            customer_id=visit.shopper.customer_id,
            session_id=visit.shopper.session_id,
            scopes=scopes,
            redirect_uri=asked.redirect_uri,
            challenge=asked.said["code_challenge"],
        )
    return _sent(visit, asked.answer(issuer, code=code))


@router.get("/account/programs")
async def let_in(visit: VisitDep) -> Response:
    """The programs that the customer has let in."""
    if visit.shopper.customer_id is None:
        return visit.redirect("/account?next=/account/programs", "sign-in-first")
    async with visit.core.database.tx(visit.shop.id, read_only=True) as tx:
        found = await grants.of_customer(tx, visit.shopper.customer_id)
    return visit.page("programs.html", programs=found, meaning=scoping.OF_CUSTOMERS)


@router.post("/account/programs/{grant_id}/end")
async def end(request: Request, visit: VisitDep, grant_id: Annotated[Id, Path()]) -> Response:
    """Shut a program out."""
    await read(request, Button)
    if visit.shopper.customer_id is None:
        raise SignInRequired
    async with visit.core.database.tx(visit.shop.id) as tx:
        await grants.end_of_customer(tx, visit.shopper.customer_id, grant_id)
    return visit.redirect("/account/programs", "program-ended")


async def _asked(visit: Visit, query: str) -> Asked:
    """Who asks, and where the answer goes.

    Raises:
        NobodyToAnswer: there is no such program, or that is none of its addresses, to the letter.
    """
    try:
        pairs = parse_qsl(query, keep_blank_values=True, max_num_fields=20)
    except ValueError as fault:
        raise NobodyToAnswer from fault
    said = {name: value for name, value in pairs if value and name in _KNOWN}
    named = [name for name, _ in pairs if name in _KNOWN]
    if len(query) > MAX_QUERY or len(named) != len(set(named)) or any("\x00" in value for value in said.values()):
        raise NobodyToAnswer
    async with visit.core.database.tx(visit.shop.id, read_only=True) as tx:
        client = await clients.named(tx, said.get("client_id", ""))
    redirect_uri, state = said.get("redirect_uri", ""), said.get("state")
    if client is None or not is_registered(redirect_uri, client.redirect_uris) or len(state or "") > MAX_STATE:
        raise NobodyToAnswer
    return Asked(client, redirect_uri, state, said)


def _allowed(asked: Asked, issuer: str) -> list[str]:
    check_resource(asked.said.get("resource"), issuer)
    return asked.scopes()


def _where(redirect_uri: str) -> str:
    """The program's place, as a policy of content names it: browsers hold a form to where it is redirected to."""
    parts = urlsplit(redirect_uri)
    return f"{parts.scheme}://{parts.netloc}" if parts.scheme in {"http", "https"} else f"{parts.scheme}:"


def _sent(visit: Visit, address: str) -> Response:
    """Send the browser to the program; the address with the code is said to nobody else."""
    response = RedirectResponse(address, status_code=303)
    response.headers["Referrer-Policy"] = "no-referrer"
    response.headers["Cache-Control"] = "no-store"
    return visit.with_cookies(response)
