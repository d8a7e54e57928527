"""What shoppers search for, and what comes of it."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Query
from starlette.responses import Response

from backoffice.desk import Desk, desk
from backoffice.typed import Typed
from commerce.merchandising import reporting
from commerce.merchandising.schemas import QueryReport, ReportQuery
from foundation.searches import FEWEST

router = APIRouter(prefix="/back-office/search/report")
Reader = Annotated[Desk, Depends(desk("catalog:read"))]
LISTS = (
    ("top", "Asked most", "What people type, the most frequent first."),
    ("unanswered", "Finding nothing", "What the shop lacks, or calls otherwise: a synonym mends the second."),
    ("unchosen", "Chosen by nobody", "What finds products that nobody wants for it: a rule puts others first."),
)
NOTHING = QueryReport(days=[], items=[])


@router.get("")
async def show(desk: Reader, query: Annotated[ReportQuery, Query()]) -> Response:
    """The searches of some days, and one list of queries."""
    typed, told = Typed(), NOTHING
    try:
        told = await reporting.report(desk.core.settings, desk.shop, query)
    except reporting.StatisticsUnavailable as problem:
        typed = Typed(problem=problem)
    busiest = max((one.searches for one in told.days), default=0)
    return desk.page(
        "search_report.html", typed=typed, told=told, asked=query, lists=LISTS, busiest=busiest, fewest=FEWEST
    )
