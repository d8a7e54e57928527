"""Sales channels over HTTP, for staff."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Path, status

from commerce.channels import service
from commerce.channels.schemas import ChannelChange, ChannelIn, ChannelList, ChannelOut
from commerce.http import CoreDep, ShopDep, staff
from commerce.identity.staff import Staff
from foundation.types import Slug

router = APIRouter(prefix="/v1/admin/sales-channels", tags=["prices"])
Reader = Annotated[Staff, Depends(staff("prices:read"))]
Writer = Annotated[Staff, Depends(staff("prices:write"))]
Code = Annotated[Slug, Path()]


@router.get("")
async def list_channels(core: CoreDep, shop: ShopDep, _: Reader) -> ChannelList:
    """The ways on which the shop sells, retired ones too."""
    async with core.database.tx(shop.id, read_only=True) as tx:
        return ChannelList(items=await service.channels(tx))


@router.post("", status_code=status.HTTP_201_CREATED)
async def add_channel(core: CoreDep, shop: ShopDep, _: Writer, body: ChannelIn) -> ChannelOut:
    """A new way on which the shop sells."""
    async with core.database.tx(shop.id) as tx:
        return await service.add(tx, body)


@router.get("/{code}")
async def read_channel(core: CoreDep, shop: ShopDep, _: Reader, code: Code) -> ChannelOut:
    """One of them."""
    async with core.database.tx(shop.id, read_only=True) as tx:
        return await service.channel(tx, code)


@router.put("/{code}")
async def rename_channel(core: CoreDep, shop: ShopDep, _: Writer, code: Code, body: ChannelChange) -> ChannelOut:
    """Call it otherwise."""
    async with core.database.tx(shop.id) as tx:
        return await service.rename(tx, code, body)


@router.delete("/{code}")
async def retire_channel(core: CoreDep, shop: ShopDep, _: Writer, code: Code) -> ChannelOut:
    """Sell nothing more on it. What was sold there still names it, so its code is never free again."""
    async with core.database.tx(shop.id) as tx:
        return await service.retire(tx, code)
