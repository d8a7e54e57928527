"""By whose accounts people sign in: providers added, checked, changed and removed, and whether staff must come by one.

A secret goes in by a form, and is on no page.
"""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Request
from pydantic import BeforeValidator, Field
from starlette.responses import Response

from backoffice.desk import Desk, desk, prove_at
from backoffice.typed import NOTHING, Typed, refused
from commerce.external_sign_in import configuring
from commerce.external_sign_in.leaving import logout_path
from commerce.external_sign_in.provider_schemas import (
    CheckOut,
    Code,
    Domain,
    ProviderChange,
    ProviderIn,
    Secret,
    StaffSignInIn,
)
from commerce.external_sign_in.starting import return_path
from commerce.federation import providers
from commerce.federation.kinds import KINDS, KindName
from commerce.federation.providers import Provider
from commerce.federation.refusals import ProviderInvalid, ProviderUnusable
from commerce.http import front_of, home_of
from commerce.policies.roles import ROLES
from foundation.errors import Problem
from foundation.types import Id, Text
from pages.forms import Button, blank, read, split_lines, ticked, unixed, whole

HERE = "/back-office/identity-providers"
router = APIRouter(prefix=HERE)
Reader = Annotated[Desk, Depends(desk("identity_providers:read"))]
Asker = Annotated[Desk, Depends(desk("identity_providers:write"))]
Writer = Annotated[Desk, Depends(desk("identity_providers:write", proved_anew=True))]
ProviderId = Annotated[Id, Path()]
Kind = Annotated[KindName, Path()]
TITLES: dict[KindName, str] = {"google": "Google", "apple": "Apple", "facebook": "Facebook", "oidc": "Another provider"}
REASONS = {
    "address": "Its address is none that may be asked.",
    "no_answer": "It does not answer.",
    "answer": "What it answers is no discovery document.",
    "issuer": "Its discovery document names another issuer.",
    "insecure": "It is not asked by https.",
    "code_flow": "It does not sign people in by a code.",
    "algorithms": "It signs by nothing that is taken.",
    "pkce": "It does not take PKCE by S256.",
    "client_authentication": "It does not take the secret in this way.",
    "keys": "It publishes no key that can be used.",
    "client": "It does not know this client, or not by this secret.",
}
"""Why a provider can't be used, as it is said on the page."""
_FAULTY = {
    "issuer": ("issuer", "Of this provider it is another, or it is no address."),
    "secret": ("client_secret", "It is no secret."),
    "key": ("client_secret", "It is no private key of Apple's, or its team or key id is missing."),
    "domains": ("domains", "A role takes domains, else anybody would be hired."),
    "role": ("role", "There is no such role."),
    "audience": ("audience", "Only providers of staff have domains and a role."),
}
Domains = Annotated[list[Domain], BeforeValidator(split_lines), Field(default_factory=list, max_length=50)]
Left = BeforeValidator(blank)


class AddForm(ProviderIn):
    """`ProviderIn` as a form has it."""

    issuer: Annotated[Annotated[str, Field(max_length=2_048)] | None, Left] = None
    client_secret: Annotated[Secret, BeforeValidator(unixed)]
    domains: Domains
    role: Annotated[Text | None, Left] = None
    team_id: Annotated[Code | None, Left] = None
    key_id: Annotated[Code | None, Left] = None


class ChangeForm(ProviderChange):
    """`ProviderChange` as a form has it."""

    version: Annotated[int, BeforeValidator(whole)]
    client_secret: Annotated[Secret | None, BeforeValidator(unixed)] = None
    domains: Domains
    role: Annotated[Text | None, Left] = None
    team_id: Annotated[Code | None, Left] = None
    key_id: Annotated[Code | None, Left] = None
    is_enabled: Annotated[bool, BeforeValidator(ticked)] = False


@router.get("")
async def show(desk: Reader) -> Response:
    """The providers there are, and what is asked of staff."""
    return await _list(desk)


@router.get("/new/{kind}")
async def show_new(request: Request, desk: Reader, kind: Kind) -> Response:
    """One of a kind to set up."""
    return await _form(request, desk, kind)


@router.post("/new/{kind}")
async def add(request: Request, desk: Writer, kind: Kind) -> Response:
    """Set it up. It is asked what it says of itself before anything is kept."""
    try:
        form = await read(request, AddForm)
        provider_id = await configuring.add(desk.core, desk.shop, desk.staff, form.model_copy(update={"kind": kind}))
    except Problem as problem:
        return await _form(request, desk, kind, typed=await _refused(request, problem))
    return desk.redirect(f"{HERE}/{provider_id}", "provider-added")


