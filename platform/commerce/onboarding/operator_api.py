"""Shops that the operator opens."""

from __future__ import annotations

from functools import partial

from fastapi import APIRouter, Request, status

from commerce.http import CoreDep
from commerce.lifecycle.operating import OperatorDep
from commerce.onboarding import creating
from commerce.onboarding.api import at
from commerce.onboarding.schemas import Opened, TenantIn

router = APIRouter(prefix="/v1/operator/tenants", tags=["operator"])


@router.post("", status_code=status.HTTP_201_CREATED)
async def create_tenant(request: Request, core: CoreDep, _: OperatorDep, body: TenantIn) -> Opened:
    """Open a shop for somebody. Its first key is in this answer alone, and may do everything in it."""
    return await creating.create(core.database, core.settings, core.passwords, body, partial(at, request, core))
