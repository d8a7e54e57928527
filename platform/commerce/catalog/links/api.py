"""Links between products over HTTP."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Request, Response

from commerce.catalog.links import service
from commerce.catalog.links.schemas import LinkedCards, LinksIn, LinksOut
from commerce.catalog.products.history import Author
from commerce.catalog.service import identifier_of
from commerce.http import CoreDep, PresentShopper, ShopDep, cacheable, staff
from commerce.identity.staff import Staff
from commerce.policies import areas
from foundation.access import ANYONE, needs
from foundation.http import model_bytes
from foundation.types import Id

store_router = APIRouter(prefix="/v1/store/products", tags=["catalogue"], route_class=areas.within(areas.BROWSING))
router = APIRouter(prefix="/v1/admin/products", tags=["catalogue"])
Reader = Annotated[Staff, Depends(staff("catalog:read"))]
Publisher = Annotated[Staff, Depends(staff("catalog:publish"))]
ProductId = Annotated[Id, Path()]


@store_router.get("/{key}/links", response_model=LinkedCards)
@needs(ANYONE)
async def show_links(
    request: Request,
    core: CoreDep,
    shop: ShopDep,
    shopper: PresentShopper,
    key: Annotated[str, Path(max_length=200)],
) -> Response:
    """What staff have put beside a product: what is like it, what one may rather want, what goes with it."""
    shown = await service.beside(core.database, shop, shopper, identifier_of(key))
    return cacheable(request, model_bytes(shown), whose="private", vary="Host, Authorization, Cookie")


@router.get("/{product_id}/links")
async def read_links(core: CoreDep, shop: ShopDep, _: Reader, product_id: ProductId) -> LinksOut:
    """What is shown beside a product."""
    async with core.database.tx(shop.id, read_only=True) as tx:
        return await service.read(tx, product_id, currency=shop.currency)


@router.put("/{product_id}/links")
async def put_links(core: CoreDep, shop: ShopDep, by: Publisher, product_id: ProductId, body: LinksIn) -> LinksOut:
    """Put products beside one, in place of those that were there."""
    async with core.database.tx(shop.id) as tx:
        await service.put(tx, Author.of(by), product_id, body, currency=shop.currency)
        return await service.read(tx, product_id, currency=shop.currency)
