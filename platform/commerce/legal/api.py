"""Legal pages over HTTP: read by anybody, written by the shop's staff."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, status

from commerce.http import CoreDep, ShopDep, staff
from commerce.identity.staff import Staff
from commerce.legal import service, writing
from commerce.legal.schemas import (
    Kind,
    PageIn,
    PageList,
    PageOut,
    PageQuery,
    PreviewIn,
    PreviewOut,
    VersionList,
    VersionsQuery,
    WithdrawQuery,
)
from commerce.policies import areas
from foundation.access import ANYONE, needs

router = APIRouter(tags=["legal"], route_class=areas.within(areas.BROWSING))
STORE, ADMIN = "/v1/store/legal", "/v1/admin/legal"
Reader = Annotated[Staff, Depends(staff("settings:read"))]
Writer = Annotated[Staff, Depends(staff("settings:write"))]
OfKind = Annotated[Kind, Path()]


@router.get(STORE)
@needs(ANYONE)
async def list_pages(core: CoreDep, shop: ShopDep) -> PageList:
    """The shop's legal pages in every language there is, each in its latest version."""
    async with core.database.tx(shop.id, read_only=True) as tx:
        return PageList(items=await service.every(tx))


@router.get(f"{STORE}/{{kind}}")
@needs(ANYONE)
async def read_page(core: CoreDep, shop: ShopDep, kind: OfKind, query: Annotated[PageQuery, Query()]) -> PageOut:
    """A legal page in the language nearest to the one wanted; `id` is what a buyer accepts when they pay."""
    async with core.database.tx(shop.id, read_only=True) as tx:
        return await service.page(tx, shop, kind, locale=query.locale, version=query.version)


@router.post(f"{ADMIN}/previews")
async def preview_page(_: Writer, body: PreviewIn) -> PreviewOut:
    """What a page would look like; nothing is published."""
    writing.check(body.markdown)
    return PreviewOut(html=writing.html(body.markdown))


@router.put(f"{ADMIN}/{{kind}}")
async def publish_page(core: CoreDep, shop: ShopDep, by: Writer, kind: OfKind, body: PageIn) -> PageOut:
    """Show another version of a page from now on. Earlier ones can still be read."""
    async with core.database.tx(shop.id) as tx:
        shown = await service.publish(
            tx, kind, body.locale, body.markdown, title=body.title, version=body.version, by=by.name
        )
    core.directory.heard(str(shop.id))
    return shown


@router.delete(f"{ADMIN}/{{kind}}", status_code=status.HTTP_204_NO_CONTENT)
async def withdraw_page(
    core: CoreDep, shop: ShopDep, by: Writer, kind: OfKind, query: Annotated[WithdrawQuery, Query()]
) -> None:
    """Show a page no more in one language."""
    async with core.database.tx(shop.id) as tx:
        await service.withdraw(tx, kind, query.locale, version=query.version, by=by.name)
    core.directory.heard(str(shop.id))


@router.get(f"{ADMIN}/{{kind}}/versions")
async def list_versions(
    core: CoreDep, shop: ShopDep, _: Reader, kind: OfKind, query: Annotated[VersionsQuery, Query()]
) -> VersionList:
    """The versions of a page in one language, the latest first; go on with `before` as the last version seen."""
    async with core.database.tx(shop.id, read_only=True) as tx:
        return await service.versions(tx, kind, query.locale, before=query.before, limit=query.limit)
