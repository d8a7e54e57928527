"""The shop's domains: claimed, proved by a record, preferred, given up."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Request
from starlette.responses import Response

from backoffice.desk import Desk, desk
from backoffice.typed import NOTHING, Typed, refused
from commerce.domains import checking, names, service
from commerce.domains.api import records_of
from commerce.domains.schemas import DomainIn
from foundation import audit
from foundation.errors import Problem
from foundation.types import Id
from pages.forms import Button, read

router = APIRouter(prefix="/back-office/domains")
Reader = Annotated[Desk, Depends(desk("settings:read"))]
Writer = Annotated[Desk, Depends(desk("settings:write"))]
DomainId = Annotated[Id, Path()]
HERE = "/back-office/domains"


@router.get("")
async def show(desk: Reader) -> Response:
    """The domains there are, and the record that proves each."""
    return await _page(desk)


@router.post("")
async def add(request: Request, desk: Writer) -> Response:
    """Claim a domain."""
    try:
        form = await read(request, DomainIn)
        host = names.normalised(form.host, desk.core.settings.platform_host)
        async with desk.tx() as tx:
            audit.made("domain", (await service.claim(tx, host)).id)
    except Problem as problem:
        return await _page(desk, await refused(request, problem, field="host"))
    return desk.redirect(HERE, "domain-added")


@router.post("/{domain_id}/check")
async def check(request: Request, desk: Writer, domain_id: DomainId) -> Response:
    """Look for the record now."""
    await read(request, Button)
    days = desk.core.settings.domain_lapse_days
    await checking.verify(desk.core.database, records_of(request), desk.shop.id, domain_id, lapse_days=days)
    desk.heard()
    async with desk.tx(read_only=True) as tx:
        found = (await service.one(tx, domain_id)).finding == "found"
    return desk.redirect(HERE, "domain-found" if found else "domain-not-found")


@router.post("/{domain_id}/primary")
async def make_primary(request: Request, desk: Writer, domain_id: DomainId) -> Response:
    """Send whoever asks for a page there."""
    await read(request, Button)
    async with desk.tx() as tx:
        await service.make_primary(tx, domain_id)
    desk.heard()
    return desk.redirect(HERE, "domain-primary")


@router.post("/{domain_id}/ordinary")
async def make_ordinary(request: Request, desk: Writer, domain_id: DomainId) -> Response:
    """Send nobody there any more."""
    await read(request, Button)
    async with desk.tx() as tx:
        await service.make_ordinary(tx, domain_id)
    desk.heard()
    return desk.redirect(HERE, "domain-ordinary")


@router.post("/{domain_id}/removal")
async def remove(request: Request, desk: Writer, domain_id: DomainId) -> Response:
    """Give it up."""
    await read(request, Button)
    async with desk.tx() as tx:
        await service.remove(tx, domain_id)
    desk.heard()
    return desk.redirect(HERE, "domain-removed")


async def _page(desk: Desk, typed: Typed = NOTHING) -> Response:
    async with desk.tx(read_only=True) as tx:
        found = await service.every(tx)
    return desk.page("domains.html", typed=typed, domains=found.items, most=service.MOST)
