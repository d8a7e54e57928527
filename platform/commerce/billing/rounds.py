"""The worker's rounds over all shops: notifications that were not handled, reminders, usage that is owed."""

from __future__ import annotations

from functools import partial

import structlog

from commerce.billing import dunning
from commerce.billing.service import Billing
from commerce.billing.stripe import BillingRefused, BillingUnavailable, CardRefused
from commerce.tenancy.rounds import keep_going_round
from commerce.tenancy.service import Shop

log = structlog.get_logger(__name__)

PERIOD_SECONDS = 60.0


async def see_to(billing: Billing, shop: Shop) -> None:
    """One round for one shop; what can't be done now is done in another."""
    try:
        await billing.catch_up(shop.id)
        await dunning.remind(billing, shop.id)
        await billing.bill_usage(shop.id)
    except (BillingUnavailable, BillingRefused, CardRefused) as fault:
        log.warning("billing.interrupted", tenant=shop.slug, error=fault.code)


async def run(billing: Billing) -> None:
    """Go round until it is cancelled; where nobody bills there is nothing to do."""
    if billing.stripe is not None:
        await keep_going_round("billing", billing.database, partial(see_to, billing), every=PERIOD_SECONDS)
