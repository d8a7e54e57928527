"""A shop's domains over HTTP, for its staff."""

from __future__ import annotations

import asyncio
from typing import Annotated, cast

from fastapi import APIRouter, Depends, Path, Request, status

from commerce.domains import checking, names, service
from commerce.domains.records import TextRecords
from commerce.domains.schemas import DomainIn, DomainList, DomainOut
from commerce.http import CoreDep, ShopDep, staff
from commerce.identity.staff import Staff
from foundation import audit
from foundation.types import Id

router = APIRouter(prefix="/v1/admin/domains", tags=["domains"])
Reader = Annotated[Staff, Depends(staff("settings:read"))]
Writer = Annotated[Staff, Depends(staff("settings:write"))]
DomainId = Annotated[Id, Path()]


def records_of(request: Request) -> TextRecords:
    """Who is asked for records."""
    return cast("TextRecords", request.app.state.text_records)


@router.get("")
async def list_domains(core: CoreDep, shop: ShopDep, _: Reader) -> DomainList:
    """The shop's domains, and the record that proves each."""
    async with core.database.tx(shop.id, read_only=True) as tx:
        return await service.every(tx)


@router.post("", status_code=status.HTTP_201_CREATED)
async def add_domain(core: CoreDep, shop: ShopDep, _: Writer, body: DomainIn) -> DomainOut:
    """Claim a domain. It is the shop's once its record is found; the first shop whose record is found gets it."""
    host = await asyncio.to_thread(names.normalised, body.host, core.settings.platform_host)
    async with core.database.tx(shop.id) as tx:
        claimed = await service.claim(tx, host)
        audit.made("domain", claimed.id)
    return claimed


@router.get("/{domain_id}")
async def read_domain(core: CoreDep, shop: ShopDep, _: Reader, domain_id: DomainId) -> DomainOut:
    """One of the shop's domains."""
    async with core.database.tx(shop.id, read_only=True) as tx:
        return await service.one(tx, domain_id)


@router.post("/{domain_id}/checks")
async def check_domain(request: Request, core: CoreDep, shop: ShopDep, _: Writer, domain_id: DomainId) -> DomainOut:
    """Look for the record now instead of when the worker does next."""
    days = core.settings.domain_lapse_days
    await checking.verify(core.database, records_of(request), shop.id, domain_id, lapse_days=days)
    core.directory.heard(str(shop.id))
    async with core.database.tx(shop.id, read_only=True) as tx:
        return await service.one(tx, domain_id)


@router.put("/{domain_id}/primary")
async def make_primary(core: CoreDep, shop: ShopDep, _: Writer, domain_id: DomainId) -> DomainOut:
    """Send whoever asks for a page at another of the shop's names to this domain."""
    async with core.database.tx(shop.id) as tx:
        await service.make_primary(tx, domain_id)
        made = await service.one(tx, domain_id)
    core.directory.heard(str(shop.id))
    return made


@router.delete("/{domain_id}/primary")
async def make_ordinary(core: CoreDep, shop: ShopDep, _: Writer, domain_id: DomainId) -> DomainOut:
    """Send nobody there any more."""
    async with core.database.tx(shop.id) as tx:
        await service.make_ordinary(tx, domain_id)
        made = await service.one(tx, domain_id)
    core.directory.heard(str(shop.id))
    return made


@router.delete("/{domain_id}", status_code=status.HTTP_204_NO_CONTENT)
async def remove_domain(core: CoreDep, shop: ShopDep, _: Writer, domain_id: DomainId) -> None:
    """Give the domain up; the shop does not answer to it from now on."""
    async with core.database.tx(shop.id) as tx:
        await service.remove(tx, domain_id)
    core.directory.heard(str(shop.id))
