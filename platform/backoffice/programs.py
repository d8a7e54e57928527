"""Programs that act for people or for the shop by OAuth."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Path, Request
from pydantic import BeforeValidator, Field
from starlette.responses import Response

from backoffice.desk import Desk, desk
from backoffice.typed import NOTHING, Typed, refused
from commerce.oauth import clients
from commerce.oauth.clients import GrantType
from commerce.policies.registry import PERMISSIONS
from commerce.programs.key_schemas import Scopes
from commerce.programs.schemas import RedirectUris
from foundation.errors import Problem
from foundation.types import Id, Input, Text
from pages.forms import Button, read, split_lines

router = APIRouter(prefix="/back-office/programs")
Reader = Annotated[Desk, Depends(desk("programs:read"))]
Writer = Annotated[Desk, Depends(desk("programs:write"))]
ClientId = Annotated[Id, Path()]
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
            )
    except Problem as problem:
        return await _page(desk, await refused(request, problem, field="redirect_uris"))
    return await _page(desk, shown=(str(made.id), secret))


@router.post("/{client_id}/secret")
async def new_secret(request: Request, desk: Writer, client_id: ClientId) -> Response:
    """A new secret; the old one is good no longer."""
    await read(request, Button)
    async with desk.tx() as tx:
        secret = await clients.new_secret(tx, desk.staff, client_id)
    return await _page(desk, shown=(str(client_id), secret))


@router.post("/{client_id}/end")
async def end(request: Request, desk: Writer, client_id: ClientId) -> Response:
    """It may do nothing from now on."""
    await read(request, Button)
    async with desk.tx() as tx:
        await clients.disable(tx, client_id)
    return desk.redirect(HERE, "program-ended")


async def _page(desk: Desk, typed: Typed = NOTHING, *, shown: tuple[str, str | None] | None = None) -> Response:
    async with desk.tx(read_only=True) as tx:
        found = await clients.clients(tx)
    mine = {name: PERMISSIONS[name].meaning for name in sorted(desk.staff.scopes) if name in PERMISSIONS}
    return desk.page(
        "programs.html", typed=typed, programs=found, scopes=list({**OF_CUSTOMERS, **mine}.items()), shown=shown
    )
