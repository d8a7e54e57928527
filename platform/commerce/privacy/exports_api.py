"""Archives of what is kept about a person: asked for by themselves, or by the shop's staff for them."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator, Iterator
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Request, status
from fastapi.responses import StreamingResponse

from commerce.http import Core, CoreDep, CustomerDep, Member, ShopDep, home_of, staff
from commerce.identity.service import SignInRequired
from commerce.identity.staff import Staff
from commerce.leaving.exports import NoStorage
from commerce.leaving.storage import Store
from commerce.policies import areas
from commerce.privacy import exports
from commerce.privacy.exports import Claim, PersonExportNotFound
from commerce.privacy.schemas import PersonExportIn, PersonExportList, PersonExportOut
from commerce.recently import RecentMemberDep, staff_proved_anew
from commerce.tenancy.service import Shop
from foundation.sealed_files import opened
from foundation.settings import Settings

router = APIRouter(tags=["privacy"], route_class=areas.within(areas.PERSONAL_DATA))
MINE, THEIRS = "/v1/store/privacy/exports", "/v1/admin/customers/{customer_id}/exports"
Reader = Annotated[Staff, Depends(staff("privacy:read"))]
Writer = Annotated[Staff, Depends(staff_proved_anew("privacy:write"))]
CustomerId = Annotated[UUID, Path()]
ExportId = Annotated[UUID, Path()]
_ZIP: dict[int | str, dict[str, Any]] = {
    200: {"content": {"application/zip": {}}, "description": "A ZIP; `manifest.json` names its files and fields."}
}


@router.post(MINE, status_code=status.HTTP_202_ACCEPTED)
async def ask_for_mine(request: Request, core: CoreDep, shop: ShopDep, member: RecentMemberDep) -> PersonExportOut:
    """Have an archive made of what the shop keeps about you. A mail says when it is ready; it is kept for a week."""
    require_storage(core.settings)
    async with core.database.tx(shop.id) as tx:
        return await exports.ask(tx, buyer_of(member), by=f"account:{member.account_id}", home=home_of(request))


@router.get(MINE)
async def list_mine(core: CoreDep, shop: ShopDep, customer: CustomerDep) -> PersonExportList:
    """Your archives that are being made or kept."""
    async with core.database.tx(shop.id, read_only=True) as tx:
        return await exports.every(tx, customer.id)


@router.get(MINE + "/{export_id}/file", response_class=StreamingResponse, responses=_ZIP)
async def download_mine(
    core: CoreDep, shop: ShopDep, member: RecentMemberDep, export_id: ExportId
) -> StreamingResponse:
    """An archive of yours. `Repr-Digest` (RFC 9530) is its SHA-256."""
    return await download(core, shop, buyer_of(member), export_id, by=f"account:{member.account_id}")


@router.post(THEIRS, status_code=status.HTTP_202_ACCEPTED)
async def ask_for_theirs(
    request: Request, core: CoreDep, shop: ShopDep, by: Writer, customer_id: CustomerId, body: PersonExportIn
) -> PersonExportOut:
    """Have an archive made for a customer who asked the shop."""
    require_storage(core.settings)
    async with core.database.tx(shop.id) as tx:
        return await exports.ask(tx, customer_id, by=by.principal, home=home_of(request), reason=body.reason)


@router.get(THEIRS)
async def list_theirs(core: CoreDep, shop: ShopDep, _: Reader, customer_id: CustomerId) -> PersonExportList:
    """A customer's archives that are being made or kept."""
    async with core.database.tx(shop.id, read_only=True) as tx:
        return await exports.every(tx, customer_id)


@router.get(THEIRS + "/{export_id}/file", response_class=StreamingResponse, responses=_ZIP)
async def download_theirs(
    core: CoreDep, shop: ShopDep, by: Writer, customer_id: CustomerId, export_id: ExportId
) -> StreamingResponse:
    """A customer's archive, to be handed to them."""
    return await download(core, shop, customer_id, export_id, by=by.principal)


def buyer_of(member: Member) -> UUID:
    """The customer that an account buys as.

    Raises:
        SignInRequired: it buys as none.
    """
    if member.shopper.customer_id is None:
        raise SignInRequired
    return member.shopper.customer_id


async def download(core: Core, shop: Shop, customer_id: UUID, export_id: UUID, *, by: str) -> StreamingResponse:
    """An archive, opened as it goes out.

    Raises:
        PersonExportNotFound, PersonExportNotReady, NoStorage.
    """
    store = Store.at(require_storage(core.settings))
    async with core.database.tx(shop.id) as tx:
        export, made = await exports.take(tx, customer_id, export_id, by=by)
    pieces = _pieces(store, made, made.path(shop.id))
    try:
        first = await asyncio.to_thread(next, pieces)
    except FileNotFoundError as fault:
        raise PersonExportNotFound from fault
    digest = base64.b64encode(bytes.fromhex(export.sha256 or "")).decode()
    return StreamingResponse(
        _all(first, pieces),
        media_type="application/zip",
        headers={
            "Content-Disposition": f'attachment; filename="{shop.slug}-my-data-{export.requested_at:%Y-%m-%d}.zip"',
            "Content-Length": str(export.size),
            "Repr-Digest": f"sha-256=:{digest}:",
            "Cache-Control": "no-store",
        },
    )


def require_storage(settings: Settings) -> str:
    """The object store.

    Raises:
        NoStorage: this installation has none.
    """
    if settings.objects_url is None:
        raise NoStorage
    return settings.objects_url


def _pieces(store: Store, made: Claim, path: str) -> Iterator[bytes]:
    with store.filesystem.open(f"{store.root}/{path}", "rb") as source:
        yield from opened(source, made.key)


async def _all(first: bytes, others: Iterator[bytes]) -> AsyncIterator[bytes]:
    yield first
    while (piece := await asyncio.to_thread(next, others, None)) is not None:
        yield piece
