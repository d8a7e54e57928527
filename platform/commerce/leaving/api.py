"""What a shop takes along, as its staff ask for it."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Response, status
from fastapi.responses import StreamingResponse

from commerce.archives.handing_out import handed_out, require_storage
from commerce.http import Core, CoreDep, ShopDep, staff
from commerce.identity.staff import Staff
from commerce.leaving import exports, storage
from commerce.leaving.exports import ExportNotFound
from commerce.leaving.schemas import ExportList, ExportOut
from commerce.recently import staff_proved_anew

router = APIRouter(prefix="/v1/admin/exports", tags=["lifecycle"])
Reader = Annotated[Staff, Depends(staff("settings:read"))]
Taker = Annotated[Staff, Depends(staff_proved_anew("settings:export"))]
ExportId = Annotated[UUID, Path()]
A_ZIP: dict[int | str, dict[str, Any]] = {
    200: {"content": {"application/zip": {}}, "description": "A ZIP; `manifest.json` names its files."}
}


@router.get("")
async def list_exports(core: CoreDep, shop: ShopDep, _: Reader) -> ExportList:
    """The shop's archives that are being made or kept."""
    async with core.database.tx(shop.id, read_only=True) as tx:
        return await exports.every(tx)


@router.post("", status_code=status.HTTP_202_ACCEPTED)
async def ask_for_export(core: CoreDep, shop: ShopDep, by: Taker, response: Response) -> ExportOut:
    """Have an archive of everything of the shop made: its rows, events and files. It is kept for a week."""
    require_storage(core.settings)
    async with core.database.tx(shop.id) as tx:
        asked = await exports.ask(tx, by=by.principal)
    response.headers["Location"] = f"{router.prefix}/{asked.id}"
    return asked


@router.get("/{export_id}")
async def read_export(core: CoreDep, shop: ShopDep, _: Reader, export_id: ExportId) -> ExportOut:
    """How far an archive is."""
    async with core.database.tx(shop.id, read_only=True) as tx:
        return await exports.one(tx, export_id)


@router.get("/{export_id}/file", response_class=StreamingResponse, responses=A_ZIP)
async def download_export(core: CoreDep, shop: ShopDep, by: Taker, export_id: ExportId) -> StreamingResponse:
    """The archive. `Repr-Digest` (RFC 9530) is its SHA-256."""
    return await file_of(core, shop.id, shop.slug, export_id, by=by.principal)


async def file_of(core: Core, tenant_id: UUID, slug: str, export_id: UUID, *, by: str) -> StreamingResponse:
    """An archive of a shop, which somebody takes.

    Raises:
        ExportNotFound, ExportNotReady, NoStorage.
    """
    url = require_storage(core.settings)
    async with core.database.tx(tenant_id) as tx:
        export, made = await exports.take(tx, export_id, by=by)
    pieces = storage.Store.at(url).read(storage.export_path(tenant_id, made.id, made.attempt))
    name = f"{slug}-{export.requested_at:%Y-%m-%d}.zip"
    try:
        return await handed_out(pieces, name=name, size=export.size, sha256=export.sha256)
    except FileNotFoundError as fault:
        raise ExportNotFound from fault
