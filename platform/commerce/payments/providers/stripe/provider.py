"""Stripe, by its own SDK: a PaymentIntent that is captured by hand.

An intent is created first and confirmed once its name is known. Creating holds no money, so whatever Stripe may hold
can be found again, also when its answer was lost. A token is the PaymentMethod that Stripe.js made in the browser; a
saved one carries its Stripe customer before it: `cus_...:pm_...`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from functools import cached_property
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, ClassVar
from uuid import UUID

import structlog

from commerce.payments.providers.accounts import Accounts, own_account
from commerce.payments.providers.contract import (
    NEVER_ASKED,
    ActionRequired,
    Authorised,
    Captured,
    Charge,
    EvidenceRefused,
    ProviderEvent,
    ProviderUnavailable,
    Refunded,
    Refused,
    Reimbursement,
    SavedMethod,
    Settled,
    Setup,
)
from commerce.payments.providers.stripe import events, reports
from commerce.payments.providers.stripe.amounts import from_stripe, to_stripe
from foundation.ids import created_at

if TYPE_CHECKING:
    import stripe
    from stripe import StripeClient

log = structlog.get_logger(__name__)

DEADLINE_SECONDS = 10.0
RETRIES = 2
UNPAYABLE = "amount_not_payable"
"""Stripe does not know this amount of its currency: a dinar of three decimals must end in zero."""
_BEFORE, _AFTER = timedelta(minutes=5), timedelta(hours=1)
"""How far Stripe's clock and the call may be from when the payment was started."""
_GONE = ("canceled", "succeeded")


