"""The platform's own Stripe, by its SDK: shops are its customers. Its key has nothing to do with the shops' own.

Prices are objects of Stripe's Plans API, made when they are first needed and named by what they say, so that a price
that changes is another one. A change is prorated by Stripe on the next invoice. What was used beyond a plan becomes an
item of the next invoice; `use` is the one place that knows how, should it become an event of a billing meter.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal
from uuid import UUID

from commerce.plans.catalogue import Plan
from foundation.errors import Unavailable, Unprocessable
from foundation.money import Money

if TYPE_CHECKING:
    import stripe
    from stripe import StripeClient

DEADLINE_SECONDS = 15.0
RETRIES = 2
TOLERANCE = timedelta(minutes=5)
"""How far the time a notification was signed at may be from ours, on either side."""
Status = Literal["none", "active", "past_due", "cancelled"]
_STATUS: Mapping[str, Status] = {
    "active": "active",
    "trialing": "active",
    "past_due": "past_due",
    "unpaid": "past_due",
    "incomplete": "cancelled",
    "incomplete_expired": "cancelled",
    "canceled": "cancelled",
    "paused": "past_due",
}
_INVOICED = ("open", "paid", "void", "uncollectible")


class BillingUnavailable(Unavailable):
    """Whoever bills shops doesn't answer right now; nothing was changed that is not shown here later."""

    code = "billing.unavailable"


class CardRefused(Unprocessable):
    """The card was refused."""

    code = "billing.card_refused"

    reason: str


class BillingRefused(Unprocessable):
    """Whoever bills shops can't do that."""

    code = "billing.refused"

    reason: str


class ForgedNotification(ValueError):
    """It was not signed by Stripe, or not now."""


@dataclass(frozen=True, slots=True)
class Subscribed:
    """A subscription as Stripe has it."""

    reference: str
    item: str
    plan: str
    """Our code."""
    status: Status
    period_end: datetime | None
    ends_at: datetime | None


@dataclass(frozen=True, slots=True)
class Invoiced:
    """An invoice as Stripe has it."""

    reference: str
    number: str
    status: str
    total: Money
    issued_at: datetime
    pdf_url: str | None
    page_url: str | None


@dataclass(frozen=True, slots=True)
class Notification:
    """What Stripe says has happened, and to which of its customers."""

    reference: str
    kind: str
    customer: str