@router.post("/staff")
async def require_of_staff(request: Request, desk: Writer) -> Response:
    """Let the shop's own staff come by a provider only, but for whoever asks it."""
    try:
        form = await read(request, StaffSignInIn)
        async with desk.tx() as tx:
            await configuring.require_of_staff(tx, desk.staff, form.provider_id)
    except Problem as problem:
        return await _list(desk, await refused(request, problem))
    return desk.redirect(HERE, "provider-required")


@router.post("/staff/release")
async def release_staff(request: Request, desk: Writer) -> Response:
    """Let them come by any way again."""
    await read(request, Button)
    async with desk.tx() as tx:
        await configuring.ask_no_more_of_staff(tx, desk.staff)
    return desk.redirect(HERE, "provider-not-required")


@router.get("/{provider_id}")
async def show_one(request: Request, desk: Reader, provider_id: ProviderId) -> Response:
    """One of them, to change."""
    provider = await _one(desk, provider_id)
    return await _form(request, desk, provider.kind, provider)


@router.post("/{provider_id}")
async def change(request: Request, desk: Writer, provider_id: ProviderId) -> Response:
    """Set it up otherwise, or switch it on or off."""
    try:
        form = await read(request, ChangeForm)
        await configuring.change(desk.core, desk.shop, desk.staff, provider_id, form)
    except Problem as problem:
        provider = await _one(desk, provider_id)
        return await _form(request, desk, provider.kind, provider, typed=await _refused(request, problem))
    return desk.redirect(f"{HERE}/{provider_id}", "changed")


@router.post("/{provider_id}/check")
async def check(request: Request, desk: Asker, provider_id: ProviderId) -> Response:
    """Ask it now what it says of itself, and for its keys."""
    await read(request, Button)
    provider = await _one(desk, provider_id)
    return await _form(request, desk, provider.kind, provider, checked=await configuring.check(desk.core, provider))


@router.post("/{provider_id}/removal")
async def remove(request: Request, desk: Writer, provider_id: ProviderId) -> Response:
    """Let it go, with its secret and the identities that were linked by it."""
    try:
        await read(request, Button)
        await configuring.remove(desk.core, desk.shop, desk.staff, provider_id)
    except Problem as problem:
        provider = await _one(desk, provider_id)
        return await _form(request, desk, provider.kind, provider, typed=await _refused(request, problem))
    return desk.redirect(HERE, "provider-removed")


async def _one(desk: Desk, provider_id: Id) -> Provider:
    async with desk.tx(read_only=True) as tx:
        return await providers.one(tx, provider_id)


async def _refused(request: Request, problem: Problem) -> Typed:
    typed = await refused(request, problem)
    if isinstance(problem, ProviderUnusable):
        where = "client_authentication" if problem.reason == "client_authentication" else "issuer"
        return Typed(typed.values, {where: REASONS[problem.reason]}, problem)
    if isinstance(problem, ProviderInvalid):
        where, why = _FAULTY[problem.reason]
        return Typed(typed.values, {where: why}, problem)
    return typed


async def _list(desk: Desk, typed: Typed = NOTHING) -> Response:
    async with desk.tx(read_only=True) as tx:
        found = await providers.every(tx)
        staff = await configuring.staff_sign_in(tx)
    return desk.page(
        "identity_providers.html",
        typed=typed,
        providers=found,
        of_staff=staff,
        titles=TITLES,
        most=providers.MOST,
        proved=await desk.has_proved(),
        prove_at=prove_at(HERE),
    )


async def _form(
    request: Request,
    desk: Desk,
    kind: KindName,
    provider: Provider | None = None,
    *,
    typed: Typed = NOTHING,
    checked: CheckOut | None = None,
) -> Response:
    here = f"{HERE}/{provider.id}" if provider else f"{HERE}/new/{kind}"
    homes = dict.fromkeys((front_of(request, desk.shop), home_of(request)))
    return desk.page(
        "identity_provider.html",
        typed=typed,
        kind=kind,
        title=TITLES[kind],
        peculiar=KINDS[kind],
        provider=provider,
        at=here,
        come_back=[f"{home}{return_path(provider.id)}" for home in homes] if provider else [],
        logout_uri=f"{front_of(request, desk.shop)}{logout_path(provider.id)}" if provider else None,
        roles=_roles(desk, provider),
        checked=checked,
        reasons=REASONS,
        proved=await desk.has_proved(),
        prove_at=prove_at(here),
    )


def _roles(desk: Desk, provider: Provider | None) -> list[tuple[str, str]]:
    """Those that whoever asks may have newcomers given, and the one that they are given now."""
    present = provider.role if provider else None
    return [
        (role.name, role.title)
        for role in ROLES.values()
        if role.name == present or (not role.for_vendors and role.permissions <= desk.staff.scopes)
    ]
