"""Addresses that are told of what happens in the shop, and how that went."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Path, Query, Request
from pydantic import BeforeValidator
from starlette.responses import Response

from backoffice.desk import Desk, desk
from backoffice.typed import NOTHING, Typed, refused
from commerce.http import decode_cursor, encode_cursor
from commerce.throttling.service import take
from commerce.webhooks import deliveries, sending, service
from commerce.webhooks.api import TESTS
from commerce.webhooks.schemas import (
    DeliveriesQuery,
    Patterns,
    SubscriptionChange,
    SubscriptionIn,
    Url,
    names,
)
from commerce.webhooks.sending import Outcome
from foundation.errors import Problem
from foundation.types import Email, Id, Input, Text
from pages.forms import Button, blank, read

router = APIRouter(prefix="/back-office/webhooks")
Reader = Annotated[Desk, Depends(desk("webhooks:read"))]
Writer = Annotated[Desk, Depends(desk("webhooks:write"))]
SubscriptionId = Annotated[Id, Path()]
DeliveryId = Annotated[Id, Path()]
HERE = "/back-office/webhooks"
_MANY = 150


class HookForm(Input):
    """An address to tell."""

    url: Url
    events: Patterns
    contact: Email
    description: Annotated[Text | None, BeforeValidator(blank)] = None


class StatusForm(Input):
    """Told again, or not for a while."""

    to: Literal["active", "paused"]


@router.get("")
async def show(desk: Reader) -> Response:
    """The addresses there are."""
    return await _page(desk)


@router.post("")
async def add(request: Request, desk: Writer) -> Response:
    """Have an address told. Its secret is on the page that answers, and on no other."""
    try:
        form = await read(request, HookForm, lists=("events",), most=_MANY)
        await desk.core.outbound.check(form.url)
        async with desk.tx() as tx:
            made = await service.subscribe(tx, SubscriptionIn(**form.model_dump()))
    except Problem as problem:
        return await _page(desk, await refused(request, problem, field="url"))
    return await _page(desk, secret=made.secret)


@router.get("/{subscription_id}")
async def show_one(
    desk: Reader, subscription_id: SubscriptionId, query: Annotated[DeliveriesQuery, Query()]
) -> Response:
    """One of them, and what it was told."""
    return await _one(desk, subscription_id, query)


@router.post("/{subscription_id}/status")
async def set_status(request: Request, desk: Writer, subscription_id: SubscriptionId) -> Response:
    """Tell it again, one that was disabled too; or not for a while."""
    form = await read(request, StatusForm)
    async with desk.tx() as tx:
        await service.change(tx, subscription_id, SubscriptionChange(status=form.to))
    return desk.redirect(f"{HERE}/{subscription_id}", "hook-changed")


@router.post("/{subscription_id}/secret")
async def rotate(request: Request, desk: Writer, subscription_id: SubscriptionId) -> Response:
    """A new secret; the old one signs beside it for a day."""
    await read(request, Button)
    async with desk.tx() as tx:
        made = await service.rotate(tx, subscription_id)
    return await _one(desk, subscription_id, DeliveriesQuery(), secret=made.secret)


@router.post("/{subscription_id}/test")
async def call(request: Request, desk: Writer, subscription_id: SubscriptionId) -> Response:
    """Call it at once, and show what it answered."""
    await read(request, Button)
    await take(desk.core.database, desk.shop.id, TESTS, str(subscription_id))
    outcome = await sending.ping(desk.core.database, desk.shop.id, subscription_id, desk.core.outbound)
    return await _one(desk, subscription_id, DeliveriesQuery(), outcome=outcome)


@router.post("/{subscription_id}/deliveries/{delivery_id}/replay")
async def replay(request: Request, desk: Writer, subscription_id: SubscriptionId, delivery_id: DeliveryId) -> Response:
    """Tell it again."""
    await read(request, Button)
    async with desk.tx() as tx:
        await deliveries.replay(tx, subscription_id, delivery_id)
    return desk.redirect(f"{HERE}/{subscription_id}", "replayed")


@router.post("/{subscription_id}/removal")
async def remove(request: Request, desk: Writer, subscription_id: SubscriptionId) -> Response:
    """Tell it nothing any more."""
    await read(request, Button)
    async with desk.tx() as tx:
        await service.unsubscribe(tx, subscription_id)
    return desk.redirect(HERE, "hook-removed")


async def _page(desk: Desk, typed: Typed = NOTHING, *, secret: str | None = None) -> Response:
    async with desk.tx(read_only=True) as tx:
        found = await service.subscriptions(tx)
    known = names()
    kinds = sorted({f"{name.partition('.')[0]}.*" for name in known})
    return desk.page("webhooks.html", typed=typed, hooks=found, events=["*", *kinds, *known], secret=secret)


async def _one(
    desk: Desk,
    subscription_id: SubscriptionId,
    query: DeliveriesQuery,
    *,
    secret: str | None = None,
    outcome: Outcome | None = None,
) -> Response:
    before = decode_cursor(query.cursor)[0] if query.cursor else None
    async with desk.tx(read_only=True) as tx:
        hook = await service.subscription(tx, subscription_id)
        told, after = await deliveries.deliveries(
            tx, subscription_id, status=query.status, before=before, limit=query.limit
        )
    return desk.page(
        "webhook.html",
        hook=hook,
        deliveries=told,
        status_wanted=query.status,
        next_cursor=encode_cursor(*after) if after else None,
        secret=secret,
        outcome=outcome,
    )
