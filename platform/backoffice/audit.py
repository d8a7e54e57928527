"""Who did what here, and whether anybody has altered the record of it."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Query
from pydantic import BeforeValidator, Field
from starlette.responses import Response

from backoffice.desk import Desk, desk
from commerce.audit import service, verifying
from commerce.audit.schemas import AuditQuery
from commerce.http import decode_cursor, encode_cursor
from foundation.types import Input, Text
from pages.forms import blank

router = APIRouter(prefix="/back-office/audit")
Reader = Annotated[Desk, Depends(desk("audit:read"))]
SHOWN = 50


class Wanted(Input):
    """Which entries; what is left empty does not matter."""

    actor: Annotated[Text | None, BeforeValidator(blank)] = None
    action: Annotated[Text | None, BeforeValidator(blank)] = None
    object: Annotated[Text | None, BeforeValidator(blank)] = None
    cursor: Annotated[str, Field(max_length=200)] | None = None


@router.get("")
async def show(desk: Reader, wanted: Annotated[Wanted, Query()]) -> Response:
    """The entries that fit, the latest first."""
    query = AuditQuery(actor=wanted.actor, action=wanted.action, object=wanted.object, limit=SHOWN)
    before = decode_cursor(wanted.cursor)[1] if wanted.cursor else None
    async with desk.tx(read_only=True) as tx:
        entries, has_more = await service.entries(tx, query, before=before)
    cursor = encode_cursor(0, entries[-1].id) if has_more else None
    return desk.page("audit.html", entries=entries, wanted=wanted, next_cursor=cursor, verdict=None)


@router.get("/verification")
async def verify(desk: Reader) -> Response:
    """Whether the log is what was written."""
    async with desk.tx(read_only=True) as tx:
        entries, _ = await service.entries(tx, AuditQuery(limit=SHOWN), before=None)
        verdict = await verifying.verify(tx, desk.core.settings)
    return desk.page("audit.html", entries=entries, wanted=Wanted(), next_cursor=None, verdict=verdict)
