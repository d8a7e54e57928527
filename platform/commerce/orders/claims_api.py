"""Claims over HTTP: raised by shoppers or staff, decided by staff."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Request, Response, status

from commerce.http import Core, CoreDep, KeyDep, ShopDep, ShopperDep, once, staff
from commerce.identity.service import Shopper
from commerce.identity.staff import Staff
from commerce.orders import claiming, photos, reading
from commerce.orders.answering import OrderId, by_staff, change_order, other
from commerce.orders.claim_schemas import ClaimDecisionIn, ClaimIn, ClaimRefundIn, ClaimReplacementIn
from commerce.orders.claiming import Claimed
from commerce.orders.held import by_shopper
from commerce.orders.returns_api import PHOTO, jpeg
from commerce.orders.schemas import OrderOut, StaffOrderOut
from commerce.orders.states import TRANSITIONS
from foundation.database import Tx
from foundation.http import json_bytes, model_bytes

router = APIRouter(tags=["orders"])
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


@router.post(f"{STORE}/{{claim_id}}/photos", status_code=status.HTTP_201_CREATED, openapi_extra=PHOTO)
async def add_own_photo(
    request: Request, core: CoreDep, shopper: ShopperDep, key: KeyDep, order_id: OrderId, claim_id: ClaimId
) -> Response:
    """Add a photo to a claim: the body is a JPEG, PNG or WebP, of which nothing but the picture is kept."""
    return await add_photo_once(request, core, shopper, key, order_id, claim_id, await request.body())


@router.get(f"{STORE}/{{claim_id}}/photos/{{photo_id}}", response_class=Response)
async def get_own_photo(
    core: CoreDep, shopper: ShopperDep, order_id: OrderId, claim_id: ClaimId, photo_id: Annotated[UUID, Path()]
) -> Response:
    """A photo of the shopper's claim."""
    return await load_photo(core, shopper, order_id, claim_id, photo_id)


@router.post(ADMIN, status_code=status.HTTP_201_CREATED, response_model=StaffOrderOut)
async def raise_for_shopper(
    request: Request, core: CoreDep, by: Claimer, key: KeyDep, order_id: OrderId, body: ClaimIn
) -> Response:
    """Write down that units of an order came damaged, wrong or not at all."""

    async def do(tx: Tx) -> None:
        await claiming.raise_claim(tx, order_id, by_staff(by), _claimed(body), note=body.note)

    return await change_order(request, core, by, key, order_id, do, status.HTTP_201_CREATED)


@router.post(f"{ADMIN}/{{claim_id}}/photos", status_code=status.HTTP_201_CREATED, openapi_extra=PHOTO)
async def add_photo(
    request: Request, core: CoreDep, by: Claimer, key: KeyDep, order_id: OrderId, claim_id: ClaimId
) -> Response:
    """Add a photo to a claim: the body is a JPEG, PNG or WebP."""
    body = await request.body()

    async def work() -> Response:
        ids = (by.tenant_id, order_id, claim_id)
        await photos.add(core.database, core.settings, photos.CLAIMS, ids, by_staff(by), body)
        async with core.database.tx(by.tenant_id, read_only=True) as tx:
            order = await reading.for_staff(tx, order_id)
        return json_bytes(model_bytes(order), status=status.HTTP_201_CREATED)

    return await once(request, core, by, key, work)


@router.get(f"{ADMIN}/{{claim_id}}/photos/{{photo_id}}", response_class=Response)
async def get_photo(
    core: CoreDep,
    shop: ShopDep,
    _: Reader,
    order_id: OrderId,
    claim_id: ClaimId,
    photo_id: Annotated[UUID, Path()],
) -> Response:
    """A photo of a claim."""
    async with core.database.tx(shop.id, read_only=True) as tx:
        return jpeg(await photos.load(core.settings, tx, photos.CLAIMS, order_id, claim_id, photo_id))


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


async def add_photo_once(
    request: Request, core: Core, shopper: Shopper, key: str, order_id: UUID, claim_id: UUID, body: bytes
) -> Response:
    """Add a photo to a shopper's claim, once for the key; the order as it stands then."""

    async def work() -> Response:
        ids = (shopper.tenant_id, order_id, claim_id)
        await photos.add(core.database, core.settings, photos.CLAIMS, ids, by_shopper(shopper), body, owner=shopper)
        async with core.database.tx(shopper.tenant_id, read_only=True) as tx:
            order = await reading.get(tx, shopper, order_id)
        return json_bytes(model_bytes(order), status=status.HTTP_201_CREATED)

    return await once(request, core, shopper, key, work)


async def load_photo(core: Core, shopper: Shopper, order_id: UUID, claim_id: UUID, photo_id: UUID) -> Response:
    """A photo of a shopper's claim."""
    async with core.database.tx(shopper.tenant_id, read_only=True) as tx:
        await reading.require_own(tx, shopper, order_id)
        return jpeg(await photos.load(core.settings, tx, photos.CLAIMS, order_id, claim_id, photo_id))


def _claimed(body: ClaimIn) -> list[Claimed]:
    return [Claimed(line.line_id, line.quantity, line.reason) for line in body.lines]


def _wanted(body: ClaimReplacementIn) -> dict[UUID, int] | None:
    if body.lines is None:
        return None
    units = Counter[UUID]()
    for line in body.lines:
        units[line.variant_id] += line.quantity
    return dict(units)
