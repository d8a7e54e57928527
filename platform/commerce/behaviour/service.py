"""Behavioural events, held to their contracts one by one: the good go on, the broken are kept with a reason."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from pydantic import ValidationError
from sqlalchemy.ext.asyncio import AsyncSession

from commerce.behaviour.schemas import BehaviourIn, Receipt, Rejected
from commerce.identity.service import Shopper
from foundation import clock
from foundation.events import CONTRACTS, Behaviour, Context, Event, may_be_recorded
from foundation.ids import new_id
from foundation.outbox import DeadLetter, publish

LATEST = timedelta(days=30)
EARLIEST = timedelta(minutes=5)


class BrokenContract(ValueError):
    """The event is not what its contract says; the message says why."""


async def receive(session: AsyncSession, shopper: Shopper, batch: Sequence[dict[str, Any]]) -> Receipt:
    """Take a batch: what keeps its contract is published, what breaks it becomes a dead letter.

    Of whoever has not agreed to it nothing is kept, not even what is broken.
    """
    context = shopper.context()
    if not may_be_recorded(context):
        return Receipt(accepted=0, ignored=len(batch), rejected=[])
    now = clock.now()
    events: list[Event] = []
    rejected: list[Rejected] = []
    for index, raw in enumerate(batch):
        try:
            events.append(_event(raw, shopper.tenant_id, context, now))
        except BrokenContract as fault:
            rejected.append(Rejected(index=index, reason=str(fault)[:1000]))
            session.add(
                DeadLetter(
                    tenant_id=shopper.tenant_id,
                    id=new_id(),
                    received_at=now,
                    source="store",
                    reason=str(fault)[:1000],
                    body=raw,
                    visitor_id=shopper.visitor_id,
                )
            )
    await publish(session, events)
    await session.flush()
    return Receipt(accepted=len(events), ignored=0, rejected=rejected)


def _event(raw: dict[str, Any], tenant_id: UUID, who: Context, now: datetime) -> Event:
    try:
        given = BehaviourIn.model_validate(raw)
    except ValidationError as fault:
        raise BrokenContract(_reasons(fault)) from fault
    contract = CONTRACTS.get((given.name, given.version))
    if contract is None or not issubclass(contract, Behaviour):
        raise BrokenContract(f"{given.name} version {given.version} is not an event a shop may send")
    if not now - LATEST <= given.occurred_at <= now + EARLIEST:
        raise BrokenContract("occurred_at is more than 30 days ago or in the future")
    try:
        payload = contract.model_validate(given.payload)
    except ValidationError as fault:
        raise BrokenContract(_reasons(fault)) from fault
    return Event(
        event_id=given.event_id,
        tenant_id=tenant_id,
        name=given.name,
        version=given.version,
        occurred_at=given.occurred_at,
        recorded_at=now,
        aggregate_id=who.session_id or given.event_id,
        shopper_id=who.shopper_id,
        visitor_id=who.visitor_id,
        session_id=who.session_id,
        decision_id=given.decision_id,
        consent=who.consent,
        payload=payload.model_dump(mode="json", exclude_none=True),
    )


def _reasons(fault: ValidationError) -> str:
    return "; ".join(f"{'.'.join(str(part) for part in error['loc'])}: {error['msg']}" for error in fault.errors()[:5])
