"""A shop subscribes, changes its mind, is told of, and is billed for what it used beyond its plan.

The provider is never asked inside a transaction: what it is to do is asked for with a key that makes it happen once,
and what came of it is read and written down after.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from uuid import UUID

from sqlalchemy import text

from commerce.billing import accounts
from commerce.billing.accounts import Account
from commerce.billing.stripe import Notification, Stripe
from commerce.plans import metering
from commerce.plans import service as plans
from commerce.plans.catalogue import Metric
from commerce.plans.service import PlanLimitReached, month_of, plan_named
from commerce.tenancy.service import Shop
from foundation import audit, clock
from foundation.database import Database, Tx, hot
from foundation.errors import Conflict, Forbidden
from foundation.ids import new_id
from foundation.money import Money
from foundation.settings import Settings


class BilledByOperator(Forbidden):
    """This platform doesn't bill by itself: ask its operator for another plan."""

    code = "billing.by_operator"


class NotSubscribed(Conflict):
    """There is no subscription yet, or none any more."""

    code = "billing.not_subscribed"


@dataclass(frozen=True, slots=True)
class Billing:
    """The use cases, over a database and the platform's Stripe."""

    database: Database
    stripe: Stripe | None

    def require(self) -> Stripe:
        """Whoever bills.

        Raises:
            BilledByOperator: nobody does.
        """
        if self.stripe is None:
            raise BilledByOperator
        return self.stripe

    async def subscribe(
        self, shop: Shop, code: str, *, email: str, method: str | None, key: str, there: Mapping[str, int]
    ) -> None:
        """Take a plan, or another in place of the present one. The same key does it once. `there` is what the shop has
        by metric.

        Raises:
            UnknownPlan, PlanLimitReached: the shop has more than the plan allows.
            BilledByOperator, CardRefused, BillingUnavailable: nothing has changed, or it shows here later.
        """
        stripe, plan = self.require(), plan_named(code)
        for metric, count in there.items():
            limit = plan.limit(Metric(metric))
            if limit is not None and count > limit:
                raise PlanLimitReached(metric=metric, limit=limit, plan=plan.code)
        account = await self._account(shop.id)
        customer = account.customer if account else await stripe.customer(shop.id, shop.name, email, key)
        async with self.database.tx(shop.id) as tx:
            await accounts.open_account(tx, customer, email)
        if method is not None:
            await stripe.pay_with(customer, method)
        present = await stripe.subscription_of(customer)
        key = f"tradewind:{shop.id}:{key}"
        if present is None or present.status == "cancelled":
            await stripe.subscribe(customer, plan, key)
        elif present.plan != code:
            await stripe.change(present, plan, key)
        await self.sync(shop.id)

    async def end(self, shop: Shop, *, ends: bool) -> None:
        """End the subscription when what is paid for is over, or go on with it after all.

        Raises:
            NotSubscribed: there is none.
            BilledByOperator, BillingUnavailable.
        """
        account = await self._account(shop.id)
        if account is None or account.subscription is None or account.status == "cancelled":
            self.require()
            raise NotSubscribed
        await self.require().end_with_period(account.subscription, ends=ends)
        await self.sync(shop.id)

    async def portal(self, shop: Shop, *, back: str, by: str) -> str:
        """The address at which the shop's cards and bills are looked after at the provider; it is good for whoever has
        it, for some minutes. That it was asked for is written down.

        Raises:
            NotSubscribed: the shop never had a plan that is billed.
            BilledByOperator, BillingUnavailable, BillingRefused.
        """
        stripe, account = self.require(), await self._account(shop.id)
        if account is None:
            raise NotSubscribed
        url = await stripe.portal(account.customer, back=back)
        async with self.database.tx(shop.id) as tx:
            await audit.record(tx, actor=by, action="plans.open_portal")
        return url

    async def cancel(self, tenant_id: UUID) -> bool:
        """End a shop's subscription at once, whatever is paid for; whether there was one.

        Raises:
            BilledByOperator, BillingUnavailable, BillingRefused.
        """
        account = await self._account(tenant_id)
        if account is None:
            return False
        present = await self.require().subscription_of(account.customer)
        if present is None or present.status == "cancelled":
            return False
        await self.require().cancel(present.reference)
        return True

    async def told(self, notification: Notification) -> None:
        """Keep a notification, then see what is true now.

        Raises:
            BillingUnavailable: whose it is can't be asked now, or what is true; a kept one is handled later.
        """
        tenant_id = await self.require().tenant_of(notification.customer)
        if tenant_id is None:
            return
        async with self.database.tx(tenant_id) as tx:
            account = await accounts.find(tx)
            if account is None or account.customer != notification.customer:
                return
            await accounts.keep(tx, notification.reference, notification.kind)
        await self.catch_up(tenant_id)

    async def catch_up(self, tenant_id: UUID) -> None:
        """Handle what nobody has handled: one look serves all that came before it.

        Raises:
            BillingUnavailable: later, then.
        """
        async with self.database.tx(tenant_id, read_only=True) as tx:
            ids = await accounts.waiting(tx)
        if ids:
            await self.sync(tenant_id)
            async with self.database.tx(tenant_id) as tx:
                await accounts.handled(tx, ids)

    async def sync(self, tenant_id: UUID) -> None:
        """Read what the provider has of a shop, and write it down.

        Raises:
            BillingUnavailable: it can't be read now.
        """
        account = await self._account(tenant_id)
        if account is None:
            return
        stripe, read_at = self.require(), clock.now()
        subscribed = await stripe.subscription_of(account.customer)
        invoices = await stripe.invoices_of(account.customer)
        async with self.database.tx(tenant_id) as tx:
            await accounts.write(tx, subscribed, invoices, read_at=read_at)

    async def bill_usage(self, tenant_id: UUID) -> None:
        """Put what was used beyond the plan last month on the next invoice, once the month is settled.

        Raises:
            BillingUnavailable: later, then; it is billed once however often it is tried.
        """
        now = clock.now()
        month = _month_before(month_of(now))
        if metering.open_since(now) <= month:
            return
        async with self.database.tx(tenant_id) as tx:
            account = await accounts.find(tx)
            if account is None or account.status not in {"active", "past_due"}:
                return
            await self._owe(tx, month)
            owed = await tx.rows(_UNBILLED)
        for row in owed:
            amount = Money(row["amount"], row["currency"])
            words = f"{row['quantity']:,} orders beyond the plan in {row['month']:%B %Y}"
            again = clock.now() - row["created_at"] > timedelta(hours=1)
            item = await self.require().use(account.customer, amount, words, row["id"], again=again)
            async with self.database.tx(tenant_id) as tx:
                await tx.rows(_BILLED, {"id": row["id"], "item": item})

    async def _owe(self, tx: Tx, month: date) -> None:
        plan = (await plans.standing(tx)).plan
        limit = plan.limit(Metric.ORDERS)
        if limit is None or plan.beyond is None:
            return
        days = await plans.used(tx, month, month_of_next(month))
        beyond = sum(day["quantity"] for day in days if day["metric"] == Metric.ORDERS) - limit
        if beyond > 0:
            values = {
                "id": new_id(),
                "metric": str(Metric.ORDERS),
                "month": month,
                "quantity": beyond,
                "amount": beyond * plan.beyond.amount,
                "currency": plan.beyond.currency,
                "now": clock.now(),
            }
            await tx.rows(_OWE, values)

    async def _account(self, tenant_id: UUID) -> Account | None:
        async with self.database.tx(tenant_id, read_only=True) as tx:
            return await accounts.find(tx)


