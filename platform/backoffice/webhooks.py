"""Addresses that are told of what happens in the shop, and how that went."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Path, Query, Request
from pydantic import BeforeValidator
from starlette.responses import Response

from backoffice.desk import Desk, desk
from backoffice.proposals import AGREED, NO_PROPOSAL, Proposal, Proposed, proposal
from backoffice.typed import NOTHING, Typed, refused
from commerce.http import decode_cursor, encode_cursor
from commerce.throttling.service import take
from commerce.webhooks import deliveries, sending, service
from commerce.webhooks.api import TESTS
from commerce.webhooks.schemas import (
    EVERYTHING,
    DeliveriesQuery,
    Patterns,
    SubscriptionChange,
    SubscriptionIn,
    Url,
    names,
)
from commerce.webhooks.sending import Outcome
from foundation import audit
from foundation.errors import Problem
from foundation.types import Email, Id, Input, MaybeText, Text
from pages.forms import Button, blank, read

router = APIRouter(prefix="/back-office/webhooks")
Reader = Annotated[Desk, Depends(desk("webhooks:read"))]
Writer = Annotated[Desk, Depends(desk("webhooks:write"))]
WebhookId = Annotated[Id, Path()]
DeliveryId = Annotated[Id, Path()]
HERE = "/back-office/webhooks"
_MANY = 150
_LATEST = DeliveriesQuery()


class HookForm(Input):
    """An address to tell."""

    url: Url
    events: Patterns
    contact: Email
    description: Annotated[Text | None, BeforeValidator(blank)] = None


class ChangeForm(Proposed):
    """What an address and what it is told are to be."""

    url: Url
    events: Patterns
    contact: Email
    description: MaybeText = ""


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
            audit.made("webhook", made.id)
    except Problem as problem:
        return await _page(desk, await refused(request, problem, field="url"))
    return await _page(desk, secret=made.secret)


@router.get("/{webhook_id}")
async def show_one(desk: Reader, webhook_id: WebhookId, query: Annotated[DeliveriesQuery, Query()]) -> Response:
    """One of them, and what it was told."""
    return await _one(desk, webhook_id, query)


@router.post("/{webhook_id}")
async def change(request: Request, desk: Writer, webhook_id: WebhookId) -> Response:
    """Show what would be changed, or change it."""
    try:
        form = await read(request, ChangeForm, lists=("events",), most=_MANY)
        asked = SubscriptionChange(**form.model_dump(exclude={AGREED}))
        await desk.core.outbound.check(form.url)
        async with desk.tx() as tx:
            before = await service.subscription(tx, webhook_id)
            if form.agreed:
                await service.change(tx, webhook_id, asked)
    except Problem as problem:
        return await _one(desk, webhook_id, typed=await refused(request, problem, field="url"))
    given = asked.model_dump(exclude_none=True)
    present = before.model_dump(include=set(given))
    if form.agreed or given == present:
        return desk.redirect(f"{HERE}/{webhook_id}", "hook-changed")
    return await _one(desk, webhook_id, given=given, proposal=await proposal(request, present, given))


@router.post("/{webhook_id}/status")
async def set_status(request: Request, desk: Writer, webhook_id: WebhookId) -> Response:
    """Tell it again, one that was disabled too; or not for a while."""
    form = await read(request, StatusForm)
    async with desk.tx() as tx:
        await service.change(tx, webhook_id, SubscriptionChange(status=form.to))
    return desk.redirect(f"{HERE}/{webhook_id}", "hook-changed")


@router.post("/{webhook_id}/secret")
async def rotate(request: Request, desk: Writer, webhook_id: WebhookId) -> Response:
    """A new secret; the old one signs beside it for a day."""
    await read(request, Button)
    async with desk.tx() as tx:
        made = await service.rotate(tx, webhook_id)
    return await _one(desk, webhook_id, secret=made.secret)


@router.post("/{webhook_id}/test")
async def call(request: Request, desk: Writer, webhook_id: WebhookId) -> Response:
    """Call it at once, and show what it answered."""
    await read(request, Button)
    await take(desk.core.database, desk.shop.id, TESTS, str(webhook_id))
    outcome = await sending.ping(desk.core.database, desk.shop.id, webhook_id, desk.core.outbound)
    return await _one(desk, webhook_id, outcome=outcome)


@router.post("/{webhook_id}/deliveries/{delivery_id}/replay")
async def replay(request: Request, desk: Writer, webhook_id: WebhookId, delivery_id: DeliveryId) -> Response:
    """Tell it again."""
    await read(request, Button)
    async with desk.tx() as tx:
        await deliveries.replay(tx, webhook_id, delivery_id)
    return desk.redirect(f"{HERE}/{webhook_id}", "replayed")


@router.post("/{webhook_id}/removal")
async def remove(request: Request, desk: Writer, webhook_id: WebhookId) -> Response:
    """Tell it nothing any more."""
    await read(request, Button)
    async with desk.tx() as tx:
        await service.unsubscribe(tx, webhook_id)
    return desk.redirect(HERE, "hook-removed")


async def _page(desk: Desk, typed: Typed = NOTHING, *, secret: str | None = None) -> Response:
    async with desk.tx(read_only=True) as tx:
        found = await service.subscriptions(tx)
    return desk.page("webhooks.html", typed=typed, hooks=found, events=_events(), secret=secret)


async def _one(
    desk: Desk,
    webhook_id: WebhookId,
    query: DeliveriesQuery = _LATEST,
    *,
    typed: Typed = NOTHING,
    given: Mapping[str, Any] = MappingProxyType({}),
    proposal: Proposal = NO_PROPOSAL,
    secret: str | None = None,
    outcome: Outcome | None = None,
) -> Response:
    before = decode_cursor(query.cursor)[0] if query.cursor else None
    async with desk.tx(read_only=True) as tx:
        hook = await service.subscription(tx, webhook_id)
        told, after = await deliveries.deliveries(tx, webhook_id, status=query.status, before=before, limit=query.limit)
    return desk.page(
        "webhook.html",
        typed=typed,
        hook=hook,
        proposed=hook.model_copy(update=dict(given)),
        proposal=proposal,
        events=_events(),
        deliveries=told,
        status_wanted=query.status,
        next_cursor=encode_cursor(*after) if after else None,
        secret=secret,
        outcome=outcome,
    )


def _events() -> list[str]:
    """What can be asked for: everything, all of a kind, or one event."""
    known = names()
    return [EVERYTHING, *sorted({f"{name.partition('.')[0]}.*" for name in known}), *known]
