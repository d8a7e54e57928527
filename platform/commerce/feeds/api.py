"""Product feeds over HTTP, for staff."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Request, Response, status

from commerce.archives.handing_out import require_storage
from commerce.catalog.schemas import Page
from commerce.feeds import service
from commerce.feeds.schemas import FeedChange, FeedIn, FeedList, FeedMade, FeedOut
from commerce.http import CoreDep, ShopDep, front_of, staff
from commerce.identity.staff import Staff
from commerce.paging import LAST, page_of, place_of
from foundation.types import Id

router = APIRouter(prefix="/v1/admin/product-feeds", tags=["catalogue"])
Reader = Annotated[Staff, Depends(staff("catalog:read"))]
Publisher = Annotated[Staff, Depends(staff("catalog:publish"))]
FeedId = Annotated[Id, Path()]


@router.get("")
async def list_feeds(core: CoreDep, shop: ShopDep, _: Reader, query: Annotated[Page, Query()]) -> FeedList:
    """The shop's product feeds, the latest first."""
    before = place_of(query.cursor, LAST)
    async with core.database.tx(shop.id, read_only=True) as tx:
        found = await service.page(tx, before, query.limit + 1)
    return FeedList(**page_of(found, query.limit))


@router.post("", status_code=status.HTTP_201_CREATED)
async def declare(
    request: Request, core: CoreDep, shop: ShopDep, by: Publisher, body: FeedIn, response: Response
) -> FeedMade:
    """A new feed at an address that anybody may fetch it from who knows it: it is told in this answer, and never again.
    A worker builds it now, and again whenever its hours are over.
    """
    require_storage(core.settings)
    async with core.database.tx(shop.id) as tx:
        made = await service.declare(tx, shop, body, by=by.principal, home=front_of(request, shop))
    response.headers["Location"] = f"{router.prefix}/{made.id}"
    return made


@router.get("/{feed_id}")
async def read(core: CoreDep, shop: ShopDep, _: Reader, feed_id: FeedId) -> FeedOut:
    """A feed, what is fetched of it, and what it leaves out."""
    async with core.database.tx(shop.id, read_only=True) as tx:
        return await service.one(tx, feed_id)


@router.put("/{feed_id}")
async def change(
    request: Request, core: CoreDep, shop: ShopDep, by: Publisher, feed_id: FeedId, body: FeedChange
) -> FeedOut:
    """Make it another feed at the same address; it is built anew."""
    async with core.database.tx(shop.id) as tx:
        return await service.change(tx, shop, feed_id, body, by=by.principal, home=front_of(request, shop))


@router.post("/{feed_id}/builds", status_code=status.HTTP_202_ACCEPTED)
async def build(request: Request, core: CoreDep, shop: ShopDep, by: Publisher, feed_id: FeedId) -> FeedOut:
    """Have it built now, whatever its hours are; once, however often that is asked meanwhile."""
    async with core.database.tx(shop.id) as tx:
        return await service.build(tx, feed_id, by=by.principal, home=front_of(request, shop))


@router.post("/{feed_id}/rotation")
async def rotate(core: CoreDep, shop: ShopDep, _: Publisher, feed_id: FeedId) -> FeedMade:
    """Another address, told in this answer and never again; the old one leads nowhere from now on."""
    async with core.database.tx(shop.id) as tx:
        return await service.rotate(tx, feed_id)


@router.delete("/{feed_id}", status_code=status.HTTP_204_NO_CONTENT)
async def revoke(core: CoreDep, shop: ShopDep, _: Publisher, feed_id: FeedId) -> None:
    """Take it back: its address leads nowhere from now on, and its files are deleted."""
    async with core.database.tx(shop.id) as tx:
        await service.revoke(tx, feed_id)
