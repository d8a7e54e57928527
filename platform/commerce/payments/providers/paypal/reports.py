"""What PayPal settled: the transactions of a day that changed the balance.

PayPal's balance is where its money is ours; it has no report of what a withdrawal to a bank was made of.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Literal
from uuid import UUID

from commerce.payments.providers.contract import Settled
from commerce.payments.providers.paypal.amounts import from_paypal
from commerce.payments.providers.paypal.client import Client
from commerce.payments.providers.references import our_id

_PAGE = 500
_WITHDRAWALS = "T04"
_REFUND = "T1107"
_DISPUTES = ("T1106", "T1108", "T12")
"""Reversals and chargebacks, and what of them is given back."""


async def settlements(client: Client, tenant_id: UUID, day: date) -> AsyncIterator[Settled]:
    """The lines of a day (UTC). PayPal lists a transaction up to three hours after it was made."""
    start = datetime.combine(day, time(), tzinfo=UTC)
    asked: dict[str, Any] = {
        "start_date": start.isoformat(),
        "end_date": (start + timedelta(days=1, seconds=-1)).isoformat(),
        "transaction_status": "S",
        "fields": "transaction_info",
        "page_size": _PAGE,
    }
    page, pages = 1, 1
    while page <= pages:
        found = await client.call(tenant_id, "transaction_search", "search_transactions", {**asked, "page": page})
        page, pages = page + 1, found["total_pages"]
        for detail in found["transaction_details"]:
            line = detail["transaction_info"]
            if not line["transaction_event_code"].startswith(_WITHDRAWALS):
                yield _settled(line, day)


def _settled(line: dict[str, Any], day: date) -> Settled:
    amount = from_paypal(line["transaction_amount"])
    kind, ours = _kind(line["transaction_event_code"], amount), our_id(line.get("custom_field"))
    about_another = kind in ("refund", "dispute", "reversal")
    return Settled(
        id=f"{line['transaction_id']}:{line['transaction_event_code']}",
        reference=line["transaction_id"],
        kind=kind,
        amount=amount,
        fee=-from_paypal(line["fee_amount"]) if line.get("fee_amount") else 0,
        currency=line["transaction_amount"]["currency_code"],
        settled_on=day,
        payment_id=None if about_another else ours,
        refund_id=ours if kind == "refund" else None,
    )


def _kind(code: str, amount: int) -> Literal["capture", "refund", "dispute", "reversal", "fee"]:
    if code.startswith("T00"):
        return "capture"
    if code == _REFUND:
        return "refund"
    if code.startswith(_DISPUTES):
        return "reversal" if amount > 0 else "dispute"
    return "fee"
