"""What a shop's staff see of its plan, what it uses, and what it was billed."""

from __future__ import annotations

from typing import cast

from commerce.billing import accounts
from commerce.billing.schemas import (
    InvoiceList,
    InvoiceOut,
    InvoiceStatus,
    LimitOut,
    OfferedPlan,
    PlanOut,
    UsageOut,
    UsedOn,
)
from commerce.billing.service import month_of_next
from commerce.catalog import counting
from commerce.plans import service as plans
from commerce.plans.catalogue import PLANS, Metric, Plan
from commerce.plans.service import month_of
from commerce.staffing import service as staffing
from foundation import clock
from foundation.database import Tx
from foundation.money import Money
from foundation.types import MoneyOut


async def there_are(tx: Tx) -> dict[Metric, int]:
    """What the shop has of what is limited at any time."""
    return {Metric.PRODUCTS: await counting.products(tx), Metric.STAFF: await staffing.counted(tx)}


async def plan(tx: Tx, *, billed: bool) -> PlanOut:
    """The shop's plan, and those it could have."""
    standing, account = await plans.standing(tx), await accounts.find(tx)
    return PlanOut(
        **_offered(standing.plan).model_dump(),
        status=account.status if account else "none",
        since=standing.since,
        period_end=account.period_end if account else None,
        ends_at=account.ends_at if account else None,
        past_due_since=account.past_due_since if account else None,
        billed=billed,
        offered=[_offered(one) for one in PLANS.values()],
    )


async def usage(tx: Tx) -> UsageOut:
    """What the shop has and uses, beside what its plan allows."""
    standing, month = await plans.standing(tx), month_of(clock.now())
    used = {**await there_are(tx), Metric.ORDERS: standing.orders}
    days = await plans.used(tx, month, month_of_next(month))
    return UsageOut(
        month=month,
        items=[LimitOut(metric=str(one), used=count, limit=standing.plan.limit(one)) for one, count in used.items()],
        days=[UsedOn(**day) for day in days],
    )


async def invoices(tx: Tx) -> InvoiceList:
    """The shop's invoices, the latest first."""
    return InvoiceList(
        items=[
            InvoiceOut(
                number=one.number,
                status=cast("InvoiceStatus", one.status),
                total=_money(one.total),
                issued_at=one.issued_at,
                pdf_url=one.pdf_url,
                page_url=one.page_url,
            )
            for one in await accounts.invoices(tx)
        ]
    )


def _offered(one: Plan) -> OfferedPlan:
    return OfferedPlan(
        plan=one.code,
        name=one.name,
        price=_money(one.price),
        limits={str(metric): limit for metric, limit in one.limits.items()},
        requests_per_second=one.requests.per_second,
        beyond=_money(one.beyond) if one.beyond else None,
        own_database=one.own_database,
    )


def _money(value: Money) -> MoneyOut:
    return MoneyOut(amount=value.amount, currency=value.currency)
