"""What staff say of the shop's search, over HTTP."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, status

from commerce.catalog.schemas import Page
from commerce.http import CoreDep, ShopDep, staff
from commerce.identity.staff import Staff
from commerce.merchandising import synonyms
from commerce.merchandising.schemas import SynonymChange, SynonymIn, SynonymList, SynonymOut
from commerce.paging import page_of, place_of
from foundation import audit
from foundation.types import Id

router = APIRouter(prefix="/v1/admin/search", tags=["merchandising"])
Reader = Annotated[Staff, Depends(staff("catalog:read"))]
Writer = Annotated[Staff, Depends(staff("catalog:write"))]
SynonymId = Annotated[Id, Path()]


@router.get("/synonyms")
async def list_synonyms(core: CoreDep, shop: ShopDep, _: Reader, query: Annotated[Page, Query()]) -> SynonymList:
    """Which words stand for others."""
    async with core.database.tx(shop.id, read_only=True) as tx:
        found = await synonyms.page(tx, place_of(query.cursor), query.limit + 1)
    return SynonymList(**page_of(found, query.limit))


@router.post("/synonyms", status_code=status.HTTP_201_CREATED)
async def add_synonym(core: CoreDep, shop: ShopDep, _: Writer, body: SynonymIn) -> SynonymOut:
    """Words that stand for others from now on; searches know it within seconds."""
    async with core.database.tx(shop.id) as tx:
        made = await synonyms.add(tx, body)
        audit.made("synonym", made.id)
        return made


@router.put("/synonyms/{synonym_id}")
async def change_synonym(
    core: CoreDep, shop: ShopDep, _: Writer, synonym_id: SynonymId, body: SynonymChange
) -> SynonymOut:
    """Have them be others."""
    async with core.database.tx(shop.id) as tx:
        return await synonyms.change(tx, synonym_id, body)


@router.delete("/synonyms/{synonym_id}", status_code=status.HTTP_204_NO_CONTENT)
async def remove_synonym(core: CoreDep, shop: ShopDep, _: Writer, synonym_id: SynonymId) -> None:
    """Take them away."""
    async with core.database.tx(shop.id) as tx:
        await synonyms.remove(tx, synonym_id)
