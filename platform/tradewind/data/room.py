"""Whether a tenant's plan has room for what is loaded: asked as the services ask, by a connection that blocks."""

from __future__ import annotations

from uuid import UUID

import psycopg

from commerce.plans.catalogue import PLANS, STARTER, Metric
from commerce.plans.service import lock_of
from tradewind.errors import StackError


class NoRoom(StackError):
    """The tenant's plan has no room for so many products; nothing of them is loaded."""


def alone(connection: psycopg.Connection, tenant_id: UUID) -> None:
    """Nobody else adds products until the transaction ends."""
    connection.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", (lock_of(tenant_id, Metric.PRODUCTS),))


def require(connection: psycopg.Connection, tenant_id: UUID) -> None:
    """Stop if the tenant has more products now than its plan has room for.

    Raises:
        NoRoom.
    """
    row = connection.execute(
        "SELECT (SELECT count(*) FROM product WHERE tenant_id = %(tenant)s), code, overrides"
        " FROM (SELECT 1) one LEFT JOIN tenant_plan ON tenant_id = %(tenant)s",
        {"tenant": tenant_id},
    ).fetchone()
    if row is None:
        return
    there, code, overrides = row
    plan = PLANS[code or STARTER.code].overridden(overrides or {})
    limit = plan.limit(Metric.PRODUCTS)
    if limit is not None and there > limit:
        raise NoRoom(
            f"The plan {plan.name} has room for {limit:,} products, and these would be {there:,}: give the shop another"
            " by `tradewind tenant plan`."
        )
