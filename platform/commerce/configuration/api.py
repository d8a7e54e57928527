"""A shop's configuration over HTTP."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query

from commerce.configuration import service
from commerce.configuration.schemas import Configuration, ConfigurationIn, ConfigurationOut, History, RevertIn
from commerce.http import CoreDep, ShopDep, staff
from commerce.identity.staff import Staff
from commerce.logos import service as logos

router = APIRouter(prefix="/v1/admin/configuration", tags=["configuration"])
Reader = Annotated[Staff, Depends(staff("settings:read"))]
Writer = Annotated[Staff, Depends(staff("settings:write"))]


@router.get("")
async def read_configuration(core: CoreDep, shop: ShopDep, _: Reader) -> ConfigurationOut:
    """How the shop is set up, and the version to name when it is changed."""
    async with core.database.tx(shop.id, read_only=True) as tx:
        return await service.read(tx)


@router.get("/schema")
async def read_schema(_: Reader) -> dict[str, Any]:
    """What a configuration may hold, as JSON Schema."""
    return Configuration.model_json_schema()


@router.put("")
async def put_configuration(core: CoreDep, shop: ShopDep, by: Writer, body: ConfigurationIn) -> ConfigurationOut:
    """Put a configuration in place of the present one; every worker goes by it at once."""
    logo, present = body.configuration.theme.logo, logos.mark_of(shop.settings)
    await logos.require_kept(core.settings, shop.id, logo, present=present)
    async with core.database.tx(shop.id) as tx:
        changed = await service.change(tx, body.configuration, version=body.version, by=by.name, note=body.note or "")
    core.directory.heard(str(shop.id))
    return changed


@router.get("/history")
async def list_history(
    core: CoreDep,
    shop: ShopDep,
    _: Reader,
    before: Annotated[int, Query(ge=1, le=2**62)] = 2**62,
    limit: Annotated[int, Query(ge=1, le=100)] = 20,
) -> History:
    """Who changed what, the latest first; go on with `before` as the last version seen."""
    async with core.database.tx(shop.id, read_only=True) as tx:
        return await service.history(tx, before=before, limit=limit)


@router.post("/reverts")
async def revert_configuration(core: CoreDep, shop: ShopDep, by: Writer, body: RevertIn) -> ConfigurationOut:
    """Make the configuration again as it was in an earlier version."""
    async with core.database.tx(shop.id) as tx:
        changed = await service.revert(tx, to=body.to, version=body.version, by=by.name)
    core.directory.heard(str(shop.id))
    return changed
