"""Where whoever works here begins."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends
from starlette.responses import Response

from backoffice.desk import Desk, any_desk
from commerce.policies.registry import PERMISSIONS
from commerce.staffing import service

router = APIRouter()


@router.get("/back-office")
async def show(desk: Annotated[Desk, Depends(any_desk)]) -> Response:
    """Who they are here, and what they may do."""
    membership_id = desk.staff.membership_id
    async with desk.tx(read_only=True) as tx:
        me = await service.one(tx, membership_id) if membership_id else None
    held = [PERMISSIONS[name] for name in sorted(desk.staff.scopes) if name in PERMISSIONS]
    return desk.page("home.html", me=me, held=held)