class StripeProvider:
    """Cards, and the wallets that stand for cards."""

    name: ClassVar[str] = "stripe"
    deferred: ClassVar[bool] = False
    lets_go_within: ClassVar[timedelta] = timedelta()

    def __init__(
        self, secret_key: str, webhook_secret: str, *, api_base: str | None = None, accounts: Accounts = own_account
    ) -> None:
        self._secret_key, self._webhook_secret = secret_key, webhook_secret
        self._api_base, self._accounts = api_base, accounts

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

    async def authorise(self, charge: Charge) -> Authorised | ActionRequired | Refused:
        """Create the intent, then confirm it."""
        amount = to_stripe(charge.amount, charge.currency)
        if amount is None:
            return Refused(UNPAYABLE)
        customer, _, method = charge.token.rpartition(":")
        wanted: Any = {
            "amount": amount,
            "currency": charge.currency.lower(),
            "payment_method": method,
            "payment_method_types": ["card"],
            "capture_method": "manual",
            "metadata": {"payment_id": str(charge.payment_id)},
        }
        if customer:
            wanted["customer"] = customer
        with _answers() as sdk:
            try:
                options = await self._options(charge.tenant_id, f"{charge.payment_id}")
                intent = await self._client.v1.payment_intents.create_async(wanted, options)
                options = await self._options(charge.tenant_id, f"{charge.payment_id}:confirm")
                intent = await self._client.v1.payment_intents.confirm_async(intent.id, _confirmation(charge), options)
            except (sdk.CardError, sdk.InvalidRequestError) as refusal:
                return Refused(_reason(refusal))
        return _standing(intent)

    async def resume(self, charge: Charge) -> Authorised | ActionRequired | Refused:
        """What Stripe says of the intent; one that was never confirmed holds nothing and is refused."""
        with _answers() as sdk:
            intent = await self._find(sdk, charge)
        return NEVER_ASKED if intent is None else _standing(intent)

    async def capture(self, charge: Charge) -> Captured | Refused:
        """Capture, with the fee when Stripe knows it already and takes it in the currency of the charge."""
        amount = to_stripe(charge.amount, charge.currency)
        if amount is None:
            return Refused(UNPAYABLE)
        expand = ["latest_charge.balance_transaction"]
        reference = charge.reference or ""
        with _answers() as sdk:
            try:
                intent = await self._client.v1.payment_intents.capture_async(
                    reference,
                    {"amount_to_capture": amount, "expand": expand},
                    await self._options(charge.tenant_id, f"{charge.payment_id}:capture"),
                )
            except sdk.InvalidRequestError as refusal:
                # Stripe forgets a key after a day; what it captured before that is captured.
                try:
                    intent = await self._client.v1.payment_intents.retrieve_async(
                        reference, {"expand": expand}, await self._options(charge.tenant_id)
                    )
                except sdk.InvalidRequestError:
                    return Refused(_reason(refusal))
                if intent.status != "succeeded":
                    return Refused(intent.to_dict().get("cancellation_reason") or _reason(refusal))
        return Captured(intent.id, fee=_fee(intent, charge.currency))

    async def void(self, charge: Charge) -> None:
        """Cancel the intent, unless there is none or it is over."""
        with _answers() as sdk:
            intent = await self._find(sdk, charge)
            if intent is None or intent.status in _GONE:
                return
            options = await self._options(charge.tenant_id, f"{charge.payment_id}:cancel")
            try:
                await self._client.v1.payment_intents.cancel_async(intent.id, {}, options)
            except sdk.InvalidRequestError as refusal:
                intent = await self._client.v1.payment_intents.retrieve_async(intent.id, {}, options)
                if intent.status not in _GONE:
                    raise ProviderUnavailable from refusal

    async def refund(self, refund: Reimbursement) -> Refunded | Refused:
        """Refund, unless it was; one that is still on its way counts until Stripe says that it failed."""
        amount = to_stripe(refund.amount, refund.currency)
        if amount is None:
            return Refused(UNPAYABLE)
        with _answers() as sdk:
            try:
                # Stripe forgets a key after a day, and what is tried again may be older than that.
                made = await self._refund_made(refund)
                if made is None:
                    made = await self._client.v1.refunds.create_async(
                        {
                            "payment_intent": refund.reference,
                            "amount": amount,
                            "metadata": {"refund_id": str(refund.refund_id), "payment_id": str(refund.payment_id)},
                        },
                        await self._options(refund.tenant_id, f"{refund.refund_id}"),
                    )
            except sdk.InvalidRequestError as refusal:
                return Refused(_reason(refusal))
        if made.status in ("failed", "canceled"):
            return Refused(made.to_dict().get("failure_reason") or made.status)
        return Refunded(made.id)

    def read_event(self, headers: Mapping[str, str], body: bytes, *, now: datetime) -> ProviderEvent:
        """The notification in a request.

        Raises:
            ForgedEvent: the signature is not Stripe's, or is older than five minutes.
        """
        return events.read_event(headers, body, secret=self._webhook_secret, now=now)

    async def setup(self, setup: Setup) -> SavedMethod | ActionRequired | Refused:
        """Keep a PaymentMethod for payments without its owner, whom its bank may want to see first."""
        with _answers() as sdk:
            try:
                options = await self._options(setup.tenant_id, f"{setup.customer_id}:customer")
                customer = await self._client.v1.customers.create_async(
                    {"metadata": {"customer_id": str(setup.customer_id)}}, options
                )
                options = await self._options(setup.tenant_id, f"{setup.setup_id}")
                wanted: Any = {"customer": customer.id, "payment_method_types": ["card"], "usage": "off_session"}
                intent = await self._client.v1.setup_intents.create_async(wanted, options)
                options = await self._options(setup.tenant_id, f"{setup.setup_id}:confirm")
                confirmed: Any = {"payment_method": setup.token}
                if setup.return_url:
                    confirmed["return_url"] = setup.return_url
                intent = await self._client.v1.setup_intents.confirm_async(intent.id, confirmed, options)
                return await self._kept(setup, intent)
            except (sdk.CardError, sdk.InvalidRequestError) as refusal:
                return Refused(_reason(refusal))

    async def resume_setup(self, setup: Setup) -> SavedMethod | ActionRequired | Refused:
        """What Stripe says of the SetupIntent."""
        if setup.reference is None:
            return NEVER_ASKED
        with _answers() as sdk:
            try:
                options = await self._options(setup.tenant_id)
                intent = await self._client.v1.setup_intents.retrieve_async(setup.reference, {}, options)
                return await self._kept(setup, intent)
            except (sdk.CardError, sdk.InvalidRequestError) as refusal:
                return Refused(_reason(refusal))

    async def _kept(self, setup: Setup, intent: stripe.SetupIntent) -> SavedMethod | ActionRequired | Refused:
        said = intent.to_dict()
        if intent.status == "requires_action":
            redirect = (said.get("next_action") or {}).get("redirect_to_url")
            return ActionRequired(intent.id, redirect["url"]) if redirect else Refused("authentication_required")
        if intent.status != "succeeded":
            error = said.get("last_setup_error") or {}
            return Refused(error.get("decline_code") or error.get("code") or "authentication_required")
        options = await self._options(setup.tenant_id)
        method = await self._client.v1.payment_methods.retrieve_async(said["payment_method"], {}, options)
        return _saved(said["customer"], method)

    async def forget(self, tenant_id: UUID, token: str) -> None:
        """Detach the PaymentMethod; nothing happens when it is not attached."""
        _, _, method = token.rpartition(":")
        with _answers() as sdk:
            try:
                await self._client.v1.payment_methods.detach_async(method, {}, await self._options(tenant_id))
            except sdk.InvalidRequestError as refusal:
                log.info("stripe.nothing_to_forget", reason=_reason(refusal))

    async def contest(self, tenant_id: UUID, dispute_reference: str, evidence: str) -> None:
        """Submit the evidence; Stripe takes it once.

        Raises:
            EvidenceRefused: it is too late, or Stripe does not know the dispute.
        """
        with _answers() as sdk:
            try:
                await self._client.v1.disputes.update_async(
                    dispute_reference,
                    {"evidence": {"uncategorized_text": evidence}, "submit": True},
                    await self._options(tenant_id, f"{dispute_reference}:evidence"),
                )
            except sdk.InvalidRequestError as refusal:
                raise EvidenceRefused from refusal

    async def settlements(self, tenant_id: UUID, day: date) -> AsyncIterator[Settled]:
        """The lines of the payouts that reached the bank on a day."""
        with _answers():
            async for line in reports.settlements(self._client, await self._options(tenant_id), day):
                yield line

    async def close(self) -> None:
        """Close the connections, if there are any."""
        if "_http" in self.__dict__:
            await self._http.close_async()  # type: ignore[no-untyped-call]

    async def _options(self, tenant_id: UUID, key: str | None = None) -> Any:
        options = {"idempotency_key": key} if key else {}
        account = await self._accounts(tenant_id, self.name)
        return {**options, "stripe_account": account} if account else options

    async def _find(self, sdk: Any, charge: Charge) -> stripe.PaymentIntent | None:
        """The intent by its name, or among those of the time the payment was started: unlike Stripe's search, its lists
        know at once what has been written.
        """
        options = await self._options(charge.tenant_id)
        if charge.reference:
            try:
                return await self._client.v1.payment_intents.retrieve_async(charge.reference, {}, options)
            except sdk.InvalidRequestError as refusal:
                if refusal.http_status == HTTPStatus.NOT_FOUND:
                    return None
                raise
        started = created_at(charge.payment_id)
        window: Any = {"gte": int((started - _BEFORE).timestamp()), "lte": int((started + _AFTER).timestamp())}
        page = await self._client.v1.payment_intents.list_async({"created": window, "limit": 100}, options)
        async for intent in page.auto_paging_iter():
            if _metadata(intent).get("payment_id") == str(charge.payment_id):
                return intent
        return None

    async def _refund_made(self, refund: Reimbursement) -> stripe.Refund | None:
        page = await self._client.v1.refunds.list_async(
            {"payment_intent": refund.reference, "limit": 100}, await self._options(refund.tenant_id)
        )
        async for made in page.auto_paging_iter():
            if _metadata(made).get("refund_id") == str(refund.refund_id):
                return made
        return None


