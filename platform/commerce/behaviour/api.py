"""Behavioural events over HTTP."""

from __future__ import annotations

from typing import Any, cast

from fastapi import APIRouter, Request, status
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from pydantic import ValidationError

from commerce.behaviour import service
from commerce.behaviour.schemas import Batch, Receipt
from commerce.http import CoreDep, ShopperDep
from commerce.policies import areas
from foundation.http import BodyTooLarge, json_bytes, model_bytes
from foundation.spool import Spool

router = APIRouter(prefix="/v1/events", tags=["events"], route_class=areas.within(areas.BROWSING))

# The route reads the body itself: as parameters of it the events would be read twice.
_BODY: dict[str, Any] = {
    "requestBody": {"required": True, "content": {"application/json": {"schema": Batch.model_json_schema()}}}
}


@router.post("", status_code=status.HTTP_202_ACCEPTED, response_model=Receipt, openapi_extra=_BODY)
async def receive(request: Request, core: CoreDep, shopper: ShopperDep) -> Response:
    """Take a batch of what the shopper did; each event stands or falls by itself, and one that was sent before is
    harmless. What somebody of the staff did as a customer is nobody's behaviour, and not taken. When the events that
    wait are too many, 429 says when to send these again.
    """
    body = await request.body()
    if len(body) > core.settings.max_events_bytes:
        raise BodyTooLarge(limit_bytes=core.settings.max_events_bytes)
    if b"json" not in request.headers.get("content-type", "").encode():
        raise _invalid([{"loc": ("body",), "msg": "must be application/json"}])
    try:
        receipt = await _receipt(request, core, shopper, body)
    except ValidationError as fault:
        raise _invalid([{**error, "loc": ("body", *error["loc"])} for error in fault.errors()]) from fault
    return json_bytes(model_bytes(receipt), status=status.HTTP_202_ACCEPTED)


async def _receipt(request: Request, core: CoreDep, shopper: ShopperDep, body: bytes) -> Receipt:
    if shopper.acting is not None:
        ignored = len(Batch.model_validate_json(body).events)
        return Receipt(accepted=0, counted=0, ignored=ignored, rejected=[])
    return await service.receive(core.database, cast("Spool", request.app.state.spool), shopper, body)


def _invalid(errors: list[Any]) -> RequestValidationError:
    return RequestValidationError(errors)
