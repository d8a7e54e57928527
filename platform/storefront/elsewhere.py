"""Pages to sign in by a provider, to link what it knows one by, and to come back from it.

A browser is sent away by a form of ours alone, so that no other site can begin it. It comes back by a link, in the
session that it left in, or by a form (Apple's), which only leads to that link: our cookies don't come with a form of
another site.
"""

from __future__ import annotations

from typing import Annotated
from urllib.parse import urlencode
from uuid import UUID

from fastapi import APIRouter, Query, Request
from pydantic import StringConstraints
from starlette.responses import RedirectResponse, Response

from commerce.cross_site import open_to_other_sites
from commerce.external_sign_in import finishing, linking, starting
from commerce.external_sign_in.finishing import Answer, Back
from commerce.federation import providers
from commerce.federation.attempts import LIVES, Purpose
from commerce.federation.refusals import AttemptOver, LinkFirst
from commerce.http import set_session_cookie
from commerce.identity.proofs import LIVES as TICKETS
from commerce.identity.proofs import ProofNotGood
from commerce.identity.proofs import Purpose as Proved
from commerce.policies import areas
from foundation.access import ANYONE, needs
from foundation.errors import Problem
from pages.forms import Button, fields, read
from storefront.factors import Elsewhere, proved
from storefront.identity_forms import HOME, NextForm
from storefront.second_factors import CONFIRM, confirm_page
from storefront.security import IDENTITY, PAGE, member_of, page
from storefront.signing_in import arrived, asking, leave, sign_in_page
from storefront.visit import Visit, VisitDep

IDENTITIES = f"{PAGE}/identities"
_BROUGHT = ("state", "code", "iss", "error")
_MOST_FIELDS = 20
_LONGEST = 4_096
router = APIRouter(route_class=areas.within(areas.AUTHENTICATION))
Value = Annotated[Annotated[str, StringConstraints(min_length=1, max_length=_LONGEST)] | None, Query()]


@router.post("/sign-in/with/{provider_id}")
async def begin(request: Request, visit: VisitDep, provider_id: UUID) -> Response:
    """Go to a provider to sign in."""
    form = await read(request, NextForm)
    try:
        return await _away(request, visit, provider_id, "sign_in", form.next)
    except Problem as problem:
        return await sign_in_page(request, visit, "", form.next, problem)


@router.post(f"{CONFIRM}/with/{{provider_id}}")
async def prove(request: Request, visit: VisitDep, provider_id: UUID) -> Response:
    """Go to a provider to prove once more who one is."""
    form = await read(request, NextForm)
    if member_of(visit) is None:
        return visit.redirect("/sign-in")
    try:
        return await _away(request, visit, provider_id, "step_up", form.next)
    except Problem as problem:
        return await confirm_page(request, visit, form.next, problem)


@router.post(f"{IDENTITIES}/with/{{provider_id}}")
@areas.about(areas.CREDENTIALS)
async def link(request: Request, visit: VisitDep, provider_id: UUID) -> Response:
    """Go to a provider to link what it knows one by."""
    await read(request, Button)
    try:
        await proved(visit, PAGE)
        return await _away(request, visit, provider_id, "link", PAGE)
    except Elsewhere as elsewhere:
        return elsewhere.response
    except Problem as problem:
        return await page(visit, problem)


@router.post(f"{IDENTITIES}/waiting")
@areas.about(areas.CREDENTIALS)
async def link_waiting(request: Request, visit: VisitDep) -> Response:
    """Link what this browser brought before its owner had signed in."""
    await read(request, Button)
    try:
        member = await proved(visit, PAGE)
        ticket = request.cookies.get(IDENTITY, "")
        await linking.link_waiting(visit.core, visit.shop, asking(request, visit), member, ticket)
    except Elsewhere as elsewhere:
        return elsewhere.response
    except Problem as problem:
        if isinstance(problem, ProofNotGood):
            visit.cookies.delete_cookie(IDENTITY, path=PAGE)
        return await page(visit, problem)
    visit.cookies.delete_cookie(IDENTITY, path=PAGE)
    return visit.redirect(PAGE, "identity-linked")


