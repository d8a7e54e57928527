"""The worker's rounds over all shops: notifications that were not handled, reminders, usage that is owed."""

from __future__ import annotations

import asyncio

import structlog
from sqlalchemy.exc import SQLAlchemyError

from commerce.billing import dunning
from commerce.billing.service import Billing
from commerce.billing.stripe import BillingRefused, BillingUnavailable, CardRefused
from commerce.tenancy import service as tenancy
from commerce.tenancy.service import Shop
from foundation.database import DatabaseUnavailable

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
    while billing.stripe is not None:
        try:
            async with billing.database.transaction(None) as session:
                shops = await tenancy.all_shops(session)
            for shop in shops:
                with tenancy.for_itself(shop):
                    await see_to(billing, shop)
        except (DatabaseUnavailable, SQLAlchemyError, OSError) as fault:
            log.warning("billing.interrupted", error=str(fault).splitlines()[:1])
        await asyncio.sleep(PERIOD_SECONDS)
