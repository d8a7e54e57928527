"""Where whoever works here begins."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends
from starlette.responses import Response

from backoffice.desk import Desk, any_desk
from commerce.http import delete_acting_cookie, delete_session_cookie
from commerce.identity import acting
from commerce.identity import service as identity
from commerce.identity.acting import Ending
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


@router.post("/back-office/sign-out")
async def sign_out(desk: Annotated[Desk, Depends(any_desk)]) -> Response:
    """End the session of whoever works here, and whatever they do as a customer."""
    async with desk.tx() as tx:
        if desk.staff.membership_id is not None:
            await acting.end_of_member(tx, desk.staff.membership_id, Ending.LEFT)
        if desk.staff.session_id is not None:
            await identity.revoke(tx, desk.staff.session_id)
    delete_session_cookie(desk.cookies, desk.core.settings)
    delete_acting_cookie(desk.cookies, desk.core.settings)
    return desk.redirect("/sign-in")