class Stripe:
    """Stripe, as the platform uses it."""

    def __init__(self, secret_key: str, webhook_secret: str, *, api_base: str | None = None) -> None:
        self._secret_key, self._webhook_secret, self._api_base = secret_key, webhook_secret, api_base

    @cached_property
    def _http(self) -> stripe.HTTPXClient:
        import stripe  # noqa: PLC0415  (0.7 s, paid only where Stripe is used)

        return stripe.HTTPXClient(timeout=DEADLINE_SECONDS)

    @cached_property
    def _client(self) -> StripeClient:
        import stripe  # noqa: PLC0415  (0.7 s, paid only where Stripe is used)

        return stripe.StripeClient(
            self._secret_key,
            http_client=self._http,
            max_network_retries=RETRIES,
            base_addresses={"api": self._api_base} if self._api_base else None,
        )

    async def customer(self, tenant_id: UUID, name: str, email: str, key: str) -> str:
        """The shop as a new customer; the same key makes it once."""
        wanted: Any = {"name": name, "email": email, "metadata": {"tenant_id": str(tenant_id)}}
        with _answers():
            made = await self._client.v1.customers.create_async(
                wanted, {"idempotency_key": f"tradewind:{tenant_id}:{key}:customer"}
            )
        return made.id

    async def pay_with(self, customer: str, method: str) -> None:
        """Take a payment method, that Stripe.js made in a browser, for all that is to come.

        Raises:
            CardRefused: it can't be charged.
        """
        with _answers():
            await self._client.v1.payment_methods.attach_async(method, {"customer": customer})
            await self._client.v1.customers.update_async(
                customer, {"invoice_settings": {"default_payment_method": method}}
            )

    async def tenant_of(self, customer: str) -> UUID | None:
        """Which shop a customer is; `None`: not one of ours."""
        with _answers():
            found = (await self._client.v1.customers.retrieve_async(customer)).to_dict()
        tenant_id = (found.get("metadata") or {}).get("tenant_id")
        return UUID(tenant_id) if tenant_id else None

    async def subscribe(self, customer: str, plan: Plan, key: str) -> Subscribed:
        """Begin a subscription; the same key begins it once.

        Raises:
            CardRefused: the first payment was.
        """
        price = await self._price(plan)
        # Whose first payment fails has not subscribed, rather than having a plan for the days of grace.
        wanted: Any = {
            "customer": customer,
            "items": [{"plan": price}],
            "payment_behavior": "error_if_incomplete",
        }
        with _answers():
            made = await self._client.v1.subscriptions.create_async(wanted, {"idempotency_key": key})
        begun = _subscribed(made.to_dict())
        if begun.status != "active":
            raise CardRefused(reason="incomplete")
        return begun

    async def change(self, subscription: Subscribed, plan: Plan, key: str) -> Subscribed:
        """Another plan from now on; what is left of the present one is set off on the next invoice."""
        price = await self._price(plan)
        wanted: Any = {"items": [{"id": subscription.item, "plan": price}]}
        with _answers():
            made = await self._client.v1.subscriptions.update_async(
                subscription.reference, wanted, {"idempotency_key": key}
            )
        return _subscribed(made.to_dict())

    async def end_with_period(self, reference: str, *, ends: bool) -> Subscribed:
        """End a subscription when what is paid for is over, or go on with it after all."""
        with _answers():
            made = await self._client.v1.subscriptions.update_async(reference, {"cancel_at_period_end": ends})
        return _subscribed(made.to_dict())

    async def cancel(self, reference: str) -> None:
        """End a subscription at once."""
        with _answers():
            await self._client.v1.subscriptions.cancel_async(reference)

    async def subscription_of(self, customer: str) -> Subscribed | None:
        """The customer's newest subscription, also one that is over."""
        with _answers():
            wanted: Any = {"customer": customer, "status": "all", "limit": 100}
            found = await self._client.v1.subscriptions.list_async(wanted)
        newest = max((one.to_dict() for one in found.data), key=lambda one: (_alive(one), one["created"]), default=None)
        return None if newest is None else _subscribed(newest)

    async def invoices_of(self, customer: str) -> Sequence[Invoiced]:
        """The customer's latest invoices; drafts are none yet."""
        with _answers():
            found = await self._client.v1.invoices.list_async({"customer": customer, "limit": 100})
        return [_invoiced(one.to_dict()) for one in found.data if one.status in _INVOICED]

    async def portal(self, customer: str, *, back: str) -> str:
        """Where the customer changes cards, addresses and the like with Stripe for some minutes, to come `back` then.

        Raises:
            BillingRefused: the portal is not set up at Stripe.
        """
        with _answers():
            opened = await self._client.v1.billing_portal.sessions.create_async(
                {"customer": customer, "return_url": back}
            )
        return opened.url

    async def collect(self, invoice: str) -> None:
        """Try once more to charge an open invoice.

        Raises:
            CardRefused: it was refused again.
        """
        with _answers():
            await self._client.v1.invoices.pay_async(invoice)

    async def use(self, customer: str, amount: Money, words: str, usage_id: UUID, *, again: bool) -> str:
        """Put what was used on the next invoice; once for each id. `again`: it may be there already."""
        if again:
            with _answers():
                found = await self._client.v1.invoice_items.list_async({"customer": customer, "limit": 100})
            for item in found.data:
                if (item.to_dict().get("metadata") or {}).get("usage_id") == str(usage_id):
                    return item.id
        wanted: Any = {
            "customer": customer,
            "amount": amount.amount,
            "currency": amount.currency.lower(),
            "description": words,
            "metadata": {"usage_id": str(usage_id)},
        }
        with _answers():
            made = await self._client.v1.invoice_items.create_async(
                wanted, {"idempotency_key": f"tradewind:usage:{usage_id}"}
            )
        return made.id

    def notification(self, headers: Mapping[str, str], body: bytes, *, now: datetime) -> Notification | None:
        """The notification in a request; `None` for one that is about no customer.

        Raises:
            ForgedNotification: the signature is not Stripe's, or was made more than `TOLERANCE` from now.
        """
        import stripe  # noqa: PLC0415  (0.7 s, paid only where Stripe is used)

        header = headers.get("stripe-signature", "")
        try:
            # The SDK would read the system's clock: the age is checked below, by the one that tests can set.
            event = stripe.Webhook.construct_event(body, header, self._webhook_secret, tolerance=0).to_dict()
            signed_at = int(dict(part.split("=", 1) for part in header.split(",") if "=" in part)["t"])
        except (stripe.SignatureVerificationError, ValueError, KeyError) as fault:
            raise ForgedNotification from fault
        if abs(now.timestamp() - signed_at) > TOLERANCE.total_seconds():
            raise ForgedNotification
        about = event["data"]["object"]
        customer = about["id"] if about.get("object") == "customer" else about.get("customer")
        return Notification(event["id"], event["type"], customer) if isinstance(customer, str) else None

    async def _price(self, plan: Plan) -> str:
        """The plan's price at Stripe, made if it isn't there yet."""
        import stripe  # noqa: PLC0415  (0.7 s, paid only where Stripe is used)

        name = f"tradewind-{plan.code}-{plan.price.amount}-{plan.price.currency.lower()}"
        with _answers():
            try:
                return (await self._client.v1.plans.retrieve_async(name)).id
            except stripe.InvalidRequestError as fault:
                if fault.http_status != 404:
                    raise
            wanted: Any = {
                "id": name,
                "amount": plan.price.amount,
                "currency": plan.price.currency.lower(),
                "interval": "month",
                "product": {"name": f"Tradewind {plan.name}"},
                "metadata": {"plan": plan.code},
            }
            return (await self._client.v1.plans.create_async(wanted, {"idempotency_key": f"tradewind:plan:{name}"})).id

    async def close(self) -> None:
        """Give the connections back, if there are any."""
        if "_http" in self.__dict__:
            await self._http.close_async()  # type: ignore[no-untyped-call]


