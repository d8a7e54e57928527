"""What the shop says in law."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query
from starlette.responses import Response

from commerce.legal import service
from commerce.legal.schemas import Kind, PageQuery
from commerce.policies import areas
from storefront.visit import VisitDep

router = APIRouter(route_class=areas.within(areas.BROWSING))


@router.get("/legal/{kind}")
async def show(visit: VisitDep, kind: Annotated[Kind, Path()], query: Annotated[PageQuery, Query()]) -> Response:
    """A page as it is now, or as it was in an earlier version."""
    async with visit.core.database.tx(visit.shop.id, read_only=True) as tx:
        page = await service.page(tx, visit.shop, kind, locale=query.locale, version=query.version)
        present = await service.present_version(tx, kind, page.locale)
    return visit.page("legal.html", page=page, present=present)
