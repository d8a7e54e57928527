"""A shop's plan: what it is, what it still has room for, and what the shop has used of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import text

from commerce.plans.catalogue import PLANS, STARTER, Metric, Plan
from foundation import clock
from foundation.database import Tx, hot
from foundation.errors import Forbidden, Problem, Unprocessable
from foundation.ids import new_id
from foundation.turns import in_turn


class PlanLimitReached(Problem):
    """The shop's plan has no room for more; another plan has."""

    status = 402
    code = "plans.limit_reached"

    metric: str
    limit: int
    plan: str


class OrdersExhausted(Forbidden):
    """The shop takes no more orders this month; your cart is as it was."""

    code = "plans.orders_exhausted"


class UnknownPlan(Unprocessable):
    """There is no such plan."""

    code = "plans.unknown_plan"

    plan: str


class UnknownOverride(Unprocessable):
    """Only limits of a plan can be agreed on, each as a positive number."""

    code = "plans.unknown_override"

    override: str


REQUESTS = "requests"
CAP = "orders_cap"
"""Orders a month after which no checkout begins; without it, orders beyond the plan's are billed."""
OVERRIDES = frozenset({REQUESTS, CAP, *Metric})


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a shop stands with its plan."""

    plan: Plan
    overrides: Mapping[str, int]
    since: datetime | None
    orders: int
    """Placed this month, as far as the stream was counted."""
    left: int | None = None
    """How many may still be placed this month, by the orders there were as this was read; `None`: there is no cap."""

    @property
    def exhausted(self) -> bool:
        """No checkout begins any more this month."""
        return self.left == 0

    def lasts(self, seconds: float) -> bool:
        """Whether the cap can't be reached in this time, however fast the shop is asked."""
        pace = self.plan.requests
        return self.left is None or self.left > pace.burst + pace.per_second * seconds


# uq_tenant_plan, uq_usage_metric_day. Of a shop with a cap also ix_orders_placed, as far as the cap.
_STANDING = hot(
    text(
        """
        SELECT p.code, p.overrides, p.since,
               coalesce((SELECT sum(u.quantity) FROM usage u WHERE u.tenant_id = :tenant_id AND u.metric = 'orders'
                           AND u.day >= CAST(:first AS date)), 0)::bigint AS orders,
               CASE WHEN c.cap IS NOT NULL THEN c.cap - (
                   SELECT count(*) FROM (
                       SELECT FROM orders o WHERE o.tenant_id = :tenant_id
                         AND o.placed_at >= CAST(CAST(:first AS date) AS timestamp) AT TIME ZONE 'UTC'
                       LIMIT c.cap) placed) END AS orders_left
        FROM (SELECT 1) one LEFT JOIN tenant_plan p ON p.tenant_id = :tenant_id
        CROSS JOIN LATERAL (SELECT (p.overrides ->> 'orders_cap')::bigint AS cap) c
        """
    )
)


async def standing(tx: Tx) -> Standing:
    """Where the shop stands."""
    row = await tx.one(_STANDING, {"first": month_of(clock.now())})
    if row is None or row["code"] is None:
        return Standing(STARTER, {}, None, row["orders"] if row else 0)
    overrides: dict[str, int] = orjson.loads(row["overrides"])
    plan = PLANS[row["code"]].overridden(overrides)
    return Standing(plan, overrides, row["since"], row["orders"], row["orders_left"])


# uq_tenant_plan
_PUT = hot(
    text(
        """
        INSERT INTO tenant_plan (tenant_id, id, code, overrides, since)
        VALUES (:tenant_id, :id, :code, coalesce(CAST(:overrides AS jsonb), '{}'), CAST(:now AS timestamptz))
        ON CONFLICT (tenant_id) DO UPDATE
            SET code = excluded.code, overrides = coalesce(CAST(:overrides AS jsonb), tenant_plan.overrides),
                since = CASE WHEN tenant_plan.code = excluded.code THEN tenant_plan.since ELSE excluded.since END
        """
    )
)


async def put(tx: Tx, code: str, overrides: Mapping[str, int] | None = None) -> None:
    """Give the shop a plan; what was agreed with it stays unless something else is.

    Raises:
        UnknownPlan, UnknownOverride: there is no such thing.
    """
    plan_named(code)
    for name, value in (overrides or {}).items():
        if name not in OVERRIDES or value < 1:
            raise UnknownOverride(override=name)
    said = None if overrides is None else orjson.dumps(dict(overrides)).decode()
    await tx.rows(_PUT, {"id": new_id(), "code": code, "overrides": said, "now": clock.now()})


def plan_named(code: str) -> Plan:
    """A plan by its code.

    Raises:
        UnknownPlan: there is none.
    """
    if code not in PLANS:
        raise UnknownPlan(plan=code)
    return PLANS[code]


async def alone(tx: Tx, metric: Metric) -> None:
    """Nobody else adds to what is limited until the transaction ends: to be asked before it is counted."""
    await in_turn(tx, lock_of(tx.tenant_id, metric))


def lock_of(tenant_id: UUID, metric: Metric) -> str:
    """What is locked by whoever adds to what is limited."""
    return f"plan:{metric}:{tenant_id}"


async def limit_of(tx: Tx, metric: Metric) -> int | None:
    """How much the shop's plan has room for; `None`: as much as there is."""
    return (await standing(tx)).plan.limit(metric)


async def make_room(tx: Tx, metric: Metric, *, there: int, more: int = 1) -> None:
    """Stop unless the plan has room for `more` beside those that are `there`, counted after `alone`.

    Raises:
        PlanLimitReached: it hasn't.
    """
    plan = (await standing(tx)).plan
    limit = plan.limit(metric)
    if limit is not None and there + more > limit:
        raise PlanLimitReached(metric=str(metric), limit=limit, plan=plan.code)


def month_of(moment: datetime) -> date:
    """The first day of a moment's month (UTC)."""
    return moment.date().replace(day=1)


# uq_usage_metric_day
_USED = hot(
    text(
        """
        SELECT metric, day, quantity FROM usage
        WHERE tenant_id = :tenant_id AND day >= CAST(:first AS date) AND day < CAST(:end AS date)
        ORDER BY metric, day
        """
    )
)


async def used(tx: Tx, first: date, end: date) -> list[dict[str, Any]]:
    """What was used from a day until before another: metric, day, quantity."""
    return [dict(row) for row in await tx.rows(_USED, {"first": first, "end": end})]
