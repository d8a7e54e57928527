"""The plans there are, and what each allows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from foundation.buckets import Rate
from foundation.money import Money


class Metric(StrEnum):
    """What a plan limits, or counts."""

    PRODUCTS = "products"
    """Products there are, whatever their status."""
    STAFF = "staff"
    """Members of staff there are."""
    ORDERS = "orders"
    """Orders placed in a month."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What a shop may do, and what it pays a month."""

    code: str
    name: str
    price: Money
    """A month, in advance."""
    limits: Mapping[Metric, int | None]
    """`None`: as many as they like."""
    requests: Rate
    """To its API and its pages, those of shoppers and programs together."""
    beyond: Money | None
    """What an order beyond the month's is billed at; without it no order begins beyond them."""
    own_database: bool = False
    """Whether the operator may move it to a database of its own."""

    def limit(self, metric: Metric) -> int | None:
        """How many it includes; `None`: as many as they like."""
        return self.limits[metric]

    def overridden(self, overrides: Mapping[str, int]) -> Plan:
        """The plan with what was agreed with one shop in place of it: limits by metric, `requests` a second."""
        limits = {metric: overrides.get(metric, limit) for metric, limit in self.limits.items()}
        second = overrides.get("requests")
        requests = Rate(second * BURST_SECONDS, second) if second else self.requests
        return replace(self, limits=limits, requests=requests)


BURST_SECONDS = 10
"""Seconds of its rate that a shop may be asked at once."""


def _requests(per_second: int) -> Rate:
    return Rate(per_second * BURST_SECONDS, per_second)


STARTER = Plan(
    "starter",
    "Starter",
    Money(2_900, "USD"),
    {Metric.PRODUCTS: 1_000, Metric.ORDERS: 500, Metric.STAFF: 3},
    _requests(50),
    beyond=Money(10, "USD"),
)
PROFESSIONAL = Plan(
    "professional",
    "Professional",
    Money(19_900, "USD"),
    {Metric.PRODUCTS: 50_000, Metric.ORDERS: 10_000, Metric.STAFF: 25},
    _requests(250),
    beyond=Money(5, "USD"),
)
ENTERPRISE = Plan(
    "enterprise",
    "Enterprise",
    Money(149_900, "USD"),
    {Metric.PRODUCTS: None, Metric.ORDERS: 500_000, Metric.STAFF: None},
    _requests(2_000),
    beyond=Money(2, "USD"),
    own_database=True,
)
PLANS: Mapping[str, Plan] = {plan.code: plan for plan in (STARTER, PROFESSIONAL, ENTERPRISE)}
