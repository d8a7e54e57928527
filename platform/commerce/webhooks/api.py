"""Webhooks over HTTP, for the shop's staff.

Answers that show a secret are not kept for a retry: a secret is stored nowhere but sealed.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, status

from commerce.http import CoreDep, ShopDep, decode_cursor, encode_cursor, staff
from commerce.identity.staff import Staff
from commerce.throttling.service import Limit, take
from commerce.webhooks import deliveries, sending, service
from commerce.webhooks.schemas import (
    Attempt,
    DeliveriesQuery,
    DeliveryDetail,
    DeliveryList,
    EventNames,
    Replayed,
    ReplayIn,
    Secret,
    Subscription,
    SubscriptionChange,
    SubscriptionIn,
    SubscriptionList,
    SubscriptionMade,
    names,
)
from foundation import audit, clock
from foundation.types import Id

router = APIRouter(prefix="/v1/admin/webhooks", tags=["webhooks"])
Reader = Annotated[Staff, Depends(staff("webhooks:read"))]
Writer = Annotated[Staff, Depends(staff("webhooks:write"))]
SubscriptionId = Annotated[Id, Path()]
DeliveryId = Annotated[Id, Path()]
TESTS = Limit("webhook test", burst=10, every=timedelta(seconds=6))
"""Calls that staff make us make, of one subscription."""


@router.get("/events")
async def event_names(_: Reader) -> EventNames:
    """What can be subscribed to; `order.*` stands for all of a kind, `*` for everything."""
    return EventNames(items=names())


@router.get("/subscriptions")
async def list_subscriptions(core: CoreDep, shop: ShopDep, _: Reader) -> SubscriptionList:
    """The shop's webhook subscriptions."""
    async with core.database.tx(shop.id, read_only=True) as tx:
        return SubscriptionList(items=await service.subscriptions(tx))


@router.post("/subscriptions", status_code=status.HTTP_201_CREATED)
async def subscribe(core: CoreDep, shop: ShopDep, _: Writer, body: SubscriptionIn) -> SubscriptionMade:
    """Have an address told of what happens from now on. The secret is in this answer and in no other."""
    await core.outbound.check(body.url)
    async with core.database.tx(shop.id) as tx:
        made = await service.subscribe(tx, body)
        audit.made("webhook", made.id)
    return made


@router.get("/subscriptions/{subscription_id}")
async def get_subscription(core: CoreDep, shop: ShopDep, _: Reader, subscription_id: SubscriptionId) -> Subscription:
    """One of the shop's webhook subscriptions."""
    async with core.database.tx(shop.id, read_only=True) as tx:
        return await service.subscription(tx, subscription_id)


@router.patch("/subscriptions/{subscription_id}")
async def change_subscription(
    core: CoreDep, shop: ShopDep, _: Writer, subscription_id: SubscriptionId, body: SubscriptionChange
) -> Subscription:
    """Change what is given. `active` ends a pause, and calls an endpoint again that was disabled."""
    if body.url is not None:
        await core.outbound.check(body.url)
    async with core.database.tx(shop.id) as tx:
        return await service.change(tx, subscription_id, body)


@router.delete("/subscriptions/{subscription_id}", status_code=status.HTTP_204_NO_CONTENT)
async def unsubscribe(core: CoreDep, shop: ShopDep, _: Writer, subscription_id: SubscriptionId) -> None:
    """Tell it nothing any more."""
    async with core.database.tx(shop.id) as tx:
        await service.unsubscribe(tx, subscription_id)


@router.post("/subscriptions/{subscription_id}/secret")
async def rotate_secret(core: CoreDep, shop: ShopDep, _: Writer, subscription_id: SubscriptionId) -> Secret:
    """A new secret, in this answer and in no other. For a day everything is signed with the old one too."""
    async with core.database.tx(shop.id) as tx:
        return await service.rotate(tx, subscription_id)


@router.post("/subscriptions/{subscription_id}/test")
async def call_subscription(core: CoreDep, shop: ShopDep, _: Writer, subscription_id: SubscriptionId) -> Attempt:
    """Send a `webhook.test` at once, and say what was answered."""
    await take(core.database, shop.id, TESTS, str(subscription_id))
    now = clock.now()
    outcome = await sending.ping(core.database, shop.id, subscription_id, core.outbound)
    return Attempt(
        attempted_at=now,
        status=outcome.status,
        error=outcome.error,
        milliseconds=outcome.milliseconds,
        response=outcome.response,
    )


@router.get("/subscriptions/{subscription_id}/deliveries")
async def list_deliveries(
    core: CoreDep,
    shop: ShopDep,
    _: Reader,
    subscription_id: SubscriptionId,
    query: Annotated[DeliveriesQuery, Query()],
) -> DeliveryList:
    """What the subscription was told, or waits to be, the latest first."""
    before = decode_cursor(query.cursor)[0] if query.cursor else None
    async with core.database.tx(shop.id, read_only=True) as tx:
        found, after = await deliveries.deliveries(
            tx, subscription_id, status=query.status, before=before, limit=query.limit
        )
    return DeliveryList(
        items=found, has_more=after is not None, next_cursor=encode_cursor(*after) if after is not None else None
    )


@router.get("/subscriptions/{subscription_id}/deliveries/{delivery_id}")
async def get_delivery(
    core: CoreDep, shop: ShopDep, _: Reader, subscription_id: SubscriptionId, delivery_id: DeliveryId
) -> DeliveryDetail:
    """A delivery: what is sent, and each try."""
    async with core.database.tx(shop.id, read_only=True) as tx:
        return await deliveries.delivery(tx, subscription_id, delivery_id)


@router.post("/subscriptions/{subscription_id}/deliveries/{delivery_id}/replay")
async def replay_delivery(
    core: CoreDep, shop: ShopDep, _: Writer, subscription_id: SubscriptionId, delivery_id: DeliveryId
) -> DeliveryDetail:
    """Tell it again, with the `webhook-id` it had: a receiver that has it already can say so."""
    async with core.database.tx(shop.id) as tx:
        return await deliveries.replay(tx, subscription_id, delivery_id)


@router.post("/subscriptions/{subscription_id}/replays")
async def replay_range(
    core: CoreDep, shop: ShopDep, _: Writer, subscription_id: SubscriptionId, body: ReplayIn
) -> Replayed:
    """Tell what was recorded in a time again, in order; events are kept for 30 days."""
    async with core.database.tx(shop.id) as tx:
        count = await deliveries.replay_range(
            tx, subscription_id, since=body.since, until=body.until, only_failed=body.only_failed
        )
    return Replayed(deliveries=count)
