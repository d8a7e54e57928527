"""Archives and the end of shops, by the operator's word."""

from __future__ import annotations

from fastapi import APIRouter, Response, status
from fastapi.responses import StreamingResponse

from commerce.archives.handing_out import require_storage
from commerce.http import CoreDep
from commerce.leaving import exports
from commerce.leaving.api import A_ZIP, ExportId, file_of
from commerce.leaving.removing import RemovalNotDue
from commerce.leaving.schemas import ExportList, ExportOut, RemovalIn
from commerce.lifecycle import operating, service
from commerce.lifecycle.operating import ACTOR, OperatorDep, SlugPath
from commerce.lifecycle.schemas import ClosureOut
from foundation import clock
from foundation.errors import Unprocessable

router = APIRouter(prefix="/v1/operator/tenants/{slug}", tags=["operator"])


class SlugDiffers(Unprocessable):
    """To delete everything of the shop, type its slug exactly as it is."""

    code = "leaving.slug_differs"


@router.get("/exports")
async def list_tenant_exports(core: CoreDep, _: OperatorDep, slug: SlugPath) -> ExportList:
    """The archives of a shop that are being made or kept, whoever asked for them."""
    found = await operating.found(core, slug)
    async with core.database.tx(found.id, read_only=True) as tx:
        return await exports.every(tx)


@router.post("/exports", status_code=status.HTTP_202_ACCEPTED)
async def ask_for_tenant_export(core: CoreDep, _: OperatorDep, slug: SlugPath, response: Response) -> ExportOut:
    """Have an archive of everything of a shop made, as its staff may. They see that it was asked for."""
    require_storage(core.settings)
    found = await operating.found(core, slug)
    async with core.database.tx(found.id) as tx:
        asked = await exports.ask(tx, by=ACTOR)
    response.headers["Location"] = f"/v1/operator/tenants/{slug}/exports/{asked.id}"
    return asked


@router.get("/exports/{export_id}")
async def read_tenant_export(core: CoreDep, _: OperatorDep, slug: SlugPath, export_id: ExportId) -> ExportOut:
    """How far an archive is."""
    found = await operating.found(core, slug)
    async with core.database.tx(found.id, read_only=True) as tx:
        return await exports.one(tx, export_id)


@router.get("/exports/{export_id}/file", response_class=StreamingResponse, responses=A_ZIP)
async def download_tenant_export(
    core: CoreDep, _: OperatorDep, slug: SlugPath, export_id: ExportId
) -> StreamingResponse:
    """The archive. `Repr-Digest` (RFC 9530) is its SHA-256."""
    found = await operating.found(core, slug)
    return await file_of(core, found.id, slug, export_id, by=ACTOR)


@router.post("/removal", status_code=status.HTTP_202_ACCEPTED)
async def remove_tenant(core: CoreDep, _: OperatorDep, slug: SlugPath, body: RemovalIn) -> ClosureOut:
    """Have everything of a shop that is closing deleted by the next round of `tradewind.removal`, from every engine. It
    can't be brought back.
    """
    if body.slug != slug:
        raise SlugDiffers
    found = await operating.found(core, slug)
    async with core.database.tx(found.id) as tx:
        standing = await service.standing(tx)
        is_over = standing.closes_at is not None and standing.closes_at <= clock.now()
        if standing.status != "closing" or not (is_over or body.now):
            raise RemovalNotDue
        if not is_over:
            standing = await service.end_grace(tx, by=service.OPERATOR)
    await operating.changed(core, found.id)
    return standing
