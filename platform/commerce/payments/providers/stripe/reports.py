"""What Stripe settled: the balance transactions in the payouts that reached the bank on a day."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any

from commerce.payments.providers.contract import Settled
from commerce.payments.providers.references import our_id
from commerce.payments.providers.stripe.amounts import from_stripe

if TYPE_CHECKING:
    from stripe import StripeClient

_KINDS: dict[str, Any] = {
    "charge": "capture",
    "refund": "refund",
    "refund_failure": "reversal",
    "partial_capture_reversal": "refund",
    "dispute": "dispute",
    "dispute_reversal": "reversal",
}
"""By `reporting_category`; whatever is not in it is a fee, or one given back."""
_PAYOUTS = ("payout", "payout_reversal")


async def settlements(client: StripeClient, options: Any, day: date) -> AsyncIterator[Settled]:
    """The lines of every automatic payout that arrived on a day (UTC).

    Stripe keeps no list of what was in a payout that was made by hand.
    """
    start = int(datetime.combine(day, time(), tzinfo=UTC).timestamp())
    end = start + int(timedelta(days=1).total_seconds())
    payouts = await client.v1.payouts.list_async(
        {"arrival_date": {"gte": start, "lt": end}, "status": "paid", "limit": 100}, options
    )
    async for payout in payouts.auto_paging_iter():
        transactions = await client.v1.balance_transactions.list_async(
            {"payout": payout.id, "limit": 100, "expand": ["data.source"]}, options
        )
        async for transaction in transactions.auto_paging_iter():
            line = transaction.to_dict()
            if line["reporting_category"] not in _PAYOUTS:
                yield _settled(line, day)


def _settled(line: dict[str, Any], day: date) -> Settled:
    currency = line["currency"].upper()
    source = line.get("source") or {}
    metadata = source.get("metadata") or {}
    kind = _KINDS.get(line["reporting_category"], "fee")
    reference = source.get("payment_intent") if kind == "capture" else source.get("id")
    return Settled(
        id=line["id"],
        reference=reference or line["id"],
        kind=kind,
        amount=from_stripe(line["amount"], currency),
        fee=from_stripe(line["fee"], currency),
        currency=currency,
        settled_on=day,
        payment_id=our_id(metadata.get("payment_id")),
        refund_id=our_id(metadata.get("refund_id")),
    )
