"""Gift cards and store credit over HTTP."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Query, Request, Response, status
from pydantic import BaseModel

from commerce.catalog.schemas import Page
from commerce.http import (
    Core,
    CoreDep,
    KeyDep,
    ShopDep,
    ShopperDep,
    address_of,
    decode_cursor,
    once,
    staff,
)
from commerce.identity.service import SignInRequired
from commerce.identity.staff import Staff
from commerce.paging import page_of
from commerce.policies import areas
from commerce.stored_value import service
from commerce.stored_value.schemas import (
    ClawBackIn,
    CodeIn,
    GiftCardIn,
    GiftCardIssued,
    GrantIn,
    ReasonIn,
    SpendableOut,
    StoreCreditHistory,
    StoreCreditOut,
    ValueList,
    ValueWithHistory,
    WithdrawIn,
)
from foundation import audit
from foundation.access import CUSTOMER, SIGNED, needs
from foundation.database import Tx
from foundation.http import json_bytes, model_bytes

router = APIRouter(tags=["gift cards and store credit"], route_class=areas.within(areas.STORED_VALUE))
Reader = Annotated[Staff, Depends(staff("stored_value:read"))]
Writer = Annotated[Staff, Depends(staff("stored_value:write"))]
CardId = Annotated[UUID, Path()]
CustomerId = Annotated[UUID, Path()]
NEWEST = UUID(int=2**128 - 1)

CARDS = "/v1/admin/gift-cards"
CREDIT = "/v1/admin/customers/{customer_id}/store-credit"


@router.post("/v1/store/gift-cards/lookup")
@needs(SIGNED)
async def look_up(request: Request, core: CoreDep, shop: ShopDep, body: CodeIn) -> SpendableOut:
    """What a gift card is good for; the answer to any code that is not good is the same."""
    return await service.look_up(core.database, shop.id, body.code, address=address_of(request))


@router.get("/v1/store/store-credit")
@needs(CUSTOMER)
async def own_credit(core: CoreDep, shop: ShopDep, shopper: ShopperDep) -> StoreCreditOut:
    """What the customer who asks can spend."""
    if shopper.customer_id is None:
        raise SignInRequired
    async with core.database.tx(shop.id, read_only=True) as tx:
        return await service.store_credit(tx, shopper.customer_id)


@router.get(CARDS)
async def list_cards(core: CoreDep, shop: ShopDep, _: Reader, query: Annotated[Page, Query()]) -> ValueList:
    """The shop's gift cards, newest first."""
    before = decode_cursor(query.cursor)[1] if query.cursor else NEWEST
    async with core.database.tx(shop.id, read_only=True) as tx:
        found = await service.gift_cards(tx, before=before, limit=query.limit + 1)
    return ValueList(**page_of([(one.id, one) for one in found], query.limit))


@router.post(CARDS, status_code=status.HTTP_201_CREATED, response_model=GiftCardIssued)
async def issue(request: Request, core: CoreDep, shop: ShopDep, by: Writer, key: KeyDep, body: GiftCardIn) -> Response:
    """Issue a gift card. Its code is in this answer alone: it is not kept, not even to repeat the answer."""
    shown: list[GiftCardIssued] = []

    async def work() -> Response:
        async with core.database.tx(by.tenant_id) as tx:
            card, code = await service.issue_gift_card(tx, shop, body, actor=_actor(by), giver=by.giver)
            audit.made("gift_card", card.id)
        shown.append(GiftCardIssued(**dict(card), code=code))
        return _json(GiftCardIssued(**dict(card), code=None), status.HTTP_201_CREATED)

    kept = await once(request, core, by, key, work)
    return _json(shown[0], kept.status_code) if shown else kept


@router.get(f"{CARDS}/{{card_id}}")
async def get_card(core: CoreDep, shop: ShopDep, _: Reader, card_id: CardId) -> ValueWithHistory:
    """One gift card and what happened to it."""
    async with core.database.tx(shop.id, read_only=True) as tx:
        return await service.gift_card_with_history(tx, card_id)


@router.post(f"{CARDS}/{{card_id}}/disable", response_model=ValueWithHistory)
async def disable(
    request: Request, core: CoreDep, by: Writer, key: KeyDep, card_id: CardId, body: ReasonIn
) -> Response:
    """Let it be spent no more."""
    do = partial(service.set_status, card_id=card_id, status="disabled", reason=body.reason, actor=_actor(by))
    return await _change(request, core, by, key, do)


@router.post(f"{CARDS}/{{card_id}}/enable", response_model=ValueWithHistory)
async def enable(request: Request, core: CoreDep, by: Writer, key: KeyDep, card_id: CardId, body: ReasonIn) -> Response:
    """Let it be spent again."""
    do = partial(service.set_status, card_id=card_id, status="enabled", reason=body.reason, actor=_actor(by))
    return await _change(request, core, by, key, do)


@router.post(f"{CARDS}/{{card_id}}/withdrawals", status_code=status.HTTP_201_CREATED, response_model=ValueWithHistory)
async def withdraw(
    request: Request, core: CoreDep, by: Writer, key: KeyDep, card_id: CardId, body: WithdrawIn
) -> Response:
    """Take money back from it."""
    do = partial(service.withdraw_from_card, card_id=card_id, amount=body.amount, reason=body.reason, actor=_actor(by))
    return await _change(request, core, by, key, do, status.HTTP_201_CREATED)


@router.get(CREDIT)
async def credit_of(core: CoreDep, shop: ShopDep, _: Reader, customer_id: CustomerId) -> StoreCreditHistory:
    """A customer's store credit and what happened to it."""
    async with core.database.tx(shop.id, read_only=True) as tx:
        return await service.store_credit_with_history(tx, customer_id)


@router.post(CREDIT, status_code=status.HTTP_201_CREATED, response_model=StoreCreditOut)
async def grant(
    request: Request, core: CoreDep, shop: ShopDep, by: Writer, key: KeyDep, customer_id: CustomerId, body: GrantIn
) -> Response:
    """Give a customer store credit."""
    do = partial(service.grant, shop=shop, customer_id=customer_id, body=body, actor=_actor(by), giver=by.giver)
    return await _change(request, core, by, key, do, status.HTTP_201_CREATED)


@router.post(f"{CREDIT}/claw-backs", status_code=status.HTTP_201_CREATED, response_model=StoreCreditOut)
async def claw_back(
    request: Request, core: CoreDep, shop: ShopDep, by: Writer, key: KeyDep, customer_id: CustomerId, body: ClawBackIn
) -> Response:
    """Take store credit back from a customer."""
    do = partial(service.claw_back, shop=shop, customer_id=customer_id, body=body, actor=_actor(by))
    return await _change(request, core, by, key, do, status.HTTP_201_CREATED)


async def _change(
    request: Request,
    core: Core,
    by: Staff,
    key: str,
    do: Callable[[Tx], Awaitable[BaseModel]],
    answer: int = status.HTTP_200_OK,
) -> Response:
    async def work() -> Response:
        async with core.database.tx(by.tenant_id) as tx:
            done = await do(tx)
        return _json(done, answer)

    return await once(request, core, by, key, work)


def _json(model: BaseModel, answer: int) -> Response:
    return json_bytes(model_bytes(model), status=answer)


def _actor(by: Staff) -> str:
    return f"staff:{by.name}"