@contextmanager
def _answers() -> Iterator[Any]:
    """The SDK; what is no answer about the payment (the way there, a time-out, a limit, a key of ours that is not good)
    becomes ProviderUnavailable.
    """
    import stripe as sdk  # noqa: PLC0415  (0.7 s, paid only where Stripe is used)

    try:
        yield sdk
    except (sdk.CardError, sdk.InvalidRequestError):
        raise
    except sdk.StripeError as fault:
        log.warning("stripe.no_answer", error=type(fault).__name__, request_id=fault.request_id)
        raise ProviderUnavailable from fault


def _confirmation(charge: Charge) -> Any:
    if charge.off_session:
        return {"off_session": True}
    return {"return_url": charge.return_url} if charge.return_url else {}


def _standing(intent: stripe.PaymentIntent) -> Authorised | ActionRequired | Refused:
    said = intent.to_dict()
    match intent.status:
        case "requires_capture" | "succeeded":
            return Authorised(intent.id)
        case "requires_action":
            # Without an address to come back to, Stripe gives none to go to.
            redirect = (said.get("next_action") or {}).get("redirect_to_url")
            return ActionRequired(intent.id, redirect["url"]) if redirect else Refused("authentication_required")
        case "requires_payment_method":
            error = said.get("last_payment_error") or {}
            return Refused(error.get("decline_code") or error.get("code") or "card_declined")
        case "requires_confirmation":
            return NEVER_ASKED
        case "canceled":
            return Refused(said.get("cancellation_reason") or "canceled")
        case _:  # processing: there is no answer yet
            raise ProviderUnavailable


def _reason(refusal: Any) -> str:
    """The bank's word, else Stripe's."""
    error = refusal.error
    return (error and error.decline_code) or refusal.code or "invalid_request"


def _fee(intent: stripe.PaymentIntent, currency: str) -> int:
    charge = intent.to_dict().get("latest_charge")
    transaction = charge.get("balance_transaction") if isinstance(charge, dict) else None
    if not isinstance(transaction, dict) or transaction["currency"].upper() != currency:
        return 0
    return from_stripe(transaction["fee"], currency)


def _saved(customer: str, method: stripe.PaymentMethod) -> SavedMethod:
    card = method.card
    if card is None:
        return SavedMethod(f"{customer}:{method.id}", method.type)
    following = date(card.exp_year + card.exp_month // 12, card.exp_month % 12 + 1, 1)
    label = f"{card.brand.title()} •••• {card.last4}"
    return SavedMethod(f"{customer}:{method.id}", label, expires=following - timedelta(days=1))


def _metadata(of: Any) -> dict[str, str]:
    return of.metadata.to_dict() if of.metadata else {}
