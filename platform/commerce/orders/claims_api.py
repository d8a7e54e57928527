"""Claims over HTTP: raised by shoppers or staff, decided by staff."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Request, Response, status

from commerce.http import Core, CoreDep, KeyDep, ShopperDep, staff
from commerce.identity.service import Shopper
from commerce.identity.staff import Staff
from commerce.orders import claiming
from commerce.orders.answering import OrderId, by_staff, change_order, other
from commerce.orders.claim_schemas import ClaimDecisionIn, ClaimIn, ClaimRefundIn, ClaimReplacementIn
from commerce.orders.claiming import Claimed
from commerce.orders.held import by_shopper
from commerce.orders.photos import CLAIMS
from commerce.orders.photos_api import add_once, shown
from commerce.orders.schemas import OrderOut, StaffOrderOut
from commerce.orders.states import TRANSITIONS
from commerce.policies import areas
from foundation.database import Tx
from foundation.pictures import PICTURE_BODY

router = APIRouter(tags=["orders"], route_class=areas.within(areas.ORDERS))
Reader = Annotated[Staff, Depends(staff("orders:read"))]
Claimer = Annotated[Staff, Depends(staff(TRANSITIONS["claim"].scope))]
Decider = Annotated[Staff, Depends(staff(TRANSITIONS["decide_claim"].scope))]
ClaimId = Annotated[UUID, Path()]
STORE = "/v1/store/orders/{order_id}/claims"
ADMIN = "/v1/admin/orders/{order_id}/claims"


@router.post(STORE, status_code=status.HTTP_201_CREATED, response_model=OrderOut)
async def raise_own(
    request: Request, core: CoreDep, shopper: ShopperDep, key: KeyDep, order_id: OrderId, body: ClaimIn
) -> Response:
    """Say that units of an order came damaged, wrong or not at all."""
    return await raise_once(request, core, shopper, key, order_id, _claimed(body), note=body.note)


@router.post(f"{STORE}/{{claim_id}}/photos", status_code=status.HTTP_201_CREATED, openapi_extra=PICTURE_BODY)
async def add_own_photo(
    request: Request, core: CoreDep, shopper: ShopperDep, key: KeyDep, order_id: OrderId, claim_id: ClaimId
) -> Response:
    """Add a photo to a claim: the body is a JPEG, PNG or WebP, of which nothing but the picture is kept."""
    return await add_once(request, core, shopper, key, CLAIMS, (order_id, claim_id), await request.body())


@router.get(f"{STORE}/{{claim_id}}/photos/{{photo_id}}", response_class=Response)
async def get_own_photo(
    core: CoreDep, shopper: ShopperDep, order_id: OrderId, claim_id: ClaimId, photo_id: Annotated[UUID, Path()]
) -> Response:
    """A photo of the shopper's claim."""
    return await shown(core, shopper, CLAIMS, (order_id, claim_id, photo_id))


@router.post(ADMIN, status_code=status.HTTP_201_CREATED, response_model=StaffOrderOut)
async def raise_for_shopper(
    request: Request, core: CoreDep, by: Claimer, key: KeyDep, order_id: OrderId, body: ClaimIn
) -> Response:
    """Write down that units of an order came damaged, wrong or not at all."""

    async def do(tx: Tx) -> None:
        await claiming.raise_claim(tx, order_id, by_staff(by), _claimed(body), note=body.note)

    return await change_order(request, core, by, key, order_id, do, status.HTTP_201_CREATED)


@router.post(f"{ADMIN}/{{claim_id}}/photos", status_code=status.HTTP_201_CREATED, openapi_extra=PICTURE_BODY)
async def add_photo(
    request: Request, core: CoreDep, by: Claimer, key: KeyDep, order_id: OrderId, claim_id: ClaimId
) -> Response:
    """Add a photo to a claim: the body is a JPEG, PNG or WebP."""
    return await add_once(request, core, by, key, CLAIMS, (order_id, claim_id), await request.body())


@router.get(f"{ADMIN}/{{claim_id}}/photos/{{photo_id}}", response_class=Response)
async def get_photo(
    core: CoreDep, by: Reader, order_id: OrderId, claim_id: ClaimId, photo_id: Annotated[UUID, Path()]
) -> Response:
    """A photo of a claim."""
    return await shown(core, by, CLAIMS, (order_id, claim_id, photo_id))


@router.post(f"{ADMIN}/{{claim_id}}/decision", response_model=StaffOrderOut)
async def decide(
    request: Request,
    core: CoreDep,
    by: Decider,
    key: KeyDep,
    order_id: OrderId,
    claim_id: ClaimId,
    body: ClaimDecisionIn,
) -> Response:
    """Make a claim good, by its money or by other units at no charge, or reject it."""
    actor = by_staff(by)

    async def do(tx: Tx) -> None:
        if isinstance(body, ClaimRefundIn):
            await claiming.refund(
                tx, order_id, claim_id, actor, amount=body.amount, to=other(body.to), answer=body.answer
            )
        elif isinstance(body, ClaimReplacementIn):
            await claiming.replace_units(tx, order_id, claim_id, actor, wanted=_wanted(body), answer=body.answer)
        else:
            await claiming.reject(tx, order_id, claim_id, actor, answer=body.answer)

    return await change_order(request, core, by, key, order_id, do)


async def raise_once(
    request: Request,
    core: Core,
    shopper: Shopper,
    key: str,
    order_id: UUID,
    claimed: Sequence[Claimed],
    *,
    note: str,
) -> Response:
    """Raise a claim about a shopper's order, once for the key; the order as it stands then."""

    async def do(tx: Tx) -> None:
        await claiming.raise_claim(tx, order_id, by_shopper(shopper), claimed, note=note, owner=shopper)

    return await change_order(request, core, shopper, key, order_id, do, status.HTTP_201_CREATED)


def _claimed(body: ClaimIn) -> list[Claimed]:
    return [Claimed(line.line_id, line.quantity, line.reason) for line in body.lines]


def _wanted(body: ClaimReplacementIn) -> dict[UUID, int] | None:
    if body.lines is None:
        return None
    units = Counter[UUID]()
    for line in body.lines:
        units[line.variant_id] += line.quantity
    return dict(units)
