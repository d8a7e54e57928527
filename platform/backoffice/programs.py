"""Programs that act for people or for the shop by OAuth."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Request
from pydantic import BeforeValidator, Field
from starlette.responses import Response

from backoffice.desk import Desk, desk
from backoffice.proposals import AGREED, NO_PROPOSAL, Proposal, Proposed, proposal
from backoffice.typed import NOTHING, Typed, refused
from commerce.channels import service as channels
from commerce.identity import makers
from commerce.oauth import clients
from commerce.oauth.clients import GrantType
from commerce.policies.registry import PERMISSIONS, SCOPES
from commerce.programs.key_schemas import Scopes
from commerce.programs.schemas import RedirectUris
from foundation import audit
from foundation.errors import Problem
from foundation.types import Id, Input, Slug, Text
from pages.forms import Button, blank, read, split_lines

router = APIRouter(prefix="/back-office/programs")
Reader = Annotated[Desk, Depends(desk("programs:read"))]
Writer = Annotated[Desk, Depends(desk("programs:write"))]
ProgramId = Annotated[Id, Path()]
HERE = "/back-office/programs"
_MANY = 250
OF_CUSTOMERS = {
    "store:read": "See what a customer who lets it in sees: orders, addresses, lists.",
    "store:write": "Buy, and change what is theirs, for a customer who lets it in.",
}
_GRANTS: dict[str, list[GrantType]] = {
    "people": ["authorization_code", "refresh_token"],
    "itself": ["client_credentials"],
}


class ProgramForm(Input):
    """A program to register."""

    name: Text
    kind: Literal["confidential", "public"]
    acts_for: Literal["people", "itself"]
    """For people who let it in, or in its own name."""
    scopes: Scopes
    redirect_uris: Annotated[RedirectUris, BeforeValidator(split_lines), Field(default_factory=list)]
    channel: Annotated[Slug | None, BeforeValidator(blank)] = None


class ChangeForm(Proposed):
    """What a program is to be."""

    name: Text
    scopes: Scopes
    redirect_uris: Annotated[RedirectUris, BeforeValidator(split_lines), Field(default_factory=list)]
    channel: Annotated[Slug | None, BeforeValidator(blank)] = None


@router.get("")
async def show(desk: Reader) -> Response:
    """The programs there are."""
    return await _page(desk)


@router.post("")
async def register(request: Request, desk: Writer) -> Response:
    """Register a program. Its secret is on the page that answers, and on no other."""
    try:
        form = await read(request, ProgramForm, lists=("scopes",), most=_MANY)
        async with desk.tx() as tx:
            made, secret = await clients.register(
                tx,
                desk.staff,
                name=form.name,
                kind=form.kind,
                redirect_uris=form.redirect_uris,
                grants=_GRANTS[form.acts_for],
                scopes=form.scopes,
                channel=form.channel,
            )
            audit.made("program", made.id)
    except Problem as problem:
        return await _page(desk, await refused(request, problem, field="redirect_uris"))
    return await _page(desk, shown=(str(made.id), secret))


@router.get("/{program_id}")
async def show_one(desk: Reader, program_id: ProgramId) -> Response:
    """One of them."""
    return await _one(desk, program_id)


@router.post("/{program_id}")
async def change(request: Request, desk: Writer, program_id: ProgramId) -> Response:
    """Show what would be changed, or change it."""
    try:
        form = await read(request, ChangeForm, lists=("scopes",), most=_MANY)
        asked = form.model_dump(exclude={AGREED})
        async with desk.tx() as tx:
            before, after = await clients.proposed(tx, desk.staff, program_id, **asked)
            if form.agreed:
                await clients.change(tx, desk.staff, program_id, **asked)
    except Problem as problem:
        return await _one(desk, program_id, await refused(request, problem, field="redirect_uris"))
    if form.agreed or before == after:
        return desk.redirect(f"{HERE}/{program_id}", "changed")
    return await _one(desk, program_id, proposed=after, proposal=await proposal(request, asdict(before), asdict(after)))


@router.post("/{program_id}/secret")
async def new_secret(request: Request, desk: Writer, program_id: ProgramId) -> Response:
    """A new secret; the old one is good no longer."""
    await read(request, Button)
    async with desk.tx() as tx:
        secret = await clients.new_secret(tx, desk.staff, program_id)
    return await _page(desk, shown=(str(program_id), secret))


@router.post("/{program_id}/end")
async def end(request: Request, desk: Writer, program_id: ProgramId) -> Response:
    """It may do nothing from now on."""
    await read(request, Button)
    async with desk.tx() as tx:
        await clients.disable(tx, program_id)
    return desk.redirect(HERE, "program-ended")


async def _page(desk: Desk, typed: Typed = NOTHING, *, shown: tuple[str, str | None] | None = None) -> Response:
    async with desk.tx(read_only=True) as tx:
        found = await clients.clients(tx)
        sold_on = await channels.channels(tx)
        named = await makers.named(tx, (program.created_by for program in found))
    return desk.page(
        "programs.html",
        typed=typed,
        programs=found,
        makers=named,
        scopes=_scopes(desk),
        channels=sold_on,
        shown=shown,
    )


async def _one(
    desk: Desk,
    program_id: UUID,
    typed: Typed = NOTHING,
    *,
    proposed: clients.Client | None = None,
    proposal: Proposal = NO_PROPOSAL,
) -> Response:
    """A program, and what would be made of it."""
    async with desk.tx(read_only=True) as tx:
        present = await clients.client(tx, program_id)
        sold_on = await channels.channels(tx)
    # What it may ask for already is kept, also by whoever may not do it themselves.
    scopes = {**dict.fromkeys(present.scopes, ""), **dict(_scopes(desk))}
    return desk.page(
        "program.html",
        typed=typed,
        program=present,
        proposed=proposed or present,
        proposal=proposal,
        scopes=list(scopes.items()),
        channels=sold_on,
    )


def _scopes(desk: Desk) -> list[tuple[str, str]]:
    """What a program may be given by whoever looks, and what it means."""
    mine = {name: PERMISSIONS[name].meaning for name in SCOPES if name in desk.staff.scopes}
    return list({**OF_CUSTOMERS, **mine}.items())