def month_of_next(month: date) -> date:
    """The first day of the month after."""
    return (month + timedelta(days=32)).replace(day=1)


def _month_before(month: date) -> date:
    return (month - timedelta(days=1)).replace(day=1)


# uq_billed_usage_month
_OWE = hot(
    text(
        """
        INSERT INTO billed_usage (tenant_id, id, metric, month, quantity, amount, currency, created_at)
        VALUES (:tenant_id, :id, :metric, CAST(:month AS date), :quantity, :amount, :currency,
                CAST(:now AS timestamptz))
        ON CONFLICT (tenant_id, metric, month) DO NOTHING
        """
    )
)
# uq_billed_usage_month
_UNBILLED = hot(
    text(
        """
        SELECT id, month, quantity, amount, currency, created_at FROM billed_usage
        WHERE tenant_id = :tenant_id AND item IS NULL ORDER BY month
        """
    )
)
_BILLED = hot(text("UPDATE billed_usage SET item = :item WHERE tenant_id = :tenant_id AND id = :id"))


def configured(database: Database, settings: Settings) -> Billing:
    """Billing as this platform has it."""
    secret, webhook = settings.billing_stripe_secret_key, settings.billing_stripe_webhook_secret
    if secret is None or webhook is None:
        return Billing(database, None)
    stripe = Stripe(secret.get_secret_value(), webhook.get_secret_value(), api_base=settings.billing_stripe_api_base)
    return Billing(database, stripe)
