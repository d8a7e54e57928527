"""Keys of the API: made and shown once, replaced, ended."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Path, Request
from starlette.responses import Response

from backoffice.desk import Desk, desk
from backoffice.typed import NOTHING, Typed, refused
from commerce.identity import keys, makers
from commerce.policies.registry import PERMISSIONS, SCOPES
from commerce.programs.key_schemas import ReplaceIn, Scopes
from foundation import audit, clock
from foundation.errors import Problem
from foundation.types import Id, Input, Text
from pages.forms import Button, read

router = APIRouter(prefix="/back-office/api-keys")
Reader = Annotated[Desk, Depends(desk("api_keys:read"))]
Writer = Annotated[Desk, Depends(desk("api_keys:write"))]
KeyId = Annotated[Id, Path()]
HERE = "/back-office/api-keys"
_MANY = 250
LASTS = {"30": "30 days", "90": "90 days", "365": "A year", "": "Until it is ended"}


class KeyForm(Input):
    """A key to make."""

    name: Text
    scopes: Scopes
    days: Literal["30", "90", "365", ""] = "90"


@router.get("")
async def show(desk: Reader) -> Response:
    """The keys there are, ended ones too."""
    return await _page(desk)


@router.post("")
async def make(request: Request, desk: Writer) -> Response:
    """A new key. It is on the page that answers, and on no other."""
    try:
        form = await read(request, KeyForm, lists=("scopes",), most=_MANY)
        expires_at = clock.now() + timedelta(days=int(form.days)) if form.days else None
        async with desk.tx() as tx:
            key, secret = await keys.make(
                tx, desk.staff, name=form.name, scopes=form.scopes, vendor_id=None, expires_at=expires_at
            )
            audit.made("key", key.id)
    except Problem as problem:
        return await _page(desk, await refused(request, problem, field="scopes"))
    return await _page(desk, secret=secret)


@router.post("/{key_id}/replacement")
async def replace(request: Request, desk: Writer, key_id: KeyId) -> Response:
    """A new key like this one, which stays good for a day."""
    await read(request, Button)
    overlap = timedelta(hours=ReplaceIn().overlap_hours)
    async with desk.tx() as tx:
        key, secret = await keys.replace(tx, desk.staff, key_id, None, overlap=overlap)
        audit.made("key", key.id)
    return await _page(desk, secret=secret)


@router.post("/{key_id}/end")
async def end(request: Request, desk: Writer, key_id: KeyId) -> Response:
    """It opens nothing from now on."""
    await read(request, Button)
    async with desk.tx() as tx:
        await keys.end(tx, key_id, None)
    return desk.redirect(HERE, "key-ended")


async def _page(desk: Desk, typed: Typed = NOTHING, *, secret: str | None = None) -> Response:
    async with desk.tx(read_only=True) as tx:
        found = await keys.keys(tx, None)
        named = await makers.named(tx, (key.created_by for key in found))
    permissions = [(name, PERMISSIONS[name].meaning) for name in SCOPES if name in desk.staff.scopes]
    return desk.page(
        "api_keys.html",
        typed=typed,
        keys=found,
        makers=named,
        permissions=permissions,
        lasts=LASTS,
        secret=secret,
        now=clock.now(),
    )
