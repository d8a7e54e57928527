"""What happens while a shop is unpaid: its owner is told, the card is tried again, and in the end the shop is closed.

Each step is taken once, by whoever moves the count of steps on, in the transaction that queues the mail. Stripe may
have a schedule of its own; an invoice that is paid by it, or by hand, ends this one.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import structlog
from sqlalchemy import text

from commerce.billing import accounts, letters
from commerce.billing.accounts import Account
from commerce.billing.service import Billing
from commerce.billing.stripe import BillingRefused, CardRefused, Invoiced
from commerce.lifecycle import service as lifecycle
from commerce.notifications.service import send
from commerce.plans.catalogue import PLANS
from commerce.tenancy.service import StatusUnfit
from foundation import clock
from foundation.database import Tx, hot
from foundation.money import Money, exponent, to_decimal

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Step:
    """What is done so long after the first payment failed."""

    after: timedelta
    letter: str
    collects: bool = False
    closes: bool = False


STEPS: Sequence[Step] = (
    Step(timedelta(), letters.FAILED),
    Step(timedelta(days=3), letters.AGAIN, collects=True),
    Step(timedelta(days=7), letters.AGAIN, collects=True),
    Step(timedelta(days=14), letters.CLOSED, collects=True, closes=True),
)
UNPAID = "The platform's invoices are not paid."
GRACE = STEPS[-1].after
"""How long a shop stays open unpaid."""


def due(account: Account, now: datetime) -> Step | None:
    """The step whose time has come, if one's has."""
    if account.past_due_since is None or account.reminders >= len(STEPS):
        return None
    step = STEPS[account.reminders]
    return step if now >= account.past_due_since + step.after else None


# uq_billing_account. No row comes back when somebody else has taken the step, or it isn't unpaid any more.
_TAKE = hot(
    text(
        """
        UPDATE billing_account SET reminders = reminders + 1
        WHERE tenant_id = :tenant_id AND reminders = :reminders AND status = 'past_due'
        RETURNING id
        """
    )
)


async def remind(billing: Billing, tenant_id: UUID) -> bool:
    """Take the step whose time has come: try to collect first, and tell only what is still unpaid.

    Raises:
        BillingUnavailable: the step is taken later.
    """
    async with billing.database.tx(tenant_id, read_only=True) as tx:
        account = await accounts.find(tx)
        unpaid = [invoice for invoice in await accounts.invoices(tx) if invoice.status == "open"]
    step = due(account, clock.now()) if account else None
    if account is None or step is None:
        return False
    if step.collects and await _collected(billing, unpaid):
        await billing.sync(tenant_id)
    async with billing.database.tx(tenant_id) as tx:
        if await tx.one(_TAKE, {"reminders": account.reminders}) is None:
            return False
        if step.closes:
            await _close(tx)
        await _tell(tx, step, account, unpaid)
    log.info("billing.reminded", tenant_id=str(tenant_id), letter=step.letter)
    return True


async def _close(tx: Tx) -> None:
    """Close the shop to shoppers; one that is about to end has nobody in it any more."""
    with suppress(StatusUnfit):
        await lifecycle.suspend(tx, reason=UNPAID, by=lifecycle.BILLING)


async def _collected(billing: Billing, unpaid: Sequence[Invoiced]) -> bool:
    """Whether anything was paid just now, or isn't owed any more."""
    paid = False
    for invoice in unpaid:
        try:
            await billing.require().collect(invoice.reference)
            paid = True
        except CardRefused:
            continue
        except BillingRefused:  # it can't be paid any more: somebody has, or it is void
            paid = True
    return paid


async def _tell(tx: Tx, step: Step, account: Account, unpaid: Sequence[Invoiced]) -> None:
    currency = unpaid[0].total.currency if unpaid else "USD"
    total = Money(sum(invoice.total.amount for invoice in unpaid), currency)
    since = account.past_due_since or clock.now()
    values = {
        "plan": PLANS[account.plan].name if account.plan and account.plan in PLANS else "",
        "amount": f"{to_decimal(total.amount, currency):,.{exponent(currency)}f} {currency}",
        "closes": f"{since + GRACE:%-d %B %Y}",
        "link": next((invoice.page_url for invoice in unpaid if invoice.page_url), ""),
    }
    await send(tx, step.letter, await accounts.recipient(tx, account.email), values)
