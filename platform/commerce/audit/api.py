"""The audit log over HTTP, for those of the shop who may read it."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Query

from commerce.audit import service, verifying
from commerce.audit.schemas import AuditEntries, AuditFault, AuditQuery, Verification
from commerce.http import CoreDep, ShopDep, decode_cursor, encode_cursor, staff
from commerce.identity.staff import Staff

router = APIRouter(prefix="/v1/admin/audit", tags=["audit"])
Reader = Annotated[Staff, Depends(staff("audit:read"))]


@router.get("")
async def list_entries(core: CoreDep, shop: ShopDep, _: Reader, query: Annotated[AuditQuery, Query()]) -> AuditEntries:
    """What was done in this shop by its staff and programs, the latest first."""
    before = decode_cursor(query.cursor)[1] if query.cursor else None
    async with core.database.tx(shop.id, read_only=True) as tx:
        items, has_more = await service.entries(tx, query, before=before)
    cursor = encode_cursor(0, items[-1].id) if has_more else None
    return AuditEntries(items=items, has_more=has_more, next_cursor=cursor)


@router.get("/verification")
async def verify(core: CoreDep, shop: ShopDep, _: Reader) -> Verification:
    """Whether the log is what was written; each row that was altered, deleted or moved is named."""
    async with core.database.tx(shop.id, read_only=True) as tx:
        verdict = await verifying.verify(tx, core.settings)
    return Verification(
        intact=not verdict.faults,
        entries=verdict.entries,
        waiting=verdict.waiting,
        checkpoints=verdict.checkpoints,
        signed_to=verdict.signed_to,
        faults=[
            AuditFault(kind=fault.kind, seq=fault.seq, entry_id=fault.entry_id, detail=fault.detail)
            for fault in verdict.faults
        ],
    )