@contextmanager
def _answers() -> Iterator[None]:
    """Stripe's errors in our own words.

    Raises:
        CardRefused, BillingRefused, BillingUnavailable.
    """
    import stripe  # noqa: PLC0415  (0.7 s, paid only where Stripe is used)

    try:
        yield
    except stripe.CardError as refusal:
        raise CardRefused(reason=refusal.code or "card_declined") from refusal
    except (stripe.InvalidRequestError, stripe.IdempotencyError) as refusal:
        raise BillingRefused(reason=refusal.code or "invalid_request") from refusal
    except stripe.StripeError as fault:
        raise BillingUnavailable from fault


def _alive(subscription: Mapping[str, Any]) -> bool:
    return _STATUS.get(subscription["status"], "past_due") != "cancelled"


def _subscribed(found: Mapping[str, Any]) -> Subscribed:
    item = found["items"]["data"][0]
    # Newer versions of the API say it of the item, older ones of the subscription.
    end = item.get("current_period_end") or found.get("current_period_end")
    ends = found.get("cancel_at") or (end if found.get("cancel_at_period_end") else None) or found.get("ended_at")
    plan = item["plan"]
    code = (plan.get("metadata") or {}).get("plan") or plan["id"].split("-")[1]
    return Subscribed(
        found["id"], item["id"], code, _STATUS.get(found["status"], "past_due"), _moment(end), _moment(ends)
    )


def _invoiced(found: Mapping[str, Any]) -> Invoiced:
    return Invoiced(
        found["id"],
        found.get("number") or found["id"],
        found["status"],
        Money(int(found["total"]), str(found["currency"]).upper()),
        datetime.fromtimestamp(int(found["created"]), tz=UTC),
        found.get("invoice_pdf"),
        found.get("hosted_invoice_url"),
    )


def _moment(seconds: int | None) -> datetime | None:
    return datetime.fromtimestamp(int(seconds), tz=UTC) if seconds else None