@router.post(f"{IDENTITIES}/{{identity_id}}/unlink")
@areas.about(areas.CREDENTIALS)
async def unlink(request: Request, visit: VisitDep, identity_id: UUID) -> Response:
    """Let an identity go."""
    await read(request, Button)
    try:
        member = await proved(visit, PAGE)
        await linking.unlink(visit.core, visit.shop, asking(request, visit), member, identity_id)
    except Elsewhere as elsewhere:
        return elsewhere.response
    except Problem as problem:
        return await page(visit, problem)
    return visit.redirect(PAGE, "identity-unlinked")


@router.post("/sign-in/with/{provider_id}/return")
@open_to_other_sites
@needs(ANYONE)
async def come_back_by_form(request: Request, provider_id: UUID) -> Response:
    """From a provider, by a form of its: nothing in it is believed, and no cookie came with it. The link that it leads
    to brings our own.
    """
    sent = await fields(request, _MOST_FIELDS)
    brought = {name: str(sent[name])[:_LONGEST] for name in _BROUGHT if sent.get(name)}
    return RedirectResponse(f"{starting.return_path(provider_id)}?{urlencode(brought)}", status_code=303)


@router.get("/sign-in/with/{provider_id}/return")
async def come_back(
    request: Request,
    visit: VisitDep,
    provider_id: UUID,
    state: Value = None,
    code: Value = None,
    iss: Value = None,
    error: Value = None,
) -> Response:
    """From a provider."""
    answer = Answer(state or "", code, iss, error)
    back = None
    try:
        back = await finishing.recognise(visit.core, visit.shop, asking(request, visit), answer.state)
        if back.provider.id != provider_id:
            return await _failed(request, visit, None, AttemptOver())
        return await _finish(request, visit, back, answer)
    except Problem as problem:
        return await _failed(request, visit, back, problem)


async def _away(request: Request, visit: Visit, provider_id: UUID, purpose: Purpose, onward: str) -> Response:
    member = member_of(visit) if purpose != "sign_in" else None
    asker = asking(request, visit)
    sent = await starting.begin(visit.core, visit.shop, asker, provider_id, purpose, member=member, onward=onward)
    minutes = int(LIVES.total_seconds() // 60)
    text = f"You sign in there and come back by yourself, within {minutes} minutes."
    return leave(visit, sent.url, await _name(visit, provider_id), text)


async def _name(visit: Visit, provider_id: UUID) -> str:
    async with visit.core.database.tx(visit.shop.id, read_only=True) as tx:
        return (await providers.one(tx, provider_id)).name


async def _finish(request: Request, visit: Visit, back: Back, answer: Answer) -> Response:
    core, shop, asker = visit.core, visit.shop, asking(request, visit)
    member = member_of(visit)
    if back.attempt.purpose == "sign_in" or member is None:
        return arrived(visit, await finishing.sign_in(core, shop, asker, back, answer), back.attempt.onward)
    if back.attempt.purpose == "link":
        await finishing.link(core, shop, asker, member, back, answer)
        return visit.redirect(PAGE, "identity-linked")
    set_session_cookie(visit.cookies, await finishing.step_up(core, shop, member, back, answer), core.settings)
    return visit.redirect(back.attempt.onward, "proved")


async def _failed(request: Request, visit: Visit, back: Back | None, problem: Problem) -> Response:
    """The page that it was begun on, with what went wrong."""
    purpose = back.attempt.purpose if back else "sign_in"
    onward = back.attempt.onward if back else HOME
    if purpose == "link":
        return await page(visit, problem)
    if purpose == "step_up":
        return await confirm_page(request, visit, onward, problem)
    if isinstance(problem, LinkFirst):
        _keep(visit, problem.ticket)
        onward = PAGE
    return await sign_in_page(request, visit, "", onward, problem)


def _keep(visit: Visit, ticket: str) -> None:
    visit.cookies.set_cookie(
        IDENTITY,
        ticket,
        max_age=int(TICKETS[Proved.IDENTITY].total_seconds()),
        httponly=True,
        samesite="lax",
        secure=visit.core.settings.environment == "production",
        path=PAGE,
    )
