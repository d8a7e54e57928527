"""Every shop of the platform, for whoever runs it."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Query

from commerce.http import CoreDep
from commerce.lifecycle import operating, service
from commerce.lifecycle.operating import OperatorDep, SlugPath
from commerce.lifecycle.schemas import ClosureIn, ClosureOut, SuspensionIn, TenantList, TenantOut

router = APIRouter(prefix="/v1/operator/tenants", tags=["operator"])


@router.get("")
async def list_tenants(
    core: CoreDep,
    _: OperatorDep,
    after: Annotated[str, Query(max_length=100, pattern=r"^[a-z0-9-]*$")] = "",
    limit: Annotated[int, Query(ge=1, le=100)] = 100,
) -> TenantList:
    """Shops by slug; go on with `after` as the last one seen."""
    async with core.database.transaction(None) as session:
        found = await operating.tenants(session, after=after, limit=limit + 1)
    return TenantList(items=found[:limit], has_more=len(found) > limit)


@router.get("/{slug}")
async def read_tenant(core: CoreDep, _: OperatorDep, slug: SlugPath) -> TenantOut:
    """A shop."""
    return await operating.found(core, slug)


@router.put("/{slug}/suspension")
async def suspend_tenant(core: CoreDep, _: OperatorDep, slug: SlugPath, body: SuspensionIn) -> TenantOut:
    """Close a shop for now, everywhere at once. Its staff may read and export."""
    found = await operating.found(core, slug)
    async with core.database.tx(found.id) as tx:
        await service.suspend(tx, reason=body.reason)
    await operating.changed(core, found.id)
    return await operating.found(core, slug)


@router.delete("/{slug}/suspension")
async def reactivate_tenant(core: CoreDep, _: OperatorDep, slug: SlugPath) -> TenantOut:
    """Open it again."""
    found = await operating.found(core, slug)
    async with core.database.tx(found.id) as tx:
        await service.reactivate(tx)
    await operating.changed(core, found.id)
    return await operating.found(core, slug)


@router.put("/{slug}/closure")
async def close_tenant(core: CoreDep, _: OperatorDep, slug: SlugPath, body: ClosureIn) -> ClosureOut:
    """Close a shop for good, as its staff may."""
    found = await operating.found(core, slug)
    grace = timedelta(days=core.settings.closing_days)
    async with core.database.tx(found.id) as tx:
        standing = await service.close(tx, typed=body.name, reason=body.reason or "", by=service.OPERATOR, grace=grace)
    await operating.changed(core, found.id)
    return standing


@router.delete("/{slug}/closure")
async def keep_tenant(core: CoreDep, _: OperatorDep, slug: SlugPath) -> ClosureOut:
    """Undo that, while the time of grace is not over."""
    found = await operating.found(core, slug)
    async with core.database.tx(found.id) as tx:
        standing = await service.keep(tx, by=service.OPERATOR)
    await operating.changed(core, found.id)
    return standing
