"""Events that were not taken, for those of the shop who look after them."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Query

from commerce.behaviour import dead_letters
from commerce.behaviour.dead_letters import Wanted
from commerce.behaviour.schemas import DeadLetters, DeadLettersQuery
from commerce.http import CoreDep, ShopDep, staff
from commerce.identity.staff import Staff
from commerce.paging import LAST, page_of, place_of

router = APIRouter(prefix="/v1/admin/events", tags=["events"])
Reader = Annotated[Staff, Depends(staff("events:read"))]


@router.get("/dead-letters")
async def list_dead_letters(
    core: CoreDep, shop: ShopDep, _: Reader, query: Annotated[DeadLettersQuery, Query()]
) -> DeadLetters:
    """Events of browsers that broke their contract, with the reason, the latest first. They are kept for 30 days;
    whoever runs the platform sends them anew when what was wrong is mended.
    """
    wanted = Wanted(query.name, query.reason)
    async with core.database.tx(shop.id, read_only=True) as tx:
        found = await dead_letters.page(tx, wanted, before=place_of(query.cursor, LAST), limit=query.limit + 1)
    return DeadLetters(**page_of(found, query.limit))
